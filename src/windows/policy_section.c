/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/policy_section.h"

#include <sddl.h>
#include <string.h>

#include "core/image.h"

/*
 * Rights are hexadecimal so that a reader need not know which letters mean what for a section:
 * 0xf001f is SECTION_ALL_ACCESS, 0x20004 SECTION_MAP_READ and READ_CONTROL, 0x1f0001
 * MUTEX_ALL_ACCESS. SU is in the token of every service, whatever its account.
 */
const wchar_t policy_section_sddl[] = L"O:BAG:BAD:P(A;;0xf001f;;;SY)(A;;0xf001f;;;BA)"
                                      L"(A;;0x20004;;;LS)(A;;0x20004;;;NS)(A;;0x20004;;;SU)";
const wchar_t policy_mutex_sddl[] = L"O:BAG:BAD:P(A;;0x1f0001;;;SY)(A;;0x1f0001;;;BA)";

/*
 * How many numbers a publisher tries when objects of those names are in the way. Users cannot make
 * sections there, but they can make events and mutexes, as many as they like and before us: so
 * after a few neighbours the numbers are ones that nobody can guess.
 */
#define NEAR_TRIES 64
#define FAR_TRIES  64

/* A descriptor of ours needs less than 200 bytes; one that does not fit here is not ours. */
#define DESCRIPTOR_SIZE 1024

/* The SIDs that the descriptors name, as they lie in memory, so that a check needs no heap. */
struct literal_sid {
    BYTE revision;
    BYTE count;
    BYTE authority[6];
    DWORD sub[2];
};

static const struct literal_sid sid_system = {1, 1, {0, 0, 0, 0, 0, 5}, {18, 0}};
static const struct literal_sid sid_administrators = {1, 2, {0, 0, 0, 0, 0, 5}, {32, 544}};
static const struct literal_sid sid_local_service = {1, 1, {0, 0, 0, 0, 0, 5}, {19, 0}};
static const struct literal_sid sid_network_service = {1, 1, {0, 0, 0, 0, 0, 5}, {20, 0}};
static const struct literal_sid sid_service = {1, 1, {0, 0, 0, 0, 0, 5}, {6, 0}};

struct expected_ace {
    DWORD mask;
    const struct literal_sid *sid;
};

/* What the SDDL above says, entry by entry; the test holds the two against each other. */
static const struct expected_ace section_aces[] = {
    {0xf001f, &sid_system},          {0xf001f, &sid_administrators}, {0x20004, &sid_local_service},
    {0x20004, &sid_network_service}, {0x20004, &sid_service},
};
static const struct expected_ace mutex_aces[] = {
    {0x1f0001, &sid_system},
    {0x1f0001, &sid_administrators},
};

const char *policy_section_error_text(enum policy_section_error error)
{
    static const char *const texts[] = {
        [POLICY_SECTION_OK] = "no error",
        [POLICY_SECTION_ABSENT] = "no policy is in force",
        [POLICY_SECTION_DENIED] = "the policy section may not be opened",
        [POLICY_SECTION_UNTRUSTED] =
            "the policy section has a foreign owner or access list: something else made it",
        [POLICY_SECTION_BAD] = "the policy section does not hold a valid policy",
        [POLICY_SECTION_SYSTEM] = "the policy section cannot be reached",
    };
    return (unsigned)error < ARRAYSIZE(texts) ? texts[error] : "unknown error";
}

static bool sid_is(PSID sid, const struct literal_sid *literal)
{
    return EqualSid(sid, (PSID)(uintptr_t)literal);
}

static bool ace_is(ACL *dacl, DWORD index, const struct expected_ace *expected)
{
    ACCESS_ALLOWED_ACE *ace;
    if (!GetAce(dacl, index, (void **)&ace)) {
        return false;
    }
    return ace->Header.AceType == ACCESS_ALLOWED_ACE_TYPE && ace->Header.AceFlags == 0 &&
           ace->Mask == expected->mask && sid_is(&ace->SidStart, expected->sid);
}

/* Whether the object belongs to administrators or the system and grants exactly what we grant. */
static bool descriptor_is_ours(HANDLE object, const struct expected_ace *aces, DWORD count)
{
    union {
        SECURITY_DESCRIPTOR descriptor;
        BYTE bytes[DESCRIPTOR_SIZE];
    } buffer;
    DWORD needed;
    if (!GetKernelObjectSecurity(object, OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION,
                                 &buffer, sizeof(buffer), &needed)) {
        return false;
    }
    PSID owner = NULL;
    BOOL defaulted;
    if (!GetSecurityDescriptorOwner(&buffer, &owner, &defaulted) || !owner ||
        !(sid_is(owner, &sid_administrators) || sid_is(owner, &sid_system))) {
        return false;
    }
    ACL *dacl = NULL;
    BOOL present = FALSE;
    if (!GetSecurityDescriptorDacl(&buffer, &present, &dacl, &defaulted) || !present || !dacl ||
        dacl->AceCount != count) {
        return false;
    }
    for (DWORD i = 0; i < count; i++) {
        if (!ace_is(dacl, i, &aces[i])) {
            return false;
        }
    }
    return true;
}

static bool section_is_ours(HANDLE section)
{
    return descriptor_is_ours(section, section_aces, ARRAYSIZE(section_aces));
}

/* Closes and unmaps without touching the error code that the caller is about to report. */
static void release_section(HANDLE section, const void *view)
{
    DWORD error = GetLastError();
    if (view) {
        UnmapViewOfFile(view);
    }
    if (section) {
        CloseHandle(section);
    }
    SetLastError(error);
}

/* What a failed open or create of a named object means. */
static enum policy_section_error open_error(void)
{
    switch (GetLastError()) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
        return POLICY_SECTION_ABSENT;
    case ERROR_ACCESS_DENIED:
        return POLICY_SECTION_DENIED;
    case ERROR_INVALID_HANDLE: /* the name is taken by an object of another kind */
        return POLICY_SECTION_UNTRUSTED;
    default:
        return POLICY_SECTION_SYSTEM;
    }
}

/* Bytes that can be read at the start of a view. */
static size_t view_size(const void *view)
{
    MEMORY_BASIC_INFORMATION memory;
    if (!VirtualQuery(view, &memory, sizeof(memory))) {
        return 0;
    }
    return memory.RegionSize;
}

static enum policy_section_error open_read_only(const wchar_t *name, HANDLE *section,
                                                const void **view)
{
    HANDLE opened = OpenFileMappingW(FILE_MAP_READ | READ_CONTROL, FALSE, name);
    if (!opened) {
        return open_error();
    }
    if (!section_is_ours(opened)) {
        release_section(opened, NULL);
        return POLICY_SECTION_UNTRUSTED;
    }
    const void *mapped = MapViewOfFile(opened, FILE_MAP_READ, 0, 0, 0);
    if (!mapped) {
        release_section(opened, NULL);
        return POLICY_SECTION_SYSTEM;
    }
    *section = opened;
    *view = mapped;
    return POLICY_SECTION_OK;
}

static bool control_is_valid(const struct policy_control *control)
{
    return view_size(control) >= sizeof(*control) && control->magic == POLICY_CONTROL_MAGIC &&
           control->version == POLICY_CONTROL_VERSION;
}

enum policy_section_error policy_control_open(struct policy_control_view *view)
{
    *view = (struct policy_control_view){0};
    HANDLE section;
    const void *control;
    enum policy_section_error error = open_read_only(POLICY_CONTROL_NAME, &section, &control);
    if (error) {
        return error;
    }
    if (!control_is_valid(control)) {
        release_section(section, control);
        return POLICY_SECTION_BAD;
    }
    view->section = section;
    view->control = control;
    return POLICY_SECTION_OK;
}

void policy_control_close(struct policy_control_view *view)
{
    release_section(view->section, view->control);
    *view = (struct policy_control_view){0};
}

/* The prefix, 20 digits at the most, and the zero (which the prefix's size counts). */
#define IMAGE_NAME_LENGTH (ARRAYSIZE(POLICY_IMAGE_PREFIX) + 20)

static void image_name(uint64_t generation, wchar_t name[IMAGE_NAME_LENGTH])
{
    wchar_t digits[20];
    size_t count = 0;
    do {
        digits[count++] = (wchar_t)(L'0' + generation % 10);
        generation /= 10;
    } while (generation);
    size_t length = ARRAYSIZE(POLICY_IMAGE_PREFIX) - 1;
    memcpy(name, POLICY_IMAGE_PREFIX, length * sizeof(wchar_t));
    while (count) {
        name[length++] = digits[--count];
    }
    name[length] = L'\0';
}

enum policy_section_error policy_image_open(uint64_t generation, struct policy_image_view *view)
{
    *view = (struct policy_image_view){0};
    wchar_t name[IMAGE_NAME_LENGTH];
    image_name(generation, name);
    HANDLE section;
    const void *image;
    enum policy_section_error error = open_read_only(name, &section, &image);
    if (error) {
        return error;
    }
    size_t size = view_size(image);
    if (image_validate(image, size) != IMAGE_OK) {
        release_section(section, image);
        return POLICY_SECTION_BAD;
    }
    view->section = section;
    view->image = image;
    view->size = size;
    view->generation = generation;
    return POLICY_SECTION_OK;
}

void policy_image_close(struct policy_image_view *view)
{
    release_section(view->section, view->image);
    *view = (struct policy_image_view){0};
}

static bool security_from_text(const wchar_t *text, SECURITY_ATTRIBUTES *security)
{
    *security = (SECURITY_ATTRIBUTES){.nLength = sizeof(*security)};
    return ConvertStringSecurityDescriptorToSecurityDescriptorW(
        text, SDDL_REVISION_1, &security->lpSecurityDescriptor, NULL);
}

HANDLE policy_manager_hold(void)
{
    SECURITY_ATTRIBUTES security;
    if (!security_from_text(policy_mutex_sddl, &security)) {
        return NULL;
    }
    HANDLE mutex = CreateMutexExW(&security, POLICY_MANAGER_MUTEX, 0, SYNCHRONIZE | READ_CONTROL);
    DWORD error = GetLastError();
    LocalFree(security.lpSecurityDescriptor);
    SetLastError(error);
    if (!mutex) {
        return NULL;
    }
    if (!descriptor_is_ours(mutex, mutex_aces, ARRAYSIZE(mutex_aces))) {
        CloseHandle(mutex);
        SetLastError(ERROR_INVALID_SECURITY_DESCR);
        return NULL;
    }
    return mutex;
}

HANDLE policy_manager_lock(DWORD timeout_ms)
{
    HANDLE mutex = policy_manager_hold();
    if (!mutex) {
        return NULL;
    }
    DWORD wait = WaitForSingleObject(mutex, timeout_ms);
    /* Abandoned: a manager died. Nothing it left half done is visible, so that is no obstacle. */
    if (wait == WAIT_OBJECT_0 || wait == WAIT_ABANDONED) {
        return mutex;
    }
    DWORD error = wait == WAIT_TIMEOUT ? WAIT_TIMEOUT : GetLastError();
    CloseHandle(mutex);
    SetLastError(error);
    return NULL;
}

void policy_manager_unlock(HANDLE mutex)
{
    ReleaseMutex(mutex);
    CloseHandle(mutex);
}

/* Creates a section of the given size and maps it for writing; *existed tells whether it was there
 * before. */
static enum policy_section_error create_section(const wchar_t *name, size_t size, HANDLE *section,
                                                void **view, bool *existed)
{
    SECURITY_ATTRIBUTES security;
    if (!security_from_text(policy_section_sddl, &security)) {
        return POLICY_SECTION_SYSTEM;
    }
    HANDLE created =
        CreateFileMappingW(INVALID_HANDLE_VALUE, &security, PAGE_READWRITE,
                           (DWORD)((uint64_t)size >> 32), (DWORD)(size & 0xffffffffu), name);
    DWORD error = GetLastError();
    LocalFree(security.lpSecurityDescriptor);
    SetLastError(error);
    if (!created) {
        return open_error();
    }
    *existed = error == ERROR_ALREADY_EXISTS;
    if (!section_is_ours(created)) {
        release_section(created, NULL);
        return POLICY_SECTION_UNTRUSTED;
    }
    void *mapped = MapViewOfFile(created, FILE_MAP_READ | FILE_MAP_WRITE, 0, 0, 0);
    if (!mapped) {
        release_section(created, NULL);
        return POLICY_SECTION_SYSTEM;
    }
    *section = created;
    *view = mapped;
    return POLICY_SECTION_OK;
}

enum policy_section_error policy_publisher_open(struct policy_publisher *publisher)
{
    *publisher = (struct policy_publisher){0};
    HANDLE section;
    void *view;
    bool existed;
    enum policy_section_error error = create_section(
        POLICY_CONTROL_NAME, sizeof(struct policy_control), &section, &view, &existed);
    if (error) {
        return error;
    }
    struct policy_control *control = view;
    if (!existed) {
        control->version = POLICY_CONTROL_VERSION;
        MemoryBarrier();
        control->magic = POLICY_CONTROL_MAGIC;
    } else if (!control_is_valid(control)) {
        release_section(section, control);
        return POLICY_SECTION_BAD;
    }
    publisher->control_section = section;
    publisher->control = control;
    publisher->created = !existed;
    return POLICY_SECTION_OK;
}

/*
 * Other for each call and each process: the clock in steps far below a microsecond, and where the
 * stack lies, which the system chooses at random. Not the system's generator: its function is
 * another DLL's, which a program would take from its own folder first.
 */
static uint32_t unguessable(void)
{
    LARGE_INTEGER now;
    QueryPerformanceCounter(&now);
    uint64_t mixed = (uint64_t)now.QuadPart ^ (uint64_t)(uintptr_t)&now << 20;
    for (int i = 0; i < 3; i++) {
        mixed *= 0x9e3779b97f4a7c15u;
        mixed ^= mixed >> 29;
    }
    return (uint32_t)(mixed >> 16);
}

/* Of the first attempts the next numbers; then some of the four thousand million behind them. */
static uint64_t number_to_try(uint64_t after, unsigned attempt)
{
    return after + 1 + (attempt < NEAR_TRIES ? attempt : unguessable());
}

/*
 * Finds the next free generation and fills its section. A name can be taken: a manager that died
 * before it published leaves its section behind while another process still has a handle on it.
 */
static enum policy_section_error create_image(uint64_t after, const void *image, size_t size,
                                              HANDLE *section, uint64_t *generation)
{
    enum policy_section_error error = POLICY_SECTION_UNTRUSTED;
    for (unsigned attempt = 0; attempt < NEAR_TRIES + FAR_TRIES; attempt++) {
        uint64_t next = number_to_try(after, attempt);
        wchar_t name[IMAGE_NAME_LENGTH];
        image_name(next, name);
        void *view;
        bool existed;
        error = create_section(name, size, section, &view, &existed);
        if (error == POLICY_SECTION_SYSTEM) {
            return error;
        }
        if (error) {
            continue; /* somebody else's object of that name: it is not ours to use, and not in our
                         way */
        }
        if (existed) {
            release_section(*section, view);
            error = POLICY_SECTION_UNTRUSTED;
            continue;
        }
        memcpy(view, image, size);
        UnmapViewOfFile(view);
        *generation = next;
        return POLICY_SECTION_OK;
    }
    return error;
}

enum policy_section_error policy_publish(struct policy_publisher *publisher, const void *image,
                                         size_t size, uint64_t *generation)
{
    if (image_validate(image, size) != IMAGE_OK) {
        return POLICY_SECTION_BAD;
    }
    uint64_t newest = (uint64_t)InterlockedCompareExchange64(&publisher->control->generation, 0, 0);
    HANDLE section;
    uint64_t next = newest;
    enum policy_section_error error = create_image(newest, image, size, &section, &next);
    if (error) {
        return error;
    }
    InterlockedExchange64(&publisher->control->generation, (LONG64)next);
    /* Only now: agents that still use the former image have handles of their own. */
    release_section(publisher->image_section, NULL);
    publisher->image_section = section;
    *generation = next;
    return POLICY_SECTION_OK;
}

void policy_publisher_close(struct policy_publisher *publisher)
{
    release_section(publisher->image_section, NULL);
    release_section(publisher->control_section, publisher->control);
    *publisher = (struct policy_publisher){0};
}
