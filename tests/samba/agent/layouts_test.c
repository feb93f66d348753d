/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of layouts: which row is chosen, and that the rows are right, as far as this machine's
 * headers and library of Samba can tell (without them that part is skipped).
 */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "samba/agent/import_slots.h"
#include "samba/agent/layouts.h"

static void the_release_and_all_sizes_choose_the_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < samba_layout_count; i++) {
        struct samba_sizes sizes = samba_layouts[i].sizes;
        if (sizes.context == SAMBA_ANY_SIZE)
            sizes.context = 64;
        const struct samba_layout *found = samba_layout_for(&sizes, samba_layouts[i].first_minor);
        assert_ptr_equal(found, &samba_layouts[i]);
        assert_ptr_equal(samba_layout_for(&sizes, samba_layouts[i].last_minor), found);
        assert_non_null(samba_layout_for(&sizes, 0));
        assert_null(samba_layout_for(&sizes, 16));
        assert_null(samba_layout_for(&sizes, 23));
        for (size_t at = 0; at < sizeof(sizes) / sizeof(int32_t); at++) {
            struct samba_sizes wrong = sizes;
            int32_t value;
            memcpy(&value, (char *)&wrong + at * sizeof(value), sizeof(value));
            value += 8;
            memcpy((char *)&wrong + at * sizeof(value), &value, sizeof(value));
            if (at == 1 && samba_layouts[i].sizes.context == SAMBA_ANY_SIZE)
                continue;
            found = samba_layout_for(&wrong, samba_layouts[i].first_minor);
            assert_ptr_not_equal(found, &samba_layouts[i]);
        }
    }
}

static void releases_are_read_from_symbol_versions(void **state)
{
    static const struct {
        const char *text;
        unsigned minor;
    } cases[] = {
        {"SAMBA_4.17.12_DEBIAN_SAMBA4", 17},
        {"SAMBA_4.22.6_DEBIAN_4.22.6_DFSG_0_DEB13U1_BPO12_1_PRIVATE_SAMBA", 22},
        {"SAMBA_4.9.0", 9},
        {"SAMBA_ERRORS_1.0.0", 0},
        {"SAMBA_4", 0},
        {"SAMBA_4.", 0},
        {"SAMBA_4.x.1", 0},
        {"SAMBA_4.17", 0},
        {"SAMBA_4.99999999999999999999.1", 0},
        {"GLIBC_2.34", 0},
        {"", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(samba_minor_of(cases[i].text), cases[i].minor);
}

static bool take_minor(const char *name, void *argument)
{
    *(unsigned *)argument = samba_minor_of(name);
    return *(unsigned *)argument != 0;
}

static void the_installed_headers_agree_with_the_table(void **state)
{
    const struct samba_layout *installed = samba_installed_layout();

    (void)state;
    if (!installed) {
        skip();
        return;
    }
    const struct samba_layout *row = samba_layout_for(&installed->sizes, installed->first_minor);
    assert_non_null(row);
    assert_memory_equal((const char *)row + offsetof(struct samba_layout, call_auth_state),
                        (const char *)installed + offsetof(struct samba_layout, call_auth_state),
                        sizeof(*row) - offsetof(struct samba_layout, call_auth_state));
}

static void the_installed_library_is_known(void **state)
{
    struct loaded_library library = {.path = NULL};
    const struct samba_sizes *(*module_version)(void);
    unsigned minor = 0;
    void *loaded = dlopen("libdcerpc-server-core.so.0", RTLD_NOW);

    (void)state;
    if (!loaded) {
        skip();
        return;
    }
    void *function = dlsym(loaded, "dcerpc_module_version");
    assert_non_null(function);
    memcpy(&module_version, &function, sizeof(function));
    assert_true(loaded_library_find("libdcerpc-server-core.so.0", &library));
    loaded_library_versions(&library, take_minor, &minor);
    assert_true(minor >= 17);
    assert_non_null(samba_layout_for(module_version(), minor));
    assert_non_null(import_slot_find(&library, "ndr_pull_init_blob"));
    assert_non_null(import_slot_find(&library, "dcesrv_auth_bind"));
    assert_non_null(import_slot_find(&library, "dcesrv_auth_alter"));
    assert_null(import_slot_find(&library, "dcesrv_auth"));
    dlclose(loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_release_and_all_sizes_choose_the_row),
        cmocka_unit_test(releases_are_read_from_symbol_versions),
        cmocka_unit_test(the_installed_headers_agree_with_the_table),
        cmocka_unit_test(the_installed_library_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
