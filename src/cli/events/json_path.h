/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The values of one JSON text, each with the names of the objects around it and its own, joined by
 * dots: "rpc.interface.uuid". For readers that look for fields by name.
 *
 * On top of json_pull.h; no allocation, any thread.
 */
#ifndef RPCFW_CLI_EVENTS_JSON_PATH_H
#define RPCFW_CLI_EVENTS_JSON_PATH_H

#include "cli/events/json_pull.h"

/* Longer than the path of any field of an event. */
#define JSON_PATH_SIZE 48

/* All zero before the first value. */
struct json_path {
    char text[JSON_PATH_SIZE];   /* not zero-terminated */
    size_t length;               /* JSON_PATH_SIZE: too long for any field */
    size_t outer;                /* of the innermost object's path */
    size_t kept[JSON_DEPTH_MAX]; /* what was open around each container */
};

/*
 * Goes on to the next value that is no container; the values of an array all have its path.
 * TOKEN_STRING, TOKEN_NUMBER, TOKEN_TRUE, TOKEN_FALSE or TOKEN_NULL; TOKEN_END; TOKEN_BAD.
 */
enum json_token json_path_next(struct json_path *path, struct json_pull *json);

#endif
