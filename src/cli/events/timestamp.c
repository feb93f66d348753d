/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/events/timestamp.h"

#include <stdio.h>

#define SECONDS_MAX UINT64_C(253402300799) /* the end of the year 9999 */

struct cursor {
    const char *at;
    const char *end;
};

static bool is_digit(const struct cursor *in)
{
    return in->at < in->end && *in->at >= '0' && *in->at <= '9';
}

/* Exactly `digits` digits, of a number of `min` to `max`. */
static bool read_number(struct cursor *in, int digits, unsigned min, unsigned max, unsigned *out)
{
    unsigned value = 0;
    for (int i = 0; i < digits; i++) {
        if (!is_digit(in)) {
            return false;
        }
        value = value * 10 + (unsigned)(*in->at++ - '0');
    }
    *out = value;
    return value >= min && value <= max;
}

static bool read_mark(struct cursor *in, const char *marks)
{
    for (; *marks; marks++) {
        if (in->at < in->end && *in->at == *marks) {
            in->at++;
            return true;
        }
    }
    return false;
}

/* Digits behind a dot or comma, as microseconds; none is 0. */
static bool read_fraction(struct cursor *in, uint64_t *micros)
{
    uint64_t weight = 100000;
    *micros = 0;
    if (!read_mark(in, ".,")) {
        return true;
    }
    if (!is_digit(in)) {
        return false;
    }
    for (; is_digit(in); in->at++) {
        *micros += (uint64_t)(*in->at - '0') * weight;
        weight /= 10;
    }
    return true;
}

/* "Z" or "+02:00" or "+0200": minutes to take off. */
static bool read_offset(struct cursor *in, int *minutes)
{
    unsigned hours;
    unsigned rest;
    *minutes = 0;
    if (read_mark(in, "Zz")) {
        return true;
    }
    int sign = in->at < in->end && *in->at == '-' ? -1 : 1;
    if (!read_mark(in, "+-") || !read_number(in, 2, 0, 23, &hours)) {
        return false;
    }
    read_mark(in, ":");
    if (!read_number(in, 2, 0, 59, &rest)) {
        return false;
    }
    *minutes = sign * (int)(hours * 60 + rest);
    return true;
}

/* Days from 1970-01-01 to a date of the Gregorian calendar. The year begins in March here, so that
 * a leap day is its last. */
static int64_t days_of(unsigned year, unsigned month, unsigned day)
{
    int64_t y = (int64_t)year - (month <= 2);
    int64_t day_of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

static bool read_date(struct cursor *in, int64_t *days)
{
    static const uint8_t lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned year;
    unsigned month;
    unsigned day;
    if (!read_number(in, 4, 1970, 9999, &year) || !read_mark(in, "-") ||
        !read_number(in, 2, 1, 12, &month) || !read_mark(in, "-") ||
        !read_number(in, 2, 1, lengths[month - 1], &day)) {
        return false;
    }
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    *days = days_of(year, month, day);
    return month != 2 || day < 29 || leap;
}

static bool parse_rfc3339(struct cursor in, uint64_t *out)
{
    int64_t days;
    unsigned hour;
    unsigned minute;
    unsigned second;
    uint64_t micros;
    int offset;
    /* 60: a leap second. */
    if (!read_date(&in, &days) || !read_mark(&in, "Tt ") || !read_number(&in, 2, 0, 23, &hour) ||
        !read_mark(&in, ":") || !read_number(&in, 2, 0, 59, &minute) || !read_mark(&in, ":") ||
        !read_number(&in, 2, 0, 60, &second) || !read_fraction(&in, &micros) ||
        !read_offset(&in, &offset) || in.at != in.end) {
        return false;
    }
    int64_t seconds = days * 86400 + (int64_t)hour * 3600 + (int64_t)minute * 60 + second;
    seconds -= (int64_t)offset * 60;
    if (seconds < 0 || (uint64_t)seconds > SECONDS_MAX) {
        return false;
    }
    *out = (uint64_t)seconds * 1000000 + micros;
    return true;
}

static bool parse_seconds(struct cursor in, uint64_t *out)
{
    uint64_t seconds = 0;
    uint64_t micros;
    for (; is_digit(&in); in.at++) {
        seconds = seconds * 10 + (uint64_t)(*in.at - '0');
        if (seconds > SECONDS_MAX) {
            return false;
        }
    }
    if (!read_fraction(&in, &micros) || in.at != in.end) {
        return false;
    }
    *out = seconds * 1000000 + micros;
    return true;
}

bool timestamp_parse(const char *text, size_t length, uint64_t *out)
{
    struct cursor in = {text, text + length};
    if (!is_digit(&in)) {
        return false;
    }
    return length > 4 && text[4] == '-' ? parse_rfc3339(in, out) : parse_seconds(in, out);
}

char *timestamp_format(uint64_t time_us, char text[TIMESTAMP_TEXT_SIZE])
{
    uint64_t seconds = time_us / 1000000;
    uint64_t since = seconds / 86400 + 719468; /* days since 0000-03-01 */
    uint64_t era = since / 146097;             /* 400 years */
    unsigned day_of_era = (unsigned)(since % 146097);
    unsigned year =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day = day_of_era - (365 * year + year / 4 - year / 100);
    unsigned month = (5 * day + 2) / 153; /* 0: March */
    if (!time_us) {
        snprintf(text, TIMESTAMP_TEXT_SIZE, "unknown");
        return text;
    }
    snprintf(text, TIMESTAMP_TEXT_SIZE, "%04u-%02u-%02u %02u:%02u:%02uZ",
             (unsigned)(era * 400 + year + (month >= 10)) % 10000,
             month < 10 ? month + 3 : month - 9, day - (153 * month + 2) / 5 + 1,
             (unsigned)(seconds / 3600 % 24), (unsigned)(seconds / 60 % 60),
             (unsigned)(seconds % 60));
    return text;
}
