/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compiled policy: one flat, position-independent block of bytes.
 *
 * Written by compile.c, checked once by image_validate() where it enters a process, then only read:
 * by decide() on the RPC threads and by the event code. All references are byte offsets from the
 * start, all numbers little-endian and aligned to their size, so the block can be mapped read-only
 * anywhere and by 32- and 64-bit processes alike. Equal policy text gives equal bytes.
 */
#ifndef RPCFW_CORE_IMAGE_H
#define RPCFW_CORE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/guid.h"
#include "core/ipaddr.h"
#include "core/sid.h"

#define IMAGE_MAGIC          "RPCFWIMG"
#define IMAGE_FORMAT_VERSION 3u

/* A million rules with a few conditions each stay well below. */
#define IMAGE_MAX_SIZE (1u << 30)

/* A table inside the image: `count` elements starting `offset` bytes from the image's first byte.
 */
struct image_table {
    uint32_t offset;
    uint32_t count;
};

/* A text inside the strings table: zero-terminated UTF-8. Offset 0 is always the empty text. */
typedef uint32_t image_string;

#define IMAGE_OPTION_UNKNOWN_LENIENT 0x1u
#define IMAGE_OPTION_EVENTLOG_OFF    0x2u
#define IMAGE_OPTION_JOURNAL_OFF     0x4u
#define IMAGE_OPTION_JSON_OFF                                                                      \
    0x8u /* json is off by `option json off`; without it and a path: the default */
#define IMAGE_OPTION_UNSUPPORTED_CLOSED                                                            \
    0x10u /* a server that the agent does not know answers no call at all */

/*
 * Rules by opnum: those for opnum `first` + i are the list number lists[i] of the image's
 * opnum_lists, from element `lists` on; those for every opnum, or for too many, are the list `any`.
 */
struct image_opnums {
    uint32_t any; /* number of a list; IMAGE_NO_LIST: none */
    uint32_t first;
    uint32_t count;
    uint32_t lists;
};

#define IMAGE_NO_LIST UINT32_MAX

/* An opnum above it is looked for in `any`: no protocol has so many methods. */
#define IMAGE_OPNUM_LIMIT 1024u

struct policy_image {
    char magic[8]; /* IMAGE_MAGIC without its zero */
    uint32_t format_version;
    uint32_t size;     /* of the whole image in bytes */
    uint64_t checksum; /* FNV-1a over everything behind this field: against torn writes, not against
                          forgers */
    uint32_t options;  /* IMAGE_OPTION_… */
    image_string json_path;
    struct image_table rules;       /* struct image_rule, in file order */
    struct image_table conditions;  /* struct image_condition */
    struct image_table interfaces;  /* struct image_interface: a hash table, a power of two or 0 */
    struct image_opnums others;     /* the rules that name no interface */
    struct image_table opnum_lists; /* uint32_t: numbers of lists, or IMAGE_NO_LIST */
    struct image_table lists;       /* struct image_list */
    struct image_table groups;      /* struct image_group */
    struct image_table strings;     /* bytes; the last is zero */
};

#define IMAGE_RULE_BLOCK   0x01u
#define IMAGE_RULE_AUDIT   0x02u
#define IMAGE_RULE_DRY     0x04u
#define IMAGE_RULE_VERBOSE 0x08u
/* The rule names ncalrpc in its prot: and so is the only kind that sees local calls. */
#define IMAGE_RULE_LOCAL 0x10u

struct image_rule {
    uint32_t first_condition;
    uint16_t condition_count;
    uint16_t flags;    /* IMAGE_RULE_… */
    uint32_t line;     /* 1-based, in `file` */
    image_string file; /* empty: the policy file itself; otherwise the included file */
    image_string name; /* id:, empty without */
};

#define IMAGE_CONDITION_NEGATED 0x1u

struct image_condition {
    uint16_t key;    /* enum policy_key */
    uint16_t flags;  /* IMAGE_CONDITION_… */
    uint32_t offset; /* of the first value; what a value is, the key's row in condition.c says */
    uint32_t count;  /* of values */
};

/* The rules that name an interface. An empty slot of the hash table has `used` 0. */
struct image_interface {
    struct guid uuid;
    struct image_opnums opnums;
    uint32_t used;
};

/* Rules in their order, as groups. */
struct image_list {
    uint32_t first; /* in groups */
    uint32_t count;
};

enum image_group_kind {
    IMAGE_GROUP_RULE,      /* one rule */
    IMAGE_GROUP_ADDRESSES, /* rules that differ only in addr: struct address_entry */
    IMAGE_GROUP_SIDS,      /* rules that differ only in sid: struct sid_slot */
};

/*
 * Neighbouring rules of a list. The conditions are those that all of them share, without what the
 * list itself stands for. When there are any, the rules of a group are all IMAGE_RULE_BLOCK or
 * none.
 */
struct image_group {
    uint32_t first_rule;  /* the lowest number */
    uint32_t first_block; /* the lowest with IMAGE_RULE_BLOCK, or IMAGE_NO_RULE */
    uint32_t first_condition;
    uint16_t condition_count;
    uint16_t kind;     /* enum image_group_kind */
    uint32_t table;    /* byte offset */
    uint32_t count;    /* of its elements */
    uint32_t v4_table; /* IMAGE_GROUP_ADDRESSES: byte offset of uint32_t[2 * v4_count] */
    uint32_t v4_count; /* see address_table.h */
};

#define IMAGE_NO_RULE UINT32_MAX

/* Where the search for an interface begins: a number below `slots`, a power of two. */
static inline uint32_t image_interface_slot(const struct guid *uuid, uint32_t slots)
{
    uint32_t tail[2];
    memcpy(tail, uuid->data4, sizeof(tail));
    uint32_t hash = uuid->data1 ^ ((uint32_t)uuid->data2 << 16 | uuid->data3);
    hash = (hash ^ tail[0]) * 0x9e3779b1u;
    hash = (hash ^ tail[1] ^ hash >> 15) * 0x85ebca6bu;
    return (hash ^ hash >> 16) & (slots - 1);
}

/* A range of numbers: a value of opnum:. */
struct image_range {
    uint16_t first;
    uint16_t last;
};

/* A text with wildcards, lower case: a value of user:, process:, endpoint:. */
struct image_pattern {
    uint32_t offset; /* in the image */
    uint32_t length;
};

enum image_error {
    IMAGE_OK,
    IMAGE_TOO_SHORT,
    IMAGE_BAD_MAGIC,
    IMAGE_BAD_VERSION,
    IMAGE_BAD_SIZE,
    IMAGE_BAD_CHECKSUM,
    IMAGE_BAD_LAYOUT, /* an offset or count leaves the image, or a number has no meaning */
};

/*
 * Checks that every byte that decide() or the event code can reach lies inside the `size` bytes at
 * `bytes` (8-aligned), whoever wrote them. Linear in the size.
 */
enum image_error image_validate(const void *bytes, size_t size);

/* What went wrong, for a message. */
const char *image_error_text(enum image_error error);

/* A text of a validated image; never NULL. */
const char *image_text(const struct policy_image *image, image_string string);

/* The rule with that number of a validated image. */
const struct image_rule *image_rule(const struct policy_image *image, uint32_t rule);

#endif
