/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "samba/manager/manager_host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "samba/manager/agent_file.h"

#define LOCK_TIMEOUT_MS 5000

/* ---- Sentences ---- */

int verb_system_error(const struct cli_verb *verb, const char *what, int error)
{
    return verb_error(verb, "%s: %s", what, strerror(error < 0 ? -error : error));
}

int verb_require_root(const struct cli_verb *verb)
{
    return geteuid() == 0 ? CLI_DONE : verb_error(verb, "only root can do that");
}

/* ---- Arguments ---- */

static bool read_pid(const char *text, pid_t *pid)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    *pid = (pid_t)number;
    return !errno && *end == '\0' && text[0] >= '1' && text[0] <= '9' && number <= INT_MAX;
}

/* The flag that an option sets; NULL: the verb has no such option. */
static bool *flag_of(const char *option, unsigned takes, struct verb_arguments *out)
{
    const struct {
        unsigned bit;
        const char *name;
        bool *flag;
    } options[] = {
        {VERB_TAKES_COMPAT, "--compat", &out->compat},
        {VERB_TAKES_JSON, "--json", &out->json},
        {VERB_TAKES_RULES, "--rules", &out->rules},
        {VERB_TAKES_PRELOAD, "--preload", &out->preload},
        {VERB_TAKES_NO_SERVICE, "--no-service", &out->no_service},
    };
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if ((takes & options[i].bit) && strcmp(option, options[i].name) == 0) {
            return options[i].flag;
        }
    }
    return NULL;
}

int verb_read_arguments(const struct cli_verb *verb, unsigned takes, int argc, char **argv,
                        struct verb_arguments *out)
{
    *out = (struct verb_arguments){0};
    for (int i = 1; i < argc; i++) {
        bool *flag = flag_of(argv[i], takes, out);
        if (flag) {
            *flag = true;
        } else if ((takes & VERB_TAKES_FOR) && strcmp(argv[i], "--for") == 0) {
            if (++i == argc || strcmp(argv[i], "samba") != 0) {
                return cli_usage_error(verb, "--for takes 'samba': no other server is known");
            }
        } else if (argv[i][0] == '-') {
            return cli_usage_error(verb, "unknown option '%s'", argv[i]);
        } else if (!(takes & VERB_TAKES_PID) || out->pid) {
            return cli_usage_error(verb, "'%s' is one argument too many", argv[i]);
        } else if (!read_pid(argv[i], &out->pid)) {
            return cli_usage_error(verb, "'%s' is not the number of a process", argv[i]);
        }
    }
    return (takes & VERB_NEEDS_PID) && !out->pid ? cli_usage_error(verb, "which process?")
                                                 : CLI_DONE;
}

/* ---- The host ---- */

/* The rights of the directory come first: behind them all its files are root's. */
static int open_error(const struct cli_verb *verb, int error)
{
    if (error == -EPERM) {
        return verb_error(verb, STATE_DIRECTORY " is not root's alone; remove it, or give it to "
                                                "root with mode 0700");
    }
    if (error == -EPROTO) {
        return verb_error(verb, STATE_DIRECTORY " is of another release of rpcfw; stop Samba and "
                                                "the service, and remove it");
    }
    return verb_system_error(verb, STATE_DIRECTORY, error);
}

static int map_files(const struct cli_verb *verb, struct manager_host *host)
{
    int error = control_page_map(host->directory, false, &host->control);
    if (!error) {
        error = process_table_map(host->directory, &host->table_file);
    }
    if (error) {
        open_error(verb, error);
        manager_host_close(host);
        return CLI_ERROR;
    }
    host->table = host->table_file.bytes;
    agent_file_find(host->agent_path);
    return CLI_DONE;
}

int manager_host_begin_change(const struct cli_verb *verb, struct manager_host *host)
{
    *host = (struct manager_host){.directory = -1, .lock = -1};
    if (verb_require_root(verb) != CLI_DONE) {
        return CLI_ERROR;
    }
    host->directory = state_directory_open(true);
    if (host->directory < 0) {
        return open_error(verb, host->directory);
    }
    host->lock = manager_lock(host->directory, LOCK_TIMEOUT_MS);
    if (host->lock < 0) {
        int error = host->lock;
        host->lock = -1;
        manager_host_close(host);
        return error == -EBUSY
                   ? verb_error(verb, "another rpcfw is at work; try again when it is done")
                   : open_error(verb, error);
    }
    return map_files(verb, host);
}

int manager_host_open(const struct cli_verb *verb, struct manager_host *host, bool *present)
{
    *host = (struct manager_host){.directory = -1, .lock = -1};
    *present = false;
    if (verb_require_root(verb) != CLI_DONE) {
        return CLI_ERROR;
    }
    host->directory = state_directory_open(false);
    if (host->directory == -ENOENT) {
        agent_file_find(host->agent_path);
        return CLI_DONE;
    }
    if (host->directory < 0) {
        return open_error(verb, host->directory);
    }
    *present = true;
    return map_files(verb, host);
}

void manager_host_close(struct manager_host *host)
{
    if (host->control.bytes) {
        state_file_unmap(&host->control);
    }
    if (host->table_file.bytes) {
        state_file_unmap(&host->table_file);
    }
    if (host->lock >= 0) {
        close(host->lock);
    }
    if (host->directory >= 0) {
        close(host->directory);
    }
    *host = (struct manager_host){.directory = -1, .lock = -1};
}

uint64_t manager_host_generation(const struct manager_host *host)
{
    return atomic_load(&control_page_of(&host->control)->generation);
}

struct protection_host manager_host_protection(const struct manager_host *host)
{
    return (struct protection_host){
        .agent_path = host->agent_path,
        .table = host->table,
        .timeout_ms = PROTECTION_TIMEOUT_MS,
    };
}
