/* SPDX-License-Identifier: Apache-2.0 */
/* What there is of it without a C library: gate_x86_test.c has the functions. */
#ifndef RPCFW_TESTS_FREESTANDING_STRING_H
#define RPCFW_TESTS_FREESTANDING_STRING_H

#include <stddef.h>

void *memcpy(void *to, const void *from, size_t count);
void *memset(void *to, int value, size_t count);

#endif
