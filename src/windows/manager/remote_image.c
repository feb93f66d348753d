/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/remote_image.h"

#include <string.h>

/* More names than we will ever export; an image that claims more is not ours. */
#define MAX_EXPORTS 64

#define NAME_SIZE   32

bool remote_image_memory(HANDLE process, uintptr_t address, void *out, size_t size)
{
    SIZE_T read = 0;
    return ReadProcessMemory(process, (const void *)address, out, size, &read) && read == size;
}

static bool read_image(const struct remote_image *image, size_t rva, void *out, size_t size)
{
    return size <= image->size && rva <= image->size - size &&
           remote_image_memory(image->process, image->base + rva, out, size);
}

static enum remote_image_error read_export_directory(struct remote_image *image)
{
    IMAGE_DOS_HEADER dos;
    IMAGE_NT_HEADERS64 nt;
    if (!read_image(image, 0, &dos, sizeof(dos))) {
        return REMOTE_IMAGE_GONE;
    }
    if (dos.e_magic != IMAGE_DOS_SIGNATURE || dos.e_lfanew < 0 ||
        !read_image(image, (size_t)dos.e_lfanew, &nt, sizeof(nt)) ||
        nt.Signature != IMAGE_NT_SIGNATURE ||
        nt.OptionalHeader.Magic != IMAGE_NT_OPTIONAL_HDR64_MAGIC ||
        nt.OptionalHeader.NumberOfRvaAndSizes <= IMAGE_DIRECTORY_ENTRY_EXPORT) {
        return REMOTE_IMAGE_FOREIGN;
    }
    image->directory = nt.OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_EXPORT];
    if (!image->directory.VirtualAddress ||
        !read_image(image, image->directory.VirtualAddress, &image->exports,
                    sizeof(image->exports)) ||
        image->exports.NumberOfNames > MAX_EXPORTS) {
        return REMOTE_IMAGE_FOREIGN;
    }
    return REMOTE_IMAGE_OK;
}

enum remote_image_error remote_image_open(HANDLE process, uintptr_t base, size_t size,
                                          struct remote_image *image)
{
    *image = (struct remote_image){.process = process, .base = base, .size = size};
    return read_export_directory(image);
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

uintptr_t remote_image_export(const struct remote_image *image, const char *name, size_t size)
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

void remote_image_printable(char *text, size_t size)
{
    text[size - 1] = '\0';
    for (; *text; text++) {
        if (*text < ' ' || *text > '~') {
            *text = '?';
        }
    }
}
