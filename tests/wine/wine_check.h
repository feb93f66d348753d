/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of a test program that runs under Wine: a line each, and how many failed. */
#ifndef RPCFW_TESTS_WINE_CHECK_H
#define RPCFW_TESTS_WINE_CHECK_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static unsigned failures;

static void check(bool ok, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void check(bool ok, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    printf("%s ", ok ? "ok    " : "FAILED");
    vprintf(format, arguments);
    printf("\n");
    fflush(stdout); /* for when the next step crashes */
    va_end(arguments);
    if (!ok) {
        failures++;
    }
}

#endif
