/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "samba/agent/layouts.h"

#include <assert.h>
#include <string.h>

static_assert(sizeof(void *) == 8, "the offsets are those of LP64");

const struct samba_layout samba_layouts[] = {
    /* Measured: offsetof on the headers of Debian's 4.17.12, sizes of its library. */
    {.name = "4.17",
     .first_minor = 17,
     .last_minor = 17,
     .sizes = {1, 48, 56, 48, 104, 24, 272, 392, 64, 136},
     .call_auth_state = 16,
     .call_conn = 24,
     .call_context = 32,
     .call_pkt = 40,
     .call_fault_code = 304,
     .pkt_ptype = 4,
     .pkt_pfc_flags = 8,
     .pkt_auth_length = 16,
     .pkt_opnum = 30,
     .pkt_object = 32,
     .pkt_stub = 48,
     .pkt_num_contexts = 32,
     .pkt_ctx_list = 40,
     .ctx_list_size = 32,
     .ctx_abstract_syntax = 4,
     .context_iface = 32,
     .iface_syntax_id = 8,
     .iface_ndr_pull = 48,
     .auth_type = 16,
     .auth_level = 20,
     .auth_gensec = 32,
     .auth_session_info = 40,
     .auth_finished = 57,
     .conn_endpoint = 24,
     .conn_local_address = 160,
     .conn_remote_address = 168,
     .endpoint_description = 16,
     .endpoint_interfaces = 40,
     .if_list_next = 0,
     .if_list_iface = 16,
     .session_token = 0,
     .session_user = 16,
     .user_account_name = 0,
     .user_domain_name = 24,
     .token_sid_count = 0,
     .token_sids = 8},
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

const struct samba_layout *samba_layout_for(const struct samba_sizes *sizes, unsigned minor)
{
    for (size_t i = 0; i < samba_layout_count; i++) {
        const struct samba_layout *row = &samba_layouts[i];
        if (minor && (minor < row->first_minor || minor > row->last_minor))
            continue;
        if (memcmp(&row->sizes, sizes, sizeof(*sizes)) == 0)
            return row;
    }
    return NULL;
}
