/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The named objects of policy_section.h: their security descriptors as the system reads them back,
 * and what happens when somebody else made them first, when two managers publish, and when one is
 * killed.
 */
#include <windows.h>
#include <sddl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/image.h"
#include "test_image.h"
#include "windows/policy_section.h"
#include "wine_check.h"

#define SQUATTED    5000
#define CHILD_READY L"Global\\RpcFwTestReady"

/* A compiled policy; two of them can be told apart. */
struct test_policy {
    struct policy_image *image;
    size_t size;
};

static struct test_policy make_policy(const char *text)
{
    struct test_policy policy;
    policy.image = test_image(text, &policy.size);
    return policy;
}

static HANDLE create_section_as(const wchar_t *name, const wchar_t *sddl)
{
    SECURITY_ATTRIBUTES security = {.nLength = sizeof(security)};
    SECURITY_DESCRIPTOR open_to_all;
    if (sddl) {
        ConvertStringSecurityDescriptorToSecurityDescriptorW(sddl, SDDL_REVISION_1,
                                                             &security.lpSecurityDescriptor, NULL);
    } else {
        InitializeSecurityDescriptor(&open_to_all, SECURITY_DESCRIPTOR_REVISION);
        SetSecurityDescriptorDacl(&open_to_all, TRUE, NULL, FALSE);
        security.lpSecurityDescriptor = &open_to_all;
    }
    HANDLE section =
        CreateFileMappingW(INVALID_HANDLE_VALUE, &security, PAGE_READWRITE, 0, 4096, name);
    if (sddl) {
        LocalFree(security.lpSecurityDescriptor);
    }
    return section;
}

/* Whether owner and DACL, read back from the object, are those of the SDDL, access list not NULL
 * and protected. */
static bool descriptor_is(HANDLE object, const wchar_t *sddl)
{
    const SECURITY_INFORMATION parts = OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
    _Alignas(8) BYTE actual[1024];
    DWORD needed;
    if (!GetKernelObjectSecurity(object, parts, actual, sizeof(actual), &needed)) {
        return false;
    }
    ACL *dacl = NULL;
    BOOL present = FALSE;
    BOOL defaulted;
    SECURITY_DESCRIPTOR_CONTROL control;
    DWORD revision;
    if (!GetSecurityDescriptorDacl(actual, &present, &dacl, &defaulted) || !present || !dacl ||
        !GetSecurityDescriptorControl(actual, &control, &revision) ||
        !(control & SE_DACL_PROTECTED)) {
        return false;
    }
    PSECURITY_DESCRIPTOR expected;
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(sddl, SDDL_REVISION_1, &expected,
                                                              NULL)) {
        return false;
    }
    /* One writer for both sides, so that spelling does not matter. */
    wchar_t *left = NULL;
    wchar_t *right = NULL;
    ConvertSecurityDescriptorToStringSecurityDescriptorW(actual, SDDL_REVISION_1, parts, &left,
                                                         NULL);
    ConvertSecurityDescriptorToStringSecurityDescriptorW(expected, SDDL_REVISION_1, parts, &right,
                                                         NULL);
    bool equal = left && right && wcscmp(left, right) == 0;
    if (!equal) {
        printf("  is       %ls\n  expected %ls\n", left, right);
    }
    LocalFree(left);
    LocalFree(right);
    LocalFree(expected);
    return equal;
}

static void test_absent(void)
{
    struct policy_control_view control;
    struct policy_image_view image;
    check(policy_control_open(&control) == POLICY_SECTION_ABSENT, "no control page: absent");
    check(policy_image_open(1, &image) == POLICY_SECTION_ABSENT, "no image: absent");
}

static void test_publish_and_descriptors(void)
{
    struct test_policy policy = make_policy("");
    struct policy_publisher publisher;
    check(policy_publisher_open(&publisher) == POLICY_SECTION_OK, "publisher opens");
    check(publisher.created, "nothing was in force before");

    struct policy_control_view control;
    check(policy_control_open(&control) == POLICY_SECTION_OK, "agent opens the control page");
    check(control.control && control.control->generation == 0, "generation 0 before publishing");

    uint64_t generation = 0;
    check(policy_publish(&publisher, policy.image, policy.size, &generation) == POLICY_SECTION_OK,
          "publish");
    check(generation == 1 && control.control && control.control->generation == 1,
          "the agent's view shows generation 1 at once");

    struct policy_image_view view;
    check(policy_image_open(1, &view) == POLICY_SECTION_OK, "agent opens image 1");
    check(view.image && view.generation == 1 && view.size >= policy.size &&
              memcmp(view.image, policy.image, policy.size) == 0,
          "the image holds the published bytes");

    check(descriptor_is(control.section, policy_section_sddl), "control page: owner and DACL");
    check(descriptor_is(view.section, policy_section_sddl), "image: owner and DACL");

    policy.image->options ^= 1; /* the checksum no longer fits */
    check(policy_publish(&publisher, policy.image, policy.size, &generation) ==
                  POLICY_SECTION_BAD &&
              control.control->generation == 1,
          "a damaged image is not published");

    MEMORY_BASIC_INFORMATION memory = {0};
    VirtualQuery(view.image, &memory, sizeof(memory));
    check(memory.Protect == PAGE_READONLY, "the agent's view is read-only");
    check(!MapViewOfFile(view.section, FILE_MAP_WRITE, 0, 0, 0),
          "the agent's handle cannot be mapped for writing");

    policy_image_close(&view);
    policy_control_close(&control);
    policy_publisher_close(&publisher);
    check(policy_control_open(&control) == POLICY_SECTION_ABSENT,
          "nothing stays in force when the last handle is closed");
    free(policy.image);
}

static void test_two_publishers(void)
{
    struct test_policy policy = make_policy("");
    struct test_policy other = make_policy("option eventlog off");
    struct policy_publisher first;
    struct policy_publisher second;
    uint64_t generation = 0;
    policy_publisher_open(&first);
    policy_publish(&first, policy.image, policy.size, &generation);
    check(policy_publisher_open(&second) == POLICY_SECTION_OK && !second.created,
          "a second publisher joins the first");
    check(policy_publish(&second, other.image, other.size, &generation) == POLICY_SECTION_OK &&
              generation == 2,
          "the second publishes generation 2");
    check(policy_publish(&first, policy.image, policy.size, &generation) == POLICY_SECTION_OK &&
              generation == 3,
          "the first goes on with generation 3");
    struct policy_image_view view;
    check(policy_image_open(1, &view) == POLICY_SECTION_ABSENT,
          "an image that nobody uses is gone");
    policy_publisher_close(&second);
    policy_publisher_close(&first);
    free(policy.image);
    free(other.image);
}

static void test_stale_image(void)
{
    struct test_policy policy = make_policy("");
    HANDLE stale = create_section_as(POLICY_IMAGE_PREFIX L"1", policy_section_sddl);
    HANDLE foreign = create_section_as(POLICY_IMAGE_PREFIX L"2", L"O:LSG:BAD:P(A;;0xf001f;;;WD)");
    struct policy_publisher publisher;
    uint64_t generation = 0;
    policy_publisher_open(&publisher);
    check(policy_publish(&publisher, policy.image, policy.size, &generation) == POLICY_SECTION_OK &&
              generation == 3,
          "numbers whose sections are taken are skipped");
    struct policy_image_view view;
    check(policy_image_open(1, &view) == POLICY_SECTION_BAD, "an empty image is bad");
    check(policy_image_open(2, &view) == POLICY_SECTION_UNTRUSTED, "a foreign image is untrusted");
    policy_publisher_close(&publisher);
    CloseHandle(foreign);
    CloseHandle(stale);
    free(policy.image);
}

/* A user can make events of these names, as many as there is memory for. */
static void test_squatted_numbers(void)
{
    static HANDLE events[SQUATTED];
    struct test_policy policy = make_policy("");
    struct policy_publisher publisher;
    struct policy_image_view view = {0};
    uint64_t generation = 0;
    unsigned made = 0;
    for (unsigned i = 0; i < SQUATTED; i++) {
        wchar_t name[64];
        swprintf(name, ARRAYSIZE(name), POLICY_IMAGE_PREFIX L"%u", i + 1);
        events[i] = CreateEventW(NULL, TRUE, FALSE, name);
        made += events[i] != NULL;
    }
    policy_publisher_open(&publisher);
    check(made == SQUATTED &&
              policy_publish(&publisher, policy.image, policy.size, &generation) ==
                  POLICY_SECTION_OK &&
              generation > SQUATTED && policy_image_open(generation, &view) == POLICY_SECTION_OK,
          "thousands of names that something else took are in nobody's way");
    if (view.image) {
        policy_image_close(&view);
    }
    policy_publisher_close(&publisher);
    for (unsigned i = 0; i < SQUATTED; i++) {
        CloseHandle(events[i]);
    }
    free(policy.image);
}

static void test_squatted_control(const wchar_t *sddl, enum policy_section_error expected,
                                  const char *what)
{
    HANDLE squatted = create_section_as(POLICY_CONTROL_NAME, sddl);
    struct policy_publisher publisher;
    struct policy_control_view control;
    enum policy_section_error as_manager = policy_publisher_open(&publisher);
    enum policy_section_error as_agent = policy_control_open(&control);
    if (as_manager != expected || as_agent != expected) {
        printf("  manager %d, agent %d\n", as_manager, as_agent);
    }
    check(squatted && as_manager == expected && as_agent == expected, "%s", what);
    CloseHandle(squatted);
}

static void test_squatted_objects(void)
{
    test_squatted_control(L"O:BAG:BAD:P(A;;0xf001f;;;WD)", POLICY_SECTION_UNTRUSTED,
                          "control page open to everyone: untrusted");
    test_squatted_control(NULL, POLICY_SECTION_UNTRUSTED, "control page without DACL: untrusted");
    test_squatted_control(L"O:LSG:BAD:P(A;;0xf001f;;;SY)(A;;0xf001f;;;BA)"
                          L"(A;;0x20004;;;LS)(A;;0x20004;;;NS)(A;;0x20004;;;SU)",
                          POLICY_SECTION_UNTRUSTED,
                          "control page with our DACL and a foreign owner: untrusted");
    test_squatted_control(L"O:BAG:BAD:P(A;;0xf001f;;;SY)(A;;0xf001f;;;BA)"
                          L"(A;;0x20006;;;LS)(A;;0x20004;;;NS)(A;;0x20004;;;SU)",
                          POLICY_SECTION_UNTRUSTED,
                          "control page that one account more may write: untrusted");
    test_squatted_control(L"O:LSG:LSD:P(A;;0xf001f;;;LS)", POLICY_SECTION_DENIED,
                          "control page that keeps us out: denied");
    test_squatted_control(policy_section_sddl, POLICY_SECTION_BAD,
                          "control page with our descriptor and no content: bad");

    HANDLE event = CreateEventW(NULL, TRUE, FALSE, POLICY_CONTROL_NAME);
    struct policy_publisher publisher;
    check(policy_publisher_open(&publisher) == POLICY_SECTION_UNTRUSTED,
          "control page's name taken by an event: untrusted");
    CloseHandle(event);
}

static DWORD WINAPI lock_in_thread(void *parameter)
{
    (void)parameter;
    SetLastError(0);
    HANDLE mutex = policy_manager_lock(50);
    return mutex ? 0 : GetLastError();
}

static DWORD run_thread(LPTHREAD_START_ROUTINE routine)
{
    DWORD code = ~0u;
    HANDLE thread = CreateThread(NULL, 0, routine, NULL, 0, NULL);
    WaitForSingleObject(thread, INFINITE);
    GetExitCodeThread(thread, &code);
    CloseHandle(thread);
    return code;
}

static void test_mutex(void)
{
    HANDLE squatted = CreateMutexW(NULL, FALSE, POLICY_MANAGER_MUTEX);
    check(!policy_manager_lock(0) && GetLastError() == ERROR_INVALID_SECURITY_DESCR,
          "a mutex that something else made is refused");
    CloseHandle(squatted);

    HANDLE mutex = policy_manager_lock(0);
    check(mutex != NULL, "manager mutex is taken");
    check(descriptor_is(mutex, policy_mutex_sddl), "manager mutex: owner and DACL");
    check(run_thread(lock_in_thread) == WAIT_TIMEOUT, "a second manager waits and gives up");
    policy_manager_unlock(mutex);

    check(run_thread(lock_in_thread) == 0, "free again"); /* and its thread ends without release */
    mutex = policy_manager_lock(1000);
    check(mutex != NULL, "abandoned by a manager that died: taken all the same");
    policy_manager_unlock(mutex);
}

static HANDLE start_child(const char *argument, HANDLE *ready)
{
    *ready = CreateEventW(NULL, TRUE, FALSE, CHILD_READY);
    char path[MAX_PATH];
    char command[MAX_PATH + 64];
    GetModuleFileNameA(NULL, path, sizeof(path));
    snprintf(command, sizeof(command), "\"%s\" %s", path, argument);
    STARTUPINFOA startup = {.cb = sizeof(startup)};
    PROCESS_INFORMATION process = {0};
    if (!CreateProcessA(NULL, command, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &process)) {
        return NULL;
    }
    CloseHandle(process.hThread);
    HANDLE either[] = {*ready, process.hProcess};
    WaitForMultipleObjects(2, either, FALSE, 30000);
    return process.hProcess;
}

/* Publishes, tells the parent, then hangs until it is killed. */
static int run_child(void)
{
    struct test_policy policy = make_policy("option eventlog off");
    struct policy_publisher publisher;
    uint64_t generation;
    HANDLE mutex = policy_manager_lock(1000);
    if (!mutex || policy_publisher_open(&publisher) ||
        policy_publish(&publisher, policy.image, policy.size, &generation)) {
        return 1;
    }
    HANDLE ready = OpenEventW(EVENT_MODIFY_STATE, FALSE, CHILD_READY);
    SetEvent(ready);
    Sleep(60000);
    free(policy.image);
    return 1;
}

static void test_killed_publisher(void)
{
    struct test_policy policy = make_policy("");
    struct policy_publisher publisher;
    uint64_t generation = 0;
    policy_publisher_open(&publisher);
    policy_publish(&publisher, policy.image, policy.size, &generation);
    struct policy_control_view control;
    struct policy_image_view agent;
    policy_control_open(&control);
    check(policy_image_open(1, &agent) == POLICY_SECTION_OK, "an agent holds generation 1");
    policy_publisher_close(&publisher);

    HANDLE ready;
    HANDLE child = start_child("publish", &ready);
    check(control.control->generation == 2, "another process published generation 2");
    TerminateProcess(child, 9);
    WaitForSingleObject(child, 10000);
    CloseHandle(child);
    CloseHandle(ready);

    struct policy_image_view lost;
    check(policy_image_open(2, &lost) == POLICY_SECTION_ABSENT,
          "killed before an agent took it: generation 2 is gone");
    check(image_validate(agent.image, agent.size) == IMAGE_OK, "the agent keeps generation 1");
    HANDLE mutex = policy_manager_lock(1000);
    check(mutex != NULL, "the killed manager's mutex can be taken");
    check(policy_publisher_open(&publisher) == POLICY_SECTION_OK && !publisher.created,
          "the next manager finds the control page");
    check(policy_publish(&publisher, policy.image, policy.size, &generation) == POLICY_SECTION_OK &&
              generation == 3 && control.control->generation == 3,
          "and publishes generation 3");
    policy_publisher_close(&publisher);
    policy_manager_unlock(mutex);
    policy_image_close(&agent);
    policy_control_close(&control);
    free(policy.image);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "publish") == 0) {
        return run_child();
    }
    test_absent();
    test_publish_and_descriptors();
    test_two_publishers();
    test_stale_image();
    test_squatted_numbers();
    test_squatted_objects();
    test_killed_publisher();
    test_mutex();
    printf("%d failed\n", failures);
    return failures != 0;
}
