/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy in force, as named sections.
 *
 * Global\RpcFwControl is one page that tells the newest generation; Global\RpcFwPolicy-<generation>
 * holds that generation's compiled image. The manager, which holds the mutex Global\RpcFwManager
 * while it changes anything, creates the image first and publishes the number last, in one 64-bit
 * store: an agent sees the old or the new policy, also when the manager dies half way. Every agent
 * keeps handles on the control page and on its image, so both live as long as anything is
 * protected. Administrators and the system may write; the service accounts may map for reading;
 * nobody else may do anything (docs/attack-surface.md).
 */
#ifndef RPCFW_WINDOWS_POLICY_SECTION_H
#define RPCFW_WINDOWS_POLICY_SECTION_H

#include <stdbool.h>
#include <stdint.h>
#include <windows.h>

#define POLICY_CONTROL_NAME    L"Global\\RpcFwControl"
#define POLICY_IMAGE_PREFIX    L"Global\\RpcFwPolicy-" /* and the generation in decimal */
#define POLICY_MANAGER_MUTEX   L"Global\\RpcFwManager"

#define POLICY_CONTROL_MAGIC   0x4c544352u /* "RCTL" */
#define POLICY_CONTROL_VERSION 1u

struct policy_control {
    uint32_t magic;
    uint32_t version;
    volatile LONG64 generation; /* 0: nothing published yet */
};

/* Security descriptors in SDDL; the tests read them back. */
extern const wchar_t policy_section_sddl[];
extern const wchar_t policy_mutex_sddl[];

enum policy_section_error {
    POLICY_SECTION_OK,
    POLICY_SECTION_ABSENT,    /* no policy in force */
    POLICY_SECTION_DENIED,    /* it exists and may not be opened */
    POLICY_SECTION_UNTRUSTED, /* owner or DACL is not ours: somebody else made it first */
    POLICY_SECTION_BAD,       /* too small, wrong magic, or not a valid image */
    POLICY_SECTION_SYSTEM,    /* anything else: GetLastError() */
};

const char *policy_section_error_text(enum policy_section_error error);

/* ---- Agents: any thread, no heap ---- */

struct policy_control_view {
    HANDLE section;
    const struct policy_control *control; /* read-only */
};

/* Opens and maps the control page; checks owner, magic and version. Free with
 * policy_control_close(). */
enum policy_section_error policy_control_open(struct policy_control_view *view);
void policy_control_close(struct policy_control_view *view);

struct policy_image_view {
    HANDLE section;
    const void *image; /* read-only, passed image_validate() */
    size_t size;       /* of the view; at least the image's own size */
    uint64_t generation;
};

/* Opens, maps and validates one generation. Free with policy_image_close(). */
enum policy_section_error policy_image_open(uint64_t generation, struct policy_image_view *view);
void policy_image_close(struct policy_image_view *view);

/* ---- Manager: holding the mutex ---- */

/*
 * Makes the mutex, or opens it, without waiting: while the handle is open, nobody else can make
 * another object of that name. NULL: GetLastError(), ERROR_INVALID_SECURITY_DESCR when somebody
 * else's is there. CloseHandle() it.
 */
HANDLE policy_manager_hold(void);

/* Waits at most `timeout_ms` for the manager mutex, creating it if need be; NULL: GetLastError(),
 * WAIT_TIMEOUT too. */
HANDLE policy_manager_lock(DWORD timeout_ms);
void policy_manager_unlock(HANDLE mutex);

struct policy_publisher {
    HANDLE control_section;
    struct policy_control *control;
    HANDLE image_section; /* the newest published by this process, or NULL */
    bool created;         /* the control page did not exist before: nothing was in force */
};

/* Opens the control page for writing, or creates it with generation 0. Keep it open until the
 * agents hold it too. */
enum policy_section_error policy_publisher_open(struct policy_publisher *publisher);

/* Creates the next generation from a valid image and publishes it. On any error what was in force
 * stays in force. */
enum policy_section_error policy_publish(struct policy_publisher *publisher, const void *image,
                                         size_t size, uint64_t *generation);
void policy_publisher_close(struct policy_publisher *publisher);

#endif
