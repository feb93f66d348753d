/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "samba/agent/layouts.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#define SAMBA_SIZES (sizeof(struct samba_sizes) / sizeof(int32_t))

static_assert(sizeof(void *) == 8, "the offsets are those of LP64");

/*
 * Measured with offsetof on the headers that Debian ships for 4.17.12, 4.22.6 and 4.22.11: in all
 * three the fields that the agent reads lie at the same places.
 */
#define OFFSETS_SINCE_4_17                                                                         \
    .call_auth_state = 16, .call_conn = 24, .call_context = 32, .call_pkt = 40,                    \
    .call_fault_code = 304, .pkt_pfc_flags = 8, .pkt_auth_length = 16, .pkt_opnum = 30,            \
    .pkt_object = 32, .pkt_stub = 48, .pkt_num_contexts = 32, .pkt_ctx_list = 40,                  \
    .ctx_list_size = 32, .ctx_abstract_syntax = 4, .context_iface = 32, .iface_syntax_id = 8,      \
    .iface_ndr_pull = 48, .auth_type = 16, .auth_level = 20, .auth_gensec = 32,                    \
    .auth_session_info = 40, .auth_finished = 57, .conn_endpoint = 24, .conn_local_address = 160,  \
    .conn_remote_address = 168, .endpoint_description = 16, .endpoint_interfaces = 40,             \
    .if_list_next = 0, .if_list_iface = 16, .session_token = 0, .session_user = 16,                \
    .user_account_name = 0, .user_domain_name = 24, .token_sid_count = 0, .token_sids = 8

const struct samba_layout samba_layouts[] = {
    /* Measured: Debian's 4.17.12, headers and library; judged live. */
    {.name = "4.17",
     .first_minor = 17,
     .last_minor = 17,
     .sizes = {1, 48, 56, 48, 104, 24, 272, 392, 64, 136},
     OFFSETS_SINCE_4_17},

    /* Measured: Debian's 4.22.6 (headers and library; judged live) and 4.22.11 (headers).
       Against 4.17, dcesrv_call_state has grown at its end by what cancels pending calls,
       dcesrv_context by what mgmt tells of principals and by the preferred transfer syntax. */
    {.name = "4.22",
     .first_minor = 22,
     .last_minor = 22,
     .sizes = {1, 72, 56, 48, 104, 24, 272, 408, 64, 136},
     OFFSETS_SINCE_4_17},

    /* Concluded, not measured: between 4.17 and 4.22 only those two grew, both behind everything
       that is read, so a release in between has one of the two sizes of dcesrv_call_state, and the
       offsets that both ends share. Read in the published headers: dcesrv_core.h before and after
       the growth. dcesrv_context, which grew in several steps, is not looked into and so may have
       any size. */
    {.name = "4.18-4.21",
     .first_minor = 18,
     .last_minor = 21,
     .sizes = {1, SAMBA_ANY_SIZE, 56, 48, 104, 24, 272, 392, 64, 136},
     OFFSETS_SINCE_4_17},
    {.name = "4.18-4.21",
     .first_minor = 18,
     .last_minor = 21,
     .sizes = {1, SAMBA_ANY_SIZE, 56, 48, 104, 24, 272, 408, 64, 136},
     OFFSETS_SINCE_4_17},
};

const size_t samba_layout_count = sizeof(samba_layouts) / sizeof(samba_layouts[0]);

unsigned samba_minor_of(const char *symbol_version)
{
    static const char prefix[] = "SAMBA_4.";
    const char *digits = symbol_version + sizeof(prefix) - 1;
    unsigned minor = 0;

    if (strncmp(symbol_version, prefix, sizeof(prefix) - 1) != 0)
        return 0;
    for (; *digits >= '0' && *digits <= '9' && minor < 1000; digits++)
        minor = minor * 10 + (unsigned)(*digits - '0');
    return *digits == '.' ? minor : 0;
}

static bool has_sizes(const struct samba_layout *row, const struct samba_sizes *sizes)
{
    int32_t wanted[SAMBA_SIZES];
    int32_t found[SAMBA_SIZES];

    memcpy(wanted, &row->sizes, sizeof(wanted));
    memcpy(found, sizes, sizeof(found));
    for (size_t i = 0; i < SAMBA_SIZES; i++) {
        if (wanted[i] != found[i] && wanted[i] != SAMBA_ANY_SIZE)
            return false;
    }
    return true;
}

static bool fits(const struct samba_layout *row, const struct samba_sizes *sizes, unsigned minor)
{
    bool told = minor != 0;

    return (!told || (minor >= row->first_minor && minor <= row->last_minor)) &&
           has_sizes(row, sizes);
}

const struct samba_layout *samba_layout_for(const struct samba_sizes *sizes, unsigned minor)
{
    const struct samba_layout *installed = samba_installed_layout();

    for (size_t i = 0; i < samba_layout_count; i++) {
        if (fits(&samba_layouts[i], sizes, minor))
            return &samba_layouts[i];
    }
    return installed && fits(installed, sizes, minor) ? installed : NULL;
}
