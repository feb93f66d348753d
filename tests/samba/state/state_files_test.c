/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files of the state directory: made whole, root's alone, published in one store. As root. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "core/policy.h"
#include "samba/state/control_page.h"
#include "samba/state/event_ring.h"
#include "samba/state/process_table.h"
#include "samba/state/service_page.h"
#include "state_box.h"

#define CREATORS 12

static int directory;

static int begin(void **state)
{
    (void)state;
    directory = box_open();
    return 0;
}

static int end(void **state)
{
    (void)state;
    box_close(directory);
    return 0;
}

static struct stat status_of(const char *name)
{
    struct stat status;
    assert_int_equal(fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW), 0);
    return status;
}

static bool exists(const char *name)
{
    return faccessat(directory, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void creates_a_file_as_a_whole(void **state)
{
    struct state_mapping mapping;
    (void)state;
    mode_t mask = umask(0777);
    assert_int_equal(state_file_create(directory, "a", 0600, 100000, "abc", 3), 0);
    umask(mask);
    struct stat status = status_of("a");
    assert_int_equal(status.st_mode, S_IFREG | 0600);
    assert_int_equal(status.st_size, 100000);
    /* Its room is there: writing to it cannot fail later. */
    assert_true(status.st_blocks * 512 >= 100000);
    assert_int_equal(state_file_create(directory, "a", 0600, 5, "xyz", 3), -EEXIST);
    assert_int_equal(state_file_map(directory, "a", 100000, false, &mapping), 0);
    assert_memory_equal(mapping.bytes, "abc\0\0", 5);
    state_file_unmap(&mapping);
    assert_int_equal(state_file_create(directory, "b", 0600, 2, "xyz", 3), -EINVAL);
    assert_false(exists("b"));
}

static void refuses_what_is_not_roots_alone(void **state)
{
    static const struct {
        const char *name;
        mode_t mode;
        uid_t owner;
        int result;
    } rows[] = {
        {"good", 0600, 0, 0},         {"read-only", 0400, 0, 0},  {"group", 0640, 0, -EPERM},
        {"others", 0604, 0, -EPERM},  {"write", 0602, 0, -EPERM}, {"execute", 0610, 0, -EPERM},
        {"foreign", 0600, 1, -EPERM},
    };
    struct state_mapping mapping;
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(state_file_create(directory, rows[i].name, rows[i].mode, 10, NULL, 0), 0);
        assert_int_equal(fchownat(directory, rows[i].name, rows[i].owner, 0, 0), 0);
        assert_int_equal(state_file_map(directory, rows[i].name, 10, false, &mapping),
                         rows[i].result);
        state_file_unmap(&mapping);
    }
}

static void refuses_what_is_no_file(void **state)
{
    struct state_mapping mapping;
    (void)state;
    assert_int_equal(state_file_create(directory, "file", 0600, 10, NULL, 0), 0);
    assert_int_equal(symlinkat("file", directory, "link"), 0);
    assert_int_equal(mkfifoat(directory, "pipe", 0600), 0);
    assert_int_equal(mkdirat(directory, "folder", 0700), 0);
    assert_int_equal(state_file_map(directory, "link", 1, false, &mapping), -EPERM);
    assert_int_equal(state_file_map(directory, "pipe", 1, false, &mapping), -EPERM);
    assert_int_equal(state_file_map(directory, "folder", 1, false, &mapping), -EPERM);
    assert_int_equal(state_file_map(directory, "nothing", 1, false, &mapping), -ENOENT);
    assert_int_equal(state_file_map(directory, "file", 11, false, &mapping), -EINVAL);
    assert_null(mapping.bytes);
    assert_int_equal(symlinkat("nowhere", directory, "control"), 0);
    assert_int_equal(control_page_map(directory, true, &mapping), -EPERM);
}

static int map_all(void)
{
    struct state_mapping mapping;
    int error = control_page_map(directory, false, &mapping);
    if (error == 0)
        error = process_table_map(directory, &mapping);
    if (error == 0)
        error = event_ring_map(directory, &mapping);
    return error == 0 ? service_page_map(directory, &mapping) : error;
}

static void creators_at_once_make_one_file(void **state)
{
    static const char *const names[] = {"control", "processes", "events", "service"};
    pid_t children[CREATORS];
    int gate[2];
    char byte;
    (void)state;
    assert_int_equal(pipe(gate), 0);
    for (int i = 0; i < CREATORS; i++) {
        children[i] = box_fork();
        if (children[i] == 0) {
            close(gate[1]);
            _exit(read(gate[0], &byte, 1) != 0 || map_all() != 0);
        }
    }
    close(gate[1]);
    close(gate[0]);
    for (int i = 0; i < CREATORS; i++)
        assert_int_equal(box_wait(children[i]), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct stat status = status_of(names[i]);
        assert_int_equal(status.st_mode, S_IFREG | 0600);
        assert_int_equal(status.st_uid, 0);
        assert_int_equal(status.st_nlink, 1);
    }
}

static void refuses_another_version(void **state)
{
    static const char *const names[] = {"control", "processes", "events", "service"};
    struct state_mapping mapping;
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(state_file_create(directory, names[i], 0600, 1 << 23, "strange", 7), 0);
    assert_int_equal(control_page_map(directory, false, &mapping), -EPROTO);
    assert_int_equal(process_table_map(directory, &mapping), -EPROTO);
    assert_int_equal(event_ring_map(directory, &mapping), -EPROTO);
    assert_int_equal(service_page_map(directory, &mapping), -EPROTO);
}

/* ---- Policies ---- */

static void *compile(const char *text, size_t *size)
{
    struct policy_read_options options = {.compat = false};
    struct policy *policy = policy_read("test.conf", text, strlen(text), &options);
    assert_non_null(policy);
    assert_int_equal(policy->diagnostics.errors, 0);
    void *image = policy_compile(policy, size);
    assert_non_null(image);
    policy_free(policy);
    return image;
}

static void publish(const char *text, uint64_t expected)
{
    uint64_t generation = 0;
    size_t size;
    void *image = compile(text, &size);
    assert_int_equal(policy_publish(directory, image, size, &generation), 0);
    assert_int_equal(generation, expected);
    free(image);
}

static uint64_t in_force(void)
{
    struct state_mapping mapping;
    assert_int_equal(control_page_map(directory, false, &mapping), 0);
    uint64_t generation = control_page_of(&mapping)->generation;
    state_file_unmap(&mapping);
    return generation;
}

static void publishes_one_generation_after_another(void **state)
{
    struct policy_view first, second;
    (void)state;
    assert_int_equal(in_force(), 0);
    assert_int_equal(policy_view_open(directory, 0, &first), POLICY_VIEW_ABSENT);
    publish("action:block\n", 1);
    assert_int_equal(policy_view_open(directory, 1, &first), POLICY_VIEW_OK);
    assert_int_equal(first.generation, 1);
    assert_int_equal(first.image->rules.count, 1);
    atomic_fetch_add(&first.hits[0], 3);
    assert_int_equal(status_of("policy-1").st_mode, S_IFREG | 0400);
    assert_int_equal(status_of("hits-1").st_mode, S_IFREG | 0600);

    publish("uuid:drsuapi action:block\naction:allow audit:true\n", 2);
    assert_int_equal(in_force(), 2);
    assert_false(exists("policy-1"));
    assert_false(exists("hits-1"));
    assert_int_equal(policy_view_open(directory, 1, &second), POLICY_VIEW_ABSENT);
    assert_int_equal(policy_view_open(directory, 2, &second), POLICY_VIEW_OK);
    assert_int_equal(second.hits[0] + second.hits[1], 0);
    /* What is mapped lives on. */
    assert_int_equal(first.hits[0], 3);
    assert_int_equal(image_validate(first.image, first.image_file.size), IMAGE_OK);
    policy_view_close(&first);
    policy_view_close(&second);
    publish("# no rule\n", 3);
    assert_int_equal(policy_view_open(directory, 3, &first), POLICY_VIEW_OK);
    policy_view_close(&first);
}

static void a_manager_that_died_half_way_changed_nothing(void **state)
{
    struct policy_view view;
    (void)state;
    publish("action:block\n", 1);
    assert_int_equal(state_file_create(directory, "hits-2", 0600, 8, NULL, 0), 0);
    assert_int_equal(state_file_create(directory, "policy-2", 0400, 64, "half", 4), 0);
    assert_int_equal(in_force(), 1);
    publish("action:allow\naction:block\n", 2);
    assert_int_equal(policy_view_open(directory, 2, &view), POLICY_VIEW_OK);
    assert_int_equal(view.image->rules.count, 2);
    policy_view_close(&view);
}

static void what_is_no_policy_is_refused(void **state)
{
    struct policy_view view;
    uint64_t generation = 77;
    size_t size;
    (void)state;
    publish("action:block\n", 1);
    char *image = compile("action:allow\n", &size);
    image[size / 2] ^= 1;
    assert_int_equal(policy_publish(directory, image, size, &generation), -EINVAL);
    assert_int_equal(generation, 77);
    assert_int_equal(in_force(), 1);
    assert_int_equal(state_file_create(directory, "policy-5", 0400, size, image, size), 0);
    assert_int_equal(state_file_create(directory, "policy-6", 0444, size, image, size), 0);
    assert_int_equal(state_file_create(directory, "policy-7", 0400, 4, image, 4), 0);
    image[size / 2] ^= 1;
    assert_int_equal(state_file_create(directory, "policy-8", 0400, size, image, size), 0);
    assert_int_equal(state_file_create(directory, "hits-8", 0600, 4, NULL, 0), 0);
    free(image);
    assert_int_equal(policy_view_open(directory, 5, &view), POLICY_VIEW_BAD);
    assert_int_equal(policy_view_open(directory, 6, &view), POLICY_VIEW_DENIED);
    assert_int_equal(policy_view_open(directory, 7, &view), POLICY_VIEW_BAD);
    assert_int_equal(policy_view_open(directory, 8, &view), POLICY_VIEW_BAD);
    assert_null(view.image);
    assert_int_equal(view.generation, 0);
}

static void one_manager_at_a_time(void **state)
{
    int ready[2];
    char byte;
    (void)state;
    assert_int_equal(pipe(ready), 0);
    pid_t child = box_fork();
    if (child == 0) {
        if (manager_lock(directory, 0) < 0 || write(ready[1], "x", 1) != 1)
            _exit(1);
        pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(manager_lock(directory, 0), -EBUSY);
    assert_int_equal(manager_lock(directory, 50), -EBUSY);
    kill(child, SIGKILL);
    int lock = manager_lock(directory, 5000);
    assert_true(lock >= 0);
    close(lock);
    box_wait(child);
    close(ready[0]);
    close(ready[1]);
    assert_int_equal(status_of("lock").st_mode, S_IFREG | 0600);
}

static void the_mode_is_kept(void **state)
{
    struct state_mapping mapping;
    (void)state;
    assert_int_equal(control_set_mode(directory, CONTROL_OFF), 0);
    publish("action:block\n", 1);
    assert_int_equal(control_page_map(directory, false, &mapping), 0);
    assert_int_equal(control_page_of(&mapping)->mode, CONTROL_OFF);
    state_file_unmap(&mapping);
}

/* ---- The service's page ---- */

static void the_page_is_read_as_it_stood(void **state)
{
    struct state_mapping mapping;
    struct service_page copy;
    (void)state;
    assert_int_equal(service_page_read(directory, &copy), -ENOENT);
    assert_int_equal(service_page_map(directory, &mapping), 0);
    struct service_page *page = mapping.bytes;
    service_page_change(page);
    page->pid = (uint32_t)getpid();
    page->start_time = process_start_time(page->pid);
    memset(page->file.what, 'x', sizeof(page->file.what));
    assert_int_equal(service_page_read(directory, &copy), -EBUSY);
    service_page_changed(page);
    assert_int_equal(service_page_read(directory, &copy), 0);
    assert_true(service_page_is_alive(&copy));
    assert_int_equal(strlen(copy.file.what), sizeof(copy.file.what) - 1);
    /* A successor of one that was killed in the middle of a change. */
    service_page_change(page);
    service_page_change(page);
    service_page_changed(page);
    assert_int_equal(service_page_read(directory, &copy), 0);
    page->start_time++;
    assert_int_equal(service_page_read(directory, &copy), 0);
    assert_false(service_page_is_alive(&copy));
    state_file_unmap(&mapping);
}

/* ---- The directory ---- */

/* In a /run of its own; the number of the first thing that is wrong. */
static int look_at_directory(void)
{
    struct stat status;
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", "/run", "tmpfs", 0, NULL) != 0)
        return BOX_SKIPPED;
    umask(0);
    if (state_directory_open(false) != -ENOENT)
        return 1;
    if (state_directory_open(true) < 0 || stat(STATE_DIRECTORY, &status) != 0 ||
        status.st_mode != (S_IFDIR | 0700))
        return 2;
    if (state_directory_open(true) < 0 || state_directory_open(false) < 0)
        return 3;
    if (chmod(STATE_DIRECTORY, 0750) != 0 || state_directory_open(true) != -EPERM)
        return 4;
    if (chmod(STATE_DIRECTORY, 0700) != 0 || chown(STATE_DIRECTORY, 1, 0) != 0 ||
        state_directory_open(false) != -EPERM)
        return 5;
    if (rename(STATE_DIRECTORY, "/run/other") != 0 || symlink("other", STATE_DIRECTORY) != 0 ||
        state_directory_open(true) != -EPERM)
        return 6;
    if (unlink(STATE_DIRECTORY) != 0 || mkfifo(STATE_DIRECTORY, 0700) != 0 ||
        state_directory_open(true) != -EPERM)
        return 7;
    return 0;
}

static void the_directory_is_roots_alone(void **state)
{
    (void)state;
    pid_t child = box_fork();
    if (child == 0)
        _exit(look_at_directory());
    int code = box_wait(child);
    if (code == BOX_SKIPPED)
        skip();
    assert_int_equal(code, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(creates_a_file_as_a_whole, begin, end),
        cmocka_unit_test_setup_teardown(refuses_what_is_not_roots_alone, begin, end),
        cmocka_unit_test_setup_teardown(refuses_what_is_no_file, begin, end),
        cmocka_unit_test_setup_teardown(creators_at_once_make_one_file, begin, end),
        cmocka_unit_test_setup_teardown(refuses_another_version, begin, end),
        cmocka_unit_test_setup_teardown(publishes_one_generation_after_another, begin, end),
        cmocka_unit_test_setup_teardown(a_manager_that_died_half_way_changed_nothing, begin, end),
        cmocka_unit_test_setup_teardown(what_is_no_policy_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(one_manager_at_a_time, begin, end),
        cmocka_unit_test_setup_teardown(the_mode_is_kept, begin, end),
        cmocka_unit_test_setup_teardown(the_page_is_read_as_it_stood, begin, end),
        cmocka_unit_test(the_directory_is_roots_alone),
    };
    if (geteuid() != 0)
        return BOX_SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
