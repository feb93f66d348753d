/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/diff/class_example.h"

#include <string.h>

#include "core/authn.h"

/* ---- Values of keys of spans ---- */

static struct point addr_point(const char *text)
{
    struct ipaddr addr = {{0}};
    ipaddr_parse(text, strlen(text), &addr);
    return point_of_addr(&addr);
}

/* Values that are taken rather than others. */
static const char *const usual_addrs[] = {"192.0.2.1", "198.51.100.1", "203.0.113.1", "192.0.2.77",
                                          "2001:db8::1"};
static const struct point usual_levels[] = {{0, AUTHN_LEVEL_PRIVACY}, {0, AUTHN_LEVEL_CONNECT}};
static const struct point usual_versions[] = {{0, 1u << 16}, {0, 0}, {0, 2u << 16}};
static const struct point usual_guids[] = {{0x1111111111114111u, 0x8111111111111111u},
                                           {0x2222222222224222u, 0x8222222222222222u}};

static bool choose_usual(enum policy_key key, const struct span *spans, size_t count,
                         struct point *out)
{
    const struct point *usual = key == KEY_AUTH            ? usual_levels
                                : key == KEY_IFACE_VERSION ? usual_versions
                                                           : usual_guids;
    size_t usual_count = key == KEY_IFACE_VERSION ? 3 : 2;
    if (key == KEY_ADDR) {
        for (size_t i = 0; i < sizeof(usual_addrs) / sizeof(usual_addrs[0]); i++) {
            *out = addr_point(usual_addrs[i]);
            if (spans_contain(spans, count, *out)) {
                return true;
            }
        }
        return false;
    }
    for (size_t i = 0; i < usual_count && key != KEY_OPNUM && key != KEY_PROT; i++) {
        *out = usual[i];
        if (spans_contain(spans, count, *out)) {
            return true;
        }
    }
    return false;
}

/* The first IPv4 address of the first span that has some and is no network's own. */
static struct point choose_addr(const struct span *spans, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct ipaddr addr = addr_of_point(spans[i].first);
        if (ipaddr_is_v4(&addr)) {
            struct point next = point_after(spans[i].first);
            return point_compare(next, spans[i].last) < 0 ? next : spans[i].first;
        }
    }
    return spans[0].first;
}

static struct point choose_point(const struct policy_space *space, enum policy_key key,
                                 uint32_t set)
{
    size_t count;
    struct point point = {0, 0};
    const struct span *spans = space_spans(space, set, &count);
    bool open = key != KEY_OBJECT || !spans_contain(spans, count, point);
    if (!count || !open) {
        return point; /* a call without an object */
    }
    /* Values that a rule names stand alone in their span: they say more than the usual ones. */
    bool named = (key == KEY_UUID || key == KEY_OBJECT || key == KEY_IFACE_VERSION) &&
                 point_compare(spans[0].first, spans[0].last) == 0;
    if (!named && choose_usual(key, spans, count, &point)) {
        return point;
    }
    return key == KEY_ADDR ? choose_addr(spans, count) : spans[0].first;
}

static void set_point(struct call *call, enum policy_key key, struct point point)
{
    switch (key) {
    case KEY_UUID:
        call->interface = guid_of_point(point);
        break;
    case KEY_OPNUM:
        call->opnum = (uint16_t)point.low;
        break;
    case KEY_IFACE_VERSION:
        call->version_major = (uint16_t)(point.low >> 16);
        call->version_minor = (uint16_t)point.low;
        break;
    case KEY_PROT:
        call->protseq = (enum protseq)point.low;
        break;
    case KEY_ADDR:
        call->client_addr = addr_of_point(point);
        break;
    case KEY_AUTH:
        call->authn_level = (uint8_t)point.low;
        break;
    default:
        call->object = guid_of_point(point);
        break;
    }
}

static bool make_spans(struct call *call, enum policy_key key, const struct facet *facet,
                       const struct policy_space *space)
{
    size_t count;
    space_spans(space, facet->set, &count);
    if (!count) {
        call_set_unknown(call, condition_keys[key].fact);
        return facet->unknown;
    }
    set_point(call, key, choose_point(space, key, facet->set));
    call_set_known(call, condition_keys[key].fact);
    return true;
}

/* ---- Texts ---- */

static char *text_of(struct class_example *example, enum policy_key key, struct text **member)
{
    switch (key) {
    case KEY_PROCESS:
        *member = &example->call.process;
        return example->process;
    case KEY_ENDPOINT:
        *member = &example->call.endpoint;
        return example->endpoint;
    default:
        *member = &example->call.principal;
        return example->user;
    }
}

static bool make_text(struct class_example *example, enum policy_key key, const struct facet *facet,
                      struct policy_space *space)
{
    size_t count;
    struct text *member;
    char *text = text_of(example, key, &member);
    const uint32_t *list = space_list(space, facet->set, &count);
    if (facet->form == FACET_ANY_OF && !count) {
        call_set_unknown(&example->call, condition_keys[key].fact);
        return facet->unknown;
    }
    if (facet->form == FACET_ANY_OF) {
        struct text plain = space_text(space, list[0], NULL);
        if (plain.length > WITNESS_TEXT_MAX) {
            return false;
        }
        memcpy(text, plain.bytes, plain.length);
        *member = (struct text){text, plain.length};
    } else {
        const uint32_t *tests = space_list(space, facet->tests, &count);
        if (find_witness(space, key, facet->set, tests, count, text) != WITNESS_FOUND) {
            return false;
        }
        *member = (struct text){text, strlen(text)};
    }
    call_set_known(&example->call, condition_keys[key].fact);
    return true;
}

/* ---- SIDs ---- */

static bool is_lacking(const struct policy_space *space, const struct facet *facet, uint32_t sid)
{
    return space_list_has(space, facet->set, sid);
}

static bool add_sid(struct class_example *example, const struct sid *sid)
{
    for (size_t i = 0; i < example->call.sid_count; i++) {
        if (sid_equal(example->sids[i], sid)) {
            return true;
        }
    }
    if (example->call.sid_count == EXAMPLE_SIDS_MAX) {
        return false;
    }
    example->sids[example->call.sid_count++] = sid;
    return true;
}

/* A user whom no policy names: S-1-5-21-1-2-3-N. */
static bool add_other_sid(struct class_example *example, struct policy_space *space)
{
    struct sid sid;
    char text[SID_TEXT_SIZE];
    for (unsigned rid = 1000;; rid++) {
        uint32_t before = space->sids.count;
        snprintf(text, sizeof(text), "S-1-5-21-1-2-3-%u", rid);
        if (!sid_parse(text, strlen(text), &sid)) {
            return false;
        }
        struct sid copy;
        sid_copy(&copy, &sid);
        uint32_t number = intern_put(&space->sids, &copy, sizeof(copy));
        if (number == before || space->sids.failed) {
            return !space->sids.failed && add_sid(example, intern_get(&space->sids, number, NULL));
        }
    }
}

static bool make_sids(struct class_example *example, const struct facet *facet,
                      struct policy_space *space)
{
    size_t count;
    if (facet->form == FACET_ANY_OF) {
        call_set_unknown(&example->call, FACT_SIDS);
        return facet->unknown;
    }
    const uint32_t *tests = space_list(space, facet->tests, &count);
    for (size_t i = 0; i < count; i++) {
        size_t sid_count;
        bool found = !WITNESS_TEST_HOLDS(tests[i]);
        const uint32_t *sids = space_list(space, WITNESS_TEST_LIST(tests[i]), &sid_count);
        for (size_t k = 0; !found && k < sid_count; k++) {
            found = !is_lacking(space, facet, sids[k]) &&
                    add_sid(example, intern_get(&space->sids, sids[k], NULL));
        }
        if (!found) {
            return false;
        }
    }
    call_set_known(&example->call, FACT_SIDS);
    return example->call.sid_count || add_other_sid(example, space);
}

/* ---- All ---- */

bool class_example_make(struct class_example *example, const struct call_class *class,
                        struct policy_space *space)
{
    memset(example, 0, sizeof(*example));
    call_set_known(&example->call, FACT_OBJECT); /* absent */
    example->call.sids = example->sids;
    for (int i = 0; i < KEY_COUNT; i++) {
        const enum policy_key key = (enum policy_key)i;
        const struct facet *facet = &class->facets[key];
        bool made = true;
        if (facet->form == FACET_ANY) {
            continue;
        }
        switch (space_kind_of(key)) {
        case SPACE_SPANS:
            made = make_spans(&example->call, key, facet, space);
            break;
        case SPACE_TEXTS:
            made = make_text(example, key, facet, space);
            break;
        case SPACE_SIDS:
            made = make_sids(example, facet, space);
            break;
        }
        if (!made) {
            return false;
        }
    }
    return !space_failed(space);
}

static bool knows(const struct class_example *example, enum call_fact fact)
{
    return (example->call.known & FACT_BIT(fact)) != 0;
}

static void put_text(const char *name, struct text text, example_word *put, void *context)
{
    char word[WITNESS_TEXT_MAX + 16];
    snprintf(word, sizeof(word), "%s=%.*s", name, (int)text.length, text.bytes);
    put(context, word);
}

static void put_object(const struct class_example *example, example_word *put, void *context)
{
    static const struct guid absent;
    char text[GUID_TEXT_SIZE];
    char word[GUID_TEXT_SIZE + 16];
    if (!knows(example, FACT_OBJECT)) {
        put(context, "object=unknown");
    } else if (!guid_equal(&example->call.object, &absent)) {
        snprintf(word, sizeof(word), "object=%s", guid_format(&example->call.object, text));
        put(context, word);
    }
}

void class_example_words(const struct class_example *example, example_word *put, void *context)
{
    const struct call *call = &example->call;
    char text[SID_TEXT_SIZE];
    char word[SID_TEXT_SIZE + 16];
    if (knows(example, FACT_INTERFACE)) {
        snprintf(word, sizeof(word), "uuid=%s", guid_format(&call->interface, text));
        put(context, word);
    }
    if (knows(example, FACT_INTERFACE) && (call->version_major || call->version_minor)) {
        snprintf(word, sizeof(word), "ver=%u.%u", call->version_major, call->version_minor);
        put(context, word);
    }
    if (knows(example, FACT_OPNUM)) {
        snprintf(word, sizeof(word), "opnum=%u", call->opnum);
        put(context, word);
    }
    if (knows(example, FACT_PROTSEQ)) {
        put_text("prot",
                 (struct text){protseq_name(call->protseq), strlen(protseq_name(call->protseq))},
                 put, context);
    }
    if (knows(example, FACT_ENDPOINT)) {
        put_text("endpoint", call->endpoint, put, context);
    }
    if (knows(example, FACT_CLIENT_ADDR)) {
        snprintf(word, sizeof(word), "addr=%s", ipaddr_format(&call->client_addr, text));
        put(context, word);
    }
    if (knows(example, FACT_AUTHN)) {
        snprintf(word, sizeof(word), "auth=%s",
                 authn_level_policy_name((enum authn_level)call->authn_level));
        put(context, word);
    }
    for (size_t i = 0; knows(example, FACT_SIDS) && i < call->sid_count; i++) {
        snprintf(word, sizeof(word), "sid=%s", sid_format(call->sids[i], text));
        put(context, word);
    }
    if (knows(example, FACT_PRINCIPAL)) {
        put_text("user", call->principal, put, context);
    }
    if (knows(example, FACT_PROCESS)) {
        put_text("process", call->process, put, context);
    }
    put_object(example, put, context);
}
