/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who has which entry of the process table, with real processes that end or are killed. As root. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "samba/state/process_table.h"
#include "state_box.h"

#define CLAIMERS 24

static int directory;
static struct state_mapping mapping;
static struct process_table *table;

static int begin(void **state)
{
    (void)state;
    directory = box_open();
    assert_int_equal(process_table_map(directory, &mapping), 0);
    table = mapping.bytes;
    return 0;
}

static int end(void **state)
{
    (void)state;
    state_file_unmap(&mapping);
    box_close(directory);
    return 0;
}

static unsigned used(void)
{
    unsigned count = 0;
    for (uint32_t i = 0; i < PROCESS_TABLE_ENTRIES; i++)
        count += atomic_load(&table->entries[i].pid) != 0;
    return count;
}

static void claims_and_gives_back(void **state)
{
    struct process_entry copy;
    (void)state;
    struct process_entry *entry = process_table_claim(table);
    assert_non_null(entry);
    assert_int_equal(entry->pid, getpid());
    assert_int_equal(entry->state, AGENT_WAITING);
    assert_true(process_entry_is_alive(entry));
    atomic_store(&entry->counters.calls, 5);
    memset(entry->detail, 'x', sizeof(entry->detail));
    assert_true(process_entry_read(entry, &copy));
    assert_int_equal(strlen(copy.detail), sizeof(copy.detail) - 1);
    assert_int_equal(copy.counters.calls, 5);
    process_table_release(table, entry);
    assert_int_equal(used(), 0);
    assert_int_equal(table->ended.calls, 5);
    assert_false(process_entry_read(entry, &copy));
    /* It belongs to nobody now: giving it back again changes nothing. */
    process_table_release(table, entry);
    assert_int_equal(table->ended.calls, 5);
}

static void a_forked_child_has_an_entry_of_its_own(void **state)
{
    (void)state;
    struct process_entry *entry = process_table_claim(table);
    pid_t child = box_fork();
    if (child == 0) {
        struct process_entry *own = process_table_claim(table);
        _exit(!own || own == entry || own->pid != (uint32_t)getpid());
    }
    assert_int_equal(box_wait(child), 0);
    assert_int_equal(used(), 2);
    assert_int_equal(process_table_reap(table), 1);
    assert_int_equal(used(), 1);
    assert_int_equal(entry->pid, getpid());
}

static void keeps_the_numbers_of_the_dead(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= 3; i++) {
        pid_t child = box_fork();
        if (child == 0) {
            struct process_entry *own = process_table_claim(table);
            atomic_store(&own->counters.calls, 100 * i);
            atomic_store(&own->counters.blocked, i);
            raise(SIGKILL);
        }
        box_wait(child);
        process_table_reap(table);
    }
    assert_int_equal(table->ended.calls, 600);
    assert_int_equal(table->ended.blocked, 6);
    assert_int_equal(used(), 0);
}

static void a_zombie_and_a_reused_pid_are_no_owners(void **state)
{
    siginfo_t info;
    (void)state;
    pid_t child = box_fork();
    if (child == 0)
        _exit(process_table_claim(table) == NULL);
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(process_start_time((uint32_t)child), 0);
    assert_false(process_entry_is_alive(&table->entries[0]));
    assert_int_equal(box_wait(child), 0);
    struct process_entry *entry = &table->entries[0];
    atomic_store(&entry->pid, (uint32_t)getpid());
    entry->start_time = process_start_time((uint32_t)getpid()) + 1;
    assert_false(process_entry_is_alive(entry));
    assert_int_equal(process_table_reap(table), 1);
}

static void a_claimer_that_is_killed_leaves_no_hole(void **state)
{
    (void)state;
    pid_t child = box_fork();
    if (child == 0)
        _exit(0);
    box_wait(child);
    /* As it stands when a claimer dies between the two stores of its PID. */
    atomic_store(&table->entries[0].pid, (uint32_t)child | PROCESS_ENTRY_UNFINISHED);
    assert_int_equal(process_table_reap(table), 1);
    assert_int_equal(used(), 0);
    atomic_store(&table->entries[0].pid, (uint32_t)getpid() | PROCESS_ENTRY_UNFINISHED);
    assert_int_equal(process_table_reap(table), 0);
}

/* As a process has that executed another program. */
static void one_process_has_one_entry(void **state)
{
    (void)state;
    struct process_entry *entry = process_table_claim(table);
    atomic_store(&entry->counters.calls, 4);
    assert_ptr_equal(process_table_claim(table), entry);
    assert_int_equal(entry->counters.calls, 0);
    assert_int_equal(table->ended.calls, 4);
    assert_int_equal(used(), 1);
}

static void a_full_table_gives_the_entries_of_the_dead(void **state)
{
    uint32_t other = (uint32_t)getppid();
    uint64_t start_time = process_start_time(other);
    (void)state;
    for (uint32_t i = 0; i < PROCESS_TABLE_ENTRIES; i++) {
        table->entries[i].start_time = start_time;
        atomic_store(&table->entries[i].pid, other);
    }
    assert_null(process_table_claim(table));
    table->entries[4000].start_time = start_time + 1;
    atomic_store(&table->entries[4000].counters.binds, 7);
    assert_ptr_equal(process_table_claim(table), &table->entries[4000]);
    assert_int_equal(table->ended.binds, 7);
    assert_int_equal(table->entries[4000].counters.binds, 0);
}

static void claimers_at_once_get_different_entries(void **state)
{
    pid_t children[CLAIMERS];
    int gate[2];
    char byte;
    (void)state;
    assert_int_equal(pipe(gate), 0);
    for (int i = 0; i < CLAIMERS; i++) {
        children[i] = box_fork();
        if (children[i] == 0) {
            close(gate[1]);
            if (read(gate[0], &byte, 1) != 0)
                _exit(1);
            struct process_entry *own = process_table_claim(table);
            usleep(100000);
            _exit(!own || own->pid != (uint32_t)getpid());
        }
    }
    close(gate[1]);
    close(gate[0]);
    for (int i = 0; i < CLAIMERS; i++)
        assert_int_equal(box_wait(children[i]), 0);
    assert_int_equal(used(), CLAIMERS);
}

static void a_name_of_parentheses_hides_nothing(void **state)
{
    uint64_t before = process_start_time((uint32_t)getpid());
    (void)state;
    assert_true(before != 0);
    assert_int_equal(prctl(PR_SET_NAME, ") R 1 (x) Z 2"), 0);
    assert_int_equal(process_start_time((uint32_t)getpid()), before);
    assert_int_equal(process_start_time(0x7ffffff), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(claims_and_gives_back, begin, end),
        cmocka_unit_test_setup_teardown(a_forked_child_has_an_entry_of_its_own, begin, end),
        cmocka_unit_test_setup_teardown(keeps_the_numbers_of_the_dead, begin, end),
        cmocka_unit_test_setup_teardown(a_zombie_and_a_reused_pid_are_no_owners, begin, end),
        cmocka_unit_test_setup_teardown(a_claimer_that_is_killed_leaves_no_hole, begin, end),
        cmocka_unit_test_setup_teardown(one_process_has_one_entry, begin, end),
        cmocka_unit_test_setup_teardown(a_full_table_gives_the_entries_of_the_dead, begin, end),
        cmocka_unit_test_setup_teardown(claimers_at_once_get_different_entries, begin, end),
        cmocka_unit_test(a_name_of_parentheses_hides_nothing),
    };
    if (geteuid() != 0)
        return BOX_SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
