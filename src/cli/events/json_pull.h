/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A strict reader of one JSON text (RFC 8259) that is pulled token by token.
 *
 * Works inside the caller's bytes: strings are unescaped where they stand, and nothing is
 * allocated. UTF-8, escapes, surrogate pairs, numbers and nesting are all checked; whatever the
 * bytes, it reads only them and ends. Any thread.
 */
#ifndef RPCFW_CLI_EVENTS_JSON_PULL_H
#define RPCFW_CLI_EVENTS_JSON_PULL_H

#include <stddef.h>
#include <stdint.h>

/* Objects and arrays inside each other; an event has four. */
#define JSON_DEPTH_MAX 64

enum json_token {
    TOKEN_BAD, /* `why` says what is wrong; so it stays */
    TOKEN_END, /* the whole text was read */
    TOKEN_OBJECT,
    TOKEN_OBJECT_END,
    TOKEN_ARRAY,
    TOKEN_ARRAY_END,
    TOKEN_NAME, /* of a member; its value is next */
    TOKEN_STRING,
    TOKEN_NUMBER,
    TOKEN_TRUE,
    TOKEN_FALSE,
    TOKEN_NULL,
};

struct json_pull {
    char *at;
    char *end;
    char *text; /* of a name, string or number, unescaped; not zero-terminated */
    size_t length;
    const char *why;
    uint64_t objects; /* a bit for each open container: it is an object */
    unsigned depth;
    unsigned expected; /* what may follow: json_pull.c's own */
};

void json_pull_begin(struct json_pull *json, char *bytes, size_t length);
enum json_token json_pull_next(struct json_pull *json);

#endif
