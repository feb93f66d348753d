/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/agent/sinks/account_names.h"

#include <string.h>
#include <windows.h>

#include "windows/agent/rpc/utf16.h"

/* Longest account and domain names in UTF-16 code units, with the terminating zero ([MS-SAMR]
 * allows 256). */
#define NAME_UNITS 260

static bool look_up_account(const struct sid *sid, char text[EVENT_PRINCIPAL_SIZE], bool *truncated)
{
    uint16_t name[NAME_UNITS];
    uint16_t full[2 * NAME_UNITS];
    DWORD name_units = NAME_UNITS;
    DWORD domain_units = NAME_UNITS;
    SID_NAME_USE use;

    if (!LookupAccountSidW(NULL, (PSID)(uintptr_t)sid, (WCHAR *)name, &name_units, (WCHAR *)full,
                           &domain_units, &use))
        return false;
    size_t length = utf16_length(name, NAME_UNITS - 1);
    size_t units = utf16_length(full, NAME_UNITS - 1);
    if (length == 0)
        return false;
    if (units > 0)
        full[units++] = '\\';
    memcpy(full + units, name, length * sizeof(name[0]));
    return utf16_to_utf8(full, units + length, text, EVENT_PRINCIPAL_SIZE, truncated) > 0;
}

static uint64_t uptime_ms(void)
{
    return GetTickCount64();
}

void account_names_init(struct account_names *names, account_lookup *lookup, account_clock *clock)
{
    memset(names, 0, sizeof(*names));
    names->lookup = lookup ? lookup : look_up_account;
    names->clock = clock ? clock : uptime_ms;
}

static const struct account_name *find(const struct account_names *names, const struct sid *sid,
                                       uint64_t now_ms)
{
    for (size_t i = 0; i < ACCOUNT_NAMES_COUNT; i++) {
        const struct account_name *entry = &names->entries[i];
        if (entry->until_ms > now_ms && sid_equal(&entry->sid, sid))
            return entry;
    }
    return NULL;
}

/* A free entry, or the one that would be forgotten first. */
static struct account_name *make_room(struct account_names *names)
{
    struct account_name *oldest = &names->entries[0];
    for (size_t i = 1; i < ACCOUNT_NAMES_COUNT; i++) {
        if (names->entries[i].until_ms < oldest->until_ms)
            oldest = &names->entries[i];
    }
    return oldest;
}

static const struct account_name *ask(struct account_names *names, const struct sid *sid,
                                      uint64_t begin_ms)
{
    struct account_name *entry = make_room(names);
    memset(entry, 0, sizeof(*entry));
    sid_copy(&entry->sid, sid);
    bool found = names->lookup(sid, entry->text, &entry->truncated);
    uint64_t now_ms = names->clock();
    if (!found)
        entry->text[0] = '\0';
    entry->until_ms = now_ms + (found ? ACCOUNT_NAME_KEEP_MS : ACCOUNT_NONE_KEEP_MS);
    if (now_ms - begin_ms > ACCOUNT_SLOW_MS)
        back_off_failed(&names->pause, now_ms);
    else
        back_off_succeeded(&names->pause);
    return entry;
}

void account_names_resolve(struct account_names *names, struct event *event, bool may_ask)
{
    if (event->kind != EVENT_CALL || (event->known & FACT_BIT(FACT_PRINCIPAL)) ||
        !(event->known & FACT_BIT(FACT_SIDS)))
        return;
    uint64_t now_ms = names->clock();
    const struct account_name *entry = find(names, &event->sid, now_ms);
    if (!entry && may_ask && back_off_is_over(&names->pause, now_ms))
        entry = ask(names, &event->sid, now_ms);
    if (!entry || entry->text[0] == '\0')
        return;
    memcpy(event->principal, entry->text, sizeof(event->principal));
    event->truncated = event->truncated || entry->truncated;
    event->known |= FACT_BIT(FACT_PRINCIPAL);
}
