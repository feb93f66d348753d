/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Classes of calls in words close to the policy language: "uuid:… opnum:3-5 addr:!10.0.0.0/8".
 *
 * Within a word: "," any of, "!" none of, "&" and, "|unknown" also where the host cannot tell,
 * "known" any value that it can tell. Only remote calls are meant unless prot: says otherwise.
 */
#ifndef RPCFW_CLI_DIFF_CLASS_TEXT_H
#define RPCFW_CLI_DIFF_CLASS_TEXT_H

#include <stdio.h>

#include "cli/diff/call_class.h"

/* A text that grows on the heap; start with all zero, free() its bytes. */
struct phrase {
    char *bytes; /* zero-terminated once something was added */
    size_t length;
    size_t capacity;
    bool failed; /* out of memory: the text is cut */
};

void phrase_add(struct phrase *phrase, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Whether the class says something about the key that is worth a word. */
bool facet_is_told(const struct policy_space *space, enum policy_key key,
                   const struct facet *facet);

/* The word's part behind "key:", with at most `values_max` values of a list. */
void facet_text(struct phrase *phrase, struct policy_space *space, enum policy_key key,
                const struct facet *facet, size_t values_max);

/* All words; "every remote call" when there are none. */
void class_text(struct phrase *phrase, struct policy_space *space, const struct call_class *class,
                size_t values_max);

#endif
