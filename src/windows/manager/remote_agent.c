/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/remote_agent.h"

#include <string.h>

/* More names than the agent will ever export; an image that claims more is not ours. */
#define MAX_EXPORTS 64

#define NAME_SIZE   32

/* The image as it is loaded in the other process. */
struct remote_image {
    HANDLE process;
    uintptr_t base;
    size_t size;
    IMAGE_DATA_DIRECTORY directory; /* of the exports */
    IMAGE_EXPORT_DIRECTORY exports;
};

static bool read_memory(HANDLE process, uintptr_t address, void *out, size_t size)
{
    SIZE_T read = 0;
    return ReadProcessMemory(process, (const void *)address, out, size, &read) && read == size;
}

static bool read_image(const struct remote_image *image, size_t rva, void *out, size_t size)
{
    return size <= image->size && rva <= image->size - size &&
           read_memory(image->process, image->base + rva, out, size);
}

static enum remote_agent_error read_export_directory(struct remote_image *image)
{
    IMAGE_DOS_HEADER dos;
    IMAGE_NT_HEADERS64 nt;
    if (!read_image(image, 0, &dos, sizeof(dos))) {
        return REMOTE_AGENT_GONE;
    }
    if (dos.e_magic != IMAGE_DOS_SIGNATURE || dos.e_lfanew < 0 ||
        !read_image(image, (size_t)dos.e_lfanew, &nt, sizeof(nt)) ||
        nt.Signature != IMAGE_NT_SIGNATURE ||
        nt.OptionalHeader.Magic != IMAGE_NT_OPTIONAL_HDR64_MAGIC ||
        nt.OptionalHeader.NumberOfRvaAndSizes <= IMAGE_DIRECTORY_ENTRY_EXPORT) {
        return REMOTE_AGENT_FOREIGN;
    }
    image->directory = nt.OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_EXPORT];
    if (!image->directory.VirtualAddress ||
        !read_image(image, image->directory.VirtualAddress, &image->exports,
                    sizeof(image->exports)) ||
        image->exports.NumberOfNames > MAX_EXPORTS) {
        return REMOTE_AGENT_FOREIGN;
    }
    return REMOTE_AGENT_OK;
}

/* Whether the export number `index` has that name. */
static bool name_is(const struct remote_image *image, DWORD index, const char *name)
{
    DWORD rva;
    char actual[NAME_SIZE];
    size_t length = strlen(name) + 1;
    return read_image(image, image->exports.AddressOfNames + index * sizeof(rva), &rva,
                      sizeof(rva)) &&
           length <= sizeof(actual) && read_image(image, rva, actual, length) &&
           memcmp(actual, name, length) == 0;
}

/* The address of an export with `size` bytes behind it inside the image; 0: there is none. */
static uintptr_t find_export(const struct remote_image *image, const char *name, size_t size)
{
    for (DWORD i = 0; i < image->exports.NumberOfNames; i++) {
        WORD ordinal;
        DWORD rva;
        if (!name_is(image, i, name)) {
            continue;
        }
        if (!read_image(image, image->exports.AddressOfNameOrdinals + i * sizeof(ordinal), &ordinal,
                        sizeof(ordinal)) ||
            ordinal >= image->exports.NumberOfFunctions ||
            !read_image(image, image->exports.AddressOfFunctions + ordinal * sizeof(rva), &rva,
                        sizeof(rva))) {
            return 0;
        }
        /* An address inside the export directory is a forwarder's name. */
        bool forwarded = rva >= image->directory.VirtualAddress &&
                         rva - image->directory.VirtualAddress < image->directory.Size;
        bool inside = rva && size <= image->size && rva <= image->size - size;
        return inside && !forwarded ? image->base + rva : 0;
    }
    return 0;
}

enum remote_agent_error remote_agent_attach(HANDLE process, uintptr_t base, size_t image_size,
                                            struct remote_agent *agent)
{
    struct remote_image image = {.process = process, .base = base, .size = image_size};
    *agent = (struct remote_agent){.process = process};
    enum remote_agent_error error = read_export_directory(&image);
    if (error) {
        return error;
    }
    agent->status = find_export(&image, AGENT_EXPORT_STATUS, sizeof(struct agent_status));
    agent->stop = find_export(&image, AGENT_EXPORT_STOP, 1);
    agent->refresh = find_export(&image, AGENT_EXPORT_REFRESH, 1);
    if (agent->status && agent->stop && agent->refresh) {
        return REMOTE_AGENT_OK;
    }
    /* Either it never had them, or it went away under our hands. */
    BYTE probe;
    return read_image(&image, 0, &probe, sizeof(probe)) ? REMOTE_AGENT_FOREIGN : REMOTE_AGENT_GONE;
}

static void make_printable(char *text, size_t size)
{
    text[size - 1] = '\0';
    for (; *text; text++) {
        if (*text < ' ' || *text > '~') {
            *text = '?';
        }
    }
}

enum remote_agent_error remote_agent_read(const struct remote_agent *agent,
                                          struct agent_status *status)
{
    if (!read_memory(agent->process, agent->status, status, sizeof(*status))) {
        return REMOTE_AGENT_GONE;
    }
    if (status->magic != AGENT_STATUS_MAGIC) {
        return REMOTE_AGENT_FOREIGN;
    }
    if (status->version != AGENT_STATUS_VERSION || status->size != sizeof(*status) ||
        status->state > AGENT_IDLE) {
        return REMOTE_AGENT_VERSION;
    }
    make_printable(status->release, sizeof(status->release));
    make_printable(status->detail, sizeof(status->detail));
    return REMOTE_AGENT_OK;
}

bool remote_agent_run(const struct remote_agent *agent, uintptr_t routine, DWORD timeout_ms,
                      DWORD *exit_code)
{
    HANDLE thread =
        CreateRemoteThread(agent->process, NULL, 0, (LPTHREAD_START_ROUTINE)routine, NULL, 0, NULL);
    if (!thread) {
        return false;
    }
    DWORD wait = WaitForSingleObject(thread, timeout_ms);
    bool ended = wait == WAIT_OBJECT_0 && GetExitCodeThread(thread, exit_code);
    DWORD error = wait == WAIT_TIMEOUT ? WAIT_TIMEOUT : GetLastError();
    CloseHandle(thread);
    SetLastError(error);
    return ended;
}
