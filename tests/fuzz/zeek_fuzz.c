/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as Zeek's dce_rpc.log: headers and rows. */
#include "record_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_lines("#fields\tts\tid.orig_h\tid.resp_p\tnamed_pipe\tendpoint\toperation", data, size);
    return 0;
}
