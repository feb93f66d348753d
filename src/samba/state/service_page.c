/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/state/service_page.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "samba/state/process_table.h"

#define PAGE_FILE "service"

/* A change takes microseconds. */
#define READ_TRIES 100

static bool is_ours(const struct state_mapping *mapping)
{
    const struct service_page *page = mapping->bytes;
    return mapping->size >= sizeof(*page) && page->magic == SERVICE_PAGE_MAGIC &&
           page->version == SERVICE_PAGE_VERSION && page->size == sizeof(*page);
}

int service_page_map(int directory, struct state_mapping *mapping)
{
    static const struct service_page fresh = {
        .magic = SERVICE_PAGE_MAGIC,
        .version = SERVICE_PAGE_VERSION,
        .size = sizeof(struct service_page),
    };
    int error = state_file_map_or_create(directory, PAGE_FILE, sizeof(fresh), &fresh, sizeof(fresh),
                                         true, mapping);
    if (error < 0 || is_ours(mapping))
        return error;
    state_file_unmap(mapping);
    return -EPROTO;
}

void service_page_change(struct service_page *page)
{
    /* Odd already: a predecessor was killed in the middle. */
    atomic_fetch_or(&page->change, 1);
    atomic_thread_fence(memory_order_seq_cst);
}

void service_page_changed(struct service_page *page)
{
    atomic_fetch_add(&page->change, 1);
}

static void end_texts(struct service_page *copy)
{
    copy->file.what[sizeof(copy->file.what) - 1] = '\0';
    copy->journal.what[sizeof(copy->journal.what) - 1] = '\0';
    copy->file_path[sizeof(copy->file_path) - 1] = '\0';
}

/* False: it was changed meanwhile. */
static bool copy_page(const struct service_page *page, struct service_page *copy)
{
    uint32_t before = atomic_load(&page->change);
    memcpy(copy, page, sizeof(*copy));
    atomic_thread_fence(memory_order_seq_cst);
    end_texts(copy);
    return (before & 1) == 0 && atomic_load(&page->change) == before;
}

int service_page_read(int directory, struct service_page *copy)
{
    const struct timespec pause = {.tv_nsec = 100000};
    struct state_mapping mapping;
    int error = state_file_map(directory, PAGE_FILE, sizeof(*copy), false, &mapping);
    if (error < 0)
        return error;
    if (!is_ours(&mapping)) {
        state_file_unmap(&mapping);
        return -EPROTO;
    }
    error = -EBUSY;
    for (int i = 0; i < READ_TRIES && error == -EBUSY; i++) {
        error = copy_page(mapping.bytes, copy) ? 0 : -EBUSY;
        if (error)
            nanosleep(&pause, NULL);
    }
    state_file_unmap(&mapping);
    return error;
}

bool service_page_is_alive(const struct service_page *copy)
{
    return copy->pid != 0 && copy->start_time != 0 &&
           process_start_time(copy->pid) == copy->start_time;
}
