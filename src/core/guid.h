/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UUIDs: interfaces, objects, transfer syntaxes.
 *
 * A value type. The layout is that of a GUID in the memory of Windows and of Samba, so an agent
 * copies 16 bytes and never converts. No allocation, no state: any thread.
 */
#ifndef RPCFW_CORE_GUID_H
#define RPCFW_CORE_GUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct guid {
    uint32_t data1;
    uint16_t data2;
    uint16_t data3;
    uint8_t data4[8];
};

/* Room for the text form and its terminating zero. */
#define GUID_TEXT_SIZE 37

/*
 * Reads exactly `length` bytes of text: 8-4-4-4-12 hexadecimal digits in either case, with or
 * without braces
 * ([C706] appendix A). Returns false, and leaves *out alone, when the text is anything else.
 */
bool guid_parse(const char *text, size_t length, struct guid *out);

/* Writes the lower-case form without braces. Returns `text`. */
char *guid_format(const struct guid *guid, char text[GUID_TEXT_SIZE]);

static inline bool guid_equal(const struct guid *a, const struct guid *b)
{
    uint64_t x[2];
    uint64_t y[2];
    memcpy(x, a, sizeof(x));
    memcpy(y, b, sizeof(y));
    return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

/* A total order over UUIDs, for sorted tables: negative, zero or positive. */
int guid_compare(const struct guid *a, const struct guid *b);

#endif
