/* SPDX-License-Identifier: Apache-2.0 */
#include "core/protseq.h"

#include <string.h>

static const char *const names[PROTSEQ_COUNT] = {
    [PROTSEQ_UNKNOWN] = "UNKNOWN",           [PROTSEQ_NCACN_IP_TCP] = "ncacn_ip_tcp",
    [PROTSEQ_NCACN_NP] = "ncacn_np",         [PROTSEQ_NCACN_HTTP] = "ncacn_http",
    [PROTSEQ_NCALRPC] = "ncalrpc",           [PROTSEQ_NCADG_IP_UDP] = "ncadg_ip_udp",
    [PROTSEQ_NCACN_SPX] = "ncacn_spx",       [PROTSEQ_NCACN_NB_NB] = "ncacn_nb_nb",
    [PROTSEQ_NCACN_NB_TCP] = "ncacn_nb_tcp", [PROTSEQ_NCACN_AT_DSP] = "ncacn_at_dsp",
    [PROTSEQ_NCADG_IPX] = "ncadg_ipx",       [PROTSEQ_NCADG_MQ] = "ncadg_mq",
};

enum protseq protseq_from_name(const char *name, size_t length)
{
    for (int i = PROTSEQ_UNKNOWN + 1; i < PROTSEQ_COUNT; i++) {
        if (strlen(names[i]) == length && memcmp(names[i], name, length) == 0) {
            return (enum protseq)i;
        }
    }
    return PROTSEQ_UNKNOWN;
}

const char *protseq_name(enum protseq protseq)
{
    return (unsigned)protseq < PROTSEQ_COUNT ? names[protseq] : names[PROTSEQ_UNKNOWN];
}

bool protseq_is_remote(enum protseq protseq)
{
    return protseq != PROTSEQ_NCALRPC;
}
