/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The fields of one event's JSON line (docs/events.md), by number.
 *
 * What the journal and `rpcfw audit` show is made of them, so that both tell what the file tells.
 * The texts lie in the line, unescaped in place, and may hold any character. No heap; any thread.
 */
#ifndef RPCFW_SAMBA_EVENT_FIELDS_H
#define RPCFW_SAMBA_EVENT_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/call.h"

enum event_field {
    FIELD_TIME,
    FIELD_ACTION,
    FIELD_OUTCOME,
    FIELD_REASON,
    FIELD_SOURCE_IP,
    FIELD_SOURCE_PORT,
    FIELD_DESTINATION_IP,
    FIELD_DESTINATION_PORT,
    FIELD_USER_NAME,
    FIELD_USER_DOMAIN,
    FIELD_USER_SID,
    FIELD_PROCESS_PID,
    FIELD_PROCESS_NAME,
    FIELD_FILE_PATH,
    FIELD_RULE_ID,
    FIELD_RULE_NAME,
    FIELD_TECHNIQUES, /* separated by commas */
    FIELD_INTERFACE_UUID,
    FIELD_INTERFACE_NAME,
    FIELD_OPNUM,
    FIELD_METHOD,
    FIELD_PROTSEQ,
    FIELD_ENDPOINT,
    FIELD_AUTH_LEVEL,
    FIELD_AUTH_SERVICE,
    FIELD_GENERATION,
    FIELD_UNKNOWN, /* separated by commas */
    FIELD_DROPPED,
    FIELD_COVERED_BY,
    EVENT_FIELD_COUNT
};

/* A field that the event lacks has bytes NULL. */
struct event_fields {
    struct text value[EVENT_FIELD_COUNT];
};

/* Reads a line, changing its bytes. False: it is no JSON object of an event of ours; `why` says
 * what is wrong. */
bool event_fields_read(char *line, size_t length, struct event_fields *fields, const char **why);

bool event_field_is(const struct event_fields *fields, enum event_field field, const char *text);

/* Its name in the journal: RPCFW_SOURCE_IP, … */
const char *event_field_journal_name(enum event_field field);

#endif
