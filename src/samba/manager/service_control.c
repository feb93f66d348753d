/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/manager/service_control.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "samba/manager/command.h"
#include "samba/manager/manager_host.h"
#include "samba/state/service_page.h"

/* It writes what waits before it ends, also to a slow disk. */
#define STOP_TIMEOUT_MS  20000
#define START_TIMEOUT_MS 10000
#define STEP_MS          10

bool systemd_runs(void)
{
    return access("/run/systemd/system", F_OK) == 0;
}

/* Its exit code; words that are not needed are NULL. */
static int systemctl(const char *first, const char *second, const char *third)
{
    static const char *const paths[] = {"/usr/bin/systemctl", "/bin/systemctl", NULL};
    const char *program = command_find(paths);
    const char *const argv[] = {program, first, second, third, NULL};
    return program ? command_run(argv, NULL, 0) : -ENOENT;
}

bool systemd_reload(void)
{
    return !systemd_runs() || systemctl("daemon-reload", NULL, NULL) == 0;
}

/* The PID of the service that runs; 0: none does. */
static pid_t running(int directory)
{
    struct service_page page;
    int error = service_page_read(directory, &page);
    return (error == 0 || error == -EBUSY) && service_page_is_alive(&page) ? (pid_t)page.pid : 0;
}

static bool wait_until(int directory, bool runs, unsigned timeout_ms)
{
    const struct timespec pause = {0, STEP_MS * 1000000L};
    for (unsigned waited = 0; waited < timeout_ms; waited += STEP_MS) {
        if ((running(directory) != 0) == runs) {
            return true;
        }
        nanosleep(&pause, NULL);
    }
    return false;
}

/* ---- Without systemd ---- */

static void become_daemon(const char *program) __attribute__((noreturn));

/* In a child: a grandchild without a terminal becomes the service. */
static void become_daemon(const char *program)
{
    setsid();
    pid_t child = fork();
    if (child != 0) {
        _exit(child < 0 ? 1 : 0);
    }
    int null = open("/dev/null", O_RDWR);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
        dup2(null, STDERR_FILENO) < 0 || chdir("/") != 0) {
        _exit(1);
    }
    close_range(3, ~0u, 0);
    execl(program, program, "serve", (char *)NULL);
    _exit(1);
}

static int start_alone(const struct cli_verb *verb, int directory, const char *program)
{
    int status;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        become_daemon(program);
    }
    if (child < 0) {
        return verb_system_error(verb, "the service cannot be started", errno);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!wait_until(directory, true, START_TIMEOUT_MS)) {
        return verb_error(verb, "the service did not start; `rpcfw serve` tells why");
    }
    printf("service: running, PID %d; systemd does not run here, so start `rpcfw serve` with the "
           "machine yourself\n",
           (int)running(directory));
    return CLI_DONE;
}

static int stop_alone(const struct cli_verb *verb, int directory)
{
    pid_t pid = running(directory);
    if (!pid) {
        return CLI_DONE;
    }
    kill(pid, SIGTERM);
    return wait_until(directory, false, STOP_TIMEOUT_MS)
               ? CLI_DONE
               : verb_error(verb, "the service (PID %d) does not end", (int)pid);
}

/* ---- Either way ---- */

int service_start(const struct cli_verb *verb, int directory, const char *program)
{
    if (!systemd_runs()) {
        int code = stop_alone(verb, directory);
        return code == CLI_DONE ? start_alone(verb, directory, program) : code;
    }
    if (systemctl("daemon-reload", NULL, NULL) != 0 ||
        systemctl("--quiet", "enable", SERVICE_UNIT) != 0 ||
        systemctl("restart", SERVICE_UNIT, NULL) != 0) {
        return verb_error(verb,
                          "systemd does not start the service; `systemctl status " SERVICE_UNIT
                          "` tells why");
    }
    printf("service: running, and started with the machine (" SERVICE_UNIT ")\n");
    return CLI_DONE;
}

int service_stop(const struct cli_verb *verb, int directory)
{
    /* A unit that is not there (any more) is no error: what counts is whether the service runs. */
    if (systemd_runs()) {
        systemctl("--quiet", "disable", SERVICE_UNIT);
        systemctl("--quiet", "stop", SERVICE_UNIT);
    }
    return stop_alone(verb, directory);
}
