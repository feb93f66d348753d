/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files, links and folders that `rpcfw install` puts on the host, and the record of them.
 *
 * Each is put in place whole or not at all; what stood there before can be restored. The record,
 * PLACEMENT_RECORD, is written before anything is placed and names every object that may be ours,
 * so whatever is left by an installer that was killed is known to the next one. Used by install and
 * uninstall, which hold the managers' lock.
 */
#ifndef RPCFW_SAMBA_MANAGER_PLACEMENT_H
#define RPCFW_SAMBA_MANAGER_PLACEMENT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PLACEMENT_DIRECTORY "/var/lib/rpcfw"
#define PLACEMENT_RECORD    PLACEMENT_DIRECTORY "/installed"
#define PLACEMENT_MAX       64
#define PLACEMENT_FILE_MAX  ((size_t)256 << 20)

enum placed_kind { PLACED_FOLDER, PLACED_FILE, PLACED_LINK };

struct placed_object {
    enum placed_kind kind;
    char path[PATH_MAX];
    char target[PATH_MAX]; /* LINK */
    uint64_t digest;       /* FILE: of what was or will be placed */
    mode_t mode;           /* FOLDER, FILE */
    bool users;            /* a file that its owner may change: never replaced */

    /* Not in the record. */
    void *bytes; /* FILE: what to place; owned by the list */
    size_t size;

    /* What stood there, for going back. */
    bool done;    /* this run has placed it */
    bool existed; /* and this was there */
    void *old_bytes;
    size_t old_size;
    mode_t old_mode;
    char old_target[PATH_MAX];
};

struct placement_list {
    struct placed_object items[PLACEMENT_MAX];
    size_t count;
};

/* Adds an object, in the order of placing. NULL: too many, or the path is too long. */
struct placed_object *placement_add(struct placement_list *list, enum placed_kind kind, mode_t mode,
                                    const char *path);

/* What a file of the list will hold: copies. False: out of memory. */
bool placement_fill(struct placed_object *object, const void *bytes, size_t size);

void placement_free(struct placement_list *list);

enum placement_verdict {
    PLACEMENT_FREE,    /* nothing stands there, or something of ours */
    PLACEMENT_SAME,    /* it stands there as it will be */
    PLACEMENT_KEEP,    /* the user's own file: it stays */
    PLACEMENT_FOREIGN, /* something stands there that this program did not put there */
    PLACEMENT_UNREAD,  /* errno */
};

/* Holds what stands at the object's path against the record. */
enum placement_verdict placement_judge(const struct placed_object *object,
                                       const struct placement_list *record);

/* Puts it there; 0 or -errno. An object that stands there already is not touched. */
int placement_put(struct placed_object *object);

/* Brings back what this run replaced or removes what it added. */
void placement_undo(struct placed_object *object);

enum removal { REMOVAL_DONE, REMOVAL_ABSENT, REMOVAL_CHANGED, REMOVAL_FAILED };

/* Removes a recorded object if it is still what was placed; a folder if it is empty (CHANGED when
 * not). FAILED: errno. */
enum removal placement_remove(const struct placed_object *object);

/* Reads the record; an empty list when there is none. 0 or -errno; -EPROTO: it is not ours. */
int placement_record_read(struct placement_list *list);

/* Writes both lists, without doubles, as the record. 0 or -errno. `more` may be NULL. */
int placement_record_write(const struct placement_list *list, const struct placement_list *more);

/* Removes the record and its folder. */
void placement_record_remove(void);

/* FNV-1a, 64 bits. */
uint64_t placement_digest(const void *bytes, size_t size);

#endif
