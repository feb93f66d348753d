/* SPDX-License-Identifier: Apache-2.0 */
/* A policy image for the test programs, made by the compiler itself. */
#ifndef RPCFW_TESTS_TEST_IMAGE_H
#define RPCFW_TESTS_TEST_IMAGE_H

#include <stddef.h>

/* Compiles policy text that has no errors into memory to be freed with free(); ends the program
 * otherwise. */
void *test_image(const char *text, size_t *size);

#endif
