/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/manager/host_policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/file.h"
#include "core/image.h"
#include "core/policy.h"
#include "samba/state/last_policy.h"

/* ---- Who may change it ---- */

/* A folder that anybody may write to is good when it is sticky and the name in it is root's. */
static bool is_roots(const char *path, bool folder)
{
    struct stat status;
    if (lstat(path, &status) != 0) {
        return true; /* nothing is there to change */
    }
    bool shared = (status.st_mode & (S_IWGRP | S_IWOTH)) != 0 && !S_ISLNK(status.st_mode);
    return status.st_uid == 0 && (!shared || (folder && (status.st_mode & S_ISVTX)));
}

/* The file and every folder above it. */
static bool chain_is_roots(const char *path, char *culprit)
{
    char part[PATH_MAX];
    bool folder = false;
    if (!realpath(path, part)) {
        return true;
    }
    for (;;) {
        if (!is_roots(part, folder)) {
            snprintf(culprit, PATH_MAX, "%s", part);
            return false;
        }
        char *slash = strrchr(part, '/');
        if (!slash || strcmp(part, "/") == 0) {
            return true;
        }
        slash[slash == part] = '\0';
        folder = true;
    }
}

static bool policy_is_roots(const struct policy *policy, char *culprit)
{
    for (size_t i = 0; i < policy->source_count; i++) {
        if (!chain_is_roots(policy->sources[i].path, culprit)) {
            return false;
        }
    }
    return true;
}

/* Reads without a word; NULL: it cannot be read, errno says why. */
static struct policy *read_quietly(void)
{
    struct policy_read_options options = {.compat = true, .read_file = file_load};
    const char *why;
    size_t size;
    void *bytes = file_load(POLICY_FILE, POLICY_FILE_MAX, &size, &why);
    if (!bytes) {
        return NULL;
    }
    struct policy *policy = policy_read(POLICY_FILE, bytes, size, &options);
    free(bytes);
    return policy;
}

bool host_policy_foreign_writer(char *path_of)
{
    struct policy *policy = read_quietly();
    bool good = policy ? policy_is_roots(policy, path_of) : chain_is_roots(POLICY_FILE, path_of);
    policy_free(policy);
    return !good;
}

/* ---- Putting it in force ---- */

int host_policy_publish(const struct cli_verb *verb, const struct manager_host *host, bool compat,
                        uint64_t *generation)
{
    char culprit[PATH_MAX];
    void *image;
    size_t size;
    if (host_policy_foreign_writer(culprit)) {
        verb_note(verb,
                  "warning: others than root may change %s, and so decide what the firewall does",
                  culprit);
    }
    int code = cli_load_policy(POLICY_FILE, compat, &image, &size);
    if (code != CLI_DONE) {
        return code;
    }
    int error = policy_publish(host->directory, image, size, generation);
    int kept = error ? 0 : last_policy_save(image, size);
    if (kept) {
        verb_note(verb, "warning: the policy is in force, but %s cannot be written (%s)",
                  LAST_POLICY_FILE, strerror(-kept));
    }
    free(image);
    return error ? verb_system_error(verb, "the policy cannot be published", error) : CLI_DONE;
}

int host_policy_ensure(const struct cli_verb *verb, const struct manager_host *host)
{
    uint64_t generation;
    if (manager_host_generation(host)) {
        return CLI_DONE;
    }
    return host_policy_publish(verb, host, false, &generation);
}

/* ---- Comparing ---- */

/* Equal texts give equal bytes, and different meanings different ones. */
static bool is_in_force(const struct manager_host *host, const void *image, size_t size)
{
    struct policy_view view;
    bool same = false;
    if (policy_view_open(host->directory, manager_host_generation(host), &view) == POLICY_VIEW_OK) {
        same = view.image->size == size && memcmp(view.image, image, size) == 0;
        policy_view_close(&view);
    }
    return same;
}

enum host_policy_state host_policy_compare(const struct manager_host *host)
{
    enum host_policy_state state = HOST_POLICY_REFUSED;
    if (access(POLICY_FILE, F_OK) != 0) {
        return errno == ENOENT || errno == ENOTDIR ? HOST_POLICY_MISSING : HOST_POLICY_UNREAD;
    }
    struct policy *policy = read_quietly();
    if (!policy) {
        return HOST_POLICY_UNREAD;
    }
    if (!policy->diagnostics.errors) {
        size_t size;
        void *image = policy_compile(policy, &size);
        state = image && is_in_force(host, image, size) ? HOST_POLICY_SAME : HOST_POLICY_DIFFERS;
        free(image);
    }
    policy_free(policy);
    return state;
}
