/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/events/progress.h"

#include <stdio.h>
#include <time.h>
#ifdef _WIN32
#include <io.h>
#include <windows.h>
#define isatty _isatty
#define fileno _fileno
#else
#include <unistd.h>
#endif

/* Shorter work is over before a bar can be read. */
#define TOTAL_MIN   ((uint64_t)4 * 1024 * 1024)
#define INTERVAL_MS 100
#define BAR_WIDTH   40

static uint64_t now_ms(void)
{
#ifdef _WIN32
    return GetTickCount64();
#else
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
#endif
}

void progress_begin(struct progress *progress, uint64_t total)
{
    *progress = (struct progress){.total = total};
    progress->enabled = isatty(fileno(stderr)) && (!total || total >= TOTAL_MIN);
    progress->drawn_ms = progress->enabled ? now_ms() : 0;
}

void progress_show(struct progress *progress, uint64_t done)
{
    uint64_t now = progress->enabled ? now_ms() : 0;
    if (!progress->enabled || now - progress->drawn_ms < INTERVAL_MS) {
        return;
    }
    progress->drawn_ms = now;
    progress->shown = true;
    double megabytes = (double)done / 1e6;
    if (!progress->total) {
        fprintf(stderr, "\r%.1f MB read", megabytes);
        return;
    }
    double share = done < progress->total ? (double)done / (double)progress->total : 1;
    char bar[BAR_WIDTH + 1];
    for (int i = 0; i < BAR_WIDTH; i++) {
        bar[i] = i < (int)(share * BAR_WIDTH) ? '#' : '.';
    }
    bar[BAR_WIDTH] = '\0';
    fprintf(stderr, "\r[%s] %3d%%  %.1f of %.1f MB", bar, (int)(share * 100), megabytes,
            (double)progress->total / 1e6);
}

void progress_clear(struct progress *progress)
{
    if (progress->shown) {
        fprintf(stderr, "\r%*s\r", BAR_WIDTH + 36, "");
        progress->shown = false;
    }
}
