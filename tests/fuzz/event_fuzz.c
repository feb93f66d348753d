/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as JSON lines: events of the firewall and of Zeek. */
#include "record_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_lines(NULL, data, size);
    return 0;
}
