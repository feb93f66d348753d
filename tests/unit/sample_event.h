/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call in which every fact is known, for the tests of what is written about it.
 */
#ifndef RPCFW_TESTS_SAMPLE_EVENT_H
#define RPCFW_TESTS_SAMPLE_EVENT_H

#include <string.h>

#include "core/authn.h"
#include "core/event.h"

#define SAMPLE_FACTS ((FACT_BIT(FACT_COUNT) - 1) & ~FACT_BIT(FACT_PROCESS))

static inline struct event_origin sample_origin(void)
{
    return (struct event_origin){
        .pid = 4711,
        .host = "dc1.example.com",
        .process_name = "lsass.exe",
        .executable = "C:\\Windows\\System32\\lsass.exe",
    };
}

/* DRSGetNCChanges, blocked by line 3. */
static inline struct event sample_call(void)
{
    struct event event;

    memset(&event, 0, sizeof(event));
    event.kind = EVENT_CALL;
    event.time_us = UINT64_C(1795334400123456); /* 2026-11-22T08:00:00.123456Z */
    event.generation = 7;
    event.function = "NdrStubCall2";
    event.verdict = (struct verdict){.rule = 2, .block = true, .audit = true};
    event.rule_line = 3;
    strcpy(event.rule_name, "no-dcsync");
    event.known = SAMPLE_FACTS;
    guid_parse("e3514235-4b06-11d1-ab04-00c04fc2dcd2", 36, &event.interface);
    event.version_major = 4;
    event.opnum = 3;
    event.protseq = PROTSEQ_NCACN_IP_TCP;
    strcpy(event.endpoint, "49667");
    ipaddr_parse("10.1.2.3", 8, &event.client_addr);
    event.client_port = 51000;
    ipaddr_parse("fd00::1", 7, &event.server_addr);
    event.server_port = 49667;
    strcpy(event.principal, "EXAMPLE\\mallory");
    sid_parse("S-1-5-21-1-2-3-1105", 19, &event.sid);
    event.authn_level = AUTHN_LEVEL_PRIVACY;
    event.authn_service = AUTHN_SERVICE_KERBEROS;
    guid_parse("11111111-2222-3333-4444-555555555555", 36, &event.object);
    return event;
}

#endif
