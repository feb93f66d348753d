/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/verbs.h"

#include <stdio.h>
#include <string.h>

#include "windows/manager/privileges.h"
#include "windows/manager/win32_error.h"
#include "windows/policy_section.h"

/* Milliseconds to wait for another manager to finish. */
#define LOCK_TIMEOUT 5000

int verb_system_error(const struct cli_verb *verb, const char *what, DWORD error)
{
    char text[WIN32_ERROR_TEXT_SIZE];
    return verb_error(verb, "%s: %s", what, win32_error_text(error, text));
}

int verb_read_arguments(const struct cli_verb *verb, unsigned takes, int argc, char **argv,
                        struct verb_arguments *out)
{
    *out = (struct verb_arguments){0};
    for (int i = 1; i < argc; i++) {
        if ((takes & VERB_TAKES_POLICY) && strcmp(argv[i], "--compat") == 0) {
            out->compat = true;
        } else if ((takes & VERB_TAKES_POLICY) && strcmp(argv[i], "--policy") == 0) {
            if (++i == argc) {
                return cli_usage_error(verb, "--policy takes a file");
            }
            out->policy = argv[i];
        } else if ((takes & VERB_TAKES_JSON) && strcmp(argv[i], "--json") == 0) {
            out->json = true;
        } else if (argv[i][0] == '-') {
            return cli_usage_error(verb, "unknown option '%s'", argv[i]);
        } else if (!(takes & VERB_TAKES_TARGET) || out->target) {
            return cli_usage_error(verb, "'%s' is one argument too many", argv[i]);
        } else {
            out->target = argv[i];
        }
    }
    return CLI_DONE;
}

int verb_begin_look(const struct cli_verb *verb, int argc, char **argv,
                    struct verb_arguments *arguments)
{
    int code = verb_read_arguments(verb, VERB_TAKES_JSON, argc, argv, arguments);
    if (code != CLI_DONE) {
        return code;
    }
    if (!privileges_administrator()) {
        return verb_error(verb, "only an administrator can look into the processes of services");
    }
    privileges_enable_debug();
    return CLI_DONE;
}

HANDLE verb_begin_change(const struct cli_verb *verb)
{
    if (!privileges_administrator()) {
        verb_error(verb, "only an administrator can do that; run it from an elevated prompt");
        return NULL;
    }
    if (!privileges_enable_debug()) {
        verb_note(verb, "no debug privilege: processes of other accounts will refuse");
    }
    HANDLE mutex = policy_manager_lock(LOCK_TIMEOUT);
    if (mutex) {
        return mutex;
    }
    DWORD error = GetLastError();
    if (error == WAIT_TIMEOUT) {
        verb_error(verb, "another manager is at work; try again when it is done");
    } else {
        verb_system_error(verb, "the manager mutex cannot be taken", error);
    }
    return NULL;
}
