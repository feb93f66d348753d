/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* FWP_E_ALREADY_EXISTS, FWP_E_FILTER_NOT_FOUND, FWP_E_SUBLAYER_NOT_FOUND, FWP_E_IN_USE */
#define ALREADY_EXISTS 0x80320009u
#define NOT_FOUND      0x80320003u
#define NO_SUBLAYER    0x80320007u
#define IN_USE         0x8032000au

static bool fails(struct fake_engine *fake, const char *function)
{
    if (++fake->calls != fake->fail_at) {
        return false;
    }
    fake->failed = function;
    return true;
}

static void expect(struct fake_engine *fake, bool held)
{
    fake->violations += !held;
}

static uint32_t fake_open(void *context)
{
    struct fake_engine *fake = context;
    expect(fake, !fake->open);
    if (fake->absent) {
        return FILTER_ENGINE_ABSENT;
    }
    if (fails(fake, "open")) {
        return FAKE_ERROR;
    }
    fake->open = true;
    return 0;
}

/* Takes back what was not committed, as Windows does. */
static void fake_close(void *context)
{
    struct fake_engine *fake = context;
    expect(fake, fake->open);
    fake->open = false;
    fake->in_transaction = false;
}

static uint32_t fake_describe(void *context, struct filter_host *host)
{
    struct fake_engine *fake = context;
    expect(fake, fake->open);
    if (fails(fake, "describe")) {
        return FAKE_ERROR;
    }
    *host = fake->host;
    return 0;
}

static uint32_t fake_begin(void *context)
{
    struct fake_engine *fake = context;
    expect(fake, fake->open && !fake->in_transaction);
    if (fails(fake, "begin")) {
        return FAKE_ERROR;
    }
    fake->working = fake->committed;
    fake->in_transaction = true;
    return 0;
}

static uint32_t fake_commit(void *context)
{
    struct fake_engine *fake = context;
    expect(fake, fake->in_transaction);
    if (fails(fake, "commit")) {
        return FAKE_ERROR;
    }
    fake->committed = fake->working;
    fake->in_transaction = false;
    return 0;
}

static uint32_t fake_abort(void *context)
{
    struct fake_engine *fake = context;
    fake->in_transaction = false;
    return 0;
}

static uint32_t fake_add_frame(void *context)
{
    struct fake_engine *fake = context;
    expect(fake, fake->in_transaction);
    if (fails(fake, "add_frame")) {
        return FAKE_ERROR;
    }
    fake->working.frame = true;
    return 0;
}

static bool holds_ours(const struct fake_state *state)
{
    for (size_t i = 0; i < state->count; i++) {
        if (state->filters[i].sublayer == SUBLAYER_OURS) {
            return true;
        }
    }
    return false;
}

static uint32_t fake_remove_frame(void *context)
{
    struct fake_engine *fake = context;
    expect(fake, fake->in_transaction);
    if (fails(fake, "remove_frame")) {
        return FAKE_ERROR;
    }
    if (holds_ours(&fake->working)) {
        return IN_USE;
    }
    fake->working.frame = false;
    return 0;
}

static uint32_t fake_add(void *context, const struct filter_entry *entry)
{
    struct fake_engine *fake = context;
    struct fake_state *state = &fake->working;
    expect(fake, fake->in_transaction && state->count < FAKE_FILTERS_MAX);
    expect(fake, entry->condition_count > 0 && entry->name[0]);
    expect(fake, entry->sublayer == SUBLAYER_AUDIT || !entry->audit);
    if (fails(fake, "add")) {
        return FAKE_ERROR;
    }
    if (!state->frame) {
        return NO_SUBLAYER;
    }
    /* A key that this transaction removed is not free before its commit. */
    for (size_t i = 0; i < fake->committed.count; i++) {
        if (guid_equal(&fake->committed.filters[i].key, &entry->key)) {
            return ALREADY_EXISTS;
        }
    }
    for (size_t i = 0; i < state->count; i++) {
        if (guid_equal(&state->filters[i].key, &entry->key)) {
            return ALREADY_EXISTS;
        }
    }
    struct installed_filter *shown = &state->filters[state->count++];
    *shown = (struct installed_filter){.key = entry->key,
                                       .sublayer = entry->sublayer,
                                       .weight = entry->weight,
                                       .block = entry->block,
                                       .audit = entry->audit,
                                       .condition_count = entry->condition_count};
    snprintf(shown->name, sizeof(shown->name), "%s", entry->name);
    return 0;
}

static uint32_t fake_remove(void *context, const struct guid *key)
{
    struct fake_engine *fake = context;
    struct fake_state *state = &fake->working;
    expect(fake, fake->in_transaction);
    if (fails(fake, "remove")) {
        return FAKE_ERROR;
    }
    for (size_t i = 0; i < state->count; i++) {
        if (guid_equal(&state->filters[i].key, key)) {
            state->filters[i] = state->filters[--state->count];
            return 0;
        }
    }
    return NOT_FOUND;
}

static uint32_t fake_list(void *context, struct installed_filter **list, size_t *count)
{
    struct fake_engine *fake = context;
    const struct fake_state *state = fake->in_transaction ? &fake->working : &fake->committed;
    expect(fake, fake->open);
    *list = NULL;
    *count = 0;
    if (fails(fake, "list")) {
        return FAKE_ERROR;
    }
    *list = malloc((state->count + 1) * sizeof(**list));
    for (size_t i = 0; *list && i < state->count; i++) {
        (*list)[(*count)++] = state->filters[i];
    }
    return 0;
}

static uint32_t fake_audit_read(void *context, uint32_t *bits)
{
    struct fake_engine *fake = context;
    if (fails(fake, "audit_read")) {
        return FAKE_ERROR;
    }
    *bits = fake->audit;
    return 0;
}

static uint32_t fake_audit_write(void *context, uint32_t bits)
{
    struct fake_engine *fake = context;
    expect(fake, fake->has_record); /* what is switched without a note is never given back */
    if (fails(fake, "audit_write")) {
        return FAKE_ERROR;
    }
    fake->audit = bits;
    return 0;
}

static uint32_t fake_record_read(void *context, bool *present, struct audit_record *record)
{
    struct fake_engine *fake = context;
    if (fails(fake, "record_read")) {
        return FAKE_ERROR;
    }
    *present = fake->has_record;
    if (*present) {
        *record = fake->record;
    }
    return 0;
}

static uint32_t fake_record_write(void *context, const struct audit_record *record)
{
    struct fake_engine *fake = context;
    if (fails(fake, "record_write")) {
        return FAKE_ERROR;
    }
    fake->record = *record;
    fake->has_record = true;
    return 0;
}

static uint32_t fake_record_remove(void *context)
{
    struct fake_engine *fake = context;
    if (fails(fake, "record_remove")) {
        return FAKE_ERROR;
    }
    fake->has_record = false;
    return 0;
}

void fake_engine_init(struct fake_engine *fake)
{
    *fake = (struct fake_engine){
        .host = *filter_host_from_id("ws2025"),
        .table =
            {
                .context = fake,
                .open = fake_open,
                .close = fake_close,
                .describe = fake_describe,
                .begin = fake_begin,
                .commit = fake_commit,
                .abort = fake_abort,
                .add_frame = fake_add_frame,
                .remove_frame = fake_remove_frame,
                .add = fake_add,
                .remove = fake_remove,
                .list = fake_list,
                .audit_read = fake_audit_read,
                .audit_write = fake_audit_write,
                .record_read = fake_record_read,
                .record_write = fake_record_write,
                .record_remove = fake_record_remove,
            },
    };
}
