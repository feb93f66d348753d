/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Stands between the hook and the judge in rpcfirewall_measured.so, an agent for samba_share.py
 * alone: adds up how long the judge takes, in the file /run/rpcfw-measured that all processes share
 * (two 64-bit numbers: calls, nanoseconds). The clock itself is part of what is told, some 30 ns.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "samba/agent/judge.h"

#define STEP_NS 100u
#define STEPS   1024u

struct measured {
    _Atomic uint64_t calls[STEPS];
};

bool measured_judge_request(struct judge *judge, const void *samba_call);

static struct measured *measured(void)
{
    static struct measured *page;
    int file;

    if (page)
        return page;
    file = open("/run/rpcfw-measured", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, sizeof(*page)) != 0)
        return NULL;
    page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (page == MAP_FAILED)
        page = NULL;
    return page;
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

bool measured_judge_request(struct judge *judge, const void *samba_call)
{
    struct measured *page = measured();
    uint64_t start = now_ns();
    bool block = judge_request(judge, samba_call);

    uint64_t step = (now_ns() - start) / STEP_NS;

    if (page)
        atomic_fetch_add(&page->calls[step < STEPS ? step : STEPS - 1], 1);
    return block;
}
