# SPDX-License-Identifier: Apache-2.0
# The front door; the builds themselves are the presets of CMakePresets.json.

presets := linux windows-x64
jobs    := $(shell nproc)
sources := $(shell git ls-files '*.c' '*.h' 2>/dev/null)
native  := $(filter-out src/windows/% tests/wine/%,$(filter %.c,$(sources)))

all: tools $(presets)

# A build without what it needs would fail far from the cause: name it here.
tools:
	@scripts/install-packages --missing build

packages:
	@scripts/install-packages build test package

linux asan windows-x64 windows-x86: %: build/%/build.ninja
	@cmake --build --preset $@

build/%/build.ninja: CMakePresets.json CMakeLists.txt
	@cmake --preset $* --log-level=NOTICE

# Unit and golden tests run under the sanitizers, long computations at full speed as well; the end-to-end tests drive the
# Windows programs under Wine, and a real Samba in namespaces of their own.
check: packages
	@scripts/fetch-samba-backports build/samba-backports || echo 'samba_backports.*: skipped below'
	@$(MAKE) --no-print-directory linux asan windows-x64 windows-x86
	@status=0; \
	ctest --test-dir build/asan --output-on-failure -j $(jobs) -LE 'wine|samba' || status=1; \
	if tests/fuzz/available; then RPCFW_FUZZ_SECONDS=20 $(MAKE) --no-print-directory fuzz || status=1; fi; \
	ctest --test-dir build/linux --output-on-failure -j $(jobs) -L 'wine|samba|native' || status=1; \
	exit $$status

# All tests of Samba against the release in Debian's backports, fetched and not installed.
check-backports: packages
	@$(MAKE) --no-print-directory linux
	@scripts/fetch-samba-backports build/samba-backports
	@RPCFW_TEST_SAMBA=$(CURDIR)/build/samba-backports ctest --test-dir build/linux --output-on-failure -j $(jobs) \
	    -R '^samba\.' -E injection

demo: packages
	@$(MAKE) --no-print-directory $(presets)
	@demo/run
	@demo/samba

format:
	@clang-format -i $(sources)

lint: build/linux/build.ninja
	@scripts/install-packages --missing lint
	@clang-format --dry-run -Werror $(sources)
	@clang-tidy --quiet -p build/linux $(native)
	@cppcheck --quiet --error-exitcode=1 --enable=warning,performance,portability --inline-suppr \
	    --suppress=missingIncludeSystem -Isrc $(native)

# Debian packages of rpcfw and of the agent for the Samba that is installed here: build/deb/*.deb.
deb: packages
	@scripts/make-deb

# The release for Windows: build/dist-windows/*.zip and SHA256SUMS. packaging/windows/make_release.py says how it is signed.
dist-windows: tools
	@packaging/windows/make_release.py build/dist-windows

# What a decision and a compilation cost; not a test.
bench: linux
	@build/linux/bench/decide_bench
	@build/linux/bench/replay_bench
	@build/linux/bench/samba_agent_bench

# The fuzzers, for RPCFW_FUZZ_SECONDS each (four hours unless set); `make check` gives each 20 seconds.
fuzz: build/fuzz/build.ninja
	@tests/fuzz/available
	@cmake --build --preset fuzz
	@RPCFW_FUZZ_SECONDS=$${RPCFW_FUZZ_SECONDS:-14400} ctest --test-dir build/fuzz --output-on-failure -j $(jobs) -L fuzz

clean:
	@rm -rf build

help:
	@echo 'make             build/linux (rpcfw) and build/windows-x64 (rpcFwManager.exe, rpcFirewall.dll, …)'
	@echo 'make packages    install what building and testing need (Debian, Ubuntu; as root)'
	@echo 'make check       install, build, and run every test: sanitizers, golden cases, Wine'
	@echo 'make check-backports  the tests of Samba once more, against the release in Debian'\''s backports'
	@echo 'make demo        install, build, and show the firewall at work: under Wine, and on a Samba domain controller'
	@echo 'make deb         Debian packages in build/deb'
	@echo 'make windows-x86 the 32-bit agent, which is built and not shipped (docs/architecture.md)'
	@echo 'make dist-windows  the release for Windows: one zip, reproducible, signed if a certificate is given'
	@echo 'make format      lay out all C sources'
	@echo 'make lint        clang-format, clang-tidy, cppcheck'
	@echo 'make bench       what a decision costs, against a linear scan'
	@echo 'make fuzz        search for inputs that crash, leak or hang (needs clang), for hours'
	@echo 'make clean       remove build/'

.PHONY: all tools packages linux asan windows-x64 windows-x86 check check-backports demo deb dist-windows bench fuzz format lint clean help
.SECONDARY:
