/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy file, read and compiled: what the verbs and the service put in force. One thread.
 */
#ifndef RPCFW_WINDOWS_MANAGER_COMPILED_POLICY_H
#define RPCFW_WINDOWS_MANAGER_COMPILED_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <windows.h>

#include "core/image.h"
#include "core/policy.h"

struct compiled_policy {
    struct policy *policy; /* NULL: the file cannot be read */
    void *image;           /* NULL: it has errors, or is too large */
    size_t size;
};

enum compiled_policy_result {
    COMPILED_POLICY_GOOD,
    COMPILED_POLICY_ERRORS,     /* in policy->diagnostics */
    COMPILED_POLICY_UNREADABLE, /* stderr has said why */
    COMPILED_POLICY_TOO_LARGE,  /* no memory for the image */
};

/* Reads, lints and compiles. Whatever comes back, compiled_policy_free() it. `path` is UTF-8. */
enum compiled_policy_result compiled_policy_load(const char *path, bool compat,
                                                 struct compiled_policy *compiled);
void compiled_policy_free(struct compiled_policy *compiled);

/*
 * Creates the file that `option json` of the image names, for agents that run under accounts that
 * can append to it and not create it. A Win32 error: ERROR_FILENAME_EXCED_RANGE, or what
 * json_sink_create_file() says; ERROR_SUCCESS also when none is named.
 */
DWORD compiled_policy_create_audit_file(const struct policy_image *image);

#endif
