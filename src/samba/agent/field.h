/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading what lies `offset` bytes into one of Samba's structures.
 *
 * Copies byte by byte, so alignment and aliasing do not matter. The caller vouches for the offset
 * (layouts.h).
 */
#ifndef RPCFW_SAMBA_FIELD_H
#define RPCFW_SAMBA_FIELD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline const void *at(const void *structure, size_t offset)
{
    return (const char *)structure + offset;
}

static inline void *pointer_at(const void *structure, size_t offset)
{
    void *value;
    memcpy(&value, at(structure, offset), sizeof(value));
    return value;
}

static inline uint32_t u32_at(const void *structure, size_t offset)
{
    uint32_t value;
    memcpy(&value, at(structure, offset), sizeof(value));
    return value;
}

static inline uint16_t u16_at(const void *structure, size_t offset)
{
    uint16_t value;
    memcpy(&value, at(structure, offset), sizeof(value));
    return value;
}

static inline uint8_t u8_at(const void *structure, size_t offset)
{
    return *(const uint8_t *)at(structure, offset);
}

#endif
