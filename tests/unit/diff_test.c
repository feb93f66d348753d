/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The comparison of policies against brute force: random pairs of small policies, and every call of
 * a small universe decided with both. RPCFW_SEED repeats a run, RPCFW_ROUNDS makes it longer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "cli/diff/call_class.h"
#include "cli/diff/class_example.h"
#include "cli/diff/text_witness.h"
#include "core/authn.h"
#include "core/decide.h"
#include "core/policy.h"
#include "core/wildcard.h"

#define ROUNDS     1200
#define POLICY_MAX 4096

static uint64_t random_state;

static uint32_t random_below(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 20) % limit;
}

/* ---- Random policies over few values ---- */

static const char *const guids[] = {"e3514235-4b06-11d1-ab04-00c04fc2dcd2",
                                    "367abb81-9844-35f1-ad32-98f038001003",
                                    "00000000-0000-0000-0000-000000000000"};
static const char *const sids[] = {"S-1-5-32-544", "S-1-5-7", "S-1-1-0", "S-1-5-32-545"};

static void put(char *out, const char *text)
{
    assert_true(strlen(out) + strlen(text) < POLICY_MAX);
    strcat(out, text);
}

static void put_one_of(char *out, const char *const *values, uint32_t count)
{
    put(out, values[random_below(count)]);
}

static void put_pattern(char *out)
{
    static const char letters[] = "abab**?";
    char text[5] = {0};
    size_t length = 1 + random_below(3);
    for (size_t i = 0; i < length; i++) {
        text[i] = letters[random_below(sizeof(letters) - 1)];
    }
    put(out, text);
}

static void put_value(char *out, enum policy_key key)
{
    static const char *const opnums[] = {"0", "1-2", "2-4", "3", "65535", "5-65535", "0-65535"};
    static const char *const versions[] = {"0.0", "1.0", "2.0"};
    static const char *const prots[] = {"ncacn_ip_tcp", "ncacn_np", "ncalrpc"};
    static const char *const addrs[] = {"10.0.0.1",  "10.0.0.0/8", "10.0.0.1-10.0.0.7",
                                        "fe80::/10", "0.0.0.0/0",  "::/0"};
    static const char *const levels[] = {"none",  "connect",  "privacy",
                                         "<none", "<connect", "<privacy"};
    static const char *const endpoints[] = {"\\pipe\\a", "b", "49152", "example"};
    const struct {
        const char *const *values;
        uint32_t count;
    } plain[KEY_COUNT] = {
        [KEY_UUID] = {guids, 3},  [KEY_OBJECT] = {guids, 3}, [KEY_OPNUM] = {opnums, 7},
        [KEY_PROT] = {prots, 3},  [KEY_ADDR] = {addrs, 6},   [KEY_IFACE_VERSION] = {versions, 3},
        [KEY_AUTH] = {levels, 6}, [KEY_SID] = {sids, 4},     [KEY_ENDPOINT] = {endpoints, 4},
    };
    if (plain[key].count) {
        put_one_of(out, plain[key].values, plain[key].count);
        return;
    }
    put(out, key == KEY_USER ? "@" : ""); /* what marks a user name without a domain as meant */
    put_pattern(out);
}

static void put_condition(char *out, enum policy_key key)
{
    put(out, condition_keys[key].name);
    put(out, ":");
    put(out, random_below(4) ? "" : "!");
    uint32_t count = condition_keys[key].multiple ? 1 + random_below(2) : 1;
    for (uint32_t i = 0; i < count; i++) {
        put(out, i ? "," : "");
        put_value(out, key);
    }
    put(out, " ");
}

static void put_rule(char *out, uint32_t keys)
{
    for (int key = 0; key < KEY_COUNT; key++) {
        if ((keys & 1u << key) && random_below(3)) {
            put_condition(out, (enum policy_key)key);
        }
    }
    bool block = random_below(2);
    put(out, block ? "action:block" : "action:allow");
    put(out, random_below(4) ? "" : " audit:true");
    put(out, block && !random_below(5) ? " dry:true" : "");
    put(out, "\n");
}

static void make_policy(char *out, uint32_t keys)
{
    uint32_t rules = random_below(6);
    out[0] = '\0';
    put(out, random_below(4) ? "" : "option unknown lenient\n");
    for (uint32_t i = 0; i < rules; i++) {
        put_rule(out, keys);
    }
}

/* The same policy with a line taken out, doubled or exchanged: most of it stays. */
static void change_policy(char *out, const char *policy, uint32_t keys)
{
    char copy[POLICY_MAX];
    uint32_t line = 0;
    uint32_t changed = random_below(6);
    strcpy(copy, policy);
    out[0] = '\0';
    for (char *at = strtok(copy, "\n"); at; at = strtok(NULL, "\n"), line++) {
        if (line == changed && random_below(2)) {
            put_rule(out, keys);
        }
        if (line != changed || random_below(2)) {
            put(out, at);
            put(out, "\n");
        }
    }
}

static uint32_t some_keys(void)
{
    uint32_t keys = 0;
    for (int i = 0; i < 3; i++) {
        keys |= 1u << random_below(KEY_COUNT);
    }
    return keys;
}

/* ---- A universe of calls ---- */

struct universe {
    uint32_t keys;
    size_t sizes[KEY_COUNT]; /* values of each key; the last is unknown */
};

#define TEXTS_MAX 130

static char texts[TEXTS_MAX][8];
static size_t text_count;

/* All texts of up to four of the letters a, b and x. */
static void make_texts(void)
{
    for (size_t length = 0; length <= 4; length++) {
        size_t combinations = 1;
        for (size_t i = 0; i < length; i++) {
            combinations *= 3;
        }
        for (size_t c = 0; c < combinations && text_count < TEXTS_MAX; c++) {
            size_t rest = c;
            for (size_t i = 0; i < length; i++, rest /= 3) {
                texts[text_count][i] = "abx"[rest % 3];
            }
            texts[text_count++][length] = '\0';
        }
    }
}

static const char *const some_addrs[] = {"10.0.0.1", "10.0.0.5", "10.9.9.9", "11.0.0.0",
                                         "fe80::1",  "::1",      "ff00::"};
static const uint16_t some_opnums[] = {0, 1, 2, 3, 4, 5, 65535};
static const char *const some_endpoints[] = {"a", "\\PIPE\\b", "49152", "example", "zz"};
static const char *const some_guids[] = {
    "e3514235-4b06-11d1-ab04-00c04fc2dcd2", "367abb81-9844-35f1-ad32-98f038001003",
    "00000000-0000-0000-0000-000000000000", "12345678-1234-1234-1234-123456789abc"};
static const enum protseq some_prots[] = {PROTSEQ_NCACN_IP_TCP, PROTSEQ_NCACN_NP, PROTSEQ_NCALRPC,
                                          PROTSEQ_NCACN_HTTP};

static struct sid sid_values[5];

static struct universe make_universe(uint32_t keys)
{
    struct universe universe = {.keys = keys};
    const size_t sizes[KEY_COUNT] = {
        [KEY_UUID] = 5,      [KEY_OPNUM] = 8,    [KEY_IFACE_VERSION] = 4, [KEY_PROT] = 5,
        [KEY_PROCESS] = 122, [KEY_ENDPOINT] = 6, [KEY_ADDR] = 8,          [KEY_AUTH] = 7,
        [KEY_OBJECT] = 5,    [KEY_SID] = 33,     [KEY_USER] = 122,
    };
    if (keys & 1u << KEY_IFACE_VERSION) {
        universe.keys |= 1u << KEY_UUID;
    }
    /* ncalrpc is judged apart, whether or not a rule asks for it. */
    universe.keys |= 1u << KEY_PROT;
    for (int key = 0; key < KEY_COUNT; key++) {
        universe.sizes[key] = universe.keys & 1u << key ? sizes[key] : 1;
    }
    return universe;
}

struct sample {
    struct call call;
    const struct sid *list[5];
    char text[3][16];
};

static void set_text(struct sample *sample, enum policy_key key, size_t value)
{
    char *text = sample->text[key == KEY_PROCESS ? 0 : key == KEY_ENDPOINT ? 1 : 2];
    struct text *member = key == KEY_PROCESS    ? &sample->call.process
                          : key == KEY_ENDPOINT ? &sample->call.endpoint
                                                : &sample->call.principal;
    snprintf(text, 16, "%s%s", key == KEY_USER ? "@" : "",
             key == KEY_ENDPOINT ? some_endpoints[value] : texts[value]);
    *member = (struct text){text, strlen(text)};
}

/* Sets the key's value number `value`. */
static void set_value(struct sample *sample, enum policy_key key, size_t value)
{
    struct call *call = &sample->call;
    switch (key) {
    case KEY_UUID:
        guid_parse(some_guids[value], strlen(some_guids[value]), &call->interface);
        break;
    case KEY_OBJECT:
        guid_parse(some_guids[value], strlen(some_guids[value]), &call->object);
        break;
    case KEY_OPNUM:
        call->opnum = some_opnums[value];
        break;
    case KEY_IFACE_VERSION:
        call->version_major = (uint16_t)value;
        break;
    case KEY_PROT:
        call->protseq = some_prots[value];
        break;
    case KEY_ADDR:
        ipaddr_parse(some_addrs[value], strlen(some_addrs[value]), &call->client_addr);
        break;
    case KEY_AUTH:
        call->authn_level = (uint8_t)(value + AUTHN_LEVEL_NONE);
        break;
    case KEY_SID:
        for (size_t i = 0; i < 5; i++) {
            if (value >> i & 1) {
                sample->list[call->sid_count++] = &sid_values[i];
            }
        }
        break;
    default:
        set_text(sample, key, value);
        break;
    }
}

/* The call with that number; false: there is none (a version without an interface). */
static bool make_sample(struct sample *sample, const struct universe *universe, size_t number)
{
    memset(sample, 0, sizeof(*sample));
    sample->call.sids = sample->list;
    for (int key = 0; key < KEY_COUNT; key++) {
        size_t value = number % universe->sizes[key];
        number /= universe->sizes[key];
        bool known = (universe->keys & 1u << key) && value + 1 < universe->sizes[key];
        if (key == KEY_IFACE_VERSION) {
            bool interface = (sample->call.known & FACT_BIT(FACT_INTERFACE)) != 0;
            if ((universe->keys & 1u << key) && known != interface) {
                return false;
            }
        }
        if (known) {
            set_value(sample, (enum policy_key)key, value);
            call_set_known(&sample->call, condition_keys[key].fact);
        }
    }
    return true;
}

/* ---- Is a call in a class? Plainly, facet by facet. ---- */

static struct point point_of(const struct call *call, enum policy_key key)
{
    switch (key) {
    case KEY_UUID:
        return point_of_guid(&call->interface);
    case KEY_OBJECT:
        return point_of_guid(&call->object);
    case KEY_ADDR:
        return point_of_addr(&call->client_addr);
    case KEY_OPNUM:
        return (struct point){0, call->opnum};
    case KEY_IFACE_VERSION:
        return (struct point){0, (uint64_t)call->version_major << 16 | call->version_minor};
    case KEY_PROT:
        return (struct point){0, call->protseq};
    default:
        return (struct point){0, call->authn_level};
    }
}

static bool passes_list(const struct policy_space *space, const struct sample *sample,
                        enum policy_key key, uint32_t list)
{
    size_t count;
    const uint32_t *members = space_list(space, list, &count);
    struct text text = key == KEY_PROCESS    ? sample->call.process
                       : key == KEY_ENDPOINT ? sample->call.endpoint
                                             : sample->call.principal;
    if (key == KEY_ENDPOINT && text.length > 6 && text.bytes[0] == '\\') {
        text = (struct text){text.bytes + 6, text.length - 6};
    }
    for (size_t i = 0; i < count; i++) {
        bool wild;
        if (key == KEY_SID) {
            for (size_t k = 0; k < sample->call.sid_count; k++) {
                if (sid_equal(sample->call.sids[k], intern_get(&space->sids, members[i], NULL))) {
                    return true;
                }
            }
            continue;
        }
        struct text pattern = space_text(space, members[i], &wild);
        if (wild ? wildcard_match(pattern.bytes, pattern.length, text.bytes, text.length)
                 : wildcard_equal(pattern.bytes, pattern.length, text.bytes, text.length)) {
            return true;
        }
    }
    return false;
}

static bool facet_has(const struct policy_space *space, struct sample *sample, enum policy_key key,
                      const struct facet *facet)
{
    size_t count;
    if (facet->form == FACET_ANY) {
        return true;
    }
    if (!(sample->call.known & FACT_BIT(condition_keys[key].fact))) {
        return facet->unknown;
    }
    if (facet->form == FACET_SPANS) {
        const struct span *spans = space_spans(space, facet->set, &count);
        return spans_contain(spans, count, point_of(&sample->call, key));
    }
    if (facet->form == FACET_ANY_OF) {
        return passes_list(space, sample, key, facet->set);
    }
    const uint32_t *tests = space_list(space, facet->tests, &count);
    for (size_t i = 0; i < count; i++) {
        if (passes_list(space, sample, key, WITNESS_TEST_LIST(tests[i])) !=
            WITNESS_TEST_HOLDS(tests[i])) {
            return false;
        }
    }
    return !passes_list(space, sample, key, facet->set);
}

static bool class_has(const struct policy_space *space, struct sample *sample,
                      const struct call_class *class)
{
    for (int key = 0; key < KEY_COUNT; key++) {
        if (!facet_has(space, sample, (enum policy_key)key, &class->facets[key])) {
            return false;
        }
    }
    return true;
}

/* ---- One pair ---- */

struct side {
    char text[POLICY_MAX];
    struct policy *policy;
    struct policy_image *image;
    uint32_t *residuals;
    size_t count;
};

struct pair {
    struct side sides[2];
    struct policy_space space;
    struct difference difference;
    struct class_list classes;
};

static uint32_t outcome(const struct side *side, const struct call *call)
{
    struct call copy = *call;
    struct verdict verdict = decide(side->image, &copy);
    return (verdict.block ? OUTCOME_BLOCK : 0) | (verdict.audit ? OUTCOME_AUDIT : 0) |
           (verdict.dry ? OUTCOME_DRY : 0);
}

static void fail_pair(const struct pair *pair, const char *what, size_t number)
{
    fail_msg("%s (call %zu)\n--- old\n%s--- new\n%s", what, number, pair->sides[0].text,
             pair->sides[1].text);
}

static void compile_side(struct pair *pair, struct side *side)
{
    static const struct policy_read_options options;
    size_t size;
    side->policy = policy_read("random.conf", side->text, strlen(side->text), &options);
    assert_non_null(side->policy);
    if (side->policy->diagnostics.errors) {
        fail_msg("%s\n%s", side->policy->diagnostics.items[0].message, side->text);
    }
    side->image = policy_compile(side->policy, &size);
    side->residuals = space_add_policy(&pair->space, side->policy, &side->count);
    assert_non_null(side->image);
    assert_non_null(side->residuals);
}

/* Every call of the universe lies in a class exactly when the verdicts differ, and in one with its
 * outcomes. Returns how many differ. */
static size_t check_universe(struct pair *pair, const struct universe *universe)
{
    struct sample sample;
    size_t total = 1;
    size_t differ = 0;
    for (int key = 0; key < KEY_COUNT; key++) {
        total *= universe->sizes[key];
    }
    size_t step = total > 30000 ? total / 20000 : 1;
    for (size_t i = random_below((uint32_t)step); i < total;
         i += 1 + random_below((uint32_t)(2 * step - 1))) {
        bool found = false;
        if (!make_sample(&sample, universe, i)) {
            continue;
        }
        uint32_t old_outcome = outcome(&pair->sides[0], &sample.call);
        uint32_t new_outcome = outcome(&pair->sides[1], &sample.call);
        differ += old_outcome != new_outcome;
        for (size_t k = 0; k < pair->classes.count; k++) {
            const struct call_class *class = &pair->classes.items[k];
            if (!class_has(&pair->space, &sample, class)) {
                continue;
            }
            found = true;
            if (class->old_outcome != old_outcome || class->new_outcome != new_outcome) {
                fail_pair(pair, "a class holds a call with other outcomes", i);
            }
        }
        if (found != (old_outcome != new_outcome)) {
            fail_pair(pair, found ? "a call in a class does not differ" : "a difference is missed",
                      i);
        }
    }
    return differ;
}

static void check_examples(struct pair *pair)
{
    struct class_example *example = malloc(sizeof(*example));
    assert_non_null(example);
    for (size_t i = 0; i < pair->classes.count; i++) {
        const struct call_class *class = &pair->classes.items[i];
        if (!class_example_make(example, class, &pair->space)) {
            fail_pair(pair, "a class without example", i);
        }
        if (outcome(&pair->sides[0], &example->call) != class->old_outcome ||
            outcome(&pair->sides[1], &example->call) != class->new_outcome) {
            fail_pair(pair, "an example that does not differ so", i);
        }
    }
    free(example);
}

static void free_pair(struct pair *pair)
{
    for (int i = 0; i < 2; i++) {
        policy_free(pair->sides[i].policy);
        free(pair->sides[i].image);
        free(pair->sides[i].residuals);
    }
    class_list_free(&pair->classes);
    difference_free(&pair->difference);
    space_free(&pair->space);
}

static size_t check_pair(struct pair *pair, uint32_t keys)
{
    struct universe universe = make_universe(keys);
    compile_side(pair, &pair->sides[0]);
    compile_side(pair, &pair->sides[1]);
    pair->difference.space = &pair->space;
    assert_true(difference_build(&pair->difference, pair->sides[0].residuals, pair->sides[0].count,
                                 pair->sides[1].residuals, pair->sides[1].count));
    assert_true(class_list_collect(&pair->classes, &pair->difference, 100000, false));
    class_list_join(&pair->classes, &pair->space);
    class_list_widen(&pair->classes, &pair->difference, &pair->space);
    if (pair->difference.exhausted || pair->difference.inexact || pair->classes.cut) {
        fail_pair(pair, "not compared exactly", 0);
    }
    check_examples(pair);
    size_t differ = check_universe(pair, &universe);
    free_pair(pair);
    return differ;
}

static void agrees_with_brute_force(void **state)
{
    const char *seed = getenv("RPCFW_SEED");
    const char *rounds = getenv("RPCFW_ROUNDS");
    uint64_t start = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL) * 2654435761u | 1;
    unsigned long count = rounds ? strtoul(rounds, NULL, 10) : ROUNDS;
    unsigned long different = 0;
    unsigned long same = 0;
    (void)state;
    random_state = start ? start : 1;
    print_message("seed %llu, %lu pairs\n", (unsigned long long)start, count);
    for (unsigned long i = 0; i < count; i++) {
        static struct pair pair;
        uint32_t keys = some_keys();
        memset(&pair, 0, sizeof(pair));
        make_policy(pair.sides[0].text, keys);
        if (random_below(2)) {
            change_policy(pair.sides[1].text, pair.sides[0].text, keys);
        } else {
            make_policy(pair.sides[1].text, keys);
        }
        if (check_pair(&pair, keys)) {
            different++;
        } else {
            same++;
        }
    }
    print_message("%lu differ, %lu are the same\n", different, same);
    assert_true(count < 1000 || (different > count / 10 && same > count / 10));
}

/* ---- Limits ---- */

/* Without work there is no answer, and it does not look like one. */
static void gives_up_honestly(void **state)
{
    static struct pair pair;
    (void)state;
    memset(&pair, 0, sizeof(pair));
    put(pair.sides[0].text, "opnum:1 action:block\n");
    put(pair.sides[1].text, "opnum:2 action:block\n");
    compile_side(&pair, &pair.sides[0]);
    compile_side(&pair, &pair.sides[1]);
    pair.difference.space = &pair.space;
    pair.difference.work_max = 1;
    assert_true(difference_build(&pair.difference, pair.sides[0].residuals, pair.sides[0].count,
                                 pair.sides[1].residuals, pair.sides[1].count));
    assert_true(pair.difference.exhausted);
    assert_int_not_equal(pair.difference.root, NODE_SAME);
    free_pair(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_up_honestly),
        cmocka_unit_test(agrees_with_brute_force),
    };
    make_texts();
    for (size_t i = 0; i < 4; i++) {
        sid_parse(sids[i], strlen(sids[i]), &sid_values[i]);
    }
    sid_parse("S-1-5-18", 8, &sid_values[4]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
