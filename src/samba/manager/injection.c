/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/manager/injection.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "samba/manager/signal_frame.h"
#include "samba/state/process_table.h"

/* Errors that the kernel keeps to itself, in the result of an interrupted call. [linux/errno.h] */
#define KERNEL_ERESTARTSYS           512
#define KERNEL_ERESTARTNOINTR        513
#define KERNEL_ERESTARTNOHAND        514
#define KERNEL_ERESTART_RESTARTBLOCK 516

/* What the child may take longer than its limit: it then still has to let go. */
#define GRACE_MS 1500

/* 5 ms apart: longer than a tracer takes that lets go. */
#define SEIZE_TRIES 200

struct tracer {
    const struct injected_call *call;
    struct injection_result *result;
    struct timespec deadline;
    sigset_t signals; /* that wake it: a stop of the process, and what tells it to end */
    bool told_to_end; /* the manager has died, or somebody ends both */
    bool letting_go;  /* and nothing keeps it from that any more */
    int signal;       /* to hand on when the process goes on */
};

enum stop {
    STOP_INTERRUPT, /* as was asked for */
    STOP_SYSCALL,   /* at the entry or the exit of a system call */
    STOP_SIGNAL,    /* a signal is on its way: tracer.signal */
    STOP_GROUP,     /* the process was stopped by somebody else */
    STOP_EXEC,
    STOP_ENDED,
    STOP_LATE, /* it runs; the time is over, or this tracer was told to end */
};

/* ---- Time ---- */

static struct timespec in_ms(unsigned ms)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_sec += ms / 1000;
    time.tv_nsec += (long)(ms % 1000) * 1000000;
    if (time.tv_nsec >= 1000000000) {
        time.tv_sec++;
        time.tv_nsec -= 1000000000;
    }
    return time;
}

/* False: the deadline is over. */
static bool time_left(const struct timespec *deadline, struct timespec *left)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    left->tv_sec = deadline->tv_sec - now.tv_sec;
    left->tv_nsec = deadline->tv_nsec - now.tv_nsec;
    if (left->tv_nsec < 0) {
        left->tv_sec--;
        left->tv_nsec += 1000000000;
    }
    return left->tv_sec >= 0;
}

/* ---- Stops ---- */

static void refuse(struct tracer *tracer, const char *reason)
{
    tracer->result->end = INJECTION_REFUSED;
    snprintf(tracer->result->reason, sizeof(tracer->result->reason), "%s", reason);
}

static enum stop classify(struct tracer *tracer, int status)
{
    int signal = WSTOPSIG(status);
    if (!WIFSTOPPED(status)) {
        return STOP_ENDED;
    }
    if (status >> 16 == PTRACE_EVENT_STOP) {
        return signal == SIGTRAP ? STOP_INTERRUPT : STOP_GROUP;
    }
    if (status >> 16 == PTRACE_EVENT_EXEC) {
        return STOP_EXEC;
    }
    if (signal == (SIGTRAP | 0x80)) {
        return STOP_SYSCALL;
    }
    tracer->signal = signal;
    return STOP_SIGNAL;
}

/* Blocks what could end the tracer before it has let the process go. SIGTERM comes when the manager
 * dies; what the manager itself ignores, or takes for something else, is not meant to end it. */
static void choose_signals(struct tracer *tracer)
{
    static const int ending[] = {SIGINT, SIGHUP};
    sigset_t blocked;
    sigemptyset(&tracer->signals);
    sigaddset(&tracer->signals, SIGCHLD);
    sigaddset(&tracer->signals, SIGTERM);
    blocked = tracer->signals;
    for (unsigned i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
        struct sigaction action;
        sigaddset(&blocked, ending[i]);
        if (sigaction(ending[i], NULL, &action) == 0 && action.sa_handler == SIG_DFL) {
            sigaddset(&tracer->signals, ending[i]);
        }
    }
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    signal(SIGCHLD, SIG_DFL); /* where the caller ignores it, stops would not be told by it */
}

/* Waits for one of them; true: it tells the tracer to end. */
static bool wait_for_signal(struct tracer *tracer, const struct timespec *left)
{
    int signal = sigtimedwait(&tracer->signals, NULL, left);
    tracer->told_to_end |= signal > 0 && signal != SIGCHLD;
    return tracer->told_to_end && !tracer->letting_go;
}

static enum stop wait_for_stop(struct tracer *tracer)
{
    for (;;) {
        struct timespec left;
        int status;
        pid_t found = waitpid(tracer->call->pid, &status, __WALL | WNOHANG);
        if (found == tracer->call->pid) {
            return classify(tracer, status);
        }
        if (found < 0 && errno != EINTR) {
            return STOP_ENDED;
        }
        if (!time_left(&tracer->deadline, &left)) {
            return STOP_LATE;
        }
        if (wait_for_signal(tracer, &left)) {
            return STOP_LATE;
        }
    }
}

/* Lets it run to the next system call. */
static bool go_on(struct tracer *tracer)
{
    int signal = tracer->signal;
    tracer->signal = 0;
    return ptrace(PTRACE_SYSCALL, tracer->call->pid, 0, (long)signal) == 0;
}

/* ---- Safe points ---- */

/* A wait for children is as good: Samba has processes that do nothing else. */
static bool waits_for_events(uint64_t number)
{
    switch (number) {
    case SYS_wait4:
    case SYS_waitid:
    case SYS_epoll_wait:
    case SYS_epoll_pwait:
#ifdef SYS_epoll_pwait2
    case SYS_epoll_pwait2:
#endif
    case SYS_poll:
    case SYS_ppoll:
    case SYS_select:
    case SYS_pselect6:
        return true;
    default:
        return false;
    }
}

static bool was_interrupted(const struct user_regs_struct *registers)
{
    switch (-(long long)registers->rax) {
    case EINTR:
    case KERNEL_ERESTARTSYS:
    case KERNEL_ERESTARTNOINTR:
    case KERNEL_ERESTARTNOHAND:
    case KERNEL_ERESTART_RESTARTBLOCK:
        return true;
    default:
        return false;
    }
}

/* Whether the last instruction was `syscall`, so that going back over it asks again. */
static bool follows_syscall(pid_t pid, const struct user_regs_struct *registers)
{
    unsigned char code[2];
    return remote_read(pid, registers->rip - sizeof(code), code, sizeof(code)) && code[0] == 0x0f &&
           code[1] == 0x05;
}

/* Before the system call, about to ask for it: neither a result nor EINTR is seen by anybody. */
static void ask_again(struct user_regs_struct *registers)
{
    registers->rip -= 2;
    registers->rax = registers->orig_rax;
    registers->orig_rax = UINT64_MAX;
}

static bool at_entry(pid_t pid)
{
    struct __ptrace_syscall_info info;
    return ptrace((enum __ptrace_request)PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0 &&
           info.op == PTRACE_SYSCALL_INFO_ENTRY;
}

static bool is_safe(const struct tracer *tracer, enum stop stop, struct user_regs_struct *registers)
{
    pid_t pid = tracer->call->pid;
    return (stop == STOP_INTERRUPT || stop == STOP_SYSCALL) &&
           ptrace(PTRACE_GETREGS, pid, 0, registers) == 0 &&
           waits_for_events(registers->orig_rax) &&
           (stop == STOP_INTERRUPT ? was_interrupted(registers) : at_entry(pid)) &&
           follows_syscall(pid, registers);
}

/* True: it stands at a safe point, and from now on does what it did whenever it is let go, by the
 * end of the tracer too. An interrupted wait is asked for again at once, as a program need not
 * expect EINTR: between the stop and here is the only time in which it can come to see one. */
static bool stand_safe(const struct tracer *tracer, enum stop stop,
                       struct user_regs_struct *registers)
{
    if (!is_safe(tracer, stop, registers)) {
        return false;
    }
    ask_again(registers);
    return ptrace(PTRACE_SETREGS, tracer->call->pid, 0, registers) == 0;
}

/* For one that runs. If it does not even stop, the end of the tracer frees it. */
static void let_go(struct tracer *tracer)
{
    struct user_regs_struct registers;
    pid_t pid = tracer->call->pid;
    tracer->deadline = in_ms(GRACE_MS / 2);
    tracer->letting_go = true;
    ptrace(PTRACE_INTERRUPT, pid, 0, 0);
    enum stop stop = wait_for_stop(tracer);
    if (stop != STOP_LATE) {
        stand_safe(tracer, stop, &registers);
        ptrace(PTRACE_DETACH, pid, 0, (long)tracer->signal);
    }
}

static void refuse_late(struct tracer *tracer)
{
    refuse(tracer, tracer->told_to_end
                       ? "that was interrupted before it waited for events"
                       : "it never waited for events within the time limit, and nowhere else is "
                         "it safe to make it load anything");
}

/* True: at a safe point, with its registers. False: the result says why, and it is let go. */
static bool reach_safe_point(struct tracer *tracer, struct user_regs_struct *registers)
{
    pid_t pid = tracer->call->pid;
    if (ptrace(PTRACE_INTERRUPT, pid, 0, 0) != 0) {
        tracer->result->end = INJECTION_ENDED;
        return false;
    }
    for (;;) {
        enum stop stop = wait_for_stop(tracer);
        if (stand_safe(tracer, stop, registers)) {
            return true;
        }
        switch (stop) {
        case STOP_ENDED:
            tracer->result->end = INJECTION_ENDED;
            return false;
        case STOP_LATE:
            refuse_late(tracer);
            let_go(tracer);
            return false;
        case STOP_GROUP:
        case STOP_EXEC:
            refuse(tracer, stop == STOP_EXEC ? "it began another program" : "it is stopped");
            ptrace(PTRACE_DETACH, pid, 0, 0);
            return false;
        default:
            break;
        }
        if (!go_on(tracer)) {
            tracer->result->end = INJECTION_ENDED;
            return false;
        }
    }
}

/* ---- The call ---- */

/* libc's __restore_rt: mov $SYS_rt_sigreturn, %rax; syscall. */
static uint64_t find_restorer(pid_t pid)
{
    static const unsigned char code[] = {0x48, 0xc7, 0xc0, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05};
    struct remote_image libc;
    return remote_image_find(pid, "libc.so.6", &libc) ? remote_image_code(&libc, code, sizeof(code))
                                                      : 0;
}

static uint64_t find_function(const struct injected_call *call)
{
    for (unsigned i = 0; i < call->function_count; i++) {
        struct remote_image image;
        uint64_t address = 0;
        if (remote_image_find(call->pid, call->functions[i].library, &image)) {
            address = remote_image_symbol(&image, call->functions[i].symbol);
        }
        if (address) {
            return address;
        }
    }
    return 0;
}

/* Everything is read while the process is traced: a new program could not come in unseen. */
static bool prepare(struct tracer *tracer, struct signal_frame_call *frame)
{
    const struct injected_call *call = tracer->call;
    *frame = (struct signal_frame_call){
        .restorer = find_restorer(call->pid),
        .function = find_function(call),
        .argument = {call->argument[0], call->argument[1]},
        .text = call->text,
    };
    if (!frame->restorer) {
        refuse(tracer, "its C library is not glibc, or not of a kind that is known");
    } else if (!frame->function) {
        char reason[INJECTION_REASON_SIZE];
        snprintf(reason, sizeof(reason), "it has no function %s", call->functions[0].symbol);
        refuse(tracer, reason);
    }
    return frame->restorer && frame->function;
}

/* One change of the registers begins the call; before it nothing counts, behind it the process
 * comes back by itself. */
static bool begin(struct tracer *tracer, struct signal_frame_call *call,
                  const struct user_regs_struct *registers, struct signal_frame *frame)
{
    enum { USER_CODE_64 = 0x33 };
    pid_t pid = tracer->call->pid;
    if (registers->cs != USER_CODE_64) {
        refuse(tracer, "it is no x86-64 program");
        return false;
    }
    if (ptrace(PTRACE_GETFPREGS, pid, 0, &call->floating) != 0 ||
        ptrace(PTRACE_GETSIGMASK, pid, sizeof(call->signal_mask), &call->signal_mask) != 0) {
        refuse(tracer, "its registers cannot be read");
        return false;
    }
    call->context = *registers;
    if (signal_frame_build(call, frame) != 0) {
        refuse(tracer, "the path of the agent is too long");
        return false;
    }
    struct iovec here = {frame->bytes, frame->size};
    struct iovec there = {(void *)(uintptr_t)frame->address, frame->size};
    if (process_vm_writev(pid, &here, 1, &there, 1, 0) != (ssize_t)frame->size) {
        refuse(tracer, "its stack cannot be written");
        return false;
    }
    if (ptrace(PTRACE_SETREGS, pid, 0, &frame->start) != 0) {
        refuse(tracer, "its registers cannot be set");
        return false;
    }
    return true;
}

/* Follows it until it goes back. */
static void follow(struct tracer *tracer, const struct signal_frame *frame)
{
    struct user_regs_struct registers;
    pid_t pid = tracer->call->pid;
    for (;;) {
        enum stop stop = go_on(tracer) ? wait_for_stop(tracer) : STOP_ENDED;
        if (stop == STOP_ENDED || stop == STOP_EXEC) {
            tracer->result->end = INJECTION_ENDED;
            ptrace(PTRACE_DETACH, pid, 0, 0);
            return;
        }
        if (stop == STOP_LATE || stop == STOP_GROUP) {
            tracer->result->end = INJECTION_UNFINISHED;
            snprintf(tracer->result->reason, sizeof(tracer->result->reason),
                     tracer->told_to_end
                         ? "that was interrupted before it came back from the agent"
                         : "it has not come back from the agent within the time limit");
            if (stop == STOP_LATE) {
                let_go(tracer);
            } else {
                ptrace(PTRACE_DETACH, pid, 0, 0);
            }
            return;
        }
        if (stop == STOP_SYSCALL && ptrace(PTRACE_GETREGS, pid, 0, &registers) == 0 &&
            registers.orig_rax == SYS_rt_sigreturn &&
            registers.rsp == signal_frame_return_stack(frame) && at_entry(pid)) {
            tracer->result->end = INJECTION_DONE;
            ptrace(PTRACE_DETACH, pid, 0, 0);
            return;
        }
    }
}

static void explain_seize(struct tracer *tracer, int error)
{
    if (error == ESRCH) {
        tracer->result->end = INJECTION_ENDED;
        return;
    }
    refuse(tracer, error == EPERM ? "the kernel forbids tracing it (another tracer, "
                                    "kernel.yama.ptrace_scope, or a security module)"
                                  : strerror(error));
}

/* The tracer of a manager that was killed a moment ago may still be ending. */
static bool seize(struct tracer *tracer)
{
    const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC;
    const struct timespec pause = {0, 5000000};
    for (unsigned tries = 0;; tries++) {
        if (ptrace(PTRACE_SEIZE, tracer->call->pid, 0, options) == 0) {
            return true;
        }
        if (errno != EPERM || tries == SEIZE_TRIES) {
            explain_seize(tracer, errno);
            return false;
        }
        nanosleep(&pause, NULL);
    }
}

static void trace(struct tracer *tracer)
{
    const struct injected_call *call = tracer->call;
    struct signal_frame_call frame_call;
    struct user_regs_struct registers;
    struct signal_frame frame;
    const struct timespec at_once = {0};
    if (!seize(tracer)) {
        return;
    }
    if (process_start_time((uint32_t)call->pid) != call->start_time) {
        tracer->result->end = INJECTION_ENDED; /* the number belongs to another by now */
        return;
    }
    /* Running and never stopped, it is let go by the end of the tracer. */
    if (!prepare(tracer, &frame_call) || !reach_safe_point(tracer, &registers)) {
        return;
    }
    if (wait_for_signal(tracer, &at_once)) {
        refuse_late(tracer);
        ptrace(PTRACE_DETACH, call->pid, 0, 0);
    } else if (begin(tracer, &frame_call, &registers, &frame)) {
        follow(tracer, &frame);
    } else {
        ptrace(PTRACE_DETACH, call->pid, 0, 0);
    }
}

/* ---- The child that traces ---- */

/* The caller's locks are not to outlive it here. Before Linux 5.9 they do, for a moment. */
static void close_all_but(int descriptor)
{
#ifdef SYS_close_range
    syscall(SYS_close_range, STDERR_FILENO + 1, descriptor - 1, 0);
    syscall(SYS_close_range, descriptor + 1, ~0u, 0);
#endif
}

static void run_child(const struct injected_call *call, unsigned timeout_ms, int output,
                      pid_t parent) __attribute__((noreturn));

static void run_child(const struct injected_call *call, unsigned timeout_ms, int output,
                      pid_t parent)
{
    struct injection_result result = {.end = INJECTION_REFUSED};
    struct tracer tracer = {.call = call, .result = &result, .deadline = in_ms(timeout_ms)};
    choose_signals(&tracer);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    close_all_but(output);
    if (getppid() == parent) {
        trace(&tracer);
    }
    ssize_t written = write(output, &result, sizeof(result));
    _exit(written == (ssize_t)sizeof(result) ? 0 : 1);
}

/* Waits for the result; without one in time the child is ended, which frees the process. */
static bool receive(int input, pid_t child, unsigned timeout_ms, struct injection_result *result)
{
    struct timespec deadline = in_ms(timeout_ms + GRACE_MS);
    struct timespec left;
    bool good = false;
    while (time_left(&deadline, &left)) {
        struct pollfd wait = {.fd = input, .events = POLLIN};
        int ready = ppoll(&wait, 1, &left, NULL);
        if (ready > 0) {
            good = read(input, result, sizeof(*result)) == (ssize_t)sizeof(*result);
            break;
        }
        if (ready < 0 && errno != EINTR) {
            break;
        }
    }
    if (!good) {
        kill(child, SIGKILL);
    }
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
    }
    return good;
}

void injection_call(const struct injected_call *call, unsigned timeout_ms,
                    struct injection_result *result)
{
    int ends[2];
    *result = (struct injection_result){.end = INJECTION_REFUSED};
    if (pipe2(ends, O_CLOEXEC) != 0) {
        snprintf(result->reason, sizeof(result->reason), "no pipe: %s", strerror(errno));
        return;
    }
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        run_child(call, timeout_ms, ends[1], parent);
    }
    close(ends[1]);
    if (child < 0) {
        snprintf(result->reason, sizeof(result->reason), "no process for the tracing: %s",
                 strerror(errno));
    } else if (!receive(ends[0], child, timeout_ms, result)) {
        result->end = INJECTION_UNFINISHED;
        snprintf(result->reason, sizeof(result->reason),
                 "the tracer did not end in time and was killed");
    }
    close(ends[0]);
}
