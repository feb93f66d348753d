/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/load_policy.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/file.h"
#include "cli/report.h"

struct policy *load_policy(const char *path, bool compat)
{
    struct policy_read_options options = {.compat = compat, .read_file = file_load};
    size_t size;
    void *bytes = file_read(path, POLICY_FILE_MAX, &size);
    if (!bytes) {
        return NULL;
    }
    struct policy *policy = policy_read(path, bytes, size, &options);
    free(bytes);
    if (!policy || policy->diagnostics.out_of_memory) {
        fprintf(stderr, "%s: out of memory\n", path);
        policy_free(policy);
        return NULL;
    }
    if (!policy->diagnostics.errors) {
        policy_lint(policy);
    }
    return policy;
}

int cli_load_policy(const char *path, bool compat, void **image, size_t *size)
{
    int code = CLI_NO;
    struct policy *policy = load_policy(path, compat);
    if (!policy) {
        return CLI_ERROR;
    }
    report_text(stderr, &policy->diagnostics);
    if (!policy->diagnostics.errors) {
        *image = policy_compile(policy, size);
        code = *image ? CLI_DONE : CLI_ERROR;
        if (!*image) {
            fprintf(stderr, "%s: the compiled policy does not fit into memory\n", path);
        }
    }
    policy_free(policy);
    return code;
}
