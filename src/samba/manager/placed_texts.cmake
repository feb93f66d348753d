# SPDX-License-Identifier: GPL-3.0-or-later
# Writes each of the files SOURCES as the C text placed_NAME_text, NAME being its place in TEXTS.
separate_arguments(TEXTS)
set(code "/* Made by placed_texts.cmake. */\n#include \"samba/manager/placed_texts.h\"\n")
foreach(name source IN ZIP_LISTS TEXTS SOURCES)
    # As bytes: whatever a line holds needs no escape.
    file(READ ${source} bytes HEX)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
    string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n    " bytes "${bytes}")
    string(APPEND code "\nconst char placed_${name}_text[] = {\n    ${bytes}0x00};\n")
endforeach()
file(WRITE ${OUTPUT} "${code}")
