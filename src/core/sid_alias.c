/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sid_alias.h"

#include <string.h>

/* A whole SID, or for a domain-relative alias the last number alone. */
static const struct {
    const char *sid;
    uint32_t relative; /* 0: not relative */
    char alias[3];
} rows[] = {
    {"S-1-5-32-579", 0, "AA"}, {"S-1-15-2-1", 0, "AC"},   {"S-1-5-7", 0, "AN"},
    {"S-1-5-32-548", 0, "AO"}, {NULL, 525, "AP"},         {"S-1-18-1", 0, "AS"},
    {"S-1-5-11", 0, "AU"},     {"S-1-5-32-544", 0, "BA"}, {"S-1-5-32-546", 0, "BG"},
    {"S-1-5-32-551", 0, "BO"}, {"S-1-5-32-545", 0, "BU"}, {NULL, 517, "CA"},
    {"S-1-5-32-574", 0, "CD"}, {"S-1-3-1", 0, "CG"},      {NULL, 522, "CN"},
    {"S-1-3-0", 0, "CO"},      {"S-1-5-32-569", 0, "CY"}, {NULL, 512, "DA"},
    {NULL, 515, "DC"},         {NULL, 516, "DD"},         {NULL, 514, "DG"},
    {NULL, 513, "DU"},         {NULL, 519, "EA"},         {"S-1-5-9", 0, "ED"},
    {NULL, 527, "EK"},         {"S-1-5-32-573", 0, "ER"}, {"S-1-5-32-576", 0, "ES"},
    {"S-1-5-32-578", 0, "HA"}, {"S-1-16-12288", 0, "HI"}, {"S-1-5-32-568", 0, "IS"},
    {"S-1-5-4", 0, "IU"},      {NULL, 526, "KA"},         {NULL, 500, "LA"},
    {NULL, 501, "LG"},         {"S-1-5-19", 0, "LS"},     {"S-1-5-32-559", 0, "LU"},
    {"S-1-16-4096", 0, "LW"},  {"S-1-16-8192", 0, "ME"},  {"S-1-16-8448", 0, "MP"},
    {"S-1-5-32-577", 0, "MS"}, {"S-1-5-32-558", 0, "MU"}, {"S-1-5-32-556", 0, "NO"},
    {"S-1-5-20", 0, "NS"},     {"S-1-5-2", 0, "NU"},      {"S-1-3-4", 0, "OW"},
    {NULL, 520, "PA"},         {"S-1-5-32-550", 0, "PO"}, {"S-1-5-10", 0, "PS"},
    {"S-1-5-32-547", 0, "PU"}, {"S-1-5-32-575", 0, "RA"}, {"S-1-5-12", 0, "RC"},
    {"S-1-5-32-555", 0, "RD"}, {"S-1-5-32-552", 0, "RE"}, {"S-1-5-32-580", 0, "RM"},
    {NULL, 498, "RO"},         {NULL, 553, "RS"},         {"S-1-5-32-554", 0, "RU"},
    {NULL, 518, "SA"},         {"S-1-16-16384", 0, "SI"}, {"S-1-5-32-549", 0, "SO"},
    {"S-1-18-2", 0, "SS"},     {"S-1-5-6", 0, "SU"},      {"S-1-5-18", 0, "SY"},
    {"S-1-1-0", 0, "WD"},      {"S-1-5-33", 0, "WR"},
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
