/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * LD_PRELOAD: a server that was started with the agent is protected before its first call, and so
 * is what it executes. Needs root and mount namespaces; skipped without.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent_world.h"

static char said[1024];

static void run_host(const char *program, const char *argument, const char *preload)
{
    char line[512];
    FILE *output;

    snprintf(line, sizeof(line), "LD_PRELOAD='%s' exec %s %s", preload, program, argument);
    output = popen(line, "r"); /* NOLINT(cert-env33-c): the test's own words */
    CHECK(output);
    said[fread(said, 1, sizeof(said) - 1, output)] = '\0';
    CHECK(pclose(output) == 0);
}

static void protect_from_the_start(void)
{
    world_publish("opnum:3 action:block\n");
    run_host(PRELOAD_HOST, "once", AGENT);
    CHECK(strstr(said, "entry 1\n"));
    CHECK(strstr(said, "loading 1 "));
    CHECK(strstr(said, "status c00000d2 fault 5\n"));
}

/* The process has one entry, its own program's, also when another program was in it before. */
static void protect_what_is_executed(void)
{
    world_publish("opnum:3 action:block\n");
    run_host(PRELOAD_HOST, "again", AGENT);
    CHECK(strstr(said, "entry 1\nloading 1 blocked 0\n"));
    CHECK(strstr(said, "status c00000d2 fault 5\n"));
}

static void stay_out_of_servers_without_the_agent(void)
{
    world_publish("opnum:3 action:block\n");
    run_host(PRELOAD_HOST, "once", "");
    CHECK(strcmp(said, "none -1\nstatus 0 fault 0\n") == 0);
}

/* Known by what it does: it has Samba's dcesrv_init_context(). */
static void protect_a_renamed_server(void)
{
    world_publish("opnum:3 action:block\n");
    run_host(RENAMED_HOST, "once", AGENT);
    CHECK(strcmp(said, "entry 1\nloading 1 blocked 0\nstatus c00000d2 fault 5\n") == 0);
}

/* One of them is: the first finds the second's function in front of Samba's. */
static void protect_a_renamed_server_with_two_agents(void)
{
    world_publish("opnum:3 action:block\n");
    /* NOLINTNEXTLINE(cert-env33-c) */
    CHECK(system("cp '" AGENT "' /run/rpcfirewall-other.so") == 0);
    run_host(RENAMED_HOST, "once", AGENT ":/run/rpcfirewall-other.so");
    CHECK(strcmp(said, "entry 1\nloading 1 blocked 0\nstatus c00000d2 fault 5\n") == 0);
}

static void close_a_renamed_server_that_is_not_known(void)
{
    world_publish("option unsupported closed\naction:allow\n");
    CHECK(setenv("FAKE_SAMBA_STRANGE", "1", 1) == 0);
    run_host(RENAMED_HOST, "once", AGENT);
    CHECK(strcmp(said, "entry 3\nloading 1 blocked 0\nstatus c0000017 fault 0\n") == 0);
}

static void stay_out_of_other_programs(void)
{
    /* NOLINTNEXTLINE(cert-env33-c) */
    CHECK(system("LD_PRELOAD='" AGENT "' /bin/true") == 0);
    CHECK(access("/run/rpcfw", F_OK) != 0);
}

#define SCENARIO(name)                                                                             \
    static void test_##name(void **state)                                                          \
    {                                                                                              \
        (void)state;                                                                               \
        assert_true(world_run(name));                                                              \
    }

SCENARIO(protect_from_the_start)
SCENARIO(protect_what_is_executed)
SCENARIO(stay_out_of_servers_without_the_agent)
SCENARIO(protect_a_renamed_server)
SCENARIO(protect_a_renamed_server_with_two_agents)
SCENARIO(close_a_renamed_server_that_is_not_known)
SCENARIO(stay_out_of_other_programs)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_protect_from_the_start),
        cmocka_unit_test(test_protect_what_is_executed),
        cmocka_unit_test(test_stay_out_of_servers_without_the_agent),
        cmocka_unit_test(test_protect_a_renamed_server),
        cmocka_unit_test(test_protect_a_renamed_server_with_two_agents),
        cmocka_unit_test(test_close_a_renamed_server_that_is_not_known),
        cmocka_unit_test(test_stay_out_of_other_programs),
    };

    if (!world_begin()) {
        printf("skipped: needs root and mount namespaces\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
