/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Security identifiers.
 *
 * A value type with the binary layout of [MS-DTYP] 2.4.2.2, so that a pointer to a SID inside a
 * Windows token can be read through `const struct sid *` as long as only the first
 * `sub_authority_count` sub-authorities are touched; every function here keeps to that. No
 * allocation, no state: any thread.
 */
#ifndef RPCFW_CORE_SID_H
#define RPCFW_CORE_SID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SID_MAX_SUB_AUTHORITIES (15) /* spelt as in winnt.h, which may be included too */

struct sid {
    uint8_t revision;
    uint8_t sub_authority_count;
    uint8_t identifier_authority[6]; /* big-endian */
    uint32_t sub_authority[SID_MAX_SUB_AUTHORITIES];
};

/* "S-1-" + a 48-bit authority + 15 times "-" and ten digits, and a terminating zero. */
#define SID_TEXT_SIZE 192

/*
 * Reads exactly `length` bytes: "S-1-<authority>-<sub-authority>…" in decimal ([MS-DTYP] 2.4.2.1;
 * the authority may also be 0x and twelve hexadecimal digits). Returns false, and leaves *out
 * alone, when the text is anything else.
 */
bool sid_parse(const char *text, size_t length, struct sid *out);

/* Writes the text form; "S-1-0-0" for a SID that is no valid SID. Returns `text`. */
char *sid_format(const struct sid *sid, char text[SID_TEXT_SIZE]);

/* Revision 1 and at most 15 sub-authorities. The caller vouches that the eight header bytes are
 * readable. */
bool sid_is_valid(const struct sid *sid);

/* Bytes that the SID occupies: 8 + 4 * sub_authority_count. */
size_t sid_size(const struct sid *sid);

bool sid_equal(const struct sid *a, const struct sid *b);

/* A total order over valid SIDs, for sorted tables. */
int sid_compare(const struct sid *a, const struct sid *b);

/* Copies a valid SID into a full-size one, zero-filling the rest. */
void sid_copy(struct sid *out, const struct sid *in);

#endif
