/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Records for systemd's journal.
 *
 * Speaks the journal's native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL) itself: libsystemd
 * would wait where the journal is slow, and not tell where there is none. The service's main thread
 * alone. Never waits.
 */
#ifndef RPCFW_SAMBA_JOURNAL_H
#define RPCFW_SAMBA_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/* An event's fields and a message made of them; what is beyond is left out. */
#define JOURNAL_RECORD_SIZE 65536

struct journal {
    int socket; /* -1: none */
    size_t length;
    char record[JOURNAL_RECORD_SIZE];
};

/* Never fails: a socket that cannot be had is tried for again with each record. */
void journal_open(struct journal *journal);
void journal_close(struct journal *journal);

/* A record is begun, given fields and sent. A name is upper-case letters, digits and '_'. */
void journal_begin(struct journal *journal, int priority);
void journal_field(struct journal *journal, const char *name, const char *value, size_t length);

/* 0 or -errno: -ENOENT and -ECONNREFUSED, there is no journal; -EAGAIN, it is slow. */
int journal_send(struct journal *journal);

#endif
