/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parsers of single values: whatever they take is written and read back as the same value.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/authn.h"
#include "core/diagnostics.h"
#include "core/guid.h"
#include "core/ipaddr.h"
#include "core/protseq.h"
#include "core/sid.h"
#include "core/sid_alias.h"
#include "core/source_text.h"
#include "core/wildcard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void try_guid(const char *text, size_t length)
{
    struct guid guid;
    struct guid back;
    char written[GUID_TEXT_SIZE];
    if (guid_parse(text, length, &guid)) {
        guid_format(&guid, written);
        require(guid_parse(written, strlen(written), &back) && guid_equal(&guid, &back));
    }
}

static void try_sid(const char *text, size_t length)
{
    struct sid sid;
    struct sid back;
    char written[SID_TEXT_SIZE];
    if (sid_parse(text, length, &sid)) {
        require(sid_is_valid(&sid));
        sid_format(&sid, written);
        require(sid_parse(written, strlen(written), &back) && sid_equal(&sid, &back));
        sid_from_alias(text, length, &sid, &back);
    }
}

static void try_address(const char *text, size_t length)
{
    struct ipaddr addr;
    struct ipaddr back;
    struct ipaddr_range range;
    char written[IPADDR_TEXT_SIZE];
    if (ipaddr_parse(text, length, &addr)) {
        ipaddr_format(&addr, written);
        require(ipaddr_parse(written, strlen(written), &back) && ipaddr_compare(&addr, &back) == 0);
    }
    if (ipaddr_range_parse(text, length, &range) == IPADDR_RANGE_OK) {
        require(ipaddr_compare(&range.first, &range.last) <= 0);
        require(ipaddr_range_contains(&range, &range.first));
        require(ipaddr_range_contains(&range, &range.last));
    }
}

static void try_words(const char *text, size_t length)
{
    static const char *const words[] = {"uuid", "iface_version", "", "ncacn_ip_tcp", NULL};
    enum authn_level level;
    unsigned service;
    enum protseq protseq = protseq_from_name(text, length);
    if (protseq != PROTSEQ_UNKNOWN) {
        require(strlen(protseq_name(protseq)) == length);
    }
    authn_level_from_policy(text, length, &level);
    authn_service_from_name(text, length, &service);
    closest_word(text, length, words);
}

/* The input is a pattern, a zero byte, and a text. */
static void try_wildcards(const char *text, size_t length)
{
    const char *zero = length ? memchr(text, 0, length) : NULL;
    size_t head = zero ? (size_t)(zero - text) : length;
    const char *tail = zero ? zero + 1 : text;
    size_t tail_length = zero ? length - head - 1 : length;
    bool matches = wildcard_match(text, head, tail, tail_length);
    require(!wildcard_covers("*", 1, text, head) || wildcard_match("*", 1, tail, tail_length));
    if (matches && wildcard_covers(tail, tail_length, text, head)) {
        require(wildcard_match(tail, tail_length, tail, tail_length));
    }
}

static void try_source(const char *text, size_t length)
{
    size_t decoded_length = 0;
    const char *why = NULL;
    char *decoded = source_text_decode(text, length, &decoded_length, &why);
    require(decoded || why);
    if (decoded) {
        require(decoded[decoded_length] == '\0');
        require(source_text_bad_byte(decoded, decoded_length) <= decoded_length);
    }
    free(decoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    try_guid(text, size);
    try_sid(text, size);
    try_address(text, size);
    try_words(text, size);
    try_wildcards(text, size);
    try_source(text, size);
    return 0;
}
