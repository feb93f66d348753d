/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The library that the fake server imports ndr_pull_init_blob() from. */
#include <errno.h>
#include <stddef.h>

void *ndr_pull_init_blob(const void *blob, void *memory);

/* What the host left in errno is what it finds there. */
extern int fake_errno_seen;
int fake_errno_seen = -1;

void *ndr_pull_init_blob(const void *blob, void *memory)
{
    fake_errno_seen = errno;
    return blob ? memory : NULL;
}
