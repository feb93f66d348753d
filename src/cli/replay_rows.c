/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/replay_rows.h"

#include <stdlib.h>
#include <string.h>

#include "cli/replay_verdict.h"

#define KEY_SIZE offsetof(struct replay_row, count)

/* ---- What becomes of a call ---- */

static enum replay_change against_record(const struct verdict *verdict, bool was_blocked)
{
    if (verdict->block) {
        return was_blocked ? CHANGE_BLOCKED : CHANGE_NEWLY_BLOCKED;
    }
    if (was_blocked) {
        return CHANGE_NEWLY_ALLOWED;
    }
    return verdict->dry ? CHANGE_WOULD_BLOCK : CHANGE_NONE;
}

static enum replay_change against_verdict(const struct verdict *verdict, const struct verdict *old)
{
    if (verdict->block != old->block) {
        return verdict->block ? CHANGE_NEWLY_BLOCKED : CHANGE_NEWLY_ALLOWED;
    }
    if (verdict->dry && !old->dry) {
        return CHANGE_WOULD_BLOCK;
    }
    if (verdict->audit != old->audit) {
        return verdict->audit ? CHANGE_NEWLY_AUDITED : CHANGE_NO_LONGER_AUDITED;
    }
    return CHANGE_NONE;
}

/* ---- Rows ---- */

static struct replay_row row_of(const struct shape_count *count, const struct verdict *verdict,
                                const struct verdict *old)
{
    const struct call_shape *shape = &count->shape;
    struct replay_row row;
    memset(&row, 0, sizeof(row));
    row.interface = shape->interface;
    row.client_addr = shape->client_addr;
    row.rule = verdict->rule;
    row.old_rule = old ? old->rule : VERDICT_NO_RULE;
    row.known = shape->known & (FACT_BIT(FACT_INTERFACE) | FACT_BIT(FACT_OPNUM) |
                                FACT_BIT(FACT_CLIENT_ADDR) | FACT_BIT(FACT_PRINCIPAL));
    row.principal = shape->principal;
    row.sid = shape->principal ? 0 : shape->sid;
    row.opnum = shape->opnum;
    row.first_us = count->first_us;
    row.last_us = count->last_us;
    return row;
}

static void add_row(struct replay_result *result, struct replay_row row, enum replay_change change,
                    uint64_t count)
{
    result->changes[change] += count;
    if (change != CHANGE_NONE && count) {
        row.change = change;
        row.count = count;
        result->rows[result->row_count++] = row;
    }
}

static uint64_t calls_of(const struct shape_count *count)
{
    uint64_t calls = 0;
    for (int i = 0; i < RECORDED_OUTCOMES; i++) {
        calls += count->outcomes[i];
    }
    return calls;
}

static void count_unknown(struct replay_result *result, uint32_t hung_on, uint64_t calls)
{
    result->hung += hung_on ? calls : 0;
    for (int fact = 0; fact < FACT_COUNT; fact++) {
        result->hung_on[fact] += hung_on & FACT_BIT(fact) ? calls : 0;
    }
}

/* Two rows at most: calls of one shape may have been blocked at times and let through at others. */
static void replay_shape(const struct call_shapes *shapes, const struct shape_count *count,
                         const struct policy_image *image, const struct policy_image *old,
                         struct replay_result *result)
{
    const struct sid *sid;
    struct call call = call_of_shape(shapes, &count->shape, &sid);
    struct replay_verdict verdict = replay_decide(image, &call);
    struct replay_verdict before = {.hung_on = 0};
    uint64_t calls = calls_of(count);
    if (old) {
        before = replay_decide(old, &call);
    }
    struct replay_row row = row_of(count, &verdict.verdict, old ? &before.verdict : NULL);
    result->calls += calls;
    result->blocked += verdict.verdict.block ? calls : 0;
    count_unknown(result, verdict.hung_on | before.hung_on, calls);
    if (old) {
        add_row(result, row, against_verdict(&verdict.verdict, &before.verdict), calls);
    } else {
        uint64_t blocked = count->outcomes[RECORDED_BLOCKED];
        add_row(result, row, against_record(&verdict.verdict, true), blocked);
        add_row(result, row, against_record(&verdict.verdict, false), calls - blocked);
    }
}

static int order_by_key(const void *a, const void *b)
{
    return memcmp(a, b, KEY_SIZE);
}

static int order_numbers(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int order_for_show(const void *a, const void *b)
{
    const struct replay_row *x = a;
    const struct replay_row *y = b;
    int order = order_numbers(x->change, y->change);
    order = order ? order : order_numbers(y->count, x->count);
    order = order ? order : order_numbers(x->rule, y->rule);
    order = order ? order : order_numbers(x->first_us, y->first_us);
    return order ? order : order_by_key(a, b);
}

/* Shapes differ in more than rows show. */
static void join_rows(struct replay_result *result)
{
    size_t kept = 0;
    qsort(result->rows, result->row_count, sizeof(*result->rows), order_by_key);
    for (size_t i = 0; i < result->row_count; i++) {
        const struct replay_row *row = &result->rows[i];
        struct replay_row *last = kept ? &result->rows[kept - 1] : NULL;
        if (last && order_by_key(last, row) == 0) {
            last->count += row->count;
            join_times(&last->first_us, &last->last_us, row->first_us, row->last_us);
        } else {
            result->rows[kept++] = *row;
        }
    }
    result->row_count = kept;
    qsort(result->rows, kept, sizeof(*result->rows), order_for_show);
}

bool replay_shapes(const struct call_shapes *shapes, const struct policy_image *image,
                   const struct policy_image *old, struct replay_result *result)
{
    size_t count;
    const struct shape_count *all = call_shapes_all(shapes, &count);
    *result = (struct replay_result){.rows = malloc((count * 2 + 1) * sizeof(*result->rows))};
    if (!result->rows) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        replay_shape(shapes, &all[i], image, old, result);
    }
    join_rows(result);
    return true;
}
