/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/json_fields.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/report.h"

void json_field_name(struct json_fields *fields, const char *name)
{
    printf("%s\"%s\":", fields->some ? "," : "", name);
    fields->some = true;
}

void json_element_text(struct json_fields *elements, const char *text)
{
    if (elements->some) {
        putchar(',');
    }
    report_json_string(stdout, text, strlen(text));
    elements->some = true;
}

void json_field_text(struct json_fields *fields, const char *name, const char *text)
{
    json_field_name(fields, name);
    report_json_string(stdout, text, strlen(text));
}

void json_field_number(struct json_fields *fields, const char *name, uint64_t number)
{
    json_field_name(fields, name);
    printf("%" PRIu64, number);
}

void json_field_flag(struct json_fields *fields, const char *name, bool flag)
{
    json_field_name(fields, name);
    printf(flag ? "true" : "false");
}
