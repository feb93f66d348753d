/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sid_alias.h"

#include <string.h>

/* A whole SID, or for a domain-relative alias the last number alone. */
static const struct {
    char alias[3];
    const char *sid;
    uint32_t relative; /* 0: not relative */
} rows[] = {
    {"AA", "S-1-5-32-579", 0}, {"AC", "S-1-15-2-1", 0},   {"AN", "S-1-5-7", 0},
    {"AO", "S-1-5-32-548", 0}, {"AP", NULL, 525},         {"AS", "S-1-18-1", 0},
    {"AU", "S-1-5-11", 0},     {"BA", "S-1-5-32-544", 0}, {"BG", "S-1-5-32-546", 0},
    {"BO", "S-1-5-32-551", 0}, {"BU", "S-1-5-32-545", 0}, {"CA", NULL, 517},
    {"CD", "S-1-5-32-574", 0}, {"CG", "S-1-3-1", 0},      {"CN", NULL, 522},
    {"CO", "S-1-3-0", 0},      {"CY", "S-1-5-32-569", 0}, {"DA", NULL, 512},
    {"DC", NULL, 515},         {"DD", NULL, 516},         {"DG", NULL, 514},
    {"DU", NULL, 513},         {"EA", NULL, 519},         {"ED", "S-1-5-9", 0},
    {"EK", NULL, 527},         {"ER", "S-1-5-32-573", 0}, {"ES", "S-1-5-32-576", 0},
    {"HA", "S-1-5-32-578", 0}, {"HI", "S-1-16-12288", 0}, {"IS", "S-1-5-32-568", 0},
    {"IU", "S-1-5-4", 0},      {"KA", NULL, 526},         {"LA", NULL, 500},
    {"LG", NULL, 501},         {"LS", "S-1-5-19", 0},     {"LU", "S-1-5-32-559", 0},
    {"LW", "S-1-16-4096", 0},  {"ME", "S-1-16-8192", 0},  {"MP", "S-1-16-8448", 0},
    {"MS", "S-1-5-32-577", 0}, {"MU", "S-1-5-32-558", 0}, {"NO", "S-1-5-32-556", 0},
    {"NS", "S-1-5-20", 0},     {"NU", "S-1-5-2", 0},      {"OW", "S-1-3-4", 0},
    {"PA", NULL, 520},         {"PO", "S-1-5-32-550", 0}, {"PS", "S-1-5-10", 0},
    {"PU", "S-1-5-32-547", 0}, {"RA", "S-1-5-32-575", 0}, {"RC", "S-1-5-12", 0},
    {"RD", "S-1-5-32-555", 0}, {"RE", "S-1-5-32-552", 0}, {"RM", "S-1-5-32-580", 0},
    {"RO", NULL, 498},         {"RS", NULL, 553},         {"RU", "S-1-5-32-554", 0},
    {"SA", NULL, 518},         {"SI", "S-1-16-16384", 0}, {"SO", "S-1-5-32-549", 0},
    {"SS", "S-1-18-2", 0},     {"SU", "S-1-5-6", 0},      {"SY", "S-1-5-18", 0},
    {"WD", "S-1-1-0", 0},      {"WR", "S-1-5-33", 0},
};

enum sid_alias_result sid_from_alias(const char *text, size_t length, const struct sid *domain,
                                     struct sid *out)
{
    for (size_t i = 0; length == 2 && i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (memcmp(rows[i].alias, text, 2) != 0) {
            continue;
        }
        if (rows[i].sid) {
            return sid_parse(rows[i].sid, strlen(rows[i].sid), out) ? SID_ALIAS_FOUND
                                                                    : SID_ALIAS_NONE;
        }
        if (!domain || domain->sub_authority_count >= SID_MAX_SUB_AUTHORITIES) {
            return SID_ALIAS_NO_DOMAIN;
        }
        sid_copy(out, domain);
        out->sub_authority[out->sub_authority_count++] = rows[i].relative;
        return SID_ALIAS_FOUND;
    }
    return SID_ALIAS_NONE;
}
