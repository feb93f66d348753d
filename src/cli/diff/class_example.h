/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call out of a class of calls, as decide() takes it and as the words of `explain`.
 *
 * What the class says nothing about stays unknown; where it leaves the choice, the call is one that
 * a reader recognises (addresses kept for documentation, opnums that are named). Tools only.
 */
#ifndef RPCFW_CLI_DIFF_CLASS_EXAMPLE_H
#define RPCFW_CLI_DIFF_CLASS_EXAMPLE_H

#include <stdio.h>

#include "cli/diff/call_class.h"
#include "cli/diff/text_witness.h"
#include "core/call.h"

#define EXAMPLE_SIDS_MAX 256

struct class_example {
    struct call call;
    const struct sid *sids[EXAMPLE_SIDS_MAX];
    char process[WITNESS_TEXT_MAX + 1];
    char endpoint[WITNESS_TEXT_MAX + 1];
    char user[WITNESS_TEXT_MAX + 1];
};

/* False: no example could be found, or memory is out. The example points into itself and into the
 * space. */
bool class_example_make(struct class_example *example, const struct call_class *class,
                        struct policy_space *space);

/* Called with each word, zero-terminated: uuid=…, opnum=…, … */
typedef void example_word(void *context, const char *word);
void class_example_words(const struct class_example *example, example_word *put, void *context);

#endif
