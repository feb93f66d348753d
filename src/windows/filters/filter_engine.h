/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The RPC filter engine of a Windows host, as filters.c needs it: a table of functions, so that
 * tests can put an engine in its place that fails where they want.
 *
 * Each function returns 0 or a Windows error code. No OS headers here: filters.c and its tests are
 * portable. Called by filters.c alone, from the thread that called it.
 */
#ifndef RPCFW_WINDOWS_FILTERS_FILTER_ENGINE_H
#define RPCFW_WINDOWS_FILTERS_FILTER_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/plan/filter_plan.h"
#include "core/guid.h"

/* What open() returns where there is no engine at all: RPC_S_CANNOT_SUPPORT. */
#define FILTER_ENGINE_ABSENT 1764u

/* In which sublayer of the RPC layer a filter stands. */
enum filter_sublayer {
    SUBLAYER_OURS,  /* decides; block beats what other sublayers permit */
    SUBLAYER_AUDIT, /* FWPM_SUBLAYER_RPC_AUDIT: the engine records calls from there alone */
};

/* A filter as the engine gets it. */
struct filter_entry {
    struct guid key;
    enum filter_sublayer sublayer;
    uint64_t weight;
    bool block;
    bool audit;       /* the context that asks for an event; in SUBLAYER_AUDIT alone */
    const char *name; /* UTF-8, for people */
    const struct filter_condition *conditions;
    size_t condition_count;
};

/* A filter of ours that the engine has. */
struct installed_filter {
    struct guid key;
    enum filter_sublayer sublayer;
    uint64_t weight;
    bool block;
    bool audit;
    bool disabled;  /* the engine holds it and does not use it */
    char name[192]; /* UTF-8, cut at the end of a character */
    size_t condition_count;
};

/* The audit subcategory "RPC Events": bits of AUDIT_POLICY_INFORMATION. */
#define FILTER_AUDIT_SUCCESS 0x1u
#define FILTER_AUDIT_FAILURE 0x2u

/* What the subcategory was before it was switched on, and what it was switched to. */
struct audit_record {
    uint32_t before;
    uint32_t after;
};

struct filter_engine {
    void *context; /* first argument of each function */

    uint32_t (*open)(void *context);
    void (*close)(void *context);

    /* Which Windows this is. Only while open. */
    uint32_t (*describe)(void *context, struct filter_host *host);

    uint32_t (*begin)(void *context); /* a transaction: nothing below has an effect before commit */
    uint32_t (*commit)(void *context);
    uint32_t (*abort)(void *context);

    /* Our provider and our sublayer; adding what is there, and removing what is not, is done. */
    uint32_t (*add_frame)(void *context);
    uint32_t (*remove_frame)(void *context);

    uint32_t (*add)(void *context, const struct filter_entry *entry);
    uint32_t (*remove)(void *context, const struct guid *key);
    /* All filters of our provider in the RPC layer; *list is to be freed with free(). */
    uint32_t (*list)(void *context, struct installed_filter **list, size_t *count);

    /* Need no open engine. */
    uint32_t (*audit_read)(void *context, uint32_t *bits);
    uint32_t (*audit_write)(void *context, uint32_t bits);
    uint32_t (*record_read)(void *context, bool *present, struct audit_record *record);
    uint32_t (*record_write)(void *context, const struct audit_record *record);
    uint32_t (*record_remove)(void *context);
};

#endif
