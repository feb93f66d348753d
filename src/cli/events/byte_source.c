/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/events/byte_source.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>
#ifdef RPCFW_HAVE_ZSTD
#include <zstd.h>
#endif
#ifdef _WIN32
#include <fcntl.h>
#include <io.h>
#endif

#include "cli/file.h"

#define CHUNK_SIZE ((size_t)256 * 1024)

enum packing { PACKING_NONE, PACKING_GZIP, PACKING_ZSTD };

struct byte_source {
    FILE *file;
    enum packing packing;
    bool file_ended;
    bool inside; /* a gzip member or zstd frame is begun and not ended */
    const char *error;
    uint64_t position;
    size_t at; /* of the next byte of `chunk`, still packed */
    size_t end;
    z_stream gzip;
#ifdef RPCFW_HAVE_ZSTD
    ZSTD_DStream *zstd;
#endif
    unsigned char chunk[CHUNK_SIZE];
};

/* Puts the next packed bytes into the chunk when it is used up; false: there are none. */
static bool fill(struct byte_source *source)
{
    if (source->at < source->end) {
        return true;
    }
    if (source->file_ended) {
        return false;
    }
    source->at = 0;
    source->end = fread(source->chunk, 1, CHUNK_SIZE, source->file);
    source->position += source->end;
    if (source->end < CHUNK_SIZE) {
        source->file_ended = true;
        if (ferror(source->file)) {
            source->error = "cannot be read to its end";
        }
    }
    return source->end > 0;
}

static bool begins_with(const struct byte_source *source, const char *magic, size_t length)
{
    return source->end >= length && memcmp(source->chunk, magic, length) == 0;
}

/* Packings that are told but not unpacked. */
static const struct {
    const char *magic;
    size_t length;
    const char *why;
} foreign[] = {
    {"\xfd"
     "7zXZ\0",
     6, "packed with xz: unpack it first"},
    {"BZh", 3, "packed with bzip2: unpack it first"},
    {"PK\x03\x04", 4, "packed as zip: unpack it first"},
};

/* Tells the packing and prepares for it; false with *why when it cannot be read. */
static bool begin_unpacking(struct byte_source *source, const char **why)
{
    fill(source);
    if (begins_with(source, "\x1f\x8b", 2)) {
        source->packing = PACKING_GZIP;
        *why = "out of memory";
        return inflateInit2(&source->gzip, 16 + MAX_WBITS) == Z_OK;
    }
    if (begins_with(source, "\xff\xfe", 2) || begins_with(source, "\xfe\xff", 2)) {
        *why = "is UTF-16; save it as UTF-8";
        return false;
    }
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        if (begins_with(source, foreign[i].magic, foreign[i].length)) {
            *why = foreign[i].why;
            return false;
        }
    }
    if (!begins_with(source, "\x28\xb5\x2f\xfd", 4)) {
        if (begins_with(source, "\xef\xbb\xbf", 3)) {
            source->at = 3;
        }
        return true;
    }
#ifdef RPCFW_HAVE_ZSTD
    source->packing = PACKING_ZSTD;
    source->zstd = ZSTD_createDStream();
    *why = "out of memory";
    return source->zstd != NULL;
#else
    *why = "is packed with zstd, which this program cannot unpack; use zstd -d first";
    return false;
#endif
}

static FILE *open_input(const char *path, const char **why)
{
    struct stat status;
    if (strcmp(path, "-") == 0) {
#ifdef _WIN32
        _setmode(_fileno(stdin), _O_BINARY);
#endif
        return stdin;
    }
    errno = 0;
    FILE *file = file_open(path);
    if (file && fstat(fileno(file), &status) == 0 && S_ISDIR(status.st_mode)) {
        fclose(file);
        file = NULL;
        errno = EISDIR;
    }
    if (!file) {
        *why = errno ? strerror(errno) : "cannot be opened";
    }
    return file;
}

struct byte_source *byte_source_open(const char *path, const char **why)
{
    FILE *file = open_input(path, why);
    if (!file) {
        return NULL;
    }
    struct byte_source *source = calloc(1, sizeof(*source));
    if (!source) {
        *why = "out of memory";
        if (file != stdin) {
            fclose(file);
        }
        return NULL;
    }
    source->file = file;
    if (!begin_unpacking(source, why)) {
        byte_source_close(source);
        return NULL;
    }
    return source;
}

void byte_source_close(struct byte_source *source)
{
    if (!source) {
        return;
    }
    if (source->packing == PACKING_GZIP) {
        inflateEnd(&source->gzip);
    }
#ifdef RPCFW_HAVE_ZSTD
    ZSTD_freeDStream(source->zstd);
#endif
    if (source->file != stdin) {
        fclose(source->file);
    }
    free(source);
}

/* The end of the packed bytes: right only between two members. */
static void end_of_packed(struct byte_source *source)
{
    if (source->inside && !source->error) {
        source->error = "is cut off in the middle";
    }
}

static void copy_bytes(struct byte_source *source, unsigned char *out, size_t size, size_t *made)
{
    size_t length = source->end - source->at;
    length = length < size ? length : size;
    memcpy(out, source->chunk + source->at, length);
    source->at += length;
    *made = length;
}

/* A gzip file may be several members in a row: rotated logs are joined that way. */
static void unpack_gzip(struct byte_source *source, unsigned char *out, size_t size, size_t *made)
{
    z_stream *gzip = &source->gzip;
    gzip->next_in = source->chunk + source->at;
    gzip->avail_in = (uInt)(source->end - source->at);
    gzip->next_out = out;
    gzip->avail_out = (uInt)size;
    source->inside = true;
    int result = inflate(gzip, Z_NO_FLUSH);
    source->at = source->end - gzip->avail_in;
    *made = size - gzip->avail_out;
    if (result == Z_STREAM_END) {
        source->inside = false;
        inflateReset(gzip);
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
        source->error = "is damaged: it does not unpack as gzip";
    }
}

#ifdef RPCFW_HAVE_ZSTD
static void unpack_zstd(struct byte_source *source, unsigned char *out, size_t size, size_t *made)
{
    ZSTD_inBuffer in = {source->chunk + source->at, source->end - source->at, 0};
    ZSTD_outBuffer to = {out, size, 0};
    size_t result = ZSTD_decompressStream(source->zstd, &to, &in);
    source->at += in.pos;
    *made = to.pos;
    source->inside = result != 0;
    if (ZSTD_isError(result)) {
        source->error = "is damaged: it does not unpack as zstd";
    }
}
#endif

size_t byte_source_read(struct byte_source *source, void *out, size_t size)
{
    /* One step takes no more than fits into the counters of zlib. */
    size_t step = size < CHUNK_SIZE ? size : CHUNK_SIZE;
    size_t made = 0;
    while (!made && !source->error) {
        bool more = fill(source);
        if (!more && !source->inside) {
            break;
        }
        bool had_input = more;
        if (source->packing == PACKING_NONE) {
            copy_bytes(source, out, step, &made);
        } else if (source->packing == PACKING_GZIP) {
            unpack_gzip(source, out, step, &made);
        } else {
#ifdef RPCFW_HAVE_ZSTD
            unpack_zstd(source, out, step, &made);
#endif
        }
        if (!made && !had_input) {
            end_of_packed(source);
            break;
        }
    }
    return made;
}

const char *byte_source_error(const struct byte_source *source)
{
    return source->error;
}

uint64_t byte_source_position(const struct byte_source *source)
{
    return source->position;
}
