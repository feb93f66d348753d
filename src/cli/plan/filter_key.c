/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/plan/filter_key.h"

const struct guid filter_provider_key = {
    0x707c2b84, 0x9b59, 0x4ded, {0xa5, 0x71, 0xc5, 0xe0, 0xb2, 0xb4, 0xac, 0xf8}};
const struct guid filter_sublayer_key = {
    0x8a2b0d57, 0x1e3e, 0x4929, {0x8a, 0x4d, 0xa3, 0xd6, 0x75, 0x67, 0x72, 0x5c}};

struct guid filter_key(enum filter_family family, size_t index)
{
    return (struct guid){(uint32_t)index,
                         (uint16_t)(0xa860u + (unsigned)family),
                         0x4557,
                         {0x87, 0xf3, 0xfa, 0x4d, 0x89, 0x03, 0x9e, 0xd7}};
}

bool filter_key_is(const struct guid *key, enum filter_family family)
{
    struct guid first = filter_key(family, key->data1);
    return guid_equal(key, &first);
}
