/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A filter engine in memory, in place of Windows': transactions that take effect at their commit
 * alone, and a call that fails when the test says so. Windows' own cannot be had here.
 */
#ifndef RPCFW_TESTS_FAKE_ENGINE_H
#define RPCFW_TESTS_FAKE_ENGINE_H

#include "windows/filters/filter_engine.h"

#define FAKE_FILTERS_MAX 64
#define FAKE_ERROR       5u

/* What a transaction changes. */
struct fake_state {
    struct installed_filter filters[FAKE_FILTERS_MAX];
    size_t count;
    bool frame;
};

struct fake_engine {
    struct fake_state committed;
    struct fake_state working;
    struct filter_host host;
    bool absent;
    bool open;
    bool in_transaction;
    uint32_t audit;
    bool has_record;
    struct audit_record record;

    unsigned fail_at; /* the number of the call that fails, from 1 on; 0: none */
    unsigned calls;
    const char *failed;  /* the function that did */
    unsigned violations; /* calls that no engine would take */

    struct filter_engine table;
};

void fake_engine_init(struct fake_engine *fake);

#endif
