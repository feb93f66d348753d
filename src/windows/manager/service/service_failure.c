/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/service/service_failure.h"

#include "windows/manager/service/service_control.h"
#include "windows/policy_section.h"

const char *service_failure_text(DWORD failure)
{
    switch (failure) {
    case SERVICE_FAILURE_NONE:
        return "nothing failed";
    case SERVICE_FAILURE_FOLDER:
        return "System32 cannot be found";
    case SERVICE_FAILURE_INSTALLATION:
        return "the installed files are not those of this release; run \"rpcFwManager install\" "
               "again";
    case SERVICE_FAILURE_POLICY_NAME:
        return "the policy file cannot be named";
    case SERVICE_FAILURE_MUTEX:
        return "the manager mutex Global\\RpcFwManager cannot be had: something else made it";
    case SERVICE_FAILURE_BUSY:
        return "another manager is at work";
    default:
        return failure > SERVICE_FAILURE_SECTION &&
                       failure <= SERVICE_FAILURE_SECTION + POLICY_SECTION_SYSTEM
                   ? policy_section_error_text(failure - SERVICE_FAILURE_SECTION)
                   : "for a reason that this release does not know";
    }
}

const char *service_start_failure(DWORD error)
{
    struct service_report report;
    if (error != ERROR_SERVICE_SPECIFIC_ERROR || !service_query(&report) || !report.failure) {
        return NULL;
    }
    return service_failure_text(report.failure);
}
