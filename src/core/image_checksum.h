/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checksum of an image, shared by the compiler that writes it and the validator that compares
 * it.
 */
#ifndef RPCFW_CORE_IMAGE_CHECKSUM_H
#define RPCFW_CORE_IMAGE_CHECKSUM_H

#include <stdint.h>

#include "core/image.h"

/* FNV-1a over image->size bytes from behind the checksum field; image->size must be at least the
 * header's. */
uint64_t image_checksum(const struct policy_image *image);

#endif
