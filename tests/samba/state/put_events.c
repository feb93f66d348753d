/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Stands in for an agent where only its events matter: puts events into the ring of this host.
 *
 *   put_events COUNT [NAME=VALUE …]
 *
 * from= the first number (1), pause= microseconds between two (0), user= the principal, in which
 * %XX is the byte XX, wait=1 tries again when the ring is full, block=1 blocked calls, pid= tells
 * of that process. Each event carries its number as the opnum's and generation's value. Prints how
 * many were put.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "samba/state/event_ring.h"
#include "samba/state/process_table.h"

static const char *value_of(int argc, char **argv, const char *name, const char *otherwise)
{
    size_t length = strlen(name);
    for (int i = 2; i < argc; i++) {
        if (strncmp(argv[i], name, length) == 0 && argv[i][length] == '=')
            return argv[i] + length + 1;
    }
    return otherwise;
}

static unsigned long number_of(int argc, char **argv, const char *name, const char *otherwise)
{
    return strtoul(value_of(argc, argv, name, otherwise), NULL, 10);
}

static void decode(char *out, size_t size, const char *text)
{
    size_t length = 0;
    for (; *text && length + 1 < size; length++) {
        char digits[3] = {0};
        if (*text == '%' && text[1] && text[2]) {
            memcpy(digits, text + 1, 2);
            out[length] = (char)strtoul(digits, NULL, 16);
            text += 3;
        } else {
            out[length] = *text++;
        }
    }
    out[length] = '\0';
}

static void fill_in(struct event *event, uint64_t number, bool block, const char *user)
{
    static const struct guid drsuapi = {
        0xe3514235, 0x4b06, 0x11d1, {0xab, 0x04, 0x00, 0xc0, 0x4f, 0xc2, 0xdc, 0xd2}};
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    memset(event, 0, sizeof(*event));
    event->kind = EVENT_CALL;
    event->time_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
    event->generation = number;
    event->verdict.rule = 0;
    event->verdict.audit = true;
    event->verdict.block = block;
    event->rule_line = 1;
    event->known = FACT_BIT(FACT_INTERFACE) | FACT_BIT(FACT_OPNUM) | FACT_BIT(FACT_PROTSEQ) |
                   FACT_BIT(FACT_CLIENT_ADDR) | FACT_BIT(FACT_PRINCIPAL) | FACT_BIT(FACT_ENDPOINT);
    event->interface = drsuapi;
    event->version_major = 4;
    event->opnum = 3;
    event->protseq = PROTSEQ_NCACN_IP_TCP;
    event->client_addr = ipaddr_from_v4((const uint8_t[]){192, 0, 2, 7});
    snprintf(event->endpoint, sizeof(event->endpoint), "49152");
    decode(event->principal, sizeof(event->principal), user);
}

static bool put(struct event_ring *ring, const struct ring_origin *origin,
                const struct event *event, bool wait)
{
    while (!event_ring_put(ring, origin, event)) {
        if (!wait)
            return false;
        usleep(1000);
    }
    return true;
}

int main(int argc, char **argv)
{
    struct state_mapping mapping;
    struct event event;
    unsigned long done = 0;
    int directory = state_directory_open(true);
    if (argc < 2 || directory < 0 || event_ring_map(directory, &mapping) < 0) {
        fprintf(stderr, "put_events: no ring\n");
        return 2;
    }
    unsigned long count = strtoul(argv[1], NULL, 10);
    unsigned long first = number_of(argc, argv, "from", "1");
    unsigned long pause = number_of(argc, argv, "pause", "0");
    bool wait = number_of(argc, argv, "wait", "0") != 0;
    bool block = number_of(argc, argv, "block", "0") != 0;
    const char *user = value_of(argc, argv, "user", "EXAMPLE\\mallory");
    struct ring_origin origin = {.pid = (uint32_t)getpid(),
                                 .about = (uint32_t)number_of(argc, argv, "pid", "0")};
    origin.start_time = process_start_time(origin.pid);
    snprintf(origin.process_name, sizeof(origin.process_name), "rpcd_test");
    snprintf(origin.executable, sizeof(origin.executable), "/usr/libexec/samba/rpcd_test");
    for (unsigned long i = 0; i < count; i++) {
        fill_in(&event, first + i, block, user);
        done += put(event_ring_of(&mapping), &origin, &event, wait);
        if (pause)
            usleep((useconds_t)pause);
    }
    printf("%lu\n", done);
    return 0;
}
