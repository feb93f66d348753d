/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verb_plan.h"

#include <stdio.h>
#include <string.h>

#include "cli/load_policy.h"
#include "cli/plan/filter_text.h"
#include "cli/plan/netsh_script.h"
#include "cli/report.h"
#include "cli/verbs.h"

/* Where there is no host of our own to describe. */
#define USUAL_HOST   "ws2025"
#define USUAL_POLICY "/etc/rpcfw/RpcFw.conf"

#define PATH_SIZE    4096

struct plan_arguments {
    const char *file;
    const struct filter_host *host;
    bool compat;
    bool json;
    bool netsh;
};

static const struct plan_local_host *local_host;

void plan_set_local_host(const struct plan_local_host *host)
{
    local_host = host;
}

static int read_host(const struct cli_verb *verb, const char *id, struct plan_arguments *out)
{
    out->host = id ? filter_host_from_id(id) : NULL;
    return out->host
               ? CLI_DONE
               : cli_usage_error(verb, "--host takes ws2016, ws2019, ws2022, ws2025 or win11");
}

static int read_arguments(const struct cli_verb *verb, int argc, char **argv,
                          struct plan_arguments *out)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--host") == 0) {
            int code = read_host(verb, argv[++i], out);
            if (code != CLI_DONE) {
                return code;
            }
        } else if (strcmp(argv[i], "--compat") == 0) {
            out->compat = true;
        } else if (strcmp(argv[i], "--json") == 0) {
            out->json = true;
        } else if (strcmp(argv[i], "--netsh") == 0) {
            out->netsh = true;
        } else if (argv[i][0] == '-' && argv[i][1]) {
            return cli_usage_error(verb, "unknown option '%s'", argv[i]);
        } else if (out->file) {
            return cli_usage_error(verb, "one file at a time: '%s' is one too many", argv[i]);
        } else {
            out->file = argv[i];
        }
    }
    return out->json && out->netsh ? cli_usage_error(verb, "--json or --netsh, not both")
                                   : CLI_DONE;
}

/* The host that was named, or this one, or the usual one. */
static void choose_host(const struct plan_arguments *arguments, struct filter_host *host)
{
    char why[256] = "";
    if (arguments->host) {
        *host = *arguments->host;
        return;
    }
    if (local_host && local_host->describe(host, why, sizeof(why))) {
        return;
    }
    *host = *filter_host_from_id(USUAL_HOST);
    fprintf(stderr, "note: %s%splanned for %s; --host names another\n", why, why[0] ? "; " : "",
            host->name);
}

/* "-" and names are the caller's; without one, the policy that this host has. */
static const char *choose_file(const struct plan_arguments *arguments, char path[PATH_SIZE])
{
    if (arguments->file) {
        return arguments->file;
    }
    return local_host && local_host->policy_path(path, PATH_SIZE) ? path : USUAL_POLICY;
}

static void print_doubts(unsigned doubts)
{
    if (doubts & NETSH_DOUBT_ORDER) {
        fputs("warning: netsh sets no weights, and filters that permit and filters that block "
              "share calls here: which come first is left to Windows\n",
              stderr);
    }
    if (doubts & NETSH_DOUBT_ADDRESS) {
        fputs("warning: netsh is reported to refuse conditions on addresses\n", stderr);
    }
    if (doubts & NETSH_DOUBT_AUDIT) {
        fputs("warning: netsh cannot say that a filter blocks and records; whether blocked calls "
              "are recorded is left to Windows\n",
              stderr);
    }
}

static int print_plan(const struct plan_arguments *arguments, const struct filter_plan *plan,
                      const struct policy *policy)
{
    if (arguments->json) {
        filter_plan_print_json(stdout, plan, policy);
    } else if (!arguments->netsh) {
        filter_plan_print(stdout, plan, policy, false);
    } else if (plan->refused) {
        filter_plan_print(stderr, plan, policy, true);
    } else {
        print_doubts(netsh_script_doubts(plan));
        netsh_script_print(stdout, plan, policy);
    }
    if (plan->refused) {
        fprintf(stderr, "%lu %s for RPC filters alone cannot be enforced by %s\n",
                (unsigned long)plan->refused, plan->refused == 1 ? "rule" : "rules",
                plan->host.name);
    }
    return plan->refused ? CLI_NO : CLI_DONE;
}

int verb_plan(const struct cli_verb *verb, int argc, char **argv)
{
    struct plan_arguments arguments = {0};
    char path[PATH_SIZE];
    struct filter_host host;
    int code = read_arguments(verb, argc, argv, &arguments);
    if (code != CLI_DONE) {
        return code;
    }
    struct policy *policy = load_policy(choose_file(&arguments, path), arguments.compat);
    if (!policy) {
        return CLI_ERROR;
    }
    if (policy->diagnostics.errors) {
        report_text(stderr, &policy->diagnostics);
        policy_free(policy);
        return CLI_NO;
    }
    choose_host(&arguments, &host);
    struct filter_plan *plan = filter_plan_make(policy, &host);
    if (plan) {
        code = print_plan(&arguments, plan, policy);
    } else {
        fprintf(stderr, "out of memory\n");
        code = CLI_ERROR;
    }
    filter_plan_free(plan);
    policy_free(policy);
    return code;
}
