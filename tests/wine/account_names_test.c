/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names that the event writer puts to SIDs: which events get one, how long it is remembered,
 * and that slow lookups are put off. One line per check.
 */
#include "windows/agent/sinks/account_names.h"
#include "wine_check.h"

#include <stdio.h>
#include <string.h>

static struct account_names names;
static uint64_t now_ms;
static uint64_t lookup_takes_ms;
static unsigned lookups;

static uint64_t test_clock(void)
{
    return now_ms;
}

/* Accounts with an odd number have a name. */
static bool test_lookup(const struct sid *sid, char text[EVENT_PRINCIPAL_SIZE], bool *truncated)
{
    lookups++;
    now_ms += lookup_takes_ms;
    *truncated = sid->sub_authority[0] == 99;
    snprintf(text, EVENT_PRINCIPAL_SIZE, "D\\%u", (unsigned)sid->sub_authority[0]);
    return sid->sub_authority[0] % 2 == 1;
}

static void begin(void)
{
    account_names_init(&names, test_lookup, test_clock);
    now_ms = 1000000;
    lookup_takes_ms = 0;
    lookups = 0;
}

static struct event call_by(uint32_t number)
{
    struct event event = {.kind = EVENT_CALL, .known = FACT_BIT(FACT_SIDS)};
    event.sid = (struct sid){1, 1, {0, 0, 0, 0, 0, 5}, {number}};
    return event;
}

/* The principal that the event gets, which stays valid until the next one; NULL: none. */
static const char *name_of(uint32_t number, bool may_ask)
{
    static struct event event;
    event = call_by(number);
    account_names_resolve(&names, &event, may_ask);
    return event.known & FACT_BIT(FACT_PRINCIPAL) ? event.principal : NULL;
}

static bool has_name(uint32_t number, const char *expected)
{
    const char *name = name_of(number, true);
    return name && strcmp(name, expected) == 0;
}

static void check_which_events(void)
{
    begin();
    check(has_name(1, "D\\1") && lookups == 1, "a SID without a principal gets its name");
    check(!name_of(2, true) && lookups == 2, "a SID that has no name gets none");

    struct event named = call_by(3);
    named.known |= FACT_BIT(FACT_PRINCIPAL);
    strcpy(named.principal, "D\\other");
    account_names_resolve(&names, &named, true);
    check(strcmp(named.principal, "D\\other") == 0, "a principal that is known stays");

    struct event nobody = call_by(3);
    nobody.known = 0;
    account_names_resolve(&names, &nobody, true);
    struct event agent = call_by(3);
    agent.kind = EVENT_POLICY_CHANGED;
    account_names_resolve(&names, &agent, true);
    check(nobody.known == 0 && agent.known == FACT_BIT(FACT_SIDS) && lookups == 2,
          "without a SID or a call nothing is asked");

    struct event cut = call_by(99);
    account_names_resolve(&names, &cut, true);
    struct event again = call_by(99);
    account_names_resolve(&names, &again, true);
    check(cut.truncated && again.truncated, "a name that was cut marks each event");
}

static void check_memory(void)
{
    begin();
    for (int i = 0; i < 10; i++) {
        name_of(1, true);
        name_of(2, true);
    }
    check(lookups == 2, "a name and that there is none are asked for once");
    now_ms += ACCOUNT_NONE_KEEP_MS;
    check(has_name(1, "D\\1") && lookups == 2, "a name is kept for minutes");
    name_of(2, true);
    check(lookups == 3, "that there is none for one");
    now_ms += ACCOUNT_NAME_KEEP_MS;
    check(has_name(1, "D\\1") && lookups == 4, "then a name is asked for again");

    begin();
    for (uint32_t i = 0; i < ACCOUNT_NAMES_COUNT + 1; i++) {
        now_ms++;
        name_of(2 * i + 1, true);
    }
    check(lookups == ACCOUNT_NAMES_COUNT + 1 && has_name(2 * ACCOUNT_NAMES_COUNT + 1, "D\\129") &&
              has_name(3, "D\\3") && lookups == ACCOUNT_NAMES_COUNT + 1,
          "one more than there is room for is remembered");
    check(has_name(1, "D\\1") && lookups == ACCOUNT_NAMES_COUNT + 2, "instead of the oldest");
}

static void check_patience(void)
{
    begin();
    check(!name_of(1, false) && lookups == 0, "who may not ask does not");
    name_of(1, true);
    check(name_of(1, false) && lookups == 1, "but remembers");
    lookup_takes_ms = ACCOUNT_SLOW_MS + 1;
    check(has_name(3, "D\\3"), "the answer of a slow lookup counts");
    check(!name_of(5, true) && has_name(1, "D\\1") && lookups == 2,
          "the next ones are put off, what is remembered is used");
    now_ms += BACK_OFF_FIRST_MS;
    check(has_name(5, "D\\5") && lookups == 3, "after a while they are asked");
    now_ms += BACK_OFF_FIRST_MS;
    check(!name_of(7, true) && lookups == 3, "more rarely while lookups are slow");
    now_ms += BACK_OFF_FIRST_MS;
    lookup_takes_ms = 0;
    check(has_name(7, "D\\7") && has_name(9, "D\\9"), "and at once when they are quick again");
}

static void check_windows(void)
{
    account_names_init(&names, NULL, NULL);
    const char *name = name_of(18, true);
    check(name && strlen(name) > 2 && strchr(name, '\\'), "S-1-5-18 is an account of Windows");
    printf("       %s\n", name ? name : "none");
    check(!name_of(4711, true), "S-1-5-4711 is none");
}

int main(void)
{
    check_which_events();
    check_memory();
    check_patience();
    check_windows();
    printf("%u failed\n", failures);
    return failures ? 1 : 0;
}
