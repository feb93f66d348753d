/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/events/record_reader.h"

#include "cli/events/json_record.h"

static void clear(struct recorded_call *out)
{
    out->call = (struct call){.fetch = NULL};
    out->time_us = 0;
    out->outcome = RECORDED_ANSWERED;
}

static enum record_result read_row(struct record_reader *reader, char *line, size_t length,
                                   struct recorded_call *out, const char **why)
{
    if (reader->log.other_log) {
        return RECORD_OTHER;
    }
    if (!reader->log.has_fields) {
        *why = "neither JSON nor a row of a Zeek log whose #fields line came before";
        return RECORD_BAD;
    }
    return zeek_log_row(&reader->log, reader->names, line, length, out, why);
}

enum record_result record_read(struct record_reader *reader, char *line, size_t length,
                               struct recorded_call *out, const char **why)
{
    size_t blanks = 0;
    *why = NULL;
    while (blanks < length && (line[blanks] == ' ' || line[blanks] == '\t')) {
        blanks++;
    }
    if (blanks == length) {
        return RECORD_OTHER;
    }
    clear(out);
    if (line[blanks] == '{') {
        return json_record_read(reader->names, line, length, out, why);
    }
    if (line[0] == '#') {
        *why = zeek_log_header(&reader->log, line, length);
        return *why ? RECORD_BAD : RECORD_OTHER;
    }
    return read_row(reader, line, length, out, why);
}
