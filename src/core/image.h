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

#include "core/guid.h"
#include "core/ipaddr.h"
#include "core/sid.h"

#define IMAGE_MAGIC          "RPCFWIMG"
#define IMAGE_FORMAT_VERSION 1u

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

struct policy_image {
    char magic[8]; /* IMAGE_MAGIC without its zero */
    uint32_t format_version;
    uint32_t size;     /* of the whole image in bytes */
    uint64_t checksum; /* FNV-1a over everything behind this field: against torn writes, not against
                          forgers */
    uint32_t options;  /* IMAGE_OPTION_… */
    image_string json_path;
    struct image_table rules;      /* struct image_rule, in file order */
    struct image_table conditions; /* struct image_condition */
    struct image_table interfaces; /* struct image_interface, sorted by UUID */
    struct image_table candidates; /* uint32_t rule numbers; each interface's are ascending */
    struct image_table any; /* uint32_t: ascending numbers of the rules that name no interface */
    struct image_table strings; /* bytes; the last is zero */
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

/* The rules that can match calls to one interface, besides those of `any`. */
struct image_interface {
    struct guid uuid;
    uint32_t first; /* in candidates */
    uint32_t count;
};

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
