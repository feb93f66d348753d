/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of JSON lines (core/event_json.h), appended to by every protected process at once.
 *
 * Each write is of whole lines at the end of the file, so lines of several processes do not mix.
 * The file may be renamed or deleted at any time: within a few seconds the lines go to a new one.
 * Only a plain file on a disk is written to, that has one name and belongs to administrators, to
 * the system, to a service account or to this process's own: the path comes from the policy, but
 * what lies there may have been put there by somebody else.
 */
#ifndef RPCFW_WINDOWS_JSON_SINK_H
#define RPCFW_WINDOWS_JSON_SINK_H

#include "agent/back_off.h"
#include "core/event_json.h"
#include "windows/agent/sinks/event_sink.h"

#define JSON_SINK_BUFFER_SIZE (4 * EVENT_JSON_SIZE)
#define JSON_SINK_REOPEN_MS   5000

/*
 * In SDDL: of the file, when a sink creates it. Administrators and the system may do all; services
 * append, and read nothing back.
 */
extern const wchar_t json_sink_sddl[];

/*
 * Creates the file where there is none, so that agents whose account may not create files there can
 * append to it. For the manager; returns a Win32 error.
 */
DWORD json_sink_create_file(const wchar_t *path);

/* Whether a file of that owner is appended to; `self`: the user of this process, or NULL. */
bool json_sink_trusts_owner(PSID owner, PSID self);

struct json_sink {
    wchar_t path[SINK_PATH_SIZE];
    HANDLE file; /* NULL: not open */
    ULONGLONG opened_ms;
    struct back_off back_off;
    DWORD error; /* why it is down */
    bool torn;   /* the file ends in a piece of a line */
    size_t lines;
    size_t length; /* of the lines */
    char
        buffer[1 + JSON_SINK_BUFFER_SIZE]; /* a line feed to end a torn line with, then the lines */
};

/* Its state is a struct json_sink, all zero at first. */
extern const struct event_sink json_sink;

#endif
