/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/events/json_path.h"

#include <string.h>

/* Puts a member's name behind those of the objects around it. */
static void set_name(struct json_path *path, const struct json_pull *json)
{
    size_t start = path->outer ? path->outer + 1 : 0;
    if (start + json->length >= JSON_PATH_SIZE) {
        path->length = JSON_PATH_SIZE;
        return;
    }
    if (path->outer) {
        path->text[path->outer] = '.';
    }
    memcpy(path->text + start, json->text, json->length);
    path->length = start + json->length;
}

enum json_token json_path_next(struct json_path *path, struct json_pull *json)
{
    for (;;) {
        enum json_token token = json_pull_next(json);
        switch (token) {
        case TOKEN_NAME:
            set_name(path, json);
            break;
        case TOKEN_OBJECT:
        case TOKEN_ARRAY:
            path->kept[json->depth - 1] = path->outer;
            path->outer = path->length;
            break;
        case TOKEN_OBJECT_END:
        case TOKEN_ARRAY_END:
            /* The next value of an array around it has that array's path again. */
            path->length = path->outer;
            path->outer = path->kept[json->depth];
            break;
        default:
            return token;
        }
    }
}
