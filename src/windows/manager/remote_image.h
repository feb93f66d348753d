/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A PE image as it is loaded in another process: finds what it exports and reads memory.
 *
 * Read from what is loaded there, not from the file on disk, which may have been replaced since. It
 * is the other process' memory and may hold anything: every number is checked. Any thread.
 */
#ifndef RPCFW_WINDOWS_MANAGER_REMOTE_IMAGE_H
#define RPCFW_WINDOWS_MANAGER_REMOTE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <windows.h>

struct remote_image {
    HANDLE process; /* the caller's, with PROCESS_QUERY_INFORMATION | PROCESS_VM_READ */
    uintptr_t base;
    size_t size;
    IMAGE_DATA_DIRECTORY directory; /* of the exports */
    IMAGE_EXPORT_DIRECTORY exports;
};

enum remote_image_error {
    REMOTE_IMAGE_OK,
    REMOTE_IMAGE_GONE,    /* the memory cannot be read */
    REMOTE_IMAGE_FOREIGN, /* no 64-bit image, or one without exports */
};

/* Reads the export directory of the image that is loaded at `base`. */
enum remote_image_error remote_image_open(HANDLE process, uintptr_t base, size_t size,
                                          struct remote_image *image);

/* The address of an export (at most 31 characters) with `size` bytes behind it inside the image; 0:
 * there is none. */
uintptr_t remote_image_export(const struct remote_image *image, const char *name, size_t size);

/* All of it, or false. */
bool remote_image_memory(HANDLE process, uintptr_t address, void *out, size_t size);

/* Ends a text that was read so in a zero and replaces what is no printable ASCII. */
void remote_image_printable(char *text, size_t size);

#endif
