/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/state/control_page.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CONTROL_FILE      "control"
#define CONTROL_FILE_SIZE 4096u
#define LOCK_FILE         "lock"
#define POLICY_PREFIX     "policy-"
#define HITS_PREFIX       "hits-"
#define NAME_SIZE         40 /* a prefix and a number of twenty digits */
#define LOCK_POLL_MS      10u

/* ---- The control page ---- */

int control_page_map(int directory, bool writable, struct state_mapping *mapping)
{
    static const struct control_page fresh = {
        .magic = CONTROL_PAGE_MAGIC,
        .version = CONTROL_PAGE_VERSION,
        .mode = CONTROL_ON,
    };
    int error = state_file_map_or_create(directory, CONTROL_FILE, CONTROL_FILE_SIZE, &fresh,
                                         sizeof(fresh), writable, mapping);
    if (error < 0)
        return error;
    const struct control_page *page = control_page_of(mapping);
    if (page->magic == CONTROL_PAGE_MAGIC && page->version == CONTROL_PAGE_VERSION)
        return 0;
    state_file_unmap(mapping);
    return -EPROTO;
}

int control_set_mode(int directory, enum control_mode mode)
{
    struct state_mapping mapping;
    int error = control_page_map(directory, true, &mapping);
    if (error < 0)
        return error;
    struct control_page *page = mapping.bytes;
    atomic_store(&page->mode, (uint32_t)mode);
    state_file_unmap(&mapping);
    return 0;
}

/* ---- One generation ---- */

const char *policy_view_error_text(enum policy_view_error error)
{
    static const char *const texts[] = {
        [POLICY_VIEW_OK] = "no error",
        [POLICY_VIEW_ABSENT] = "the policy's file is not there",
        [POLICY_VIEW_DENIED] = "the policy's file may not be opened or is not root's alone",
        [POLICY_VIEW_BAD] = "the policy's file is damaged",
        [POLICY_VIEW_SYSTEM] = "the policy's file cannot be mapped",
    };
    return (size_t)error < sizeof(texts) / sizeof(texts[0]) ? texts[error] : "unknown error";
}

static void generation_name(char name[NAME_SIZE], const char *prefix, uint64_t generation)
{
    snprintf(name, NAME_SIZE, "%s%" PRIu64, prefix, generation);
}

static enum policy_view_error view_error(int error)
{
    switch (error) {
    case 0:
        return POLICY_VIEW_OK;
    case -ENOENT:
        return POLICY_VIEW_ABSENT;
    case -EPERM:
    case -EACCES:
        return POLICY_VIEW_DENIED;
    case -EINVAL:
        return POLICY_VIEW_BAD;
    default:
        errno = -error;
        return POLICY_VIEW_SYSTEM;
    }
}

/* Room for one counter at least: a file of no bytes cannot be mapped. */
static size_t hits_size(const struct policy_image *image)
{
    return sizeof(uint64_t) * (image->rules.count ? image->rules.count : 1);
}

static enum policy_view_error map_view(int directory, uint64_t generation, struct policy_view *view)
{
    char name[NAME_SIZE];
    generation_name(name, POLICY_PREFIX, generation);
    int error =
        state_file_map(directory, name, sizeof(struct policy_image), false, &view->image_file);
    if (error < 0)
        return view_error(error);
    if (image_validate(view->image_file.bytes, view->image_file.size) != IMAGE_OK)
        return POLICY_VIEW_BAD;
    const struct policy_image *image = view->image_file.bytes;
    generation_name(name, HITS_PREFIX, generation);
    return view_error(state_file_map(directory, name, hits_size(image), true, &view->hits_file));
}

enum policy_view_error policy_view_open(int directory, uint64_t generation,
                                        struct policy_view *view)
{
    memset(view, 0, sizeof(*view));
    if (generation == 0)
        return POLICY_VIEW_ABSENT;
    enum policy_view_error error = map_view(directory, generation, view);
    if (error != POLICY_VIEW_OK) {
        int saved = errno;
        policy_view_close(view);
        errno = saved;
        return error;
    }
    view->generation = generation;
    view->image = view->image_file.bytes;
    view->hits = view->hits_file.bytes;
    return POLICY_VIEW_OK;
}

void policy_view_close(struct policy_view *view)
{
    state_file_unmap(&view->image_file);
    state_file_unmap(&view->hits_file);
    memset(view, 0, sizeof(*view));
}

/* ---- Manager ---- */

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* 0 or -errno; -EBUSY when the time is over. */
static int wait_for_lock(int file, unsigned timeout_ms)
{
    const struct timespec pause = {.tv_nsec = LOCK_POLL_MS * 1000000L};
    uint64_t end = now_ms() + timeout_ms;
    while (flock(file, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return -errno;
        if (now_ms() >= end)
            return -EBUSY;
        nanosleep(&pause, NULL);
    }
    return 0;
}

int manager_lock(int directory, unsigned timeout_ms)
{
    int file = openat(directory, LOCK_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK,
                      S_IRUSR | S_IWUSR);
    if (file < 0)
        return -errno;
    int error = wait_for_lock(file, timeout_ms);
    if (error == 0)
        return file;
    close(file);
    return error;
}

/* The number of a name like policy-12; 0: it is of another kind. */
static uint64_t generation_of(const char *name, const char *prefix)
{
    size_t length = strlen(prefix);
    if (strncmp(name, prefix, length) != 0 || name[length] < '1' || name[length] > '9')
        return 0;
    char *end;
    errno = 0;
    uint64_t generation = strtoull(name + length, &end, 10);
    return *end == '\0' && errno == 0 ? generation : 0;
}

/* Removes the files of all generations but one. What cannot be removed stays, and harms nobody. */
static void remove_others(int directory, uint64_t keep)
{
    int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = copy < 0 ? NULL : fdopendir(copy);
    if (!list) {
        if (copy >= 0)
            close(copy);
        return;
    }
    for (const struct dirent *entry; (entry = readdir(list)) != NULL;) {
        uint64_t generation = generation_of(entry->d_name, POLICY_PREFIX);
        if (generation == 0)
            generation = generation_of(entry->d_name, HITS_PREFIX);
        if (generation != 0 && generation != keep)
            unlinkat(directory, entry->d_name, 0);
    }
    closedir(list);
}

static int create_generation(int directory, const void *image, size_t size, uint64_t generation)
{
    char name[NAME_SIZE];
    generation_name(name, HITS_PREFIX, generation);
    int error = state_file_create(directory, name, S_IRUSR | S_IWUSR, hits_size(image), NULL, 0);
    if (error < 0)
        return error;
    generation_name(name, POLICY_PREFIX, generation);
    return state_file_create(directory, name, S_IRUSR, size, image, size);
}

int policy_publish(int directory, const void *image, size_t size, uint64_t *generation)
{
    struct state_mapping mapping;
    if (image_validate(image, size) != IMAGE_OK)
        return -EINVAL;
    int error = control_page_map(directory, true, &mapping);
    if (error < 0)
        return error;
    struct control_page *page = mapping.bytes;
    uint64_t current = atomic_load(&page->generation);
    /* A manager that died half way left files under the number that comes next. */
    remove_others(directory, current);
    error = create_generation(directory, image, size, current + 1);
    if (error == 0) {
        atomic_store(&page->generation, current + 1);
        *generation = current + 1;
    }
    remove_others(directory, error == 0 ? current + 1 : current);
    state_file_unmap(&mapping);
    return error;
}
