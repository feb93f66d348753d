/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a test may ask a program that it started: lines on stdin, one answer line each on stdout,
 * served by a thread of its own. Loads nothing but kernel32 and msvcrt, so that idle.exe stays a
 * process without RPC.
 *
 *     module NAME   ->  module NAME loaded|absent
 *     modules       ->  modules NAME NAME …, in the order in which they were loaded
 *     usage         ->  usage private=BYTES heap=BYTES handles=NUMBER threads=NUMBER
 *     quit          ->  bye, and the process ends; so it does at end of file
 */
#ifndef TESTS_WINE_SERVERS_CONTROL_H
#define TESTS_WINE_SERVERS_CONTROL_H

#include <stdbool.h>

/* Prints one line and flushes it; any thread. */
void control_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Starts the thread; false when there is none to be had. Called once, before the program says
 * READY. */
bool control_start(void);

#endif
