/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads of a validated image all that a host can make decide() and the event code read, so that a
 * sanitizer sees what the validator let through. For the unit tests and the fuzzers.
 */
#ifndef RPCFW_TESTS_PROBE_IMAGE_H
#define RPCFW_TESTS_PROBE_IMAGE_H

#include <stddef.h>

#include "core/image.h"

/* A policy with every key, every kind of value, and runs of rules that can be merged. */
extern const char probe_policy[];

/* A copy in a block of exactly `size` bytes, aligned as an image must be. Never NULL. */
void *probe_copy(const void *bytes, size_t size);

/* Makes the checksum right, if there is room for a header and the size in it is not above `size`.
 */
void probe_fix_checksum(void *bytes, size_t size);

/* Asks a few hundred decisions of the image and reads its texts. What it returns only stands for
 * what was read. */
size_t probe_image(const struct policy_image *image);

/* Validates, and probes what is valid. */
void probe_bytes(const void *bytes, size_t size);

#endif
