/* SPDX-License-Identifier: Apache-2.0 */
#include "test_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/policy.h"

void *test_image(const char *text, size_t *size)
{
    struct policy *policy = policy_read("test", text, strlen(text), NULL);
    void *image = policy && !policy->diagnostics.errors ? policy_compile(policy, size) : NULL;
    policy_free(policy);
    if (!image) {
        printf("not ok: the test's policy does not compile: %s\n", text);
        exit(1);
    }
    return image;
}
