/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Members of JSON objects on stdout, for the verbs that answer machines. */
#ifndef RPCFW_SAMBA_MANAGER_JSON_MEMBERS_H
#define RPCFW_SAMBA_MANAGER_JSON_MEMBERS_H

#include <stdbool.h>
#include <stdint.h>

/* Begins each array and object: nothing stands before its first member. `name` NULL: an element. */
void member_open(const char *name, char bracket);
void member_close(char bracket);

void member_text(const char *name, const char *text);
void member_number(const char *name, uint64_t number);
void member_flag(const char *name, bool flag);

#endif
