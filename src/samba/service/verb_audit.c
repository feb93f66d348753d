/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "samba/service/service_verbs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/events/byte_source.h"
#include "cli/events/line_reader.h"
#include "cli/events/timestamp.h"
#include "cli/plain_text.h"
#include "samba/service/audit_file.h"
#include "samba/service/audit_filter.h"
#include "samba/service/audit_follow.h"
#include "samba/service/event_words.h"
#include "samba/service/sinks.h"
#include "samba/state/service_page.h"
#include "samba/state/state_directory.h"

/* What -f shows of what was there before. */
#define LINES_BACK 10

struct audit {
    struct audit_filter filter;
    bool follow;
    bool json;
    bool colour;
    uint64_t shown;
    uint64_t bad;   /* lines that are no events */
    size_t refused; /* files that could not be read to their end */
    char *copy;     /* of the line, for --json */
};

static void show(struct audit *audit, char *line, size_t length)
{
    struct event_fields fields;
    char time_text[TIMESTAMP_TEXT_SIZE];
    const char *why;
    uint64_t time_us = 0;
    if (length == 0)
        return;
    if (audit->json)
        memcpy(audit->copy, line, length);
    if (!event_fields_read(line, length, &fields, &why)) {
        audit->bad++;
        return;
    }
    if (!audit_filter_matches(&audit->filter, &fields))
        return;
    audit->shown++;
    if (audit->json) {
        fwrite(audit->copy, 1, length, stdout);
    } else {
        const struct text *time = &fields.value[FIELD_TIME];
        timestamp_parse(time->bytes, time->length, &time_us);
        fputs(timestamp_format(time_us, time_text), stdout);
        fputs("  ", stdout);
        event_words_print(stdout, &fields, audit->colour);
    }
    fputc('\n', stdout);
}

static void refuse(struct audit *audit, const char *path, const char *why)
{
    print_plain(stderr, path, strlen(path));
    fprintf(stderr, ": %s\n", why);
    audit->refused++;
}

static void show_file(struct audit *audit, const char *path, char *buffer)
{
    const char *why;
    struct byte_source *source = byte_source_open(path, &why);
    if (!source) {
        refuse(audit, path, why);
        return;
    }
    struct line_reader reader = {.buffer = buffer, .source = source};
    char *line;
    size_t length;
    for (enum line_result result;
         (result = line_reader_next(&reader, &line, &length)) != LINE_END;) {
        if (result == LINE_READ)
            show(audit, line, length);
        else
            audit->bad++;
    }
    if (byte_source_error(source))
        refuse(audit, path, byte_source_error(source));
    byte_source_close(source);
}

/* Until it is interrupted, or nobody reads any more. */
static int follow_file(struct audit *audit, const char *path)
{
    static struct audit_follow follow;
    char *line;
    size_t length;
    audit_follow_open(&follow, path, LINES_BACK);
    while (!ferror(stdout)) {
        audit_follow_next(&follow, &line, &length);
        show(audit, line, length);
        fflush(stdout);
    }
    audit_follow_close(&follow);
    return CLI_ERROR;
}

/* Where the service writes; the default when none ever ran, or only root may know. */
static const char *file_of_service(void)
{
    static struct service_page page;
    int directory = state_directory_open(false);
    if (directory < 0)
        return AUDIT_FILE;
    int error = service_page_read(directory, &page);
    close(directory);
    return (error == 0 || error == -EBUSY) && page.file_path[0] ? page.file_path : AUDIT_FILE;
}

static int show_files(struct audit *audit, char **paths, int count)
{
    char *buffer = malloc(LINE_BUFFER_SIZE);
    if (!buffer) {
        fputs("rpcfw audit: out of memory\n", stderr);
        return CLI_ERROR;
    }
    for (int i = 0; i < count; i++)
        show_file(audit, paths[i], buffer);
    free(buffer);
    if (audit->bad)
        fprintf(stderr, "rpcfw audit: %llu lines are no events\n", (unsigned long long)audit->bad);
    if (audit->refused || fflush(stdout) != 0)
        return CLI_ERROR;
    return audit->shown ? CLI_DONE : CLI_NO;
}

/* CLI_DONE, and the files in argv[0] to argv[*files - 1]. */
static int read_arguments(const struct cli_verb *verb, int argc, char **argv, struct audit *audit,
                          int *files)
{
    char why[FILTER_WHY_SIZE];
    *files = 0;
    for (int i = 1; i < argc; i++) {
        enum filter_word word =
            audit_filter_read(&audit->filter, argc, argv, &i, service_now_us(), why);
        if (word == FILTER_WRONG)
            return cli_usage_error(verb, "%s", why);
        if (word == FILTER_TAKEN)
            continue;
        if (strcmp(argv[i], "-f") == 0 || strcmp(argv[i], "--follow") == 0) {
            audit->follow = true;
        } else if (strcmp(argv[i], "--json") == 0) {
            audit->json = true;
        } else if (argv[i][0] == '-' && argv[i][1]) {
            const char *meant = audit_filter_nearest(argv[i]);
            return cli_usage_error(
                verb, meant ? "unknown option '%s'; did you mean '%s'?" : "unknown option '%s'",
                argv[i], meant);
        } else {
            argv[(*files)++] = argv[i];
        }
    }
    if (!audit_filter_check(&audit->filter, why))
        return cli_usage_error(verb, "%s", why);
    if (audit->follow && *files > 1)
        return cli_usage_error(verb, "-f follows one file");
    return CLI_DONE;
}

int verb_audit(const struct cli_verb *verb, int argc, char **argv)
{
    static struct audit audit;
    int files;
    audit_filter_init(&audit.filter);
    int code = read_arguments(verb, argc, argv, &audit, &files);
    if (code != CLI_DONE)
        return code;
    if (files == 0)
        argv[files++] = (char *)file_of_service();
    audit.colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    audit.copy = malloc(LINE_BUFFER_SIZE);
    if (!audit.copy)
        return cli_usage_error(verb, "out of memory");
    code = audit.follow ? follow_file(&audit, argv[0]) : show_files(&audit, argv, files);
    free(audit.copy);
    return code;
}
