/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy in force, as the service keeps it: published from the policy file when that is good,
 * kept when it is not, and held so that it outlives the last agent.
 *
 * Called on the thread of the service's loop, which takes the manager mutex where it says so.
 */
#ifndef RPCFW_WINDOWS_MANAGER_SERVICE_POLICY_H
#define RPCFW_WINDOWS_MANAGER_SERVICE_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "windows/manager/policy_writers.h"
#include "windows/manager/service/folder_watch.h"
#include "windows/manager/service/service_events.h"
#include "windows/manager/service/service_failure.h"
#include "windows/manager/wide_text.h"
#include "windows/policy_section.h"

#define SERVICE_POLICY_ERROR_SIZE 256

struct service_policy {
    char path[UTF8_PATH_SIZE]; /* of the policy file */
    HANDLE mutex;              /* the manager's, held open so that its name stays ours; not taken */
    struct policy_publisher publisher;
    struct policy_image_view view; /* in force; image NULL: none */
    struct folder_watch files;     /* of the file as it was last read, and what it includes */
    uint64_t stamp;                /* of these files, before they were read */
    uint64_t published;            /* how often a policy was put in force */
    uint64_t refused;
    char error[SERVICE_POLICY_ERROR_SIZE]; /* why the file was refused last; empty: it is good */
    bool foreign;              /* it was refused because others may change it; asked again */
    uint64_t saved_generation; /* of last_policy.h; 0: not by this service */
    policy_access_check *check_access; /* file_access_check_for() but in tests */
    union file_access_sid installer;   /* may change the policy files too; all zero: nobody */
    const struct filter_engine *engine;
};

/* All zero, but for check_access and engine where a test has its own. Takes what is in force. */
enum service_failure service_policy_open(struct service_policy *policy);
void service_policy_close(struct service_policy *policy);

/* The number in force, 0: none. */
uint64_t service_policy_generation(const struct service_policy *policy);

/*
 * Reads the file and puts it in force if it is good, only administrators may change it, and it says
 * something new; writes the event. A file that is refused changes nothing; when nothing is in force
 * then, what was last is put in force again. Holds the manager mutex meanwhile. True when another
 * policy is in force than before.
 */
bool service_policy_apply(struct service_policy *policy, struct service_events *events);

/* Whether a file has another time or size than when it was read, for changes that nobody told; also
 * when it was refused for who may change it, which has neither. */
bool service_policy_changed(const struct service_policy *policy);

/*
 * Takes what another manager has published since; true when another policy is in force than before.
 * A number without an image, from a manager that has ended, is answered by putting the file in
 * force again.
 */
bool service_policy_follow(struct service_policy *policy, struct service_events *events);

#endif
