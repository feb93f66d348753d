/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A server to be injected into: answers requests on its standard input, as an RPC server answers
 * calls, and ends with an error as soon as anything is not as it must be.
 *
 * usage: event_loop_target epoll|epoll_or_eintr|epoll_pwait|poll|ppoll|select|pselect|waitpid|never
 *
 * Each request is one byte; the answer is that byte plus one. Between them it waits as its argument
 * says ("never": not at all, it only computes). Each request costs some hundred allocations of all
 * sizes. A wait that fails, with EINTR too unless its name allows that, or a changed signal mask or
 * rounding mode is an error: the exit code tells which.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xmmintrin.h>

enum failure { FAILED_WAIT = 10, FAILED_MASK, FAILED_ROUNDING, FAILED_HEAP, FAILED_READ };

#define BLOCKED_SIGNAL SIGUSR2
#define BLOCKS         64

static void *blocks[BLOCKS];
static size_t sizes[BLOCKS];

/* Replaces some blocks, after holding what is in them against what was put there. */
static void use_heap(void)
{
    static uint32_t random = 1;
    for (int i = 0; i < 300; i++) {
        random = random * 1103515245u + 12345u;
        unsigned at = (random >> 16) % BLOCKS;
        if (blocks[at] && ((unsigned char *)blocks[at])[sizes[at] - 1] != at) {
            _exit(FAILED_HEAP);
        }
        free(blocks[at]);
        sizes[at] = 1 + (random >> 8) % (at % 16 ? 2000 : 200000);
        blocks[at] = malloc(sizes[at]);
        if (!blocks[at]) {
            _exit(FAILED_HEAP);
        }
        memset(blocks[at], (int)at, sizes[at]);
    }
}

static int epoll_descriptor(void)
{
    static int descriptor = -1;
    struct epoll_event event = {.events = EPOLLIN};
    if (descriptor < 0) {
        descriptor = epoll_create1(EPOLL_CLOEXEC);
        epoll_ctl(descriptor, EPOLL_CTL_ADD, STDIN_FILENO, &event);
    }
    return descriptor;
}

/* A child that ends when there is a request, or after a while. */
static pid_t helper(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    pid_t child = fork();
    if (child == 0) {
        poll(&input, 1, 50);
        _exit(0);
    }
    return child;
}

/* What the wait returned. */
static int wait_for_request(const char *how)
{
    const int ms = 50;
    const struct timespec time = {0, ms * 1000000};
    struct timeval short_time = {0, ms * 1000};
    struct epoll_event event;
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    fd_set inputs;
    sigset_t mask;
    FD_ZERO(&inputs);
    FD_SET(STDIN_FILENO, &inputs);
    sigemptyset(&mask);
    if (strcmp(how, "epoll") == 0) {
        return epoll_wait(epoll_descriptor(), &event, 1, ms);
    }
    if (strcmp(how, "epoll_or_eintr") == 0) {
        int ready = epoll_wait(epoll_descriptor(), &event, 1, ms);
        return ready < 0 && errno == EINTR ? 0 : ready;
    }
    if (strcmp(how, "epoll_pwait") == 0) {
        return epoll_pwait(epoll_descriptor(), &event, 1, ms, &mask);
    }
    if (strcmp(how, "poll") == 0) {
        return poll(&input, 1, ms);
    }
    if (strcmp(how, "ppoll") == 0) {
        return ppoll(&input, 1, &time, &mask);
    }
    if (strcmp(how, "waitpid") == 0) {
        return waitpid(helper(), NULL, 0) > 0 ? poll(&input, 1, 0) : -1;
    }
    if (strcmp(how, "select") == 0) {
        return select(STDIN_FILENO + 1, &inputs, NULL, NULL, &short_time);
    }
    return pselect(STDIN_FILENO + 1, &inputs, NULL, NULL, &time, &mask);
}

static void check_state(unsigned rounding)
{
    sigset_t mask;
    sigprocmask(SIG_SETMASK, NULL, &mask);
    if (!sigismember(&mask, BLOCKED_SIGNAL) || sigismember(&mask, SIGUSR1) ||
        sigismember(&mask, SIGTERM)) {
        _exit(FAILED_MASK);
    }
    if (_MM_GET_ROUNDING_MODE() != rounding) {
        _exit(FAILED_ROUNDING);
    }
}

int main(int argc, char **argv)
{
    sigset_t mask;
    const unsigned rounding = _MM_ROUND_DOWN; /* not the one that a process begins with */
    if (argc != 2) {
        return 2;
    }
    while (strcmp(argv[1], "never") == 0) {
        use_heap();
    }
    sigemptyset(&mask);
    sigaddset(&mask, BLOCKED_SIGNAL);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    _MM_SET_ROUNDING_MODE(rounding);
    for (;;) {
        unsigned char request;
        int ready = wait_for_request(argv[1]);
        if (ready < 0) {
            return FAILED_WAIT;
        }
        check_state(rounding);
        use_heap();
        if (ready == 0) {
            continue;
        }
        ssize_t got = read(STDIN_FILENO, &request, 1);
        if (got <= 0) {
            return got == 0 ? 0 : FAILED_READ;
        }
        request++;
        if (write(STDIN_FILENO, &request, 1) != 1) {
            return FAILED_READ;
        }
    }
}
