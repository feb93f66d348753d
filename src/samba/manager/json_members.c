/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "samba/manager/json_members.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/report.h"

/* Whether a member stands before the next one. One document is written at a time. */
static bool follows;

static void begin(const char *name)
{
    if (follows) {
        putchar(',');
    }
    if (name) {
        printf("\"%s\":", name);
    }
    follows = true;
}

void member_open(const char *name, char bracket)
{
    begin(name);
    putchar(bracket);
    follows = false;
}

void member_close(char bracket)
{
    putchar(bracket);
    follows = true;
}

void member_text(const char *name, const char *text)
{
    begin(name);
    report_json_string(stdout, text, strlen(text));
}

void member_number(const char *name, uint64_t number)
{
    begin(name);
    printf("%" PRIu64, number);
}

void member_flag(const char *name, bool flag)
{
    begin(name);
    fputs(flag ? "true" : "false", stdout);
}
