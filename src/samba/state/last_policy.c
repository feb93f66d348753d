/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/state/last_policy.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/image.h"
#include "samba/state/whole_file.h"

int last_policy_save(const void *image, size_t size)
{
    struct stat folder;
    if (mkdir(LAST_POLICY_DIRECTORY, 0700) != 0 && errno != EEXIST)
        return -errno;
    /* Nor is it read through a link. */
    if (lstat(LAST_POLICY_DIRECTORY, &folder) != 0)
        return -errno;
    if (!S_ISDIR(folder.st_mode))
        return -ENOTDIR;
    return whole_file_write(LAST_POLICY_FILE, image, size, S_IRUSR | S_IWUSR);
}

int last_policy_map(struct state_mapping *mapping)
{
    int directory = open(LAST_POLICY_DIRECTORY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (directory < 0)
        return -errno;
    int error =
        state_file_map(directory, LAST_POLICY_NAME, sizeof(struct policy_image), false, mapping);
    close(directory);
    if (!error && image_validate(mapping->bytes, mapping->size) != IMAGE_OK) {
        state_file_unmap(mapping);
        error = -EPROTO;
    }
    return error;
}

void last_policy_remove(void)
{
    unlink(LAST_POLICY_FILE);
    whole_file_remove_unfinished(LAST_POLICY_FILE);
}
