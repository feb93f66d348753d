/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/manager/placement.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/file.h"
#include "samba/manager/process_scan.h"
#include "samba/state/whole_file.h"

uint64_t placement_digest(const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    uint64_t digest = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++) {
        digest = (digest ^ at[i]) * 0x100000001b3u;
    }
    return digest;
}

/* ---- Lists ---- */

struct placed_object *placement_add(struct placement_list *list, enum placed_kind kind, mode_t mode,
                                    const char *path)
{
    if (list->count == PLACEMENT_MAX || strlen(path) + sizeof(WHOLE_FILE_NEW_SUFFIX) >= PATH_MAX) {
        return NULL;
    }
    struct placed_object *object = &list->items[list->count++];
    *object = (struct placed_object){.kind = kind, .mode = mode};
    snprintf(object->path, sizeof(object->path), "%s", path);
    return object;
}

bool placement_fill(struct placed_object *object, const void *bytes, size_t size)
{
    object->bytes = malloc(size + 1);
    if (!object->bytes) {
        return false;
    }
    memcpy(object->bytes, bytes, size);
    object->size = size;
    object->digest = placement_digest(bytes, size);
    return true;
}

void placement_free(struct placement_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].bytes);
        free(list->items[i].old_bytes);
    }
    list->count = 0;
}

/* Whether the record says that a file of that digest is ours; it may name two for a path. */
static bool is_recorded(const struct placement_list *record, const char *path, uint64_t digest)
{
    for (size_t i = 0; i < record->count; i++) {
        const struct placed_object *object = &record->items[i];
        if (object->kind == PLACED_FILE && object->digest == digest &&
            strcmp(object->path, path) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- What stands there ---- */

/* The target of a link; false: it is none. */
static bool read_link(const char *path, char target[PATH_MAX])
{
    ssize_t length = readlink(path, target, PATH_MAX - 1);
    target[length > 0 ? length : 0] = '\0';
    return length > 0;
}

static bool read_digest(const char *path, uint64_t *digest)
{
    const char *why;
    size_t size;
    void *bytes = file_load(path, PLACEMENT_FILE_MAX, &size, &why);
    if (!bytes) {
        return false;
    }
    *digest = placement_digest(bytes, size);
    free(bytes);
    return true;
}

/* A link to an agent below our own folder is ours, also when a record was lost. */
static bool is_our_target(const char *target)
{
    static const char folder[] = RPCFW_AGENT_DIRECTORY "/";
    return strncmp(target, folder, sizeof(folder) - 1) == 0 && is_agent_file(path_name(target));
}

static enum placement_verdict judge_link(const struct placed_object *object)
{
    char target[PATH_MAX];
    if (!read_link(object->path, target)) {
        return PLACEMENT_FOREIGN;
    }
    if (strcmp(target, object->target) == 0) {
        return PLACEMENT_SAME;
    }
    return is_our_target(target) ? PLACEMENT_FREE : PLACEMENT_FOREIGN;
}

static enum placement_verdict judge_file(const struct placed_object *object,
                                         const struct placement_list *record)
{
    uint64_t digest;
    if (object->users) {
        return PLACEMENT_KEEP;
    }
    if (!read_digest(object->path, &digest)) {
        return PLACEMENT_UNREAD;
    }
    if (digest == object->digest) {
        return PLACEMENT_SAME;
    }
    return is_recorded(record, object->path, digest) ? PLACEMENT_FREE : PLACEMENT_FOREIGN;
}

enum placement_verdict placement_judge(const struct placed_object *object,
                                       const struct placement_list *record)
{
    struct stat status;
    if (lstat(object->path, &status) != 0) {
        return errno == ENOENT ? PLACEMENT_FREE : PLACEMENT_UNREAD;
    }
    switch (object->kind) {
    case PLACED_FOLDER:
        return stat(object->path, &status) == 0 && S_ISDIR(status.st_mode) ? PLACEMENT_SAME
                                                                           : PLACEMENT_FOREIGN;
    case PLACED_LINK:
        return judge_link(object);
    default:
        return S_ISREG(status.st_mode) ? judge_file(object, record) : PLACEMENT_FOREIGN;
    }
}

/* ---- Placing ---- */

static int write_link(const char *path, const char *target)
{
    char beside[PATH_MAX];
    snprintf(beside, sizeof(beside), "%s" WHOLE_FILE_NEW_SUFFIX, path);
    unlink(beside);
    if (symlink(target, beside) != 0) {
        return -errno;
    }
    if (rename(beside, path) != 0) {
        int error = -errno;
        unlink(beside);
        return error;
    }
    whole_file_sync_folder(path);
    return 0;
}

/* Keeps what stands there. 0 or -errno. */
static int remember(struct placed_object *object)
{
    struct stat status;
    const char *why;
    object->existed = lstat(object->path, &status) == 0;
    if (!object->existed) {
        return errno == ENOENT ? 0 : -errno;
    }
    object->old_mode = status.st_mode & 07777;
    if (object->kind == PLACED_LINK) {
        return read_link(object->path, object->old_target) ? 0 : -errno;
    }
    if (object->kind == PLACED_FILE) {
        object->old_bytes = file_load(object->path, PLACEMENT_FILE_MAX, &object->old_size, &why);
        return object->old_bytes ? 0 : -EIO;
    }
    return 0;
}

static int put_folder(const struct placed_object *object)
{
    if (mkdir(object->path, object->mode) != 0) {
        return errno == EEXIST ? 0 : -errno;
    }
    return chmod(object->path, object->mode) == 0 ? 0 : -errno; /* whatever the umask is */
}

int placement_put(struct placed_object *object)
{
    int error = remember(object);
    if (error) {
        return error;
    }
    object->done = true;
    switch (object->kind) {
    case PLACED_FOLDER:
        return put_folder(object);
    case PLACED_LINK:
        return write_link(object->path, object->target);
    default:
        return whole_file_write(object->path, object->bytes, object->size, object->mode);
    }
}

void placement_undo(struct placed_object *object)
{
    if (!object->done) {
        return;
    }
    object->done = false;
    if (object->kind == PLACED_FOLDER) {
        if (!object->existed) {
            rmdir(object->path);
        }
    } else if (!object->existed) {
        unlink(object->path);
    } else if (object->kind == PLACED_LINK) {
        write_link(object->path, object->old_target);
    } else {
        whole_file_write(object->path, object->old_bytes, object->old_size, object->old_mode);
    }
}

/* ---- Removing ---- */

enum removal placement_remove(const struct placed_object *object)
{
    struct stat status;
    char target[PATH_MAX];
    uint64_t digest;
    whole_file_remove_unfinished(object->path);
    if (lstat(object->path, &status) != 0) {
        return errno == ENOENT || errno == ENOTDIR ? REMOVAL_ABSENT : REMOVAL_FAILED;
    }
    if (object->kind == PLACED_FOLDER) {
        if (rmdir(object->path) == 0) {
            return REMOVAL_DONE;
        }
        return errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR ? REMOVAL_CHANGED
                                                                         : REMOVAL_FAILED;
    }
    if (object->kind == PLACED_LINK) {
        if (!read_link(object->path, target) ||
            (strcmp(target, object->target) != 0 && !is_our_target(target))) {
            return REMOVAL_CHANGED;
        }
    } else if (!S_ISREG(status.st_mode) || !read_digest(object->path, &digest) ||
               digest != object->digest) {
        return REMOVAL_CHANGED;
    }
    return unlink(object->path) == 0 ? REMOVAL_DONE : REMOVAL_FAILED;
}

/* ---- The record ---- */

/*
 * Lines of: "folder", "file", "users-file" or "link"; a digest in hexadecimal or a target; the
 * path. Separated by tabs, which no path of ours holds.
 */
static const char record_head[] = "rpcfw-installed 1";

static bool read_line(char *line, struct placement_list *list)
{
    char *path;
    char *value = strchr(line, '\t');
    line[strcspn(line, "\n")] = '\0';
    if (!value || !(path = strchr(value + 1, '\t')) || path[1] != '/') {
        return false;
    }
    *value++ = '\0';
    *path++ = '\0';
    bool link = strcmp(line, "link") == 0;
    bool users = strcmp(line, "users-file") == 0;
    bool folder = strcmp(line, "folder") == 0;
    if ((!link && !users && !folder && strcmp(line, "file") != 0) || strlen(value) >= PATH_MAX) {
        return false;
    }
    struct placed_object *object = placement_add(list,
                                                 folder ? PLACED_FOLDER
                                                 : link ? PLACED_LINK
                                                        : PLACED_FILE,
                                                 0, path);
    if (!object) {
        return false;
    }
    object->users = users;
    if (link) {
        snprintf(object->target, sizeof(object->target), "%s", value);
    } else {
        object->digest = strtoull(value, NULL, 16);
    }
    return true;
}

int placement_record_read(struct placement_list *list)
{
    FILE *record = fopen(PLACEMENT_RECORD, "re");
    char *line = NULL;
    size_t room = 0;
    list->count = 0;
    if (!record) {
        return errno == ENOENT ? 0 : -errno;
    }
    bool good = getline(&line, &room, record) > 0 &&
                strncmp(line, record_head, sizeof(record_head) - 1) == 0;
    while (good && getline(&line, &room, record) > 0) {
        good = read_line(line, list);
    }
    free(line);
    fclose(record);
    return good ? 0 : -EPROTO;
}

static void write_line(FILE *out, const struct placed_object *object)
{
    if (object->kind == PLACED_LINK) {
        fprintf(out, "link\t%s\t%s\n", object->target, object->path);
    } else {
        const char *kind = object->kind == PLACED_FOLDER ? "folder"
                           : object->users               ? "users-file"
                                                         : "file";
        fprintf(out, "%s\t%016" PRIx64 "\t%s\n", kind, object->digest, object->path);
    }
}

/* Of a file that may be as it was or as it will be both digests are written. */
static bool has_same(const struct placement_list *list, const struct placed_object *object)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].path, object->path) == 0 &&
            list->items[i].digest == object->digest) {
            return true;
        }
    }
    return false;
}

int placement_record_write(const struct placement_list *list, const struct placement_list *more)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out) {
        return -errno;
    }
    fprintf(out, "%s\n", record_head);
    for (size_t i = 0; i < list->count; i++) {
        write_line(out, &list->items[i]);
    }
    for (size_t i = 0; more && i < more->count; i++) {
        if (!has_same(list, &more->items[i])) {
            write_line(out, &more->items[i]);
        }
    }
    int error = fclose(out) == 0 ? 0 : -errno;
    if (!error && mkdir(PLACEMENT_DIRECTORY, 0700) != 0 && errno != EEXIST) {
        error = -errno;
    }
    if (!error) {
        error = whole_file_write(PLACEMENT_RECORD, text, size, 0600);
    }
    free(text);
    return error;
}

void placement_record_remove(void)
{
    whole_file_remove_unfinished(PLACEMENT_RECORD);
    unlink(PLACEMENT_RECORD);
    rmdir(PLACEMENT_DIRECTORY);
}
