/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the kernel tells of programs that are started. As root, in the first network namespace;
 * skipped elsewhere. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "samba/service/process_events.h"
#include "state_box.h"

#define PATIENCE_MS 5000

/* Whether the start of this process's program is told in time. */
static bool is_told(int events, pid_t wanted, int timeout_ms)
{
    struct pollfd file = {.fd = events, .events = POLLIN};
    while (poll(&file, 1, timeout_ms) > 0) {
        for (pid_t pid; (pid = process_events_next(events)) != 0;) {
            if (pid == wanted)
                return true;
        }
    }
    return false;
}

static void tells_of_programs_and_not_of_forks(void **state)
{
    (void)state;
    int events = process_events_open();
    if (events == -EPROTONOSUPPORT || events == -EPERM || events == -ECONNREFUSED)
        skip();
    assert_true(events >= 0);
    pid_t program = box_fork();
    if (program == 0) {
        execl("/bin/true", "true", (char *)NULL);
        _exit(127);
    }
    assert_true(is_told(events, program, PATIENCE_MS));
    assert_int_equal(box_wait(program), 0);
    pid_t child = box_fork();
    if (child == 0)
        _exit(0);
    assert_int_equal(box_wait(child), 0);
    assert_false(is_told(events, child, 200));
    close(events);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_of_programs_and_not_of_forks),
    };
    if (geteuid() != 0)
        return BOX_SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
