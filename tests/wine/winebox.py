# SPDX-License-Identifier: Apache-2.0
"""A private Wine for one test run: its own prefix, its own programs, all of it gone at the end.

The prefix is a copy of a template that is made once per Wine version. Programs that go on running are asked questions over
stdin and stdout (tests/wine/servers/control.h), so nothing needs a second Wine process to be observed.
"""
import contextlib
import fcntl
import hashlib
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / 'tests'))
from waiting import wait_until  # noqa: E402,F401

BUILD = Path(os.environ.get('RPCFW_WINDOWS_BUILD') or SOURCE / 'build/windows-x64').resolve()
# Prefixes are hard links into the template: both must be on one file system.
PREFIXES = Path(os.environ.get('RPCFW_WINE_PREFIXES') or SOURCE / 'build/wine').resolve()

SKIPPED = 77            # what ctest takes for "skipped"
START_SECONDS = 30      # a program that is not up by then hangs
TEMPLATE_SECONDS = 180
# Each thread costs so much under Wine, beyond what it does.
THREAD_BYTES = 1024 * 1024
THREAD_HEAP_BYTES = 16 * 1024
THREAD_HANDLES = 5
DLL_OVERRIDES = 'mscoree,mshtml='


class WineError(Exception):
    """Wine or a program in it did not do what every test takes for granted."""


def _find(*candidates):
    for candidate in candidates:
        found = shutil.which(candidate)
        if found:
            return found
    return None


# The loader itself: Debian's /usr/bin/wine is a script that prints a banner about a missing 32-bit Wine.
WINE = _find('/usr/lib/wine/wine64', 'wine64', 'wine')
WINESERVER = _find('/usr/lib/wine/wineserver', 'wineserver')


def _environment(prefix, debug='-all'):
    environment = {name: os.environ[name] for name in ('PATH', 'HOME', 'USER') if name in os.environ}
    environment.update(WINEPREFIX=str(prefix), WINEDEBUG=debug, WINEDLLOVERRIDES=DLL_OVERRIDES,
                       WINELOADER=WINE, LC_ALL='C.UTF-8')
    return environment


def _end_wineserver(prefix):
    subprocess.run([WINESERVER, '-k'], env=_environment(prefix), timeout=30, check=False,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _make_template(where):
    """Makes a prefix under another name and renames it: a run that dies half way leaves no broken template."""
    unfinished = Path(tempfile.mkdtemp(prefix='unfinished-', dir=where.parent))
    try:
        subprocess.run([WINE, 'wineboot', '-i'], env=_environment(unfinished), timeout=TEMPLATE_SECONDS,
                       check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # The registry reaches the disk when the server ends.
        subprocess.run([WINESERVER, '-w'], env=_environment(unfinished), timeout=60, check=True)
        unfinished.rename(where)
    except BaseException:
        _end_wineserver(unfinished)
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def _template():
    version = subprocess.run([WINE, '--version'], env=_environment(PREFIXES), timeout=START_SECONDS, check=True,
                             capture_output=True).stdout
    PREFIXES.mkdir(parents=True, exist_ok=True)
    where = PREFIXES / ('template-' + hashlib.sha256(version).hexdigest()[:12])
    with open(PREFIXES / 'template.lock', 'w', encoding='ascii') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not where.is_dir():
            _make_template(where)
    return where


def _remove_stale_prefixes():
    """A run that was killed could not clean up; its prefix names its process."""
    for prefix in PREFIXES.glob('run-*'):
        pid = prefix.name.split('-')[1]
        if not Path('/proc', pid).exists():
            shutil.rmtree(prefix, ignore_errors=True)


def _copy_template(template, prefix):
    # Links for the 700 MB of DLLs, which nothing writes to in place; real copies of the registry.
    subprocess.run(['cp', '-al', str(template), str(prefix)], timeout=120, check=True)
    for registry in prefix.glob('*.reg'):
        contents = registry.read_bytes()
        registry.unlink()
        registry.write_bytes(contents)


class Program:
    """A running Windows program: its lines, its answers, its end."""

    def __init__(self, argv, environment, directory):
        self.name = Path(argv[1]).name
        self._errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(argv, env=environment, cwd=directory, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self._errors, start_new_session=True)
        self.pid = None         # of Windows, once the program has said READY pid=N
        self.lines = []         # all that it printed so far
        self._queue = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for raw in self.process.stdout:
            line = raw.decode('utf-8', 'replace').rstrip('\r\n')
            self.lines.append(line)
            self._queue.put(line)
        self._queue.put(None)

    @property
    def unix_pid(self):
        """The loader becomes the program, so this is the process itself."""
        return self.process.pid

    def line(self, timeout=START_SECONDS):
        """The next line, or None when the program has ended."""
        try:
            return self._queue.get(timeout=timeout)
        except queue.Empty:
            raise WineError(f'{self.name}: no line within {timeout} s; so far {self.lines}') from None

    def wait_for(self, start, timeout=START_SECONDS):
        """Reads lines up to the one that starts so, and returns it."""
        end = time.monotonic() + timeout
        while True:
            line = self.line(max(end - time.monotonic(), 0.01))
            if line is None:
                raise WineError(f'{self.name} ended ({self.process.wait(10)}) before "{start}": '
                                f'{self.lines} {self.errors()}')
            found = re.search(r'\bpid=(\d+)', line)
            if found:
                self.pid = int(found.group(1))
            if line.startswith(start):
                return line

    def ask(self, request, timeout=START_SECONDS):
        self.process.stdin.write(request.encode() + b'\n')
        self.process.stdin.flush()
        return self.wait_for(request.split()[0], timeout)

    def has_module(self, name):
        return self.ask('module ' + name).endswith(' loaded')

    def modules(self):
        """The names of all that is loaded in the program's own process."""
        names = self.ask('modules').split()[1:]
        if names[0] == 'failed':
            raise WineError(f'{self.name}: modules: {names}')
        return names

    def usage(self):
        """{'private': bytes, 'heap': bytes, 'handles': number, 'threads': number} of the program's own process."""
        return {key: int(value) for key, value in re.findall(r'(\w+)=(\d+)', self.ask('usage'))}

    def quiet_usage(self, threads, timeout=12):
        """Its usage once it is idle, down to so many threads again: those of Wine's thread pool end after a while."""
        wait_until(lambda: self.usage()['threads'] <= threads, timeout, 0.2)
        return self.usage()

    def errors(self):
        self._errors.seek(0)
        return self._errors.read().decode('utf-8', 'replace')

    def running(self):
        return self.process.poll() is None

    def finish(self, timeout=START_SECONDS):
        """Ends the program's input and waits for its exit code."""
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        code = self.process.wait(timeout)
        self._reader.join(5)
        return code

    def kill(self):
        """Ends it at once, as a crash would."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait(10)

    def stop(self):
        try:
            self.finish(5)
        except subprocess.TimeoutExpired:
            self.kill()
        finally:
            self._errors.close()


class Box:
    """One private prefix and the programs in it. Use as a context manager, or call close()."""

    def __init__(self):
        PREFIXES.mkdir(parents=True, exist_ok=True)
        _remove_stale_prefixes()
        template = _template()
        parent = Path(tempfile.mkdtemp(prefix=f'run-{os.getpid()}-', dir=PREFIXES))
        self.prefix = parent / 'prefix'
        self._programs = []
        try:
            _copy_template(template, self.prefix)
            # Persistent: with its last client Wine would take down services and whatever was injected into them.
            subprocess.run([WINESERVER, '-p60'], env=_environment(self.prefix), timeout=START_SECONDS, check=True)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def drive_c(self):
        return self.prefix / 'drive_c'

    def folder(self, name):
        """A folder at the top of drive C, made if need be."""
        path = self.drive_c / name
        path.mkdir(exist_ok=True)
        return path

    def windows_path(self, path):
        path = Path(path).resolve()
        if path.is_relative_to(self.drive_c):
            return 'C:\\' + str(path.relative_to(self.drive_c)).replace('/', '\\')
        return 'Z:' + str(path).replace('/', '\\')

    @staticmethod
    def test_program(name):
        path = BUILD / 'tests' / (name + '.exe')
        if not path.exists():
            raise WineError(f'{path} is not built: run make windows-x64')
        return path

    def run(self, program, *arguments, timeout=60, debug='-all', stdin=''):
        """Runs a program to its end: returncode, stdout and stderr (text). TimeoutExpired when it hangs."""
        # Files, not pipes: the first program of a prefix starts Wine's services, which keep its output open.
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            argv = [WINE, str(program), *map(str, arguments)]
            try:
                done = subprocess.run(argv, env=_environment(self.prefix, debug), cwd=self.drive_c, input=stdin.encode(),
                                      timeout=timeout, stdout=output, stderr=errors, check=False, start_new_session=True)
            except subprocess.TimeoutExpired as expired:
                output.seek(0)
                expired.output = output.read()
                raise
            texts = []
            for file in (output, errors):
                file.seek(0)
                texts.append(file.read().decode('utf-8', 'replace').replace('\r\n', '\n'))
            return subprocess.CompletedProcess(argv, done.returncode, *texts)

    def start(self, program, *arguments, ready='READY', debug='-all', timeout=START_SECONDS):
        """Starts a program and waits for its line that starts with `ready` (None: does not wait)."""
        running = Program([WINE, str(program), *map(str, arguments)], _environment(self.prefix, debug), self.drive_c)
        self._programs.append(running)
        if ready:
            running.wait_for(ready, timeout)
        return running

    def start_test_program(self, name, *arguments, **options):
        return self.start(self.test_program(name), *arguments, **options)

    def run_test_program(self, name, *arguments, **options):
        return self.run(self.test_program(name), *arguments, **options)

    def close(self):
        for program in reversed(self._programs):
            with contextlib.suppress(Exception):
                program.stop()
        if self.prefix.is_dir():
            with contextlib.suppress(subprocess.SubprocessError):
                _end_wineserver(self.prefix)
        shutil.rmtree(self.prefix.parent, ignore_errors=True)


def growth(before, after):
    """What a process has more of than before, apart from what comes with each thread that it has more."""
    threads = max(after['threads'] - before['threads'], 0)
    return {'private': after['private'] - before['private'] - threads * THREAD_BYTES,
            'heap': after['heap'] - before['heap'] - threads * THREAD_HEAP_BYTES,
            'handles': after['handles'] - before['handles'] - threads * THREAD_HANDLES, 'threads': threads}


def require_wine():
    if not WINE or not WINESERVER:
        print('skipped: no Wine here; scripts/install-packages test installs it', flush=True)
        sys.exit(SKIPPED)


def main():
    """The end of every test file: skips without Wine, and leaves time to clean up before ctest's own limit."""
    require_wine()
    limit = int(os.environ.get('RPCFW_TEST_SECONDS', '0'))

    def expired(*_):
        raise WineError(f'the whole test took more than {limit} s')

    signal.signal(signal.SIGALRM, expired)
    signal.alarm(limit)
    unittest.main(verbosity=2, failfast=False)
