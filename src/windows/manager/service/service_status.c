/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/service/service_status.h"

#include "windows/manager/installation_record.h"
#include "windows/manager/process_list.h"
#include "windows/manager/remote_image.h"

static bool is_valid(const struct service_status *status)
{
    return status->magic == SERVICE_STATUS_MAGIC && status->version == SERVICE_STATUS_VERSION &&
           status->size == sizeof(*status);
}

bool service_status_read(DWORD pid, struct service_status *status, const char **why)
{
    struct process_module module;
    struct remote_image image;
    const wchar_t *name = installed_file_names[INSTALLED_MANAGER];
    HANDLE process = OpenProcess(PROCESS_QUERY_INFORMATION | PROCESS_VM_READ, FALSE, pid);
    *why = "its process cannot be opened";
    if (!process) {
        return false;
    }
    *why = "its program is not this one";
    uintptr_t address = 0;
    if (process_find_modules(pid, &name, &module, 1) && module.base &&
        remote_image_open(process, module.base, module.size, &image) == REMOTE_IMAGE_OK) {
        address = remote_image_export(&image, SERVICE_EXPORT_STATUS, sizeof(*status));
    }
    bool valid = false;
    if (address) {
        *why = "it is of another release";
        valid = remote_image_memory(process, address, status, sizeof(*status)) && is_valid(status);
    }
    CloseHandle(process);
    if (valid) {
        remote_image_printable(status->policy_error, sizeof(status->policy_error));
        remote_image_printable(status->starts_failure, sizeof(status->starts_failure));
        remote_image_printable(status->release, sizeof(status->release));
    }
    return valid;
}
