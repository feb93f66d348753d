/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/agent/hook/suspension.h"

#include "windows/agent/hook/machine.h"

#define FIRST_CAPACITY 512   /* threads */
#define LAST_CAPACITY  65536 /* more than any process that a firewall may stop */
#define PASSES         64

/*
 * The third right tells who a thread is: our own, one that is held already, one that has not begun;
 * and where it was started, for which the limited right does not do.
 */
#define THREAD_RIGHTS (THREAD_SUSPEND_RESUME | THREAD_GET_CONTEXT | THREAD_QUERY_INFORMATION)

/* ThreadBasicInformation, class 0. */
struct thread_basic_information {
    LONG exit_status;
    void *teb;
    struct {
        HANDLE process, thread;
    } id;
    ULONG_PTR affinity;
    LONG priority, base_priority;
};

/*
 * Exported by ntdll since Windows Vista, stable though hardly documented. The alternative to
 * NtGetNextThread, a Toolhelp snapshot, allocates from the heap, whose lock a thread held by us may
 * own.
 */
typedef LONG(NTAPI *next_thread_function)(HANDLE process, HANDLE thread, ACCESS_MASK access,
                                          ULONG attributes, ULONG flags, HANDLE *next);
typedef LONG(NTAPI *query_thread_function)(HANDLE thread, int information_class, void *information,
                                           ULONG length, ULONG *returned);

struct thread_calls {
    next_thread_function next;
    query_thread_function query;
};

static bool resolve(struct thread_calls *calls)
{
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");

    if (!ntdll)
        return false;
    calls->next = (next_thread_function)(void (*)(void))GetProcAddress(ntdll, "NtGetNextThread");
    calls->query =
        (query_thread_function)(void (*)(void))GetProcAddress(ntdll, "NtQueryInformationThread");
    return calls->next && calls->query;
}

/* The thread's id and whether it has a stack to run on; id 0 when nothing can be told. */
static DWORD identify(const struct thread_calls *calls, HANDLE thread, bool *begun)
{
    struct thread_basic_information information;

    if (calls->query(thread, 0, &information, sizeof information, NULL) < 0)
        return 0;
    *begun = information.teb != NULL;
    return (DWORD)(uintptr_t)information.id.thread;
}

static bool is_held(const struct suspension *suspension, DWORD id)
{
    for (size_t i = 0; i < suspension->count; i++) {
        if (suspension->threads[i].id == id)
            return true;
    }
    return false;
}

/*
 * Where a suspended thread stands. Reading the context also waits until the thread has really
 * stopped. That would be for ever where the thread's creator was suspended halfway (Wine lists a
 * thread before it exists): without a TEB it has run nothing, and will begin suspended.
 */
static uintptr_t position_of(const struct thread_calls *calls, HANDLE thread)
{
    CONTEXT context;
    bool begun = true;

    if (identify(calls, thread, &begun) != 0 && !begun)
        return SUSPENSION_NOWHERE;
    context.ContextFlags = CONTEXT_CONTROL;
    return GetThreadContext(thread, &context) ? machine_position(&context) : 0;
}

/* The routine that a thread was created for: ThreadQuerySetWin32StartAddress, class 9; 0: unknown.
 */
static uintptr_t start_of(const struct thread_calls *calls, HANDLE thread)
{
    void *start = NULL;

    return calls->query(thread, 9, &start, sizeof start, NULL) < 0 ? 0 : (uintptr_t)start;
}

/* What a pass over the process's threads carries from one to the next. */
struct pass {
    HANDLE anchor;      /* the thread that the next one is asked after; NULL at the start */
    bool anchor_listed; /* it is in the list, which closes it */
    DWORD failed_id;    /* the last thread that could not be suspended */
    size_t added;
};

static void move_anchor(struct pass *pass, HANDLE thread, bool listed)
{
    if (pass->anchor && !pass->anchor_listed)
        CloseHandle(pass->anchor);
    pass->anchor = thread;
    pass->anchor_listed = listed;
}

/* Takes the handle over. */
static void hold(struct suspension *suspension, const struct thread_calls *calls, struct pass *pass,
                 HANDLE thread)
{
    bool begun;
    DWORD id = identify(calls, thread, &begun);

    if (id == GetCurrentThreadId() || is_held(suspension, id)) {
        move_anchor(pass, thread, false);
        return;
    }
    DWORD before = id == 0 ? (DWORD)-1 : SuspendThread(thread);
    if (before == (DWORD)-1) {
        /*
         * It is ending. Ask again after the last thread that surely lives, because a thread that
         * has left the process's list is no place to go on from; when the same one comes back, it
         * is still in the list.
         */
        if (id == pass->failed_id) {
            move_anchor(pass, thread, false);
        } else {
            pass->failed_id = id;
            CloseHandle(thread);
        }
        return;
    }
    suspension->threads[suspension->count++] =
        (struct suspended_thread){.handle = thread, .id = id, .held_before = before};
    pass->added++;
    move_anchor(pass, thread, true);
}

/* One pass. Returns false when the list is full. */
static bool run_pass(struct suspension *suspension, const struct thread_calls *calls, size_t *added)
{
    struct pass pass = {0};
    HANDLE thread;

    while (suspension->count < suspension->capacity &&
           calls->next(GetCurrentProcess(), pass.anchor, THREAD_RIGHTS, 0, 0, &thread) >= 0)
        hold(suspension, calls, &pass, thread);
    move_anchor(&pass, NULL, false);
    *added = pass.added;
    return suspension->count < suspension->capacity;
}

static bool reserve(struct suspension *suspension, size_t capacity)
{
    suspension_free(suspension);
    suspension->threads = VirtualAlloc(NULL, capacity * sizeof *suspension->threads,
                                       MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    suspension->capacity = suspension->threads ? capacity : 0;
    return suspension->threads != NULL;
}

/* Holds all threads within the list's capacity: 0, ERROR_MORE_DATA when it is too small,
 * ERROR_RETRY. */
static DWORD hold_all(struct suspension *suspension, const struct thread_calls *calls)
{
    size_t added = 0;

    for (unsigned i = 0; i < PASSES; i++) {
        if (!run_pass(suspension, calls, &added))
            return ERROR_MORE_DATA;
        if (added == 0)
            break;
    }
    if (added != 0)
        return ERROR_RETRY;
    for (size_t i = 0; i < suspension->count; i++) {
        struct suspended_thread *held = &suspension->threads[i];
        held->position = position_of(calls, held->handle);
        held->start = start_of(calls, held->handle);
    }
    return 0;
}

DWORD suspension_begin(struct suspension *suspension)
{
    struct thread_calls calls;
    size_t capacity = suspension->capacity ? suspension->capacity : FIRST_CAPACITY;

    if (!resolve(&calls))
        return ERROR_PROC_NOT_FOUND;
    for (; capacity <= LAST_CAPACITY; capacity *= 2) {
        if (suspension->capacity < capacity && !reserve(suspension, capacity))
            return ERROR_NOT_ENOUGH_MEMORY;
        DWORD error = hold_all(suspension, &calls);
        if (error == 0)
            return 0;
        suspension_end(suspension);
        if (error != ERROR_MORE_DATA)
            return error;
    }
    return ERROR_NOT_ENOUGH_MEMORY;
}

static bool is_in(uintptr_t address, const struct code_range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (address >= ranges[i].begin && address < ranges[i].end)
            return true;
    }
    return false;
}

bool suspension_touches(const struct suspension *suspension, const struct code_range *ranges,
                        size_t count)
{
    for (size_t i = 0; i < suspension->count; i++) {
        uintptr_t position = suspension->threads[i].position;
        if (position == 0 || is_in(position, ranges, count))
            return true;
    }
    return false;
}

bool suspension_started_in(const struct suspension *suspension, const struct code_range *ranges,
                           size_t count)
{
    for (size_t i = 0; i < suspension->count; i++) {
        if (is_in(suspension->threads[i].start, ranges, count))
            return true;
    }
    return false;
}

void suspension_release_started_in(const struct suspension *suspension,
                                   const struct code_range *ranges, size_t count)
{
    for (size_t i = 0; i < suspension->count; i++) {
        const struct suspended_thread *held = &suspension->threads[i];
        for (DWORD n = 0; is_in(held->start, ranges, count) && n < held->held_before; n++)
            ResumeThread(held->handle);
    }
}

void suspension_end(struct suspension *suspension)
{
    for (size_t i = 0; i < suspension->count; i++) {
        ResumeThread(suspension->threads[i].handle);
        CloseHandle(suspension->threads[i].handle);
    }
    suspension->count = 0;
}

void suspension_free(struct suspension *suspension)
{
    if (suspension->threads)
        VirtualFree(suspension->threads, 0, MEM_RELEASE);
    *suspension = (struct suspension){0};
}
