/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/manager/command.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

const char *command_find(const char *const *paths)
{
    for (; *paths; paths++) {
        if (access(*paths, X_OK) == 0) {
            return *paths;
        }
    }
    return NULL;
}

/* Reads to the end, so that the program never waits for us. */
static void take_output(int input, char *output, size_t size)
{
    char rest[4096];
    size_t used = 0;
    for (;;) {
        bool room = output && used + 1 < size;
        ssize_t got =
            room ? read(input, output + used, size - used - 1) : read(input, rest, sizeof(rest));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        used += room ? (size_t)got : 0;
    }
    if (output && size) {
        output[used] = '\0';
    }
}

int command_run(const char *const *argv, char *output, size_t size)
{
    /* The system's own programs, in the language of the machine. */
    static char *const environment[] = {
        (char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        (char *)"LC_ALL=C", NULL};
    posix_spawn_file_actions_t actions;
    int ends[2];
    pid_t child;
    int status;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return -errno;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    int error = posix_spawn(&child, argv[0], &actions, NULL, (char *const *)argv, environment);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (!error) {
        take_output(ends[0], output, size);
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
        }
    }
    close(ends[0]);
    if (error) {
        return -error;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
