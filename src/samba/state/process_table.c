/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/state/process_table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TABLE_FILE "processes"

/* Longer than /proc/PID/stat up to field 22: a name of 16 bytes and twenty numbers. */
#define STAT_SIZE 1024

/* Of the start time, counted from the state, which follows the name. */
#define FIELDS_FROM_STATE 19

int process_table_map(int directory, struct state_mapping *mapping)
{
    static const struct {
        uint32_t magic, version, entry_size, entry_count;
    } fresh = {PROCESS_TABLE_MAGIC, PROCESS_TABLE_VERSION, sizeof(struct process_entry),
               PROCESS_TABLE_ENTRIES};
    int error = state_file_map_or_create(directory, TABLE_FILE, sizeof(struct process_table),
                                         &fresh, sizeof(fresh), true, mapping);
    if (error < 0)
        return error;
    if (mapping->size >= sizeof(struct process_table) &&
        memcmp(mapping->bytes, &fresh, sizeof(fresh)) == 0)
        return 0;
    state_file_unmap(mapping);
    return -EPROTO;
}

/* ---- Processes ---- */

/* The start time in the text of /proc/PID/stat, 0 for an ended process. The name, in parentheses,
 * may hold anything, parentheses too. */
static uint64_t start_time_of(const char *stat)
{
    const char *field = strrchr(stat, ')');
    if (!field || field[1] != ' ' || field[2] == 'Z' || field[2] == 'X')
        return 0;
    field += 2;
    for (int i = 0; i < FIELDS_FROM_STATE; i++) {
        field = strchr(field, ' ');
        if (!field)
            return 0;
        field++;
    }
    return strtoull(field, NULL, 10);
}

uint64_t process_start_time(uint32_t pid)
{
    char text[STAT_SIZE];
    int saved = errno;
    snprintf(text, sizeof(text), "/proc/%u/stat", (unsigned)pid);
    int file = open(text, O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? -1 : read(file, text, sizeof(text) - 1);
    if (file >= 0)
        close(file);
    errno = saved;
    if (length <= 0)
        return 0;
    text[length] = '\0';
    return start_time_of(text);
}

static bool is_alive(uint32_t pid, const struct process_entry *entry)
{
    if (pid == 0)
        return false;
    if (pid & PROCESS_ENTRY_UNFINISHED)
        return process_start_time(pid & ~PROCESS_ENTRY_UNFINISHED) != 0;
    return entry->start_time != 0 && process_start_time(pid) == entry->start_time;
}

bool process_entry_is_alive(const struct process_entry *entry)
{
    return is_alive(atomic_load(&entry->pid), entry);
}

/* ---- Owners ---- */

/* Moves each number by itself: an owner who is killed here loses one at the most and doubles none.
 */
static void move_counters(struct call_counters *from, struct call_counters *to)
{
    atomic_fetch_add(&to->calls, atomic_exchange(&from->calls, 0));
    atomic_fetch_add(&to->binds, atomic_exchange(&from->binds, 0));
    atomic_fetch_add(&to->blocked, atomic_exchange(&from->blocked, 0));
    atomic_fetch_add(&to->would_block, atomic_exchange(&from->would_block, 0));
    atomic_fetch_add(&to->audited, atomic_exchange(&from->audited, 0));
    atomic_fetch_add(&to->dropped, atomic_exchange(&from->dropped, 0));
}

/* Everything but `pid` and the counters. */
static void clear(struct process_entry *entry)
{
    atomic_store(&entry->state, AGENT_WAITING);
    atomic_store(&entry->generation, 0);
    entry->start_time = 0;
    entry->reason = AGENT_REASON_NONE;
    entry->loading = AGENT_LOADED_MODULE;
    entry->error = 0;
    entry->policy_error = 0;
    entry->in_call = 0;
    memset(entry->release, 0, sizeof(entry->release));
    memset(entry->samba, 0, sizeof(entry->samba));
    memset(entry->name, 0, sizeof(entry->name));
    memset(entry->detail, 0, sizeof(entry->detail));
}

/* Takes an entry that `pid` stood in, if it still does. */
static bool take_over(struct process_table *table, struct process_entry *entry, uint32_t pid,
                      uint32_t own)
{
    if (!atomic_compare_exchange_strong(&entry->pid, &pid, own | PROCESS_ENTRY_UNFINISHED))
        return false;
    move_counters(&entry->counters, &table->ended);
    clear(entry);
    return true;
}

static struct process_entry *find(struct process_table *table, uint32_t own)
{
    /* The process had one before it executed this program: two would be told as two processes. */
    for (uint32_t i = 0; i < PROCESS_TABLE_ENTRIES; i++) {
        struct process_entry *entry = &table->entries[i];
        if (atomic_load(&entry->pid) == own && take_over(table, entry, own, own))
            return entry;
    }
    /* Free ones first: that needs no look at /proc. */
    for (uint32_t i = 0; i < PROCESS_TABLE_ENTRIES; i++) {
        struct process_entry *entry = &table->entries[i];
        if (atomic_load(&entry->pid) == 0 && take_over(table, entry, 0, own))
            return entry;
    }
    for (uint32_t i = 0; i < PROCESS_TABLE_ENTRIES; i++) {
        struct process_entry *entry = &table->entries[i];
        uint32_t pid = atomic_load(&entry->pid);
        if (!is_alive(pid, entry) && take_over(table, entry, pid, own))
            return entry;
    }
    return NULL;
}

struct process_entry *process_table_claim(struct process_table *table)
{
    uint32_t own = (uint32_t)getpid();
    uint64_t start_time = process_start_time(own);
    struct process_entry *entry = start_time ? find(table, own) : NULL;
    if (!entry)
        return NULL;
    entry->start_time = start_time;
    atomic_store(&entry->pid, own);
    return entry;
}

void process_table_release(struct process_table *table, struct process_entry *entry)
{
    uint32_t own = (uint32_t)getpid();
    if (take_over(table, entry, own, own))
        atomic_store(&entry->pid, 0);
}

/* ---- Readers ---- */

bool process_table_has_room(const struct process_table *table)
{
    for (uint32_t i = 0; i < PROCESS_TABLE_ENTRIES; i++) {
        if (atomic_load(&table->entries[i].pid) == 0)
            return true;
    }
    return false;
}

bool process_entry_read(const struct process_entry *entry, struct process_entry *copy)
{
    uint32_t pid = atomic_load(&entry->pid);
    if (pid & PROCESS_ENTRY_UNFINISHED || !is_alive(pid, entry))
        return false;
    memcpy(copy, entry, sizeof(*copy));
    copy->release[sizeof(copy->release) - 1] = '\0';
    copy->samba[sizeof(copy->samba) - 1] = '\0';
    copy->name[sizeof(copy->name) - 1] = '\0';
    copy->detail[sizeof(copy->detail) - 1] = '\0';
    return atomic_load(&entry->pid) == pid;
}

unsigned process_table_reap(struct process_table *table)
{
    uint32_t own = (uint32_t)getpid();
    unsigned reaped = 0;
    for (uint32_t i = 0; i < PROCESS_TABLE_ENTRIES; i++) {
        struct process_entry *entry = &table->entries[i];
        uint32_t pid = atomic_load(&entry->pid);
        if (pid == 0 || is_alive(pid, entry) || !take_over(table, entry, pid, own))
            continue;
        atomic_store(&entry->pid, 0);
        reaped++;
    }
    return reaped;
}
