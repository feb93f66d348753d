/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random policies as text, in every spelling that the language has for the same thing; calls as
 * text, for a report.
 */
#ifndef RPCFW_TESTS_REFERENCE_SPELL_H
#define RPCFW_TESTS_REFERENCE_SPELL_H

#include <stdio.h>

#include "generate.h"

/* The name under which the policy's text includes the other file. */
#define SPELLED_INCLUDE "more.conf"

struct spelled_text {
    char *bytes; /* not zero-terminated */
    size_t length;
    size_t capacity;
    uint32_t line; /* of the next line */
};

struct spelled_policy {
    struct spelled_text main;
    struct spelled_text included; /* length 0: there is none */
    bool domain_in_text;          /* otherwise the reader has to be told the domain */
};

/* Overwrites *out, which is zero or was spelled before, and sets the line of each rule. */
void spell_policy(struct reference_policy *policy, struct spelled_policy *out);
void spelled_policy_free(struct spelled_policy *spelled);

/* One line, as `rpcfw explain` takes it; what the host could not tell is left out. */
void spell_call(const struct generated_call *call, FILE *out);

#endif
