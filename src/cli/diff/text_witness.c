/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All patterns run side by side as one automaton: its state holds, for each pattern, the places in
 * it that the text read so far may have reached. A search by breadth over these states finds the
 * shortest text that ends where the tests want it, or proves that there is none.
 */
#include "cli/diff/text_witness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/wildcard.h"

/* Beyond these the answer is WITNESS_TOO_HARD. */
#define PLACES_MAX 1024u /* in all patterns together */
#define STATES_MAX 4000u

struct question {
    struct policy_space *space;
    uint32_t excluded;
    const uint32_t *tests;
    size_t test_count;
};

static bool passes_tests(const struct question *question, struct text text)
{
    for (size_t i = 0; i < question->test_count; i++) {
        uint32_t test = question->tests[i];
        if (space_text_matches(question->space, WITNESS_TEST_LIST(test), text) !=
            WITNESS_TEST_HOLDS(test)) {
            return false;
        }
    }
    return true;
}

static bool is_excluded(const struct question *question, struct text text)
{
    size_t count;
    const uint32_t *members = space_list(question->space, question->excluded, &count);
    for (size_t i = 0; i < count; i++) {
        struct text plain = space_text(question->space, members[i], NULL);
        if (wildcard_equal(plain.bytes, plain.length, text.bytes, text.length)) {
            return true;
        }
    }
    return false;
}

/* ---- Texts worth a try: they answer nearly every question that policies ask ---- */

static bool try_text(const struct question *question, const char *text)
{
    struct text candidate = {text, strlen(text)};
    return passes_tests(question, candidate) && !is_excluded(question, candidate);
}

static bool try_usual(const struct question *question, enum policy_key key, char *out)
{
    static const char *const users[] = {"EXAMPLE\\user", "OTHER\\someone", "nobody", NULL};
    static const char *const processes[] = {"example.exe", "other.exe", "nothing", NULL};
    static const char *const endpoints[] = {"49152", "example", "49999", NULL};
    const char *const *usual = key == KEY_USER       ? users
                               : key == KEY_ENDPOINT ? endpoints
                                                     : processes;
    for (; *usual; usual++) {
        if (try_text(question, *usual)) {
            snprintf(out, WITNESS_TEXT_MAX + 1, "%s", *usual);
            return true;
        }
    }
    return false;
}

/* Of more numbered texts than there are excluded ones, one is free; a pattern may still forbid it.
 */
static bool try_numbered(const struct question *question, char *out)
{
    size_t count = space_list_count(question->space, question->excluded) + 1;
    for (size_t i = 1; i <= count; i++) {
        snprintf(out, WITNESS_TEXT_MAX, "other%lu", (unsigned long)i);
        if (!passes_tests(question, (struct text){out, strlen(out)})) {
            return false;
        }
        if (try_text(question, out)) {
            return true;
        }
    }
    return false;
}

/* The pattern with `star` for every * and "x" for every ?. */
static bool fill_pattern(struct text pattern, const char *star, char *out)
{
    size_t used = 0;
    for (size_t i = 0; i < pattern.length; i++) {
        const char *piece = pattern.bytes[i] == '*' ? star : pattern.bytes[i] == '?' ? "x" : NULL;
        size_t length = piece ? strlen(piece) : 1;
        if (used + length > WITNESS_TEXT_MAX) {
            return false;
        }
        memcpy(out + used, piece ? piece : &pattern.bytes[i], length);
        used += length;
    }
    out[used] = '\0';
    return used > 0;
}

static bool try_patterns(const struct question *question, char *out)
{
    static const char *const stars[] = {"x", "", "xy"};
    for (size_t i = 0; i < question->test_count; i++) {
        size_t count;
        const uint32_t *patterns =
            space_list(question->space, WITNESS_TEST_LIST(question->tests[i]), &count);
        for (size_t k = 0; WITNESS_TEST_HOLDS(question->tests[i]) && k < count; k++) {
            struct text pattern = space_text(question->space, patterns[k], NULL);
            for (size_t s = 0; s < sizeof(stars) / sizeof(stars[0]); s++) {
                if (fill_pattern(pattern, stars[s], out) && try_text(question, out)) {
                    return true;
                }
            }
        }
    }
    return false;
}

/* ---- Tests that plainly contradict each other ---- */

/* Whether the two patterns begin with different letters, before any wildcard. */
static bool begin_differently(struct text a, struct text b)
{
    for (size_t i = 0; i < a.length && i < b.length; i++) {
        if (a.bytes[i] == '*' || b.bytes[i] == '*') {
            return false;
        }
        if (a.bytes[i] != b.bytes[i] && a.bytes[i] != '?' && b.bytes[i] != '?') {
            return true;
        }
    }
    return false;
}

static bool lists_contradict(const struct policy_space *space, uint32_t a, uint32_t b)
{
    size_t a_count;
    size_t b_count;
    const uint32_t *a_list = space_list(space, a, &a_count);
    const uint32_t *b_list = space_list(space, b, &b_count);
    for (size_t i = 0; i < a_count; i++) {
        for (size_t k = 0; k < b_count; k++) {
            if (!begin_differently(space_text(space, a_list[i], NULL),
                                   space_text(space, b_list[k], NULL))) {
                return false;
            }
        }
    }
    return true;
}

/* Whether the last test, the one that is new, and another want texts that begin differently. */
static bool contradicts(const struct question *question)
{
    size_t last = question->test_count - 1;
    for (size_t i = 0; question->test_count && i < last; i++) {
        if (WITNESS_TEST_HOLDS(question->tests[last]) && WITNESS_TEST_HOLDS(question->tests[i]) &&
            lists_contradict(question->space, WITNESS_TEST_LIST(question->tests[last]),
                             WITNESS_TEST_LIST(question->tests[i]))) {
            return true;
        }
    }
    return false;
}

/* ---- The search ---- */

struct machine_pattern {
    struct text text;
    bool literal; /* an excluded plain text */
    size_t first; /* of its places in the state; text.length + 1 of them */
};

struct machine {
    struct machine_pattern *patterns;
    size_t count;
    size_t places;
    char alphabet[257]; /* bytes that matter, and one that stands for all others */
    size_t alphabet_size;
    struct intern states;
    uint32_t *from; /* by state: the state before, and the byte that led here */
    char *by;
};

static bool add_machine_pattern(struct machine *machine, struct text text, bool literal)
{
    struct machine_pattern *grown =
        realloc(machine->patterns, (machine->count + 1) * sizeof(*grown));
    if (!grown) {
        return false;
    }
    machine->patterns = grown;
    grown[machine->count++] =
        (struct machine_pattern){.text = text, .literal = literal, .first = machine->places};
    machine->places += text.length + 1;
    return machine->places <= PLACES_MAX;
}

/* Patterns of all tests in their order, then the excluded texts that could come out as answers. */
static bool add_machine_patterns(struct machine *machine, const struct question *question)
{
    size_t count;
    for (size_t i = 0; i < question->test_count; i++) {
        const uint32_t *patterns =
            space_list(question->space, WITNESS_TEST_LIST(question->tests[i]), &count);
        for (size_t k = 0; k < count; k++) {
            if (!add_machine_pattern(machine, space_text(question->space, patterns[k], NULL),
                                     false)) {
                return false;
            }
        }
    }
    const uint32_t *excluded = space_list(question->space, question->excluded, &count);
    for (size_t i = 0; i < count; i++) {
        struct text text = space_text(question->space, excluded[i], NULL);
        if (passes_tests(question, text) && !add_machine_pattern(machine, text, true)) {
            return false;
        }
    }
    return true;
}

static void choose_alphabet(struct machine *machine)
{
    static const char others[] = "xzqjkvwybp0123456789_-.";
    bool used[256] = {false};
    used[0] = true;
    for (int c = 'A'; c <= 'Z'; c++) {
        used[c] = true; /* the same as the small letter */
    }
    for (size_t i = 0; i < machine->count; i++) {
        const struct machine_pattern *pattern = &machine->patterns[i];
        for (size_t k = 0; k < pattern->text.length; k++) {
            unsigned char c = (unsigned char)pattern->text.bytes[k];
            bool wild = !pattern->literal && (c == '*' || c == '?');
            if (!wild && !used[c]) {
                used[c] = true;
                machine->alphabet[machine->alphabet_size++] = (char)c;
            }
        }
    }
    for (size_t i = 0; i < sizeof(others) - 1; i++) {
        if (!used[(unsigned char)others[i]]) {
            machine->alphabet[machine->alphabet_size++] = others[i];
            return;
        }
    }
    for (int c = 255; c > 0; c--) {
        if (!used[c]) {
            machine->alphabet[machine->alphabet_size++] = (char)c;
            return;
        }
    }
}

static bool is_star(const struct machine_pattern *pattern, size_t place)
{
    return !pattern->literal && place < pattern->text.length && pattern->text.bytes[place] == '*';
}

/* A place before a * is also one behind it: the * may stand for nothing. */
static void close_places(const struct machine_pattern *pattern, uint8_t *places)
{
    for (size_t i = 0; i < pattern->text.length; i++) {
        if (places[i] && is_star(pattern, i)) {
            places[i + 1] = 1;
        }
    }
}

static void step(const struct machine *machine, const uint8_t *state, char c, uint8_t *next)
{
    memset(next, 0, machine->places);
    for (size_t i = 0; i < machine->count; i++) {
        const struct machine_pattern *pattern = &machine->patterns[i];
        const uint8_t *at = state + pattern->first;
        uint8_t *to = next + pattern->first;
        for (size_t place = 0; place < pattern->text.length; place++) {
            char wanted = pattern->text.bytes[place];
            if (!at[place]) {
                continue;
            }
            if (is_star(pattern, place)) {
                to[place] = 1;
            } else if (wanted == c || (!pattern->literal && wanted == '?')) {
                to[place + 1] = 1;
            }
        }
        close_places(pattern, to);
    }
}

static bool ends(const struct machine_pattern *pattern, const uint8_t *state)
{
    return state[pattern->first + pattern->text.length] != 0;
}

static bool is_answer(const struct machine *machine, const struct question *question,
                      const uint8_t *state)
{
    size_t at = 0;
    for (size_t i = 0; i < question->test_count; i++) {
        size_t count = space_list_count(question->space, WITNESS_TEST_LIST(question->tests[i]));
        bool matched = false;
        for (size_t k = 0; k < count; k++) {
            matched = ends(&machine->patterns[at++], state) || matched;
        }
        if (matched != WITNESS_TEST_HOLDS(question->tests[i])) {
            return false;
        }
    }
    for (; at < machine->count; at++) {
        if (ends(&machine->patterns[at], state)) {
            return false;
        }
    }
    return true;
}

static enum witness_result write_answer(const struct machine *machine, uint32_t state, char *out)
{
    size_t length = 0;
    for (uint32_t at = state; at; at = machine->from[at]) {
        length++;
    }
    if (length > WITNESS_TEXT_MAX) {
        return WITNESS_TOO_HARD;
    }
    out[length] = '\0';
    for (uint32_t at = state; at; at = machine->from[at]) {
        out[--length] = machine->by[at];
    }
    return WITNESS_FOUND;
}

/* The first state, in which nothing was read, has the number 0. */
static enum witness_result search(struct machine *machine, const struct question *question,
                                  char *out)
{
    uint8_t scratch[PLACES_MAX + 1] = {0};
    for (size_t i = 0; i < machine->count; i++) {
        scratch[machine->patterns[i].first] = 1;
        close_places(&machine->patterns[i], scratch + machine->patterns[i].first);
    }
    bool empty_is_answer = is_answer(machine, question, scratch);
    intern_put(&machine->states, scratch, machine->places);
    for (uint32_t at = 0; at < machine->states.count; at++) {
        question->space->work += machine->alphabet_size * machine->places / 8;
        for (size_t i = 0; i < machine->alphabet_size; i++) {
            step(machine, intern_get(&machine->states, at, NULL), machine->alphabet[i], scratch);
            uint32_t before = machine->states.count;
            uint32_t state = intern_put(&machine->states, scratch, machine->places);
            if (machine->states.failed || machine->states.count > STATES_MAX) {
                return WITNESS_TOO_HARD;
            }
            if (state != before) {
                continue;
            }
            machine->from[state] = at;
            machine->by[state] = machine->alphabet[i];
            if (is_answer(machine, question, scratch)) {
                return write_answer(machine, state, out);
            }
        }
    }
    /* No text at all reads badly in an example, so it comes last. */
    out[0] = '\0';
    return empty_is_answer ? WITNESS_FOUND : WITNESS_NONE;
}

static enum witness_result search_all(const struct question *question, char *out)
{
    struct machine machine = {.from = calloc(STATES_MAX + 1, sizeof(uint32_t)),
                              .by = calloc(STATES_MAX + 1, 1)};
    enum witness_result result = WITNESS_TOO_HARD;
    if (machine.from && machine.by && add_machine_patterns(&machine, question)) {
        choose_alphabet(&machine);
        result = search(&machine, question, out);
    }
    intern_free(&machine.states);
    free(machine.patterns);
    free(machine.from);
    free(machine.by);
    return result;
}

enum witness_result find_witness(struct policy_space *space, enum policy_key key, uint32_t excluded,
                                 const uint32_t *tests, size_t test_count,
                                 char text[WITNESS_TEXT_MAX + 1])
{
    struct question question = {space, excluded, tests, test_count};
    space->work += test_count * 20;
    if (contradicts(&question)) {
        return WITNESS_NONE;
    }
    if (try_usual(&question, key, text) || try_patterns(&question, text) ||
        try_numbered(&question, text)) {
        return WITNESS_FOUND;
    }
    return search_all(&question, text);
}
