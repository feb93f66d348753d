/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/diagnostics.h"

static const char *program_name = "rpcfw";

static void print_message(const struct cli_verb *verb, const char *format, va_list arguments)
{
    fprintf(stderr, "%s %s: ", program_name, verb->name);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

int cli_usage_error(const struct cli_verb *verb, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_message(verb, format, arguments);
    va_end(arguments);
    fprintf(stderr, "usage: %s %s %s\n", program_name, verb->name, verb->arguments);
    return CLI_ERROR;
}

int verb_error(const struct cli_verb *verb, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_message(verb, format, arguments);
    va_end(arguments);
    return CLI_ERROR;
}

void verb_note(const struct cli_verb *verb, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_message(verb, format, arguments);
    va_end(arguments);
}

static void print_rows(const struct cli_verb *verbs)
{
    for (; verbs && verbs->name; verbs++) {
        printf("  %-10s %s\n", verbs->name, verbs->summary);
    }
}

static int print_help(const struct cli_verb *host_verbs)
{
    printf("%s %s: a firewall for remote procedure calls (MS-RPC)\n\nusage: %s VERB [ARGUMENTS]\n",
           program_name, RPCFW_VERSION, program_name);
    if (host_verbs) {
        printf("\nProtection of this host:\n");
        print_rows(host_verbs);
    }
    printf("\nPolicies:\n");
    print_rows(cli_policy_verbs);
    printf("\n  %-10s this list; '%s VERB --help' tells all about one\n", "help", program_name);
    return CLI_DONE;
}

static int print_verb_help(const struct cli_verb *verb)
{
    printf("%s %s: %s\n\nusage: %s %s %s\n\n%s", program_name, verb->name, verb->summary,
           program_name, verb->name, verb->arguments, verb->help);
    return CLI_DONE;
}

static const struct cli_verb *find_verb(const struct cli_verb *verbs, const char *word)
{
    for (; verbs && verbs->name; verbs++) {
        if (strcmp(verbs->name, word) == 0) {
            return verbs;
        }
    }
    return NULL;
}

#define VERBS_MAX 64

static int report_unknown_verb(const struct cli_verb *host_verbs, const char *word)
{
    const char *names[VERBS_MAX + 1];
    size_t count = 0;
    for (const struct cli_verb *verb = host_verbs; verb && verb->name && count < VERBS_MAX;
         verb++) {
        names[count++] = verb->name;
    }
    for (const struct cli_verb *verb = cli_policy_verbs; verb->name && count < VERBS_MAX; verb++) {
        names[count++] = verb->name;
    }
    names[count] = NULL;
    const char *meant = closest_word(word, strlen(word), names);
    fprintf(stderr, "%s: unknown verb '%s'", program_name, word);
    fprintf(stderr, meant ? "; did you mean '%s'?\n" : "; '%s help' lists them\n",
            meant ? meant : program_name);
    return CLI_ERROR;
}

static bool asks_for_help(int argc, char **argv, bool slashes)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0 ||
            (slashes && strcmp(argv[i], "/?") == 0)) {
            return true;
        }
    }
    return false;
}

/* The verb without the slash or dashes that Windows users may put in front of it. */
static const char *bare_verb(const char *word, bool slashes)
{
    if (slashes && word[0] == '/') {
        return word + 1;
    }
    return slashes && word[0] == '-' && word[1] == '-' ? word + 2 : word;
}

static int run(const struct cli_verb *host_verbs, bool slashes, int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "%s: no verb; '%s help' lists them\n", program_name, program_name);
        return CLI_ERROR;
    }
    const char *word = bare_verb(argv[1], slashes);
    if (strcmp(argv[1], "--version") == 0 || strcmp(word, "version") == 0) {
        printf("%s %s\n", program_name, RPCFW_VERSION);
        return CLI_DONE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(word, "?") == 0) {
        word = "help";
    }
    bool help = strcmp(word, "help") == 0;
    if (help && argc == 2) {
        return print_help(host_verbs);
    }
    if (help) {
        word = bare_verb(argv[2], slashes);
    }
    const struct cli_verb *verb = find_verb(host_verbs, word);
    if (!verb) {
        verb = find_verb(cli_policy_verbs, word);
    }
    if (!verb) {
        return report_unknown_verb(host_verbs, word);
    }
    if (help || asks_for_help(argc - 1, argv + 1, slashes)) {
        return print_verb_help(verb);
    }
    return verb->run(verb, argc - 1, argv + 1);
}

int cli_run(const char *program, const struct cli_verb *host_verbs, bool slashes, int argc,
            char **argv)
{
    program_name = program;
    int code = run(host_verbs, slashes, argc, argv);
    /* A full disk or a closed pipe must not look like success. */
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "%s: cannot write the output\n", program);
        return CLI_ERROR;
    }
    return code;
}
