/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which events `rpcfw audit` shows: all conditions that were given must hold.
 *
 * Read from the command line, then asked for each event. One owner, one thread.
 */
#ifndef RPCFW_SAMBA_AUDIT_FILTER_H
#define RPCFW_SAMBA_AUDIT_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/guid.h"
#include "core/ipaddr.h"
#include "samba/service/event_fields.h"

#define FILTER_PATTERN_SIZE   256
#define FILTER_INTERFACES_MAX 16

/* Folded; empty: none was given. */
struct filter_pattern {
    char bytes[FILTER_PATTERN_SIZE];
    size_t length;
};

struct audit_filter {
    bool blocked;
    bool would_block;
    const char *action; /* NULL: any */
    const char *rule;   /* id or name; NULL: any */
    const char *method; /* name or opnum; NULL: any */
    struct filter_pattern user;
    struct filter_pattern process;
    bool has_addr;
    struct ipaddr_range addr;
    size_t interface_count; /* 0: any */
    struct guid interfaces[FILTER_INTERFACES_MAX];
    uint64_t since_us;
    uint64_t until_us; /* UINT64_MAX: no end */
};

enum filter_word {
    FILTER_NOT,   /* it is no filter of ours */
    FILTER_TAKEN, /* with its value, if it has one: *at is its last word */
    FILTER_WRONG, /* `why` says it */
};

#define FILTER_WHY_SIZE 256

void audit_filter_init(struct audit_filter *filter);

/* Reads the word at argv[*at], and its value from there or from the next. */
enum filter_word audit_filter_read(struct audit_filter *filter, int argc, char **argv, int *at,
                                   uint64_t now_us, char why[FILTER_WHY_SIZE]);

/* After the last word: what only all of them together tell. False: `why`. */
bool audit_filter_check(const struct audit_filter *filter, char why[FILTER_WHY_SIZE]);

bool audit_filter_matches(const struct audit_filter *filter, const struct event_fields *fields);

/* The option that `word` is most likely a misspelling of; NULL: none is near. */
const char *audit_filter_nearest(const char *word);

#endif
