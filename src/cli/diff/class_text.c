/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/diff/class_text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/diff/text_witness.h"
#include "core/authn.h"
#include "core/protseq.h"

/* ---- Growing text ---- */

static bool phrase_reserve(struct phrase *phrase, size_t more)
{
    if (phrase->length + more < phrase->capacity) {
        return true;
    }
    size_t capacity = (phrase->length + more) * 2 + 64;
    char *grown = phrase->failed ? NULL : realloc(phrase->bytes, capacity);
    if (!grown) {
        phrase->failed = true;
        return false;
    }
    phrase->bytes = grown;
    phrase->capacity = capacity;
    return true;
}

void phrase_add(struct phrase *phrase, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0 || !phrase_reserve(phrase, (size_t)length + 1)) {
        return;
    }
    va_start(arguments, format);
    vsnprintf(phrase->bytes + phrase->length, (size_t)length + 1, format, arguments);
    va_end(arguments);
    phrase->length += (size_t)length;
}

/* A text of a policy, which may hold anything, on its way to a terminal. */
static void add_safely(struct phrase *phrase, struct text text)
{
    if (!phrase_reserve(phrase, text.length + 1)) {
        return;
    }
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.bytes[i];
        phrase->bytes[phrase->length++] = c < 0x20 || c == 0x7f ? '?' : text.bytes[i];
    }
    phrase->bytes[phrase->length] = '\0';
}

/* ---- Spans ---- */

static struct point first_v4(void)
{
    struct ipaddr addr = ipaddr_from_v4((const uint8_t[4]){0, 0, 0, 0});
    return point_of_addr(&addr);
}

static struct point last_v4(void)
{
    struct ipaddr addr = ipaddr_from_v4((const uint8_t[4]){255, 255, 255, 255});
    return point_of_addr(&addr);
}

/* The length of the prefix that makes up exactly this span, or -1. */
static int prefix_of(const struct span *span)
{
    struct ipaddr first = addr_of_point(span->first);
    struct ipaddr last = addr_of_point(span->last);
    int prefix = 0;
    while (prefix < 128 &&
           !((first.bytes[prefix / 8] ^ last.bytes[prefix / 8]) >> (7 - prefix % 8) & 1)) {
        prefix++;
    }
    for (int bit = prefix; bit < 128; bit++) {
        uint8_t mask = (uint8_t)(0x80u >> bit % 8);
        if ((first.bytes[bit / 8] & mask) || !(last.bytes[bit / 8] & mask)) {
            return -1;
        }
    }
    return prefix;
}

static void add_addrs(struct phrase *phrase, const struct span *span)
{
    char text[IPADDR_TEXT_SIZE];
    struct ipaddr first = addr_of_point(span->first);
    struct ipaddr last = addr_of_point(span->last);
    bool v4 = ipaddr_is_v4(&first);
    int prefix = prefix_of(span);
    if (v4 != ipaddr_is_v4(&last) && prefix < 0) {
        /* A span across both families is told in their parts. */
        bool begins_below = point_compare(span->first, first_v4()) < 0;
        struct span head = {span->first, begins_below ? point_before(first_v4()) : last_v4()};
        struct span tail = {point_after(head.last), span->last};
        add_addrs(phrase, &head);
        phrase_add(phrase, ",");
        add_addrs(phrase, &tail);
        return;
    }
    phrase_add(phrase, "%s", ipaddr_format(&first, text));
    if (point_compare(span->first, span->last) == 0) {
        return;
    }
    if (prefix >= 0 && (!v4 || prefix >= 96)) {
        phrase_add(phrase, "/%d", v4 ? prefix - 96 : prefix);
    } else {
        phrase_add(phrase, "-%s", ipaddr_format(&last, text));
    }
}

/* The name that stands for this interface alone, or this method of the interface; NULL: none. */
static const char *name_of(enum policy_key key, struct point point, const struct class_style *style)
{
    const struct catalog_interface *other;
    if (style->names && key == KEY_OPNUM && style->interface) {
        return catalog_method_name(style->interface, (unsigned)point.low);
    }
    if (!style->names || key != KEY_UUID) {
        return NULL;
    }
    struct guid uuid = guid_of_point(point);
    const struct catalog_interface *interface = catalog_interface_by_uuid(&uuid);
    const char *name = interface ? catalog_interface_name(interface) : NULL;
    return name && catalog_interfaces_by_name(name, strlen(name), &other, 1) == 1 ? name : NULL;
}

static void add_point(struct phrase *phrase, enum policy_key key, struct point point)
{
    char text[GUID_TEXT_SIZE];
    struct guid guid;
    switch (key) {
    case KEY_UUID:
    case KEY_OBJECT:
        guid = guid_of_point(point);
        phrase_add(phrase, "%s", guid_format(&guid, text));
        break;
    case KEY_IFACE_VERSION:
        phrase_add(phrase, "%u.%u", (unsigned)(point.low >> 16), (unsigned)(point.low & 0xffff));
        break;
    case KEY_PROT:
        phrase_add(phrase, "%s", protseq_name((enum protseq)point.low));
        break;
    case KEY_AUTH:
        phrase_add(phrase, "%s", authn_level_policy_name((enum authn_level)point.low));
        break;
    default:
        phrase_add(phrase, "%u", (unsigned)point.low);
        break;
    }
}

static void add_span(struct phrase *phrase, enum policy_key key, const struct span *span,
                     const struct class_style *style)
{
    bool single = point_compare(span->first, span->last) == 0;
    const char *name = single ? name_of(key, span->first, style) : NULL;
    if (name) {
        phrase_add(phrase, "%s", name);
        return;
    }
    if (key == KEY_ADDR) {
        add_addrs(phrase, span);
    } else if (key == KEY_PROT || key == KEY_AUTH) {
        for (struct point point = span->first;; point = point_after(point)) {
            add_point(phrase, key, point);
            if (point_compare(point, span->last) >= 0) {
                break;
            }
            phrase_add(phrase, ",");
        }
    } else {
        add_point(phrase, key, span->first);
        if (!single) {
            phrase_add(phrase, "-");
            add_point(phrase, key, span->last);
        }
    }
}

static void add_more(struct phrase *phrase, size_t count, size_t values_max)
{
    if (count > values_max) {
        phrase_add(phrase, ",(%lu more)", (unsigned long)(count - values_max));
    }
}

static void add_spans(struct phrase *phrase, struct policy_space *space, enum policy_key key,
                      uint32_t set, const struct class_style *style)
{
    size_t count;
    size_t other_count;
    const struct span *spans = space_spans(space, set, &count);
    const struct span *others =
        space_spans(space, space_spans_complement(space, set, key), &other_count);
    if (!other_count) {
        phrase_add(phrase, "known");
        return;
    }
    bool is_tail = point_compare(spans[count - 1].last, space_universe(key).last) == 0;
    if (key == KEY_AUTH && count == 1 && is_tail) {
        add_point(phrase, key, spans[0].first); /* the level and what is stronger */
        return;
    }
    if (key == KEY_AUTH && count == 1 && other_count == 1) {
        phrase_add(phrase, "<");
        add_point(phrase, key, others[0].first);
        return;
    }
    /* What is left out is told when it is less, and where the line of values means nothing. */
    bool is_line = key == KEY_OPNUM || key == KEY_ADDR;
    if (other_count < count || (other_count == count && (!is_line || key == KEY_ADDR) &&
                                point_compare(spans[0].first, spans[0].last) != 0)) {
        phrase_add(phrase, "!");
        spans = others;
        count = other_count;
    }
    for (size_t i = 0; i < count && i < style->values_max; i++) {
        phrase_add(phrase, i ? "," : "");
        add_span(phrase, key, &spans[i], style);
    }
    add_more(phrase, count, style->values_max);
}

/* ---- Texts and SIDs ---- */

static void add_list(struct phrase *phrase, struct policy_space *space, enum policy_key key,
                     uint32_t list, const struct class_style *style)
{
    size_t count;
    char text[SID_TEXT_SIZE];
    const uint32_t *members = space_list(space, list, &count);
    for (size_t i = 0; i < count && i < style->values_max; i++) {
        phrase_add(phrase, i ? "," : "");
        if (key == KEY_SID) {
            phrase_add(phrase, "%s", sid_format(intern_get(&space->sids, members[i], NULL), text));
        } else {
            add_safely(phrase, space_text(space, members[i], NULL));
        }
    }
    add_more(phrase, count, style->values_max);
}

/* Known, and: one of each list that holds, none of all others. */
static void add_tests(struct phrase *phrase, struct policy_space *space, enum policy_key key,
                      const struct facet *facet, const struct class_style *style)
{
    size_t count;
    uint32_t none = facet->set;
    const char *separator = "";
    const uint32_t *tests = space_list(space, facet->tests, &count);
    for (size_t i = 0; i < count; i++) {
        uint32_t list = WITNESS_TEST_LIST(tests[i]);
        if (!WITNESS_TEST_HOLDS(tests[i])) {
            none = space_list_union(space, none, list);
            continue;
        }
        phrase_add(phrase, "%s", separator);
        add_list(phrase, space, key, list, style);
        separator = "&";
    }
    if (space_list_count(space, none)) {
        phrase_add(phrase, "%s!", separator);
        add_list(phrase, space, key, none, style);
    } else if (!*separator) {
        phrase_add(phrase, "known");
    }
}

/* ---- All ---- */

/* All but ncalrpc, and the unknown: what a rule without prot: sees. */
static bool is_remote(const struct policy_space *space, const struct facet *facet)
{
    size_t count;
    const struct span universe = space_universe(KEY_PROT);
    const struct span *spans = space_spans(space, facet->set, &count);
    return facet->form == FACET_SPANS && facet->unknown && count == 2 &&
           point_compare(spans[0].first, universe.first) == 0 &&
           spans[0].last.low == PROTSEQ_NCALRPC - 1 && spans[1].first.low == PROTSEQ_NCALRPC + 1 &&
           point_compare(spans[1].last, universe.last) == 0;
}

/* Whether local calls are seen at all: only then does "any protocol sequence" say something. */
bool facet_is_told(const struct policy_space *space, enum policy_key key, const struct facet *facet)
{
    if (key == KEY_PROT) {
        return !is_remote(space, facet);
    }
    return facet->form != FACET_ANY;
}

void facet_text(struct phrase *phrase, struct policy_space *space, enum policy_key key,
                const struct facet *facet, const struct class_style *style)
{
    size_t count;
    if (facet->form == FACET_ANY) {
        phrase_add(phrase, "any");
        return;
    }
    size_t before = phrase->length;
    if (facet->form == FACET_SPANS) {
        space_spans(space, facet->set, &count);
        if (count) {
            add_spans(phrase, space, key, facet->set, style);
        }
    } else if (facet->form == FACET_NONE_OF) {
        add_tests(phrase, space, key, facet, style);
    } else {
        add_list(phrase, space, key, facet->set, style);
    }
    if (facet->unknown) {
        phrase_add(phrase, phrase->length > before ? "|unknown" : "unknown");
    }
}

/* The one interface that the class is about, or NULL. */
static const struct catalog_interface *interface_of(const struct policy_space *space,
                                                    const struct facet *facet)
{
    size_t count;
    const struct span *spans = space_spans(space, facet->set, &count);
    if (facet->form != FACET_SPANS || facet->unknown || count != 1 ||
        point_compare(spans->first, spans->last) != 0) {
        return NULL;
    }
    struct guid uuid = guid_of_point(spans->first);
    return catalog_interface_by_uuid(&uuid);
}

void class_text(struct phrase *phrase, struct policy_space *space, const struct call_class *class,
                const struct class_style *style)
{
    const char *separator = "";
    struct class_style one = *style;
    if (!one.interface) {
        one.interface = interface_of(space, &class->facets[KEY_UUID]);
    }
    for (int key = 0; key < KEY_COUNT; key++) {
        const struct facet *facet = &class->facets[key];
        if (!facet_is_told(space, (enum policy_key)key, facet)) {
            continue;
        }
        phrase_add(phrase, "%s%s:", separator, condition_keys[key].name);
        facet_text(phrase, space, (enum policy_key)key, facet, &one);
        separator = " ";
    }
    if (!*separator) {
        phrase_add(phrase, "every remote call");
    }
}
