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
#include "core/catalog.h"

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

struct class_style {
    size_t values_max; /* of a list; SIZE_MAX: all */
    bool names;        /* of interfaces and methods, where the catalogue has them */
    const struct catalog_interface *interface; /* whose methods the opnums are; NULL: not known */
};

/* The word's part behind "key:". */
void facet_text(struct phrase *phrase, struct policy_space *space, enum policy_key key,
                const struct facet *facet, const struct class_style *style);

/* All words; "every remote call" when there are none. A class of one interface needs none in the
 * style. */
void class_text(struct phrase *phrase, struct policy_space *space, const struct call_class *class,
                const struct class_style *style);

#endif
