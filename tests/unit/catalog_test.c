/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/catalog.h"

#define DRSUAPI       "e3514235-4b06-11d1-ab04-00c04fc2dcd2"
#define EFSRPC_LSARPC "c681d488-d850-11d0-8c52-00c04fd90f7e"
#define EFSRPC        "df1941c5-fe89-4e79-bf10-463657acf44d"
#define UNKNOWN       "e3514235-4b06-11d1-ab04-00c04fc2dcd3"

static const struct catalog_interface *by_uuid(const char *text)
{
    struct guid uuid;
    assert_true(guid_parse(text, strlen(text), &uuid));
    return catalog_interface_by_uuid(&uuid);
}

static const struct catalog_interface *by_name(const char *name)
{
    const struct catalog_interface *interface = NULL;
    assert_int_equal(catalog_interfaces_by_name(name, strlen(name), &interface, 1), 1);
    return interface;
}

static long opnum_of(const char *interface, const char *method)
{
    unsigned opnum;
    return catalog_method_by_name(by_name(interface), method, strlen(method), &opnum) ? (long)opnum
                                                                                      : -1;
}

/* What the issue asks of it. */
static void is_large_enough(void **state)
{
    (void)state;
    size_t methods = 0;
    for (size_t i = 0; i < catalog_interface_count(); i++) {
        const struct catalog_interface *interface = catalog_interface_at(i);
        for (size_t j = 0; j < catalog_method_count(interface); j++) {
            const char *name = catalog_method_canonical_name(catalog_method_at(interface, j));
            methods += strncmp(name, "Opnum", 5) != 0;
        }
    }
    assert_true(catalog_interface_count() >= 140);
    assert_true(methods >= 2500);
}

static void interfaces_are_in_the_order_of_the_search(void **state)
{
    (void)state;
    for (size_t i = 0; i < catalog_interface_count(); i++) {
        const struct catalog_interface *interface = catalog_interface_at(i);
        assert_ptr_equal(catalog_interface_by_uuid(catalog_interface_uuid(interface)), interface);
        if (i) {
            assert_true(guid_compare(catalog_interface_uuid(catalog_interface_at(i - 1)),
                                     catalog_interface_uuid(interface)) < 0);
        }
    }
    assert_null(by_uuid(UNKNOWN));
}

static void every_name_finds_its_interface(void **state)
{
    (void)state;
    for (size_t i = 0; i < catalog_interface_count(); i++) {
        const struct catalog_interface *interface = catalog_interface_at(i);
        for (const char *name = catalog_interface_names(interface); *name;) {
            const struct catalog_interface *found[4] = {NULL};
            size_t length = strcspn(name, ",");
            size_t count = catalog_interfaces_by_name(name, length, found, 4);
            assert_in_range(count, 1, 4);
            size_t at = 0;
            while (at < count && found[at] != interface) {
                at++;
            }
            assert_true(at < count);
            name += length + (name[length] == ',');
        }
    }
}

static void names_disregard_case_and_end_where_they_end(void **state)
{
    (void)state;
    const struct catalog_interface *found = NULL;
    assert_ptr_equal(by_name("DRSUAPI"), by_uuid(DRSUAPI));
    assert_ptr_equal(by_name("drsr"), by_uuid(DRSUAPI));
    assert_int_equal(catalog_interfaces_by_name("drsuapi,", 7, &found, 1), 1);
    assert_int_equal(catalog_interfaces_by_name("drsuap", 6, &found, 1), 0);
    assert_int_equal(catalog_interfaces_by_name("drsuapix", 8, &found, 1), 0);
    assert_int_equal(catalog_interfaces_by_name("drsuapi\0x", 9, &found, 1), 0);
    assert_int_equal(catalog_interfaces_by_name("drsuapi\0", 8, &found, 1), 0);
    assert_int_equal(catalog_interfaces_by_name("", 0, &found, 1), 0);
    assert_int_equal(catalog_interfaces_by_name("\xff\xfe", 2, &found, 1), 0);
}

/* A rule for efsrpc must not leave the pipe of lsarpc open. */
static void one_name_may_stand_for_one_interface_under_two_uuids(void **state)
{
    (void)state;
    const struct catalog_interface *found[2] = {NULL};
    assert_int_equal(catalog_interfaces_by_name("EfsRpc", 6, found, 2), 2);
    assert_ptr_not_equal(found[0], found[1]);
    assert_true(found[0] == by_uuid(EFSRPC) || found[1] == by_uuid(EFSRPC));
    assert_true(found[0] == by_uuid(EFSRPC_LSARPC) || found[1] == by_uuid(EFSRPC_LSARPC));
    assert_int_equal(catalog_interfaces_by_name("efsrpc", 6, found, 1), 2);
    assert_int_equal(catalog_interfaces_by_name("efsrpc", 6, NULL, 0), 2);
}

static void methods_have_the_opnums_of_the_documents(void **state)
{
    (void)state;
    assert_int_equal(opnum_of("drsuapi", "DRSGetNCChanges"), 3);
    assert_int_equal(opnum_of("drsuapi", "idl_drsgetncchanges"), 3);
    assert_int_equal(opnum_of("svcctl", "RCreateServiceW"), 12);
    assert_int_equal(opnum_of("svcctl", "CreateServiceW"), 12);
    assert_int_equal(opnum_of("winreg", "BaseRegSaveKeyEx"), 31);
    assert_int_equal(opnum_of("samr", "SamrUnicodeChangePasswordUser4"), 73);
    assert_int_equal(opnum_of("lsarpc", "LsarRetrievePrivateData"), 43);
    assert_int_equal(opnum_of("netlogon", "NetrServerPasswordSet2"), 30);
    assert_int_equal(opnum_of("spoolss", "RpcRemoteFindFirstPrinterChangeNotificationEx"), 65);
    assert_int_equal(opnum_of("spoolss", "RpcAddPrinterDriverEx"), 89);
    assert_int_equal(opnum_of("IRemoteWinspool", "RpcAsyncAddPrinterDriver"), 39);
    assert_int_equal(opnum_of("efsrpc2", "EfsRpcOpenFileRaw"), 0);
    assert_int_equal(opnum_of("netdfs", "NetrDfsRemoveStdRoot"), 13);
    assert_int_equal(opnum_of("FileServerVssAgent", "IsPathShadowCopied"), 9);
    assert_int_equal(opnum_of("ITaskSchedulerService", "SchRpcRegisterTask"), 1);
    assert_int_equal(opnum_of("srvsvc", "NetrSessionEnum"), 12);
    assert_int_equal(opnum_of("IWbemServices", "ExecMethod"), 24);
    assert_int_equal(opnum_of("IRemoteSCMActivator", "RemoteCreateInstance"), 4);
    assert_int_equal(opnum_of("ICertPassage", "CertServerRequest"), 0);
    assert_int_equal(opnum_of("drsuapi", "DRSGetNCChangesX"), -1);
    assert_int_equal(opnum_of("drsuapi", ""), -1);
}

static void every_method_is_found_by_number_and_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < catalog_interface_count(); i++) {
        const struct catalog_interface *interface = catalog_interface_at(i);
        for (size_t j = 0; j < catalog_method_count(interface); j++) {
            const struct catalog_method *method = catalog_method_at(interface, j);
            const char *name = catalog_method_canonical_name(method);
            unsigned opnum = 0;
            assert_string_equal(catalog_method_name(interface, catalog_method_opnum(method)), name);
            assert_true(catalog_method_by_name(interface, name, strlen(name), &opnum));
            assert_int_equal(opnum, catalog_method_opnum(method));
            for (name = catalog_method_aliases(method); *name;) {
                size_t length = strcspn(name, ",");
                assert_true(catalog_method_by_name(interface, name, length, &opnum));
                assert_int_equal(opnum, catalog_method_opnum(method));
                name += length + (name[length] == ',');
            }
        }
    }
    assert_null(catalog_method_name(by_uuid(DRSUAPI), 31));
    assert_null(catalog_method_name(by_uuid(DRSUAPI), 65536 + 3));
}

static void com_interfaces_inherit_methods(void **state)
{
    (void)state;
    assert_string_equal(catalog_method_name(by_name("IRemUnknown2"), 6), "RemQueryInterface2");
    assert_string_equal(catalog_method_name(by_name("IRemUnknown2"), 3), "RemQueryInterface");
    assert_string_equal(catalog_method_name(by_name("IRemUnknown2"), 2), "Release");
    assert_string_equal(catalog_method_name(by_name("ICertAdminD2"), 3), "SetExtension");
    assert_int_equal(opnum_of("IRemUnknown2", "RemAddRef"), 4);
    assert_int_equal(opnum_of("IResourceManager", "Invoke"), 6);
    assert_null(catalog_interface_base(by_uuid(DRSUAPI)));
}

static bool serves(const char *uuid, unsigned opnum, const char *technique)
{
    const struct catalog_technique *found[16];
    struct guid guid;
    assert_true(guid_parse(uuid, strlen(uuid), &guid));
    size_t count = catalog_techniques_of(&guid, opnum, found, 16);
    assert_in_range(count, 0, 16);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(catalog_technique_id(found[i]), technique) == 0) {
            return true;
        }
    }
    return false;
}

static void calls_serve_techniques(void **state)
{
    (void)state;
    const struct catalog_technique *found = NULL;
    assert_true(serves(DRSUAPI, 3, "T1003.006"));
    assert_false(serves(DRSUAPI, 1, "T1003.006"));
    assert_true(serves(DRSUAPI, 20, "T1134.005"));
    assert_true(serves(EFSRPC, 0, "T1187"));
    assert_true(serves(EFSRPC_LSARPC, 9, "T1187"));
    assert_false(serves(EFSRPC_LSARPC, 3, "T1187"));
    assert_false(serves(UNKNOWN, 3, "T1003.006"));
    /* Every call of the remote control of mimikatz, also one that has no name. */
    assert_true(serves("17fc11e9-c258-4b8d-8d07-2f4125156244", 65535, "T1219"));
    assert_true(catalog_techniques_of(catalog_interface_uuid(by_uuid(EFSRPC)), 0, &found, 0) > 0);
    assert_null(found);
}

static void techniques_tell_their_ranges(void **state)
{
    (void)state;
    assert_true(catalog_technique_count() >= 60);
    for (size_t i = 0; i < catalog_technique_count(); i++) {
        const struct catalog_technique *technique = catalog_technique_at(i);
        unsigned first;
        unsigned last;
        size_t ranges = 0;
        unsigned above = 0;
        for (; catalog_technique_range(technique, ranges, &first, &last); ranges++) {
            assert_true(first <= last && (ranges == 0 || first > above));
            assert_true(catalog_technique_covers(technique, first));
            assert_true(catalog_technique_covers(technique, last));
            above = last;
        }
        assert_true(ranges > 0);
        assert_true(*catalog_technique_name(technique) && *catalog_technique_attack(technique) &&
                    *catalog_technique_source(technique) && *catalog_technique_opnums(technique));
        assert_non_null(catalog_technique_interface(technique));
    }
}

static void suggests_what_is_near(void **state)
{
    (void)state;
    assert_string_equal(catalog_nearest_interface("drsuapy", 7), "drsuapi");
    assert_string_equal(catalog_nearest_interface("IWbemServcies", 13), "IWbemServices");
    assert_null(catalog_nearest_interface("somethingelse", 13));
    assert_string_equal(catalog_nearest_method(by_uuid(DRSUAPI), "DRSGetNCChange", 14),
                        "DRSGetNCChanges");
    assert_string_equal(catalog_nearest_method(by_name("IRemUnknown2"), "RemAdRef", 8),
                        "RemAddRef");
    assert_null(catalog_nearest_method(by_uuid(DRSUAPI), "CreateServiceW", 14));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_large_enough),
        cmocka_unit_test(interfaces_are_in_the_order_of_the_search),
        cmocka_unit_test(every_name_finds_its_interface),
        cmocka_unit_test(names_disregard_case_and_end_where_they_end),
        cmocka_unit_test(one_name_may_stand_for_one_interface_under_two_uuids),
        cmocka_unit_test(methods_have_the_opnums_of_the_documents),
        cmocka_unit_test(every_method_is_found_by_number_and_name),
        cmocka_unit_test(com_interfaces_inherit_methods),
        cmocka_unit_test(calls_serve_techniques),
        cmocka_unit_test(techniques_tell_their_ranges),
        cmocka_unit_test(suggests_what_is_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
