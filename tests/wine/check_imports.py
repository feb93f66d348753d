#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the Windows binaries import: only DLLs that every Windows since 8.1 has, only functions that Wine exports too, by
name, and no C++ runtime, neither imported nor linked in.

That a function is not newer than 8.1 is not looked up here. What holds it: _WIN32_WINNT is 0x0603, so that the headers do
not declare what came later and a call of it does not compile; and Wine, whose version here is newer, must export it.

usage: check_imports.py BUILD-FOLDER"""
import pathlib
import re
import subprocess
import sys

SKIP = 77
WINE_DLLS = pathlib.Path('/usr/lib/x86_64-linux-gnu/wine/x86_64-windows')

# The agent runs in lsass: nothing but what is loaded there anyway. The manager is started as administrator from wherever it
# was unpacked: nothing that Windows would take from that folder first, so known DLLs alone, and no function of theirs that
# is another DLL's.
ALLOWED = {
    'rpcFirewall.dll': {'kernel32.dll', 'advapi32.dll', 'msvcrt.dll'},
    'rpcFwManager.exe': {'kernel32.dll', 'advapi32.dll', 'msvcrt.dll'},
    'rpcMessages.dll': set(),
}
# advapi32 has them from cryptbase.dll.
FORWARDED = re.compile(r'SystemFunction\d+')
# Itanium C++ ABI: mangled names, and what the runtime itself is called.
CPLUSPLUS = re.compile(r'_{1,2}Z[A-Z0-9]|__cxa_|__gxx_|_?__cxx|operator ')
# What every one of ours has, so that a binary without symbols is not taken for one without C++.
SYMBOL_OF_ALL = {'rpcFirewall.dll': 'DllMain', 'rpcFwManager.exe': 'wmain'}


class Unreadable(Exception):
    """objdump prints something that this reader does not know."""


def tool(name, *arguments):
    done = subprocess.run(['x86_64-w64-mingw32-' + name, *map(str, arguments)], capture_output=True, text=True, check=True)
    return done.stdout


def imports(table):
    """{dll: {functions}} of what objdump -p prints; a function that is imported by its number is '#number'."""
    found, dll = {}, None
    for line in table.split('\n'):
        name = re.match(r'\s*DLL Name: (\S+)', line)
        if name:
            dll = name.group(1).lower()
            found[dll] = set()
        elif not line.strip():
            dll = None      # an empty line ends each DLL's functions
        elif dll and 'Member-Name' not in line:
            by_name = re.match(r'\s+[0-9a-f]+\s+\d+\s+([\w@?$.]+)\s*$', line)
            by_number = re.match(r'\s+[0-9a-f]+\s+([0-9a-f]+)\s+<none>', line)
            if not by_name and not by_number:
                raise Unreadable(f'{dll}: {line!r}')
            found[dll].add(by_name.group(1) if by_name else '#%d' % int(by_number.group(1), 16))
    return found


def exports(path):
    table = tool('objdump', '-p', path).split('[Ordinal/Name Pointer] Table')
    return set(re.findall(r'\]\s+(?:\+base\[\s*\d+\]\s+[0-9a-f]+\s+)?(\w+)$', table[-1], re.M)) if len(table) > 1 else set()


def import_problems(name, found, known_exports):
    """known_exports: the set of what a DLL exports, or None where nobody can tell."""
    for dll, functions in sorted(found.items()):
        if dll not in ALLOWED[name]:
            yield f'{name} imports from {dll}'
        known = known_exports(dll)
        for function in sorted(functions):
            if function.startswith('#'):
                yield f'{name} imports {function} of {dll} by its number, which differs between releases of Windows'
            elif FORWARDED.fullmatch(function):
                yield f'{name} imports {function}, which {dll} has from a DLL that is no known one'
            elif known is not None and function not in known:
                yield f'{name}: {dll} of Wine exports no {function}'


def symbol_problems(name, symbols):
    """symbols: the names that nm printed."""
    if name in SYMBOL_OF_ALL and SYMBOL_OF_ALL[name] not in symbols:
        yield f'{name} has no symbols (stripped?): whether there is C++ in it cannot be told'
    for symbol in sorted(symbols):
        if CPLUSPLUS.match(symbol):
            yield f'{name} holds C++: {symbol}'


def wine_exports(dll):
    if not (WINE_DLLS / dll).exists():
        print(f'not compared: Wine has no {dll} in {WINE_DLLS}')
        return None
    return exports(WINE_DLLS / dll)


def problems_of(build, name):
    found = imports(tool('objdump', '-p', build / name))
    symbols = {line.split()[-1] for line in tool('nm', build / name).splitlines() if line.strip()}
    problems = [*import_problems(name, found, wine_exports), *symbol_problems(name, symbols)]
    return problems, sum(map(len, found.values())), len(symbols)


def self_test():
    """This test can fail: on what objdump and nm print of a binary that has everything wrong."""
    table = ('\tDLL Name: KERNEL32.dll\n\tvma:  Hint/Ord Member-Name Bound-To\n\t82e0\t    8  Sleep\n'
             '\t82f0\t    9  NoSuch\n\t8000000000000007\t    000000007  <none>\n\n\tDLL Name: libstdc++-6.dll\n'
             '\tvma:  Hint/Ord Member-Name Bound-To\n\t9000\t    1  __cxa_throw\n\n')
    found = imports(table)
    assert found == {'kernel32.dll': {'Sleep', 'NoSuch', '#7'}, 'libstdc++-6.dll': {'__cxa_throw'}}, found
    told = list(import_problems('rpcFirewall.dll', found, lambda dll: {'Sleep'} if dll == 'kernel32.dll' else None))
    assert len(told) == 3, told
    assert len(list(import_problems('rpcFwManager.exe', {'advapi32.dll': {'SystemFunction036'}}, lambda dll: None))) == 1
    assert len(list(symbol_problems('rpcFirewall.dll', {'DllMain', '_ZN3fooC1Ev', '__cxa_throw', '__gxx_personality_seh0'}))) == 3
    assert len(list(symbol_problems('rpcFirewall.dll', {'other'}))) == 1
    assert not list(symbol_problems('rpcFirewall.dll', {'DllMain', '_Unwind_Resume', '__xc_z', 'agent_run'}))


def main():
    self_test()
    build = pathlib.Path(sys.argv[1])
    if not (build / 'rpcFirewall.dll').exists():
        print(f'skipped: {build} holds no rpcFirewall.dll (make windows-x64)')
        return SKIP
    count = 0
    checked_imports = checked_symbols = 0
    for name in ALLOWED:
        problems, its_imports, its_symbols = problems_of(build, name)
        count += len(problems)
        checked_imports += its_imports
        checked_symbols += its_symbols
        for problem in problems:
            print(problem)
    print(f'{checked_imports} imports and {checked_symbols} symbols checked, {count} problems')
    return 1 if count or not checked_imports else 0


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main())
