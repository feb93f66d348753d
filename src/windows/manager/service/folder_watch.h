/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells when one of a few files changes, is made or is replaced: the policy file and what it
 * includes. Each folder of one is watched (ReadDirectoryChangesW), and only changes that name one
 * of the files count. One thread: the one that waits for the events. The structure stays where it
 * is while folders are watched: the system writes into it.
 */
#ifndef RPCFW_WINDOWS_MANAGER_FOLDER_WATCH_H
#define RPCFW_WINDOWS_MANAGER_FOLDER_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <windows.h>

/* A policy in more places than these is looked at again from time to time only. */
#define FOLDER_WATCH_FOLDERS 8
#define FOLDER_WATCH_FILES   32

struct watched_folder {
    wchar_t path[MAX_PATH];
    HANDLE folder;
    OVERLAPPED request; /* hEvent: set when something has changed */
    bool pending;       /* the system has the request and the buffer */
    DWORD buffer[2048];
};

struct folder_watch {
    wchar_t files[FOLDER_WATCH_FILES][MAX_PATH];
    size_t file_count;
    struct watched_folder folders[FOLDER_WATCH_FOLDERS];
    size_t folder_count;
};

/*
 * Watches these files from now on (UTF-8 paths), and no others. Folders that are watched already
 * lose no change. Folders that cannot be watched are left out.
 */
void folder_watch_set(struct folder_watch *watch, const char *const paths[], size_t count);
void folder_watch_close(struct folder_watch *watch);

/* A number that changes with the time or size of any of the files; one that is absent has none. */
uint64_t folder_watch_stamp(const struct folder_watch *watch);

/* Copies the handles to wait for and returns their number, at most FOLDER_WATCH_FOLDERS. */
size_t folder_watch_events(const struct folder_watch *watch, HANDLE events[]);

/* After the event of that number: whether one of the files may have changed. Goes on watching. */
bool folder_watch_collect(struct folder_watch *watch, size_t number);

#endif
