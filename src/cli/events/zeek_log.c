/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/events/zeek_log.h"

#include <string.h>

#include "core/utf8.h"

static const struct {
    const char *name;
    size_t offset; /* of a struct text in struct zeek_record */
} fields[ZEEK_LOG_FIELDS] = {
    {"ts", offsetof(struct zeek_record, ts)},
    {"id.orig_h", offsetof(struct zeek_record, client)},
    {"id.resp_p", offsetof(struct zeek_record, server_port)},
    {"named_pipe", offsetof(struct zeek_record, pipe)},
    {"endpoint", offsetof(struct zeek_record, interface)},
    {"operation", offsetof(struct zeek_record, method)},
};

static bool is(struct text text, const char *word)
{
    return text.length == strlen(word) && memcmp(text.bytes, word, text.length) == 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Takes the next word off *rest. */
static struct text next_field(struct text *rest, char separator)
{
    const char *mark = memchr(rest->bytes, separator, rest->length);
    struct text field = {rest->bytes, mark ? (size_t)(mark - rest->bytes) : rest->length};
    size_t used = field.length + (mark != NULL);
    rest->bytes += used;
    rest->length -= used;
    return field;
}

/* Zeek writes \xHH for what could break a line, and \\ for a backslash; older ones leave it alone.
 */
static struct text unescape(char *text, size_t length)
{
    char *out = text;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c == '\\' && i + 3 < length && text[i + 1] == 'x' && hex_digit(text[i + 2]) >= 0 &&
            hex_digit(text[i + 3]) >= 0) {
            c = (char)(hex_digit(text[i + 2]) << 4 | hex_digit(text[i + 3]));
            i += 3;
        } else if (c == '\\' && i + 1 < length && text[i + 1] == '\\') {
            i++;
        }
        *out++ = c;
    }
    return (struct text){text, (size_t)(out - text)};
}

/* ---- Headers ---- */

/* The one header whose value stands behind a blank, for it says what the separator is: "\x09". */
static const char *read_separator(struct zeek_log *log, struct text value)
{
    if (value.length == 4 && value.bytes[0] == '\\' && value.bytes[1] == 'x' &&
        hex_digit(value.bytes[2]) >= 0 && hex_digit(value.bytes[3]) >= 0) {
        log->separator = (char)(hex_digit(value.bytes[2]) << 4 | hex_digit(value.bytes[3]));
    } else if (value.length == 1) {
        log->separator = value.bytes[0];
    } else {
        return "#separator is not one byte";
    }
    return log->separator && log->separator != '\n' ? NULL : "#separator is not one byte";
}

static const char *read_names(struct zeek_log *log, struct text rest, char separator)
{
    for (size_t i = 0; i < ZEEK_LOG_FIELDS; i++) {
        log->columns[i] = -1;
    }
    log->column_count = 0;
    while (rest.length) {
        struct text name = next_field(&rest, separator);
        for (size_t i = 0; i < ZEEK_LOG_FIELDS; i++) {
            if (is(name, fields[i].name)) {
                log->columns[i] = (int)log->column_count;
            }
        }
        log->column_count++;
    }
    log->has_fields = true;
    return NULL;
}

const char *zeek_log_header(struct zeek_log *log, const char *line, size_t length)
{
    static const char separator_name[] = "#separator ";
    const size_t separator_length = sizeof(separator_name) - 1;
    struct text rest = {line, length};
    if (length >= separator_length && memcmp(line, separator_name, separator_length) == 0) {
        return read_separator(log,
                              (struct text){line + separator_length, length - separator_length});
    }
    char separator = log->separator ? log->separator : '\t';
    struct text name = next_field(&rest, separator);
    if (is(name, "#fields")) {
        return read_names(log, rest, separator);
    }
    if (is(name, "#path")) {
        log->other_log = !is(rest, "dce_rpc");
    } else if (is(name, "#unset_field")) {
        if (!rest.length || rest.length >= sizeof(log->unset)) {
            return "#unset_field is empty or too long";
        }
        memcpy(log->unset, rest.bytes, rest.length);
        log->unset[rest.length] = '\0';
    }
    return NULL;
}

/* ---- Rows ---- */

static bool is_utf8(struct text text)
{
    while (text.length) {
        size_t size = utf8_character(text.bytes, text.length);
        if (!size) {
            return false;
        }
        text.bytes += size;
        text.length -= size;
    }
    return true;
}

enum record_result zeek_log_row(const struct zeek_log *log, struct zeek_names *names, char *line,
                                size_t length, struct recorded_call *out, const char **why)
{
    struct zeek_record record = {.ts = {0}};
    struct text rest = {line, length};
    char separator = log->separator ? log->separator : '\t';
    unsigned column = 0;
    *why = "a row has more or fewer fields than #fields names";
    for (bool last = false; !last; column++) {
        last = !memchr(rest.bytes, separator, rest.length);
        struct text field = next_field(&rest, separator);
        for (size_t i = 0; i < ZEEK_LOG_FIELDS; i++) {
            if (log->columns[i] != (int)column || is(field, log->unset[0] ? log->unset : "-")) {
                continue;
            }
            *(struct text *)((char *)&record + fields[i].offset) =
                unescape(line + (field.bytes - line), field.length);
        }
    }
    if (column != log->column_count) {
        return RECORD_BAD;
    }
    if (!is_utf8(record.interface) || !is_utf8(record.method) || !is_utf8(record.pipe)) {
        *why = "bytes that are not UTF-8";
        return RECORD_BAD;
    }
    return zeek_record_read(names, &record, out, why);
}
