#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the manual pages and the completions to what rpcfw itself says it takes.

usage: check_command_line.py RPCFW

`rpcfw help` and `rpcfw VERB --help` are the truth about verbs, options and the keys of explain; the tables of the policy
reader are the truth about the language. Each verb's section of man/rpcfw.1, completions/rpcfw.bash and completions/_rpcfw
must have the same options, no more and no less; man/RpcFw.conf.5 and docs/policy.md must name each key and option. The pages
pass mandoc -T lint, and the completions their shells, where these are installed.
"""
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
OPTION = re.compile(r"(?<![\w.-])(--?[a-z][a-z0-9-]*)")


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as source:
        return source.read()


def output(*arguments):
    return subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=True).stdout


def verbs_of(rpcfw):
    return re.findall(r"^  ([a-z]+) {2,}", output(rpcfw, "help"), re.M)


def help_of(rpcfw, verb):
    """Options of the usage line, options explained below it, keys of explain."""
    text = output(rpcfw, verb, "--help")
    usage = re.search(r"^usage: (.*)$", text, re.M).group(1)
    explained = re.findall(r"^  (--?[a-z][a-z0-9-]*)", text, re.M)
    indented = " ".join(re.findall(r"^  .*$", text, re.M))
    keys = re.findall(r"\b([a-z]+)=[A-Z]", indented) if "KEY=VALUE" in usage else []
    return set(OPTION.findall(usage)) | set(explained), set(keys)


def sections(text):
    """The verbs' sections of the manual page."""
    parts = re.split(r"^\.(Ss|Sh) (.*)$", text, flags=re.M)
    return {name: body for kind, name, body in zip(parts[1::3], parts[2::3], parts[3::3]) if kind == "Ss"}


def man_options(section):
    """Options of the synopsis, options explained."""
    synopsis = section.split(".Pp", 1)[0]
    flag = re.compile(r"\bFl (\S+)")
    return ({"-" + f for f in flag.findall(synopsis)}, {"-" + f for f in re.findall(r"^\.It Fl (\S+)", section, re.M)})


def bash_words(*words):
    script = 'source "$1"; shift; COMP_WORDS=(rpcfw "$@" ""); COMP_CWORD=$#; COMP_CWORD=$((COMP_CWORD + 1)); _rpcfw; ' \
             'printf "%s\\n" "${COMPREPLY[@]}"'
    return set(output("bash", "-c", script, "bash", os.path.join(ROOT, "completions", "rpcfw.bash"), *words).split())


def zsh_verbs(text):
    return dict(re.findall(r"^    \((\w+)\)\n(.*?)^        ;;", text, re.M | re.S))


def zsh_options(body):
    return set(re.findall(r"'(?:\(.*?\)|\*)?(--?[a-z][a-z0-9-]*)\[", body))


def check_verb(rpcfw, verb, manual, zsh, same):
    options, keys = help_of(rpcfw, verb)
    synopsis, explained = man_options(manual.get(verb, ""))
    same("man/rpcfw.1, synopsis of " + verb, synopsis, options)
    same("man/rpcfw.1, options of " + verb, explained, options)
    same("man/rpcfw.1, keys of " + verb, set(re.findall(r"^\.It Cm (\w+)$", manual.get(verb, ""), re.M)), keys)
    same("rpcfw.bash, " + verb, bash_words(verb), options | {"--help"} | {key + "=" for key in keys})
    same("_rpcfw, " + verb, zsh_options(zsh.get(verb, "")), options | {"--help"})
    return keys


def check_language(contains):
    keys = re.findall(r'^    \[KEY_\w+\] = \{"(\w+)"', read("src", "core", "condition.c"), re.M)
    outcomes = re.findall(r'\{"(\w+)", apply_\w+\}', read("src", "core", "rule_read.c"))
    options = re.findall(r'^    \{"(\w+)", "[^"]*", apply_\w+\},', read("src", "core", "directive_read.c"), re.M)
    page, reference = read("man", "RpcFw.conf.5"), read("docs", "policy.md")
    for key in keys + outcomes:
        contains("man/RpcFw.conf.5", page, ".It Cm %s\n" % key)
        contains("docs/policy.md", reference, "| `%s:` |" % key)
    for option in options:
        contains("man/RpcFw.conf.5", page, ".It Cm option %s " % option)
        contains("docs/policy.md", reference, "| `%s` |" % option)
    contains("the tables of the reader", "x" * min(len(keys) // 11, len(outcomes) // 5, len(options) // 5), "x")


def check_tools(fail):
    if shutil.which("mandoc"):
        for page in ("rpcfw.1", "RpcFw.conf.5"):
            done = subprocess.run(["mandoc", "-T", "lint", "-W", "style", os.path.join(ROOT, "man", page)],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=60)
            # Neither page is installed yet, and a small machine has no other pages to refer to.
            for line in done.stdout.splitlines():
                if "referenced manual not found" not in line:
                    fail(line)
    for shell, script in (("bash", "rpcfw.bash"), ("zsh", "_rpcfw")):
        if shutil.which(shell) and subprocess.run([shell, "-n", os.path.join(ROOT, "completions", script)]).returncode:
            fail("%s does not take %s" % (shell, script))


def main():
    rpcfw, problems = sys.argv[1], []
    checks = [0]

    def same(where, found, expected):
        checks[0] += 1
        for word in sorted(found - expected):
            problems.append("%s: '%s' that rpcfw does not have" % (where, word))
        for word in sorted(expected - found):
            problems.append("%s: '%s' is missing" % (where, word))

    def contains(where, text, part):
        checks[0] += 1
        if part not in text:
            problems.append("%s: '%s' is missing" % (where, part.strip()))

    verbs, zsh_text = set(verbs_of(rpcfw)), read("completions", "_rpcfw")
    manual, zsh = sections(read("man", "rpcfw.1")), zsh_verbs(zsh_text)
    same("man/rpcfw.1", set(manual) | {"help"}, verbs)
    same("rpcfw.bash", bash_words(), verbs | {"version", "--help", "--version"})
    same("rpcfw.bash, help", bash_words("help"), verbs - {"help"})
    same("_rpcfw", set(zsh), verbs)
    same("_rpcfw, list", set(re.findall(r"^        '(\w+):", zsh_text, re.M)), verbs)
    keys = set()
    for verb in verbs - {"help"}:
        keys |= check_verb(rpcfw, verb, manual, zsh, same)
    call = re.search(r"_rpcfw_call\(\) \{\n(.*?)\n\}", zsh_text, re.S).group(1)
    same("_rpcfw, keys", set(re.findall(r"['\"]\*?([a-z]+)\[", call)), keys)
    check_language(contains)
    check_tools(problems.append)
    print("\n".join(problems + ["%d checks, %d problems" % (checks[0], len(problems))]))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
