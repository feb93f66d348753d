/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/service/journal.h"

#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define IDENTIFIER "rpcfw"

void journal_open(struct journal *journal)
{
    journal->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    journal->length = 0;
}

void journal_close(struct journal *journal)
{
    if (journal->socket >= 0)
        close(journal->socket);
    journal->socket = -1;
}

void journal_begin(struct journal *journal, int priority)
{
    char digit = (char)('0' + priority);
    journal->length = 0;
    journal_field(journal, "PRIORITY", &digit, 1);
    journal_field(journal, "SYSLOG_IDENTIFIER", IDENTIFIER, sizeof(IDENTIFIER) - 1);
}

static void append(struct journal *journal, const void *bytes, size_t length)
{
    memcpy(journal->record + journal->length, bytes, length);
    journal->length += length;
}

/* Always in the binary form, which may hold any byte: NAME LF, the length as 64 bits little-endian,
 * the value, LF. */
void journal_field(struct journal *journal, const char *name, const char *value, size_t length)
{
    uint64_t size = htole64(length);
    size_t room = sizeof(journal->record) - journal->length;
    if (strlen(name) + sizeof(size) + 2 > room || length > room - strlen(name) - sizeof(size) - 2)
        return;
    append(journal, name, strlen(name));
    append(journal, "\n", 1);
    append(journal, &size, sizeof(size));
    append(journal, value, length);
    append(journal, "\n", 1);
}

int journal_send(struct journal *journal)
{
    static const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = JOURNAL_SOCKET};
    if (journal->socket < 0)
        journal_open(journal);
    if (journal->socket < 0)
        return -errno;
    ssize_t sent;
    do {
        sent = sendto(journal->socket, journal->record, journal->length, MSG_NOSIGNAL,
                      (const struct sockaddr *)&address, sizeof(address));
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}
