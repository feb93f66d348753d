/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The policy in force on a Linux host.
 *
 * "control" is one page that tells the newest generation and whether protection is on;
 * "policy-<generation>" is that generation's compiled image, read-only, and "hits-<generation>" one
 * counter for each of its rules. The manager, which holds a lock on the file "lock" while it
 * changes anything, creates policy and hits first and publishes the number last, in one store: an
 * agent sees the old or the new policy, also when the manager dies half way. A file that is removed
 * lives on in the processes that map it.
 */
#ifndef RPCFW_SAMBA_CONTROL_PAGE_H
#define RPCFW_SAMBA_CONTROL_PAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/image.h"
#include "samba/state/state_directory.h"

#define CONTROL_PAGE_MAGIC   0x4c544352u /* "RCTL" */
#define CONTROL_PAGE_VERSION 1u

enum control_mode {
    CONTROL_ON,  /* processes that load the agent protect themselves */
    CONTROL_OFF, /* they stay idle: `rpcfw unprotect` */
};

struct control_page {
    uint32_t magic;
    uint32_t version;
    _Atomic uint64_t generation; /* 0: no policy was published yet */
    _Atomic uint32_t mode;       /* enum control_mode */
};

/* ---- Agents and the service ---- */

/* Maps the control page, which it creates (generation 0, on) when it is missing. 0 or -errno;
 * -EPROTO: magic or version is not ours. Agents map it read-only. */
int control_page_map(int directory, bool writable, struct state_mapping *mapping);

static inline const struct control_page *control_page_of(const struct state_mapping *mapping)
{
    return (const struct control_page *)mapping->bytes;
}

enum policy_view_error {
    POLICY_VIEW_OK,
    POLICY_VIEW_ABSENT, /* no such generation (any more: look at the control page again) */
    POLICY_VIEW_DENIED, /* it is there and may not be opened, or is not root's alone */
    POLICY_VIEW_BAD,    /* image_validate() refuses it, or the counters do not fit it */
    POLICY_VIEW_SYSTEM, /* anything else: errno */
};

const char *policy_view_error_text(enum policy_view_error error);

/* One generation in this process. */
struct policy_view {
    uint64_t generation; /* 0: none */
    struct state_mapping image_file;
    struct state_mapping hits_file;
    const struct policy_image *image; /* passed image_validate() */
    _Atomic uint64_t *hits;           /* one for each rule of the image */
};

/* Maps and validates one generation; on an error *view is all zero. Free with
 * policy_view_close(). */
enum policy_view_error policy_view_open(int directory, uint64_t generation,
                                        struct policy_view *view);
void policy_view_close(struct policy_view *view);

/* ---- Manager ---- */

/* Waits at most `timeout_ms` for the managers' lock. A descriptor to close, or -errno; -EBUSY:
 * another manager holds it. The lock goes with the process. */
int manager_lock(int directory, unsigned timeout_ms);

/*
 * Holding the lock: publishes a valid image as the next generation and removes the files of older
 * ones. 0 or -errno, and then what was in force stays in force.
 */
int policy_publish(int directory, const void *image, size_t size, uint64_t *generation);

/* Holding the lock: on or off, for processes that load the agent from now on. 0 or -errno. */
int control_set_mode(int directory, enum control_mode mode);

#endif
