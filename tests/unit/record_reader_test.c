/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cli/events/record_reader.h"
#include "cli/events/timestamp.h"
#include "core/event_json.h"
#include "sample_event.h"

static struct record_reader reader;
static struct recorded_call call;
static char *line; /* of the last read: the call's texts lie in it */
static const char *why;

static int setup(void **state)
{
    (void)state;
    reader = (struct record_reader){.names = zeek_names_new()};
    return reader.names ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    zeek_names_free(reader.names);
    free(line);
    line = NULL;
    return 0;
}

/* Reads the text from memory that ends where it ends. */
static enum record_result read_line(const char *text)
{
    size_t length = strlen(text);

    free(line);
    line = malloc(length ? length : 1);
    assert_non_null(line);
    memcpy(line, text, length);
    return record_read(&reader, line, length, &call, &why);
}

static void assert_read(const char *text, enum record_result expected)
{
    enum record_result result = read_line(text);

    if (result != expected)
        fail_msg("%d instead of %d (%s): %s", result, expected, why ? why : "", text);
}

static void assert_bad(const char *text, const char *reason)
{
    assert_read(text, RECORD_BAD);
    assert_string_equal(why, reason);
}

static void assert_text(struct text actual, const char *expected)
{
    assert_int_equal(actual.length, strlen(expected));
    assert_memory_equal(actual.bytes, expected, actual.length);
}

static bool knows(enum call_fact fact)
{
    return (call.call.known & FACT_BIT(fact)) != 0;
}

/* All that the samples below say, in every spelling. */
static void assert_sample(void)
{
    char text[SID_TEXT_SIZE];

    assert_string_equal(guid_format(&call.call.interface, text),
                        "e3514235-4b06-11d1-ab04-00c04fc2dcd2");
    assert_int_equal(call.call.version_major, 4);
    assert_int_equal(call.call.version_minor, 1);
    assert_int_equal(call.call.opnum, 3);
    assert_int_equal(call.call.protseq, PROTSEQ_NCACN_NP);
    assert_string_equal(ipaddr_format(&call.call.client_addr, text), "10.1.2.3");
    assert_text(call.call.endpoint, "\\pipe\\lsass");
    assert_text(call.call.principal, "EXAMPLE\\mallory");
    assert_text(call.call.process, "lsass.exe");
    assert_int_equal(call.call.sid_count, 1);
    assert_string_equal(sid_format(call.call.sids[0], text), "S-1-5-21-1-2-3-1105");
    assert_int_equal(call.call.authn_level, 6);
    assert_int_equal(call.call.authn_service, 16);
    assert_string_equal(guid_format(&call.call.object, text),
                        "11111111-2222-3333-4444-555555555555");
    assert_int_equal(call.time_us, UINT64_C(1795334400123456));
    assert_int_equal(call.outcome, RECORDED_BLOCKED);
    for (int fact = 0; fact < FACT_COUNT; fact++) {
        bool told =
            fact != FACT_CLIENT_PORT && fact != FACT_SERVER_ADDR && fact != FACT_SERVER_PORT;
        assert_int_equal(knows((enum call_fact)fact), told);
    }
}

static void reads_every_field_nested(void **state)
{
    (void)state;
    assert_read("{\"@timestamp\":\"2026-11-22T08:00:00.123456Z\",\"event\":{\"action\":"
                "\"rpc-call-blocked\"},\"source\":{\"ip\":\"10.1.2.3\",\"port\":5},\"user\":{"
                "\"name\":\"mallory\",\"domain\":\"EXAMPLE\",\"id\":\"S-1-5-21-1-2-3-1105\"},"
                "\"process\":{\"name\":\"lsass.exe\"},\"rpc\":{\"interface\":{\"uuid\":"
                "\"E3514235-4b06-11d1-ab04-00c04fc2dcd2\",\"version\":\"4.1\"},\"opnum\":3,"
                "\"protseq\":\"ncacn_np\",\"endpoint\":\"\\\\pipe\\\\lsass\",\"object\":"
                "\"11111111-2222-3333-4444-555555555555\",\"auth\":{\"level\":\"PKT_PRIVACY\","
                "\"service\":\"KERBEROS\"}}}",
                RECORD_CALL);
    assert_sample();
}

static void reads_every_field_dotted(void **state)
{
    (void)state;
    assert_read("{\"@timestamp\":\"2026-11-22T10:00:00.123456+02:00\",\"event.action\":"
                "\"rpc-call-blocked\",\"source.ip\":\"::ffff:10.1.2.3\",\"user.name\":\"mallory\","
                "\"user.domain\":\"EXAMPLE\",\"user.id\":\"S-1-5-21-1-2-3-1105\","
                "\"process.executable\":\"C:\\\\Windows\\\\lsass.exe\",\"rpc.interface.uuid\":"
                "\"e3514235-4b06-11d1-ab04-00c04fc2dcd2\",\"rpc\":{\"interface.version\":\"4.1\","
                "\"opnum\":\"3\"},\"rpc.protseq\":\"ncacn_np\",\"rpc.endpoint\":"
                "\"\\\\pipe\\\\lsass\",\"rpc.object\":\"11111111-2222-3333-4444-555555555555\","
                "\"rpc.auth\":{\"level\":\"PKT_PRIVACY\"},\"rpc.auth.service\":\"KERBEROS\"}",
                RECORD_CALL);
    assert_sample();
}

/* What the agents write is what is read. */
static void reads_what_the_agents_write(void **state)
{
    static char written[EVENT_JSON_SIZE + 1];
    struct event event = sample_call();
    struct event_origin origin = sample_origin();
    char expected[EVENT_PRINCIPAL_SIZE];
    size_t length = event_json_write(&event, &origin, written, EVENT_JSON_SIZE);

    (void)state;
    written[length] = '\0';
    assert_read(written, RECORD_CALL);
    snprintf(expected, sizeof(expected), "%s", event.principal);
    assert_text(call.call.principal, expected);
    assert_text(call.call.endpoint, event.endpoint);
    assert_true(guid_equal(&call.call.interface, &event.interface));
    assert_int_equal(call.call.opnum, event.opnum);
    assert_int_equal(call.time_us, event.time_us);
}

static void keeps_what_is_not_told_unknown(void **state)
{
    (void)state;
    assert_read(
        "{\"event\":{\"action\":\"rpc-call-allowed\"},\"user\":{\"id\":\"S-1-0-0\",\"name\":"
        "null},\"rpc\":{\"opnum\":0,\"auth\":{\"level\":\"UNKNOWN\"},\"unknown\":["
        "\"client address\",\"object\"]}}",
        RECORD_CALL);
    assert_int_equal(call.call.known, FACT_BIT(FACT_OPNUM));
    assert_int_equal(call.outcome, RECORDED_ALLOWED);
    assert_read("{\"event.action\":\"rpc-call-would-block\"}", RECORD_CALL);
    assert_int_equal(call.call.known, FACT_BIT(FACT_OBJECT));
    assert_int_equal(call.outcome, RECORDED_WOULD_BLOCK);
}

/* A name that was cut would match rules for others. */
static void takes_cut_texts_for_unknown(void **state)
{
    char text[1024];
    char name[509];

    (void)state;
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    snprintf(text, sizeof(text),
             "{\"event.action\":\"rpc-call-allowed\",\"user.name\":\"%s\",\"rpc.truncated\":true,"
             "\"rpc.endpoint\":\"49667\"}",
             name);
    assert_read(text, RECORD_CALL);
    assert_false(knows(FACT_PRINCIPAL));
    assert_true(knows(FACT_ENDPOINT));
}

static void passes_over_what_is_no_call(void **state)
{
    (void)state;
    assert_read("", RECORD_OTHER);
    assert_read(" \t", RECORD_OTHER);
    assert_read("{\"event\":{\"action\":\"policy-changed\"}}", RECORD_OTHER);
    assert_read("{\"_path\":\"conn\",\"ts\":1.0}", RECORD_OTHER);
}

static void names_what_is_wrong(void **state)
{
#define CALL "{\"event.action\":\"rpc-call-allowed\","
    (void)state;
    assert_bad("{}", "neither an event of the firewall nor a line of Zeek's dce_rpc.log");
    assert_bad("{", "the text ends too early");
    assert_bad(CALL "\"source.ip\":\"10.0.0.256\"}", "source.ip is no IP address");
    assert_bad(CALL "\"source\":{\"ip\":\"10.0.0.1\"},\"source.ip\":\"10.0.0.2\"}",
               "a field stands twice");
    assert_bad(CALL "\"source.ip\":10}", "a field has a value of the wrong type");
    assert_bad(CALL "\"rpc.opnum\":65536}", "rpc.opnum is no number of 0 to 65535");
    assert_bad(CALL "\"rpc.opnum\":3.0}", "rpc.opnum is no number of 0 to 65535");
    assert_bad(CALL "\"rpc.opnum\":-1}", "rpc.opnum is no number of 0 to 65535");
    assert_bad(CALL "\"rpc.interface.uuid\":\"e3514235\"}", "rpc.interface.uuid is no UUID");
    assert_bad(CALL "\"rpc.interface\":{\"uuid\":\"e3514235-4b06-11d1-ab04-00c04fc2dcd2\","
                    "\"version\":\"4\"}}",
               "rpc.interface.version is not MAJOR.MINOR");
    assert_bad(CALL "\"rpc.protseq\":\"tcp\"}", "rpc.protseq is no protocol sequence");
    assert_bad(CALL "\"rpc.auth.level\":\"privacy\"}", "rpc.auth.level is no authentication level");
    assert_bad(CALL "\"user.id\":\"BA\"}", "user.id is no SID");
    assert_bad(CALL "\"@timestamp\":\"yesterday\"}", "@timestamp is no time");
    assert_bad("no such form",
               "neither JSON nor a row of a Zeek log whose #fields line came before");
}

#define ZEEK_FIELDS                                                                                \
    "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\trtt\tnamed_pipe\tendpoint\t"    \
    "operation"

static void reads_zeek_rows(void **state)
{
    char text[SID_TEXT_SIZE];

    (void)state;
    assert_read("#separator \\x09", RECORD_OTHER);
    assert_read("#unset_field\t-", RECORD_OTHER);
    assert_read("#path\tdce_rpc", RECORD_OTHER);
    assert_read(ZEEK_FIELDS, RECORD_OTHER);
    assert_read("1795334400.123456\tC1\t10.0.0.5\t50000\t10.0.0.1\t49667\t0.1\t49667\tdrsuapi\t"
                "DRSGetNCChanges",
                RECORD_CALL);
    assert_string_equal(guid_format(&call.call.interface, text),
                        "e3514235-4b06-11d1-ab04-00c04fc2dcd2");
    assert_int_equal(call.call.opnum, 3);
    assert_int_equal(call.call.protseq, PROTSEQ_NCACN_IP_TCP);
    assert_text(call.call.endpoint, "49667");
    assert_string_equal(ipaddr_format(&call.call.client_addr, text), "10.0.0.5");
    assert_int_equal(call.time_us, UINT64_C(1795334400123456));
    assert_int_equal(call.outcome, RECORDED_ANSWERED);
    assert_false(knows(FACT_OBJECT));
    assert_false(knows(FACT_PRINCIPAL));
}

static void tells_zeek_transports(void **state)
{
    static const struct {
        const char *port;
        const char *pipe;
        enum protseq protseq;
        const char *endpoint;
    } rows[] = {
        {"445", "\\\\pipe\\\\lsass", PROTSEQ_NCACN_NP, "\\pipe\\lsass"},
        {"445", "\\x5cPIPE\\x5csamr", PROTSEQ_NCACN_NP, "\\PIPE\\samr"},
        {"139", "-", PROTSEQ_NCACN_NP, ""},
        {"135", "135", PROTSEQ_NCACN_IP_TCP, "135"},
        {"49667", "-", PROTSEQ_NCACN_IP_TCP, "49667"},
        {"593", "593", PROTSEQ_NCACN_HTTP, "593"},
    };
    char text[256];

    (void)state;
    assert_read(ZEEK_FIELDS, RECORD_OTHER);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(text, sizeof(text), "1.0\tC1\t10.0.0.5\t5\t10.0.0.1\t%s\t-\t%s\tsamr\tunknown-70",
                 rows[i].port, rows[i].pipe);
        assert_read(text, RECORD_CALL);
        assert_int_equal(call.call.protseq, rows[i].protseq);
        assert_int_equal(call.call.opnum, 70);
        assert_int_equal(knows(FACT_ENDPOINT), rows[i].endpoint[0] != '\0');
        assert_text(call.call.endpoint, rows[i].endpoint);
    }
}

static void reads_zeek_json(void **state)
{
    (void)state;
    assert_read(
        "{\"_path\":\"dce_rpc\",\"ts\":1795334400.5,\"uid\":\"C\",\"id.orig_h\":\"fd00::1\","
        "\"id.orig_p\":5,\"id.resp_h\":\"10.0.0.1\",\"id.resp_p\":135,\"named_pipe\":\"135\","
        "\"endpoint\":\"unknown-12345778-1234-abcd-ef00-0123456789ac\",\"operation\":"
        "\"unknown-7\"}",
        RECORD_CALL);
    assert_int_equal(call.call.interface.data1, 0x12345778);
    assert_int_equal(call.call.opnum, 7);
    assert_int_equal(call.time_us, UINT64_C(1795334400500000));
}

static void counts_names_that_the_catalogue_lacks(void **state)
{
    size_t count;
    uint64_t unlisted;

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_read("{\"endpoint\":\"nosuch\",\"operation\":\"Foo\"}", RECORD_UNNAMED);
    assert_read("{\"endpoint\":\"samr\",\"operation\":\"NoSuchMethod\"}", RECORD_UNNAMED);
    const struct unknown_name *names = zeek_names_unknown(reader.names, &count, &unlisted);
    assert_int_equal(count, 2);
    assert_string_equal(names[0].name, "nosuch Foo");
    assert_int_equal(names[0].count, 3);
    assert_string_equal(names[1].name, "samr NoSuchMethod");
    assert_int_equal(names[1].count, 1);
    assert_int_equal(unlisted, 0);
}

static void refuses_bad_rows(void **state)
{
    (void)state;
    assert_bad("#separator ab", "#separator is not one byte");
    assert_read(ZEEK_FIELDS, RECORD_OTHER);
    assert_bad("1.0\tC1\t10.0.0.5", "a row has more or fewer fields than #fields names");
    assert_bad("1.0\tC\t10.0.0.5\t5\t10.0.0.1\t135\t-\t-\tsamr\tSamrConnect\tmore",
               "a row has more or fewer fields than #fields names");
    assert_bad("1.0\tC\t10.0.0.500\t5\t10.0.0.1\t135\t-\t-\tsamr\tSamrConnect5",
               "id.orig_h is no IP address");
    assert_bad("x\tC\t10.0.0.5\t5\t10.0.0.1\t135\t-\t-\tsamr\tSamrConnect5", "ts is no time");
    assert_bad("1.0\tC\t10.0.0.5\t5\t10.0.0.1\t135\t-\t-\t-\t-",
               "endpoint and operation are not set");
    assert_read("#path\tconn", RECORD_OTHER);
    assert_read("1.0\twhatever", RECORD_OTHER);
}

static void reads_times(void **state)
{
    static const struct {
        const char *text;
        uint64_t micros;
    } good[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-22T08:00:00Z", UINT64_C(1795334400000000)},
        {"2026-11-22 09:30:00.5+01:30", UINT64_C(1795334400500000)},
        {"2026-11-22T00:00:00.1234567-0800", UINT64_C(1795334400123456)},
        {"2024-02-29T23:59:60Z", UINT64_C(1709251200000000)},
        {"9999-12-31T23:59:59.999999Z", UINT64_C(253402300799999999)},
        {"1795334400", UINT64_C(1795334400000000)},
        {"0.000001", 1},
    };
    static const char *const bad[] = {"",
                                      "x",
                                      "-1",
                                      "1.",
                                      "1e9",
                                      "2026-11-22",
                                      "2026-11-22T08:00:00",
                                      "2026-13-22T08:00:00Z",
                                      "2026-02-29T08:00:00Z",
                                      "2026-11-22T24:00:00Z",
                                      "2026-11-22T08:00:00Zx",
                                      "1969-12-31T23:59:59Z",
                                      "1970-01-01T00:00:00+01:00",
                                      "99999999999999999999"};
    uint64_t micros;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (!timestamp_parse(good[i].text, strlen(good[i].text), &micros))
            fail_msg("refused: %s", good[i].text);
        assert_int_equal(micros, good[i].micros);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (timestamp_parse(bad[i], strlen(bad[i]), &micros))
            fail_msg("taken: %s", bad[i]);
    }
    char text[TIMESTAMP_TEXT_SIZE];
    assert_string_equal(timestamp_format(UINT64_C(1709251199999999), text), "2024-02-29 23:59:59Z");
    assert_string_equal(timestamp_format(0, text), "unknown");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reads_every_field_nested),
        TEST(reads_every_field_dotted),
        TEST(reads_what_the_agents_write),
        TEST(keeps_what_is_not_told_unknown),
        TEST(takes_cut_texts_for_unknown),
        TEST(passes_over_what_is_no_call),
        TEST(names_what_is_wrong),
        TEST(reads_zeek_rows),
        TEST(tells_zeek_transports),
        TEST(reads_zeek_json),
        TEST(counts_names_that_the_catalogue_lacks),
        TEST(refuses_bad_rows),
        TEST(reads_times),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
