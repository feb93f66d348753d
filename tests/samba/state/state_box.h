/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A state directory of a test's own, in memory, and child processes that end with the test. */
#ifndef RPCFW_TESTS_STATE_BOX_H
#define RPCFW_TESTS_STATE_BOX_H

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BOX_SKIPPED 77

static char box_path[64];

/* A descriptor of a new, empty directory of root's alone. */
static inline int box_open(void)
{
    snprintf(box_path, sizeof(box_path), "/dev/shm/rpcfw-test-XXXXXX");
    assert_non_null(mkdtemp(box_path));
    int directory = open(box_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(directory >= 0);
    return directory;
}

static inline void box_close(int directory)
{
    char command[128];
    close(directory);
    snprintf(command, sizeof(command), "rm -rf %s", box_path);
    assert_int_equal(system(command), 0);
}

/* 0 in the child, which never outlives the test. */
static inline pid_t box_fork(void)
{
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    return child;
}

/* The exit code of a child; 128 and the signal that killed it. */
static inline int box_wait(pid_t child)
{
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#endif
