/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts a file into System32 so that no half-written one ever has its name, and so that it can be
 * taken back: the copy is written and compared under another name, then the names change. Called by
 * install and uninstall.
 */
#ifndef RPCFW_WINDOWS_MANAGER_FILE_PLACEMENT_H
#define RPCFW_WINDOWS_MANAGER_FILE_PLACEMENT_H

#include <stdbool.h>
#include <stdint.h>
#include <windows.h>

struct file_placement {
    const wchar_t *target;
    wchar_t fresh[MAX_PATH];  /* the copy, until it gets its name */
    wchar_t former[MAX_PATH]; /* what was there before, until all is done */
    bool placed;
    bool had_former;
};

/*
 * Copies `source` to a name beside `target`, checks that its digest is `digest`, and gives it the
 * target's name. False: GetLastError(), and everything is as before. Follow with _keep() or
 * _undo(). `target` must outlive the placement.
 */
bool file_place(struct file_placement *placement, const wchar_t *source, const wchar_t *target,
                uint64_t digest);
void file_placement_keep(struct file_placement *placement);
void file_placement_undo(struct file_placement *placement);

/*
 * Removes a file and what a killed file_place() may have left beside it. Works also for one that a
 * process has loaded: then it gets out of the way under another name and goes with the next start
 * of the machine. False: GetLastError(), and it is still there.
 */
bool file_remove(const wchar_t *path);

#endif
