/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the RPC filter engine of a Windows release can compare: one row for each release.
 *
 * A row is a value that the planner (filter_plan.h) reads; a manager fills in one for the host it
 * runs on. No state, any thread.
 */
#ifndef RPCFW_CLI_PLAN_FILTER_HOST_H
#define RPCFW_CLI_PLAN_FILTER_HOST_H

#include <stdbool.h>
#include <stdint.h>

#define FILTER_HOST_NAME_SIZE 48

/* The first build whose engine is reported to compare opnums, and not only to take the condition:
 * Windows 11 24H2, Windows Server 2025. */
#define FILTER_HOST_OPNUM_BUILD 26100u

struct filter_host {
    char id[12]; /* as --host takes it; empty for the host itself */
    char name[FILTER_HOST_NAME_SIZE];
    uint32_t build;       /* of Windows 10.0 */
    bool opnum;           /* the engine compares opnums */
    const char *no_opnum; /* why it does not: a constant text; NULL when it does */
};

/* Ends with a row whose id is empty. */
extern const struct filter_host filter_hosts[];

/* The row of that id, or NULL. */
const struct filter_host *filter_host_from_id(const char *id);

/*
 * The host that a manager runs on: its build, and whether the RPC layer of its engine has a field
 * for the opnum at all.
 */
void filter_host_from_build(struct filter_host *out, uint32_t build, bool has_opnum_field);

#endif
