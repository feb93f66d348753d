/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the manager says about a policy that it puts in force, and how long it holds it: rules that
 * nothing enforces, files that others may change, nothing protected. What the verbs print is read
 * back from files.
 */
#include <windows.h>
#include <io.h>
#include <sddl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test_image.h"
#include "windows/manager/active_policy.h"
#include "windows/manager/policy_file.h"
#include "windows/manager/verbs.h"
#include "windows/policy_section.h"
#include "wine_check.h"

#define OUTPUT_SIZE 8192

static char policy_path[UTF8_PATH_SIZE];
static char output[OUTPUT_SIZE]; /* stdout and stderr of the last verb */

static const struct cli_verb update = {.name = "update", .arguments = ""};

static void write_policy(const char *text)
{
    FILE *file = fopen(policy_path, "wb");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0) {
        printf("FAILED: %s cannot be written\n", policy_path);
        exit(1);
    }
}

/* Runs the verb with both outputs going to a file, and reads it. */
static int run_update(int argc, char **argv)
{
    fflush(stdout);
    fflush(stderr);
    FILE *file = tmpfile();
    int out = _dup(1);
    int error = _dup(2);
    if (!file || out < 0 || error < 0) {
        exit(1);
    }
    _dup2(_fileno(file), 1);
    _dup2(_fileno(file), 2);
    int code = verb_update(&update, argc, argv);
    fflush(stdout);
    fflush(stderr);
    _dup2(out, 1);
    _dup2(error, 2);
    _close(out);
    _close(error);
    rewind(file);
    output[fread(output, 1, sizeof(output) - 1, file)] = '\0';
    fclose(file);
    return code;
}

static int update_with(const char *policy)
{
    char name[] = "update";
    char *argv[] = {name, NULL};
    write_policy(policy);
    return run_update(1, argv);
}

static void check_says(const char *text, bool expected, const char *what)
{
    bool passed = (strstr(output, text) != NULL) == expected;
    check(passed, "%s", what);
    if (!passed) {
        printf("  it said: %s\n", output);
    }
}

static void test_nothing_protected(void)
{
    check(update_with("action:allow\n") == CLI_DONE, "an update with nothing protected");
    check_says("nothing is in force", true, "says that nothing is in force");
    check_says("RpcFw.conf\n", true, "and what is read next");
    check_says("note:", false, "and of no rule");
    check(active_policy_generation() == 0, "and nothing is");
    char name[] = "update";
    char option[] = "--policy";
    char *argv[] = {name, option, policy_path, NULL};
    check(run_update(3, argv) == CLI_DONE, "an update of a named file");
    check_says("give --policy FILE", true, "says that the file has to be named again");
}

static void test_filter_rules(void)
{
    update_with("fw:action:allow\nflt:action:block\nflt:action:allow\nall:action:allow\n");
    check_says("note: 2 rules are for native RPC filters (flt:); \"rpcFwManager start flt\" puts",
               true, "rules for native filters only are counted");
    check_says("note: 1 rule is for native RPC filters too (all:)", true, "rules for both too");
    update_with("fw:action:allow\n");
    check_says("native RPC filters", false, "without any, nothing is said");
}

static void set_access(const wchar_t *sddl)
{
    wchar_t wide[MAX_PATH];
    PSECURITY_DESCRIPTOR descriptor;
    check(wide_from_utf8(policy_path, wide, ARRAYSIZE(wide)) &&
              ConvertStringSecurityDescriptorToSecurityDescriptorW(sddl, SDDL_REVISION_1,
                                                                   &descriptor, NULL) &&
              SetFileSecurityW(wide, DACL_SECURITY_INFORMATION, descriptor),
          "the file's access list is changed");
    LocalFree(descriptor);
}

static void test_writers(void)
{
    write_policy("fw:action:allow\n");
    set_access(policy_file_sddl);
    update_with("fw:action:allow\n");
    check_says("RpcFw.conf may be changed by", false, "administrators may change the file");
    set_access(L"D:(A;;FA;;;BA)(A;;FA;;;WD)");
    update_with("fw:action:allow\n");
    check_says("RpcFw.conf may be changed by", true, "others are warned of");
    update_with("fw:action:deny\n");
    check_says("RpcFw.conf may be changed by", true, "of a file with errors too");
}

/* The last agent may leave while others are protected: what is in force has to outlive it. */
static void test_policy_is_held(void)
{
    struct policy_publisher publisher;
    struct policy_image_view view;
    struct active_policy active;
    struct verb_arguments arguments = {0};
    uint64_t generation = 0;
    size_t size;
    void *image = test_image("", &size);
    write_policy("");
    check(policy_publisher_open(&publisher) == POLICY_SECTION_OK &&
              policy_publish(&publisher, image, size, &generation) == POLICY_SECTION_OK,
          "a policy is in force");
    free(image);
    check(active_policy_open(&update, &arguments, &active) == CLI_DONE &&
              active.generation == generation,
          "and is opened to protect under");
    policy_publisher_close(&publisher);
    check(policy_image_open(generation, &view) == POLICY_SECTION_OK,
          "it lives when nobody else holds it");
    policy_image_close(&view);
    active_policy_close(&active);
    check(policy_image_open(generation, &view) == POLICY_SECTION_ABSENT, "and no longer than that");
}

int main(void)
{
    if (!policy_file_path(NULL, policy_path)) {
        return 1;
    }
    test_nothing_protected();
    test_filter_rules();
    test_writers();
    test_policy_is_held();
    remove(policy_path);
    printf("%d failed\n", failures);
    return failures != 0;
}
