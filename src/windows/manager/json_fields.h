/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields of a JSON object on stdout, for verbs with --json. Each writes a comma first unless it
 * is the first of its object, so the caller writes the braces only. Main thread.
 */
#ifndef RPCFW_WINDOWS_MANAGER_JSON_FIELDS_H
#define RPCFW_WINDOWS_MANAGER_JSON_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

struct json_fields {
    bool some; /* a field was written */
};

void json_field_text(struct json_fields *fields, const char *name, const char *text);
void json_field_number(struct json_fields *fields, const char *name, uint64_t number);
void json_field_flag(struct json_fields *fields, const char *name, bool flag);

/* An element of an array, with the same commas. */
void json_element_text(struct json_fields *elements, const char *text);

/* The name alone, with its colon: the value follows. */
void json_field_name(struct json_fields *fields, const char *name);

#endif
