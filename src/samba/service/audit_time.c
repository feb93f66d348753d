/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "samba/service/audit_time.h"

#include <stdio.h>
#include <string.h>

#include "cli/events/timestamp.h"

/* Nine digits of days are more than there are years. */
#define DIGITS_MAX 9

static bool parse_ago(const char *text, uint64_t now_us, uint64_t *out)
{
    static const struct {
        char letter;
        uint64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    size_t digits = strspn(text, "0123456789");
    uint64_t number = 0;
    if (digits == 0 || digits > DIGITS_MAX || strlen(text) != digits + 1)
        return false;
    for (size_t i = 0; i < digits; i++)
        number = number * 10 + (uint64_t)(text[i] - '0');
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (text[digits] != units[i].letter)
            continue;
        uint64_t ago = number * units[i].seconds * 1000000;
        *out = ago < now_us ? now_us - ago : 0;
        return true;
    }
    return false;
}

/* Completes "2026-11-22 08:00" to RFC 3339 in UTC. */
static bool parse_date(const char *text, uint64_t *out)
{
    static const char pattern[] = "dddd-dd-dd dd:dd:dd";
    static const char rest[] = "0000-00-00T00:00:00Z";
    char full[sizeof(rest)];
    size_t length = strlen(text);
    if (length != 10 && length != 16 && length != 19)
        return false;
    memcpy(full, rest, sizeof(rest));
    for (size_t i = 0; i < length; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (pattern[i] == 'd' ? !digit : text[i] != pattern[i] && !(i == 10 && text[i] == 'T'))
            return false;
        full[i] = text[i];
    }
    full[10] = 'T';
    return timestamp_parse(full, strlen(full), out);
}

bool audit_time_parse(const char *text, uint64_t now_us, uint64_t *out)
{
    return parse_ago(text, now_us, out) || parse_date(text, out) ||
           timestamp_parse(text, strlen(text), out);
}
