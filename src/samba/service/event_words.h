/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An event in words, for people: `rpcfw audit` and the journal.
 *
 * Texts that others chose are shown with '?' for control characters and for marks that turn the
 * direction of writing, so nothing in them acts on a terminal.
 */
#ifndef RPCFW_SAMBA_EVENT_WORDS_H
#define RPCFW_SAMBA_EVENT_WORDS_H

#include <stdbool.h>
#include <stdio.h>

#include "samba/service/event_fields.h"

/* "BLOCKED      drsuapi:DRSGetNCChanges from 10.1.2.3 as EXAMPLE\mallory …", without the time and
 * without a line feed. */
void event_words_print(FILE *out, const struct event_fields *fields, bool colour);

/* How urgent it is, as syslog counts: 3 error, 4 warning, 5 notice, 6 information. */
int event_priority(const struct event_fields *fields);

#endif
