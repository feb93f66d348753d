#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the Windows binaries import: only DLLs that every Windows since 8.1 has, only functions that Wine exports too,
and no C++ runtime. Functions that came after 8.1 do not even compile: _WIN32_WINNT is 0x0603.

usage: check_imports.py BUILD-FOLDER"""
import pathlib
import re
import subprocess
import sys

SKIP = 77
WINE_DLLS = pathlib.Path('/usr/lib/x86_64-linux-gnu/wine/x86_64-windows')

# The agent runs in lsass: nothing but what is loaded there anyway.
ALLOWED = {
    'rpcFirewall.dll': {'kernel32.dll', 'advapi32.dll', 'msvcrt.dll'},
    'rpcFwManager.exe': {'kernel32.dll', 'advapi32.dll', 'msvcrt.dll', 'bcrypt.dll'},
    'rpcMessages.dll': set(),
}


def objdump(path):
    done = subprocess.run(['x86_64-w64-mingw32-objdump', '-p', str(path)], capture_output=True, text=True, check=True)
    return done.stdout


def imports(path):
    """{dll: {functions}}"""
    found, dll = {}, None
    for line in objdump(path).split('\n'):
        name = re.match(r'\s*DLL Name: (\S+)', line)
        function = re.match(r'\s+[0-9a-f]+\s+\d+\s+(\w+)\s*$', line)
        if name:
            dll = name.group(1).lower()
            found[dll] = set()
        elif function and dll:
            found[dll].add(function.group(1))
        elif 'Export Table' in line:
            dll = None
    return found


def exports(path):
    table = objdump(path).split('[Ordinal/Name Pointer] Table')
    return set(re.findall(r'\]\s+(?:\+base\[\s*\d+\]\s+[0-9a-f]+\s+)?(\w+)$', table[-1], re.M)) if len(table) > 1 else set()


def main():
    build = pathlib.Path(sys.argv[1])
    if not (build / 'rpcFirewall.dll').exists():
        print(f'skipped: {build} holds no rpcFirewall.dll (make windows-x64)')
        return SKIP
    problems, checked = [], 0
    for name, allowed in ALLOWED.items():
        for dll, functions in imports(build / name).items():
            if dll not in allowed:
                problems.append(f'{name} imports from {dll}')
            if not (WINE_DLLS / dll).exists():
                print(f'not compared: Wine has no {dll} in {WINE_DLLS}')
                continue
            known = exports(WINE_DLLS / dll)
            checked += len(functions)
            problems += [f'{name}: {dll} of Wine exports no {function}' for function in sorted(functions - known)]
    for problem in problems:
        print(problem)
    print(f'{checked} imports checked, {len(problems)} problems')
    return 1 if problems or not checked else 0


if __name__ == '__main__':
    sys.exit(main())
