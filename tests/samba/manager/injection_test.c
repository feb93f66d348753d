/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Injection into servers of this test's own, under load: nothing that they do may fail or change.
 *
 * usage: injection_test TARGET OBJECT   (event_loop_target, injected_object)
 * RPCFW_INJECTION_ROUNDS, RPCFW_INJECTION_KILLS: how often, 1000 and 200 unless told. Needs root.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <dlfcn.h>
#include <cmocka.h>

#include "samba/manager/injection.h"
#include "samba/state/process_table.h"

#define SKIPPED 77

static const char *target_program;
static const char *object_path;

struct target {
    pid_t pid;
    int socket;
    pid_t client; /* asks without pause; ends with 0 when told to by SIGTERM */
};

/* ---- Targets and their clients ---- */

static volatile sig_atomic_t client_must_end;

static void end_client(int signal)
{
    (void)signal;
    client_must_end = 1;
}

static void run_client(int socket)
{
    unsigned char request = 0;
    struct sigaction action = {.sa_handler = end_client, .sa_flags = SA_RESTART};
    sigaction(SIGTERM, &action, NULL);
    while (!client_must_end) {
        unsigned char answer = request;
        if (write(socket, &request, 1) != 1 || read(socket, &answer, 1) != 1 ||
            answer != (unsigned char)(request + 1)) {
            _exit(1);
        }
        request++;
    }
    _exit(0);
}

static struct target start_target(const char *how, bool with_client)
{
    int ends[2];
    struct target target = {0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    target.pid = fork();
    if (target.pid == 0) {
        dup2(ends[1], STDIN_FILENO);
        execl(target_program, target_program, how, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    target.socket = ends[0];
    if (with_client) {
        target.client = fork();
        if (target.client == 0) {
            run_client(ends[0]);
        }
    }
    /* Until the program itself runs, what is mapped is the test's. */
    struct timespec pause = {0, 100000000};
    nanosleep(&pause, NULL);
    return target;
}

/* One request and its answer: it lives, and serves. */
static void assert_serves(const struct target *target)
{
    unsigned char byte = 41;
    assert_int_equal(write(target->socket, &byte, 1), 1);
    assert_int_equal(read(target->socket, &byte, 1), 1);
    assert_int_equal(byte, 42);
}

static void stop_client(struct target *target)
{
    int status;
    if (target->client) {
        kill(target->client, SIGTERM);
        assert_int_equal(waitpid(target->client, &status, 0), target->client);
        assert_int_equal(status, 0);
        target->client = 0;
    }
}

/* Ends its input; it must end without an error. */
static void stop_target(struct target *target)
{
    int status;
    stop_client(target);
    assert_serves(target);
    close(target->socket);
    assert_int_equal(waitpid(target->pid, &status, 0), target->pid);
    assert_int_equal(status, 0);
}

/* ---- Calls ---- */

#define LOADER "libc.so.6"
#define OBJECT "injected_object.so"

static enum injection_end call(const struct target *target, const char *symbol, unsigned ms,
                               struct injection_result *result)
{
    bool loads = strcmp(symbol, "dlopen") == 0;
    const struct injected_function function = {loads ? LOADER : OBJECT, symbol};
    const struct injected_call injected = {
        .pid = target->pid,
        .start_time = process_start_time((uint32_t)target->pid),
        .functions = &function,
        .function_count = 1,
        .text = loads ? object_path : NULL,
        .argument = {0, loads ? RTLD_NOW : 0},
    };
    injection_call(&injected, ms, result);
    return result->end;
}

static void assert_called(const struct target *target, const char *symbol)
{
    struct injection_result result;
    if (call(target, symbol, 5000, &result) != INJECTION_DONE) {
        fail_msg("%s: end %d: %s", symbol, (int)result.end, result.reason);
    }
}

/* What a counter of the injected object is now; -1: it is not loaded. */
static int counter(const struct target *target, const char *name)
{
    struct remote_image image;
    int value = -1;
    if (remote_image_find(target->pid, OBJECT, &image)) {
        assert_true(
            remote_read(target->pid, remote_image_symbol(&image, name), &value, sizeof(value)));
    }
    return value;
}

static unsigned number_of(const char *variable, unsigned otherwise)
{
    const char *text = getenv(variable);
    return text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

/* ---- Tests ---- */

static void each_way_of_waiting(void **state)
{
    static const char *const ways[] = {"epoll",  "epoll_pwait", "poll",   "ppoll",
                                       "select", "pselect",     "waitpid"};
    (void)state;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        for (int busy = 0; busy < 2; busy++) {
            struct target target = start_target(ways[i], busy);
            assert_called(&target, "dlopen");
            for (int round = 1; round <= 20; round++) {
                assert_called(&target, "rpcfw_agent_attach");
                assert_int_equal(counter(&target, "injected_attached"), 1);
                assert_called(&target, "rpcfw_agent_detach");
                assert_int_equal(counter(&target, "injected_attached"), 0);
                assert_int_equal(counter(&target, "injected_calls"), 2 * round);
            }
            stop_target(&target);
        }
    }
}

static void many_rounds_under_load(void **state)
{
    (void)state;
    unsigned rounds = number_of("RPCFW_INJECTION_ROUNDS", 1000);
    struct target target = start_target("epoll", true);
    assert_called(&target, "dlopen");
    for (unsigned round = 0; round < rounds; round++) {
        assert_called(&target, round % 2 ? "rpcfw_agent_detach" : "rpcfw_agent_attach");
    }
    assert_int_equal(counter(&target, "injected_calls"), (int)rounds);
    stop_target(&target);
}

/* Managers that attach to a target waiting in one way are killed by one function, after up to 6 ms:
 * each has called once or not at all, and the next one finds nothing half done. */
static void kill_managers(const char *waiting, void (*kill_one)(pid_t manager))
{
    unsigned kills = number_of("RPCFW_INJECTION_KILLS", 200);
    unsigned counted = 0;
    struct target target = start_target(waiting, true);
    assert_called(&target, "dlopen");
    uint32_t random = 1;
    for (unsigned i = 0; i < kills; i++) {
        pid_t manager = fork();
        if (manager == 0) {
            struct injection_result result;
            setpgid(0, 0);
            _exit(call(&target, "rpcfw_agent_attach", 5000, &result) == INJECTION_DONE ? 0 : 1);
        }
        setpgid(manager, manager);
        random = random * 1103515245u + 12345u;
        struct timespec pause = {0, (long)((random >> 8) % 6000000)};
        nanosleep(&pause, NULL);
        kill_one(manager);
        int status;
        assert_int_equal(waitpid(manager, &status, 0), manager);
        /* Called once or not at all, and back. The next one waits for a safe point anyway. */
        int calls = counter(&target, "injected_calls");
        assert_true(calls >= (int)counted && calls <= (int)counted + 1);
        assert_called(&target, "rpcfw_agent_detach");
        int after = counter(&target, "injected_calls");
        assert_true(after == (int)counted + 1 || after == (int)counted + 2);
        counted = (unsigned)after;
    }
    printf("%u of %u killed managers had made their call\n", counted - kills, kills);
    assert_true(counted > kills && counted < 2 * kills); /* both kinds of moments were hit */
    stop_target(&target);
}

static void kill_manager(pid_t manager)
{
    kill(manager, SIGKILL);
}

static void interrupt_both(pid_t manager)
{
    kill(-manager, SIGINT);
}

static void kill_both(pid_t manager)
{
    kill(-manager, SIGKILL);
}

/* Its tracing child lets the target go before it ends: no wait fails. */
static void killed_managers(void **state)
{
    (void)state;
    kill_managers("epoll", kill_manager);
}

/* Ctrl-C reaches both. */
static void interrupted_managers(void **state)
{
    (void)state;
    kill_managers("epoll", interrupt_both);
}

/* Nobody is left to ask again for a wait that was interrupted just then: EINTR is all that a
 * target may see of it. */
static void killed_tracers(void **state)
{
    (void)state;
    kill_managers("epoll_or_eintr", kill_both);
}

/* What a manager ignores, as under nohup, does not end its tracer either. */
static void ignored_signals(void **state)
{
    (void)state;
    static const int ignored[] = {SIGHUP, SIGINT};
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
        struct target target = start_target("never", false);
        pid_t manager = fork();
        if (manager == 0) {
            struct injection_result result;
            setpgid(0, 0);
            signal(ignored[i], SIG_IGN);
            call(&target, "dlopen", 700, &result);
            _exit(strstr(result.reason, "within the time limit") ? 0 : 1);
        }
        setpgid(manager, manager);
        struct timespec pause = {0, 200000000};
        nanosleep(&pause, NULL);
        kill(-manager, ignored[i]);
        int status;
        assert_int_equal(waitpid(manager, &status, 0), manager);
        assert_int_equal(status, 0);
        kill(target.pid, SIGKILL);
        waitpid(target.pid, NULL, 0);
        close(target.socket);
    }
}

static void never_at_a_safe_point(void **state)
{
    (void)state;
    struct injection_result result;
    struct target target = start_target("never", false);
    assert_int_equal(call(&target, "dlopen", 300, &result), INJECTION_REFUSED);
    assert_non_null(strstr(result.reason, "waited for events"));
    assert_int_equal(kill(target.pid, 0), 0);
    kill(target.pid, SIGKILL);
    waitpid(target.pid, NULL, 0);
    close(target.socket);
}

static void refusals(void **state)
{
    (void)state;
    struct injection_result result;
    struct target target = start_target("epoll", false);
    assert_int_equal(call(&target, "no_such_function", 2000, &result), INJECTION_REFUSED);
    assert_non_null(strstr(result.reason, "no_such_function"));
    assert_serves(&target);

    /* Traced by somebody else. */
    assert_int_equal(ptrace(PTRACE_SEIZE, target.pid, 0, 0), 0);
    assert_int_equal(call(&target, "dlopen", 2000, &result), INJECTION_REFUSED);
    assert_non_null(strstr(result.reason, "forbids tracing"));
    assert_int_equal(ptrace(PTRACE_INTERRUPT, target.pid, 0, 0), 0);
    assert_int_equal(waitpid(target.pid, NULL, __WALL), target.pid);

    /* Stopped; this tracer is to leave no EINTR behind, so it ends the target instead. */
    kill(target.pid, SIGKILL);
    waitpid(target.pid, NULL, __WALL);
    close(target.socket);
    target = start_target("poll", false);
    kill(target.pid, SIGSTOP);
    assert_int_equal(waitpid(target.pid, NULL, WUNTRACED), target.pid);
    assert_int_equal(call(&target, "dlopen", 2000, &result), INJECTION_REFUSED);
    assert_non_null(strstr(result.reason, "stopped"));
    kill(target.pid, SIGCONT);
    assert_serves(&target);

    /* Another process than the one that is meant. */
    struct injected_function function = {LOADER, "dlopen"};
    struct injected_call other = {
        .pid = target.pid, .start_time = 1, .functions = &function, .function_count = 1};
    injection_call(&other, 2000, &result);
    assert_int_equal(result.end, INJECTION_ENDED);
    stop_target(&target);
    assert_int_equal(call(&target, "dlopen", 2000, &result), INJECTION_ENDED);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_way_of_waiting),   cmocka_unit_test(many_rounds_under_load),
        cmocka_unit_test(killed_managers),       cmocka_unit_test(interrupted_managers),
        cmocka_unit_test(killed_tracers),        cmocka_unit_test(ignored_signals),
        cmocka_unit_test(never_at_a_safe_point), cmocka_unit_test(refusals),
    };
    if (argc != 3) {
        return 2;
    }
    if (geteuid() != 0) {
        fprintf(stderr, "skipped: only root may trace what it wants\n");
        return SKIPPED;
    }
    target_program = argv[1];
    object_path = argv[2];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
