/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verbs of the command line that need no host: one file each, one row each in cli_policy_verbs,
 * the same in rpcfw and in rpcFwManager.exe. Arguments are UTF-8. Data goes to stdout, messages to
 * stderr.
 */
#ifndef RPCFW_CLI_CLI_H
#define RPCFW_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>

/* Exit codes, the same everywhere. */
#define CLI_DONE  0
#define CLI_NO    1 /* the answer is no: policy refused, not an RPC server, … */
#define CLI_ERROR 2 /* usage or environment */

struct cli_verb {
    const char *name;
    const char *arguments; /* for the usage line */
    const char *summary;   /* one line, for the list of verbs */
    const char *help;      /* the rest of --help, lines ending in a line feed */
    int (*run)(const struct cli_verb *verb, int argc, char **argv); /* argv[0] is the verb */
};

/* check, explain, …; ends with a row whose name is NULL. */
extern const struct cli_verb cli_policy_verbs[];

/*
 * Finds `word` in `verbs` and runs it, answering `--help` itself; prints the list of both tables
 * for "help" and a usage error for anything else. `program` is the name in messages. With
 * `slashes`, /verb and --verb are also verb (Windows).
 */
int cli_run(const char *program, const struct cli_verb *host_verbs, bool slashes, int argc,
            char **argv);

/* "PROGRAM VERB: message" and how the verb is used on stderr; returns CLI_ERROR. */
int cli_usage_error(const struct cli_verb *verb, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "PROGRAM VERB: message" on stderr; returns CLI_ERROR. */
int verb_error(const struct cli_verb *verb, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same line for what is no error. */
void verb_note(const struct cli_verb *verb, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Reads, checks and compiles a policy file; all its errors and warnings go to stderr. On success
 * *image is the compiled image, to be freed with free(), and CLI_DONE is returned; CLI_NO when the
 * policy is refused, CLI_ERROR when the file cannot be read. `path` is UTF-8.
 */
int cli_load_policy(const char *path, bool compat, void **image, size_t *size);

#endif
