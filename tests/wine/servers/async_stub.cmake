# SPDX-License-Identifier: Apache-2.0
# Turns a server stub of mingw's widl, which knows no asynchronous calls, into one: the call enters through
# NdrAsyncServerCall, and the handle, which widl takes for data in the request, is left out of it.
#   cmake -DSTUB=FILE -P async_stub.cmake
file(READ ${STUB} text)
string(REPLACE "NdrServerCall2" "NdrAsyncServerCall" text "${text}")
string(REGEX REPLACE "(\\(parameter call\\) \\*/\n *)NdrFcShort\\(0x48\\)" "\\1NdrFcShort(0x40)" changed "${text}")
if(changed STREQUAL text)
    message(FATAL_ERROR "${STUB}: no parameter named call where it was expected")
endif()
file(WRITE ${STUB} "#include <rpc.h>\n#include <rpcasync.h>\n${changed}")
