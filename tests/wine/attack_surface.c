/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attack_surface: what is there and who may reach it, for test_attack_surface.py.
 *
 * names: the named objects of all sessions, "TYPE NAME" one a line.
 *
 * keys: registry keys and services, where programs leave theirs, one a line.
 *
 * KIND NAME, with KIND one of section, mutex, event, key (below HKLM), file, service: a line "owner
 * SID", and for each entry of its access list "allow SID MASK" or "deny SID MASK"; "null" for a
 * list that lets all in.
 *
 * config NAME: of a service "path …", "start N", "account …" and "type N".
 *
 * try ACCESS NAME [user], with ACCESS section-read or section-write: "opened" or "denied"; with
 * `user` as the same account without its membership of Administrators.
 *
 * Exit code 1: it cannot be opened or read, and why.
 */
#include <windows.h>
#include <winternl.h>
#include <aclapi.h>
#include <sddl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "user_token.h"

#define DIRECTORY_QUERY 1u

struct directory_entry {
    UNICODE_STRING name;
    UNICODE_STRING type;
};

typedef NTSTATUS NTAPI open_directory(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *);
typedef NTSTATUS NTAPI query_directory(HANDLE, void *, ULONG, BOOLEAN, BOOLEAN, ULONG *, ULONG *);

static int fail(const char *what, DWORD error)
{
    printf("attack_surface: %s: error %lu\n", what, error);
    return 1;
}

static int list_names(void)
{
    static wchar_t path[] = L"\\BaseNamedObjects";
    static union {
        struct directory_entry entry;
        BYTE bytes[2048];
    } found;
    UNICODE_STRING name = {sizeof(path) - sizeof(wchar_t), sizeof(path), path};
    OBJECT_ATTRIBUTES attributes = {.Length = sizeof(attributes), .ObjectName = &name};
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    open_directory *open = (open_directory *)(void *)GetProcAddress(ntdll, "NtOpenDirectoryObject");
    query_directory *query =
        (query_directory *)(void *)GetProcAddress(ntdll, "NtQueryDirectoryObject");
    HANDLE directory;
    ULONG context = 0;

    NTSTATUS status = open(&directory, DIRECTORY_QUERY, &attributes);
    if (status)
        return fail("the directory of named objects", (DWORD)status);
    while (query(directory, &found, sizeof(found), TRUE, FALSE, &context, NULL) == 0)
        printf("%.*ls %.*ls\n", found.entry.type.Length / 2, found.entry.type.Buffer,
               found.entry.name.Length / 2, found.entry.name.Buffer);
    CloseHandle(directory);
    return 0;
}

static void list_keys_of(const wchar_t *parent)
{
    wchar_t name[256];
    HKEY key;

    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, parent, 0, KEY_ENUMERATE_SUB_KEYS, &key))
        return;
    for (DWORD i = 0;; i++) {
        DWORD length = ARRAYSIZE(name);
        if (RegEnumKeyExW(key, i, name, &length, NULL, NULL, NULL, NULL))
            break;
        printf("%ls\\%ls\n", parent, name);
    }
    RegCloseKey(key);
}

static int list_keys(void)
{
    static const wchar_t *const parents[] = {
        L"SOFTWARE",
        L"SOFTWARE\\Wow6432Node",
        L"SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run",
        L"SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall",
        L"SYSTEM\\CurrentControlSet\\Services",
        L"SYSTEM\\CurrentControlSet\\Services\\EventLog",
        L"SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application",
        L"SYSTEM\\CurrentControlSet\\Services\\EventLog\\RPCFW",
    };

    for (size_t i = 0; i < ARRAYSIZE(parents); i++)
        list_keys_of(parents[i]);
    return 0;
}

static void print_sid(const char *what, PSID sid, bool with_mask, DWORD mask)
{
    char *text = NULL;

    if (!sid || !ConvertSidToStringSidA(sid, &text)) {
        printf("%s none\n", what);
        return;
    }
    if (with_mask)
        printf("%s %s %08lx\n", what, text, mask);
    else
        printf("%s %s\n", what, text);
    LocalFree(text);
}

static void print_access(PSID owner, PACL list)
{
    print_sid("owner", owner, false, 0);
    if (!list)
        printf("null\n");
    for (DWORD i = 0; list && i < list->AceCount; i++) {
        void *entry;
        if (!GetAce(list, i, &entry))
            continue;
        const ACE_HEADER *header = entry;
        ACCESS_ALLOWED_ACE *allowed = entry;
        if (header->AceFlags & INHERIT_ONLY_ACE)
            continue;
        print_sid(header->AceType == ACCESS_ALLOWED_ACE_TYPE  ? "allow"
                  : header->AceType == ACCESS_DENIED_ACE_TYPE ? "deny"
                                                              : "other",
                  &allowed->SidStart, true, allowed->Mask);
    }
}

static int print_security(HANDLE handle, SE_OBJECT_TYPE type)
{
    PSECURITY_DESCRIPTOR descriptor;
    PSID owner;
    PACL list;
    DWORD error =
        GetSecurityInfo(handle, type, OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION,
                        &owner, NULL, &list, NULL, &descriptor);

    if (error)
        return fail("its security descriptor", error);
    print_access(owner, list);
    LocalFree(descriptor);
    return 0;
}

static int print_service(SC_HANDLE service)
{
    BYTE bytes[4096];
    DWORD needed;
    PSID owner = NULL;
    PACL list = NULL;
    BOOL defaulted;
    BOOL present;

    if (!QueryServiceObjectSecurity(service, OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION,
                                    (PSECURITY_DESCRIPTOR)bytes, sizeof(bytes), &needed))
        return fail("its security descriptor", GetLastError());
    GetSecurityDescriptorOwner((PSECURITY_DESCRIPTOR)bytes, &owner, &defaulted);
    GetSecurityDescriptorDacl((PSECURITY_DESCRIPTOR)bytes, &present, &list, &defaulted);
    print_access(owner, list);
    return 0;
}

static int print_config(SC_HANDLE service)
{
    union {
        QUERY_SERVICE_CONFIGW config;
        BYTE bytes[8192];
    } found;
    DWORD needed;

    if (!QueryServiceConfigW(service, &found.config, sizeof(found), &needed))
        return fail("its configuration", GetLastError());
    printf("path %ls\nstart %lu\naccount %ls\ntype %lu\n", found.config.lpBinaryPathName,
           found.config.dwStartType, found.config.lpServiceStartName, found.config.dwServiceType);
    return 0;
}

static int of_service(const wchar_t *kind, const wchar_t *name)
{
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    SC_HANDLE service;
    int code;

    if (!manager)
        return fail("the service control manager", GetLastError());
    service = OpenServiceW(manager, name, READ_CONTROL | SERVICE_QUERY_CONFIG);
    if (!service)
        code = fail("the service", GetLastError());
    else
        code = wcscmp(kind, L"service") == 0 ? print_service(service) : print_config(service);
    if (service)
        CloseServiceHandle(service);
    CloseServiceHandle(manager);
    return code;
}

static int of_key(const wchar_t *name)
{
    HKEY key;
    LSTATUS error =
        RegOpenKeyExW(HKEY_LOCAL_MACHINE, name, 0, READ_CONTROL | KEY_WOW64_64KEY, &key);

    if (error)
        return fail("the key", (DWORD)error);
    int code = print_security(key, SE_REGISTRY_KEY);
    RegCloseKey(key);
    return code;
}

static HANDLE open_object(const wchar_t *kind, const wchar_t *name)
{
    if (wcscmp(kind, L"section") == 0)
        return OpenFileMappingW(READ_CONTROL, FALSE, name);
    if (wcscmp(kind, L"mutex") == 0)
        return OpenMutexW(READ_CONTROL, FALSE, name);
    if (wcscmp(kind, L"event") == 0)
        return OpenEventW(READ_CONTROL, FALSE, name);
    if (wcscmp(kind, L"file") != 0) {
        SetLastError(ERROR_INVALID_PARAMETER);
        return NULL;
    }
    HANDLE file = CreateFileW(name, READ_CONTROL, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
                              OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL);
    return file == INVALID_HANDLE_VALUE ? NULL : file;
}

static int of_object(const wchar_t *kind, const wchar_t *name)
{
    HANDLE handle = open_object(kind, name);

    if (!handle)
        return fail("the object", GetLastError());
    int code =
        print_security(handle, wcscmp(kind, L"file") == 0 ? SE_FILE_OBJECT : SE_KERNEL_OBJECT);
    CloseHandle(handle);
    return code;
}

/* From here on the thread acts as its user would who is no administrator. */
static bool become_user(void)
{
    HANDLE token = user_token();
    bool done = token && ImpersonateLoggedOnUser(token);

    if (token)
        CloseHandle(token);
    return done;
}

static HANDLE try_open(const wchar_t *what, const wchar_t *name)
{
    if (wcscmp(what, L"section-read") == 0)
        return OpenFileMappingW(FILE_MAP_READ, FALSE, name);
    if (wcscmp(what, L"section-write") == 0)
        return OpenFileMappingW(FILE_MAP_WRITE, FALSE, name);
    SetLastError(ERROR_INVALID_PARAMETER);
    return NULL;
}

static int try_access(const wchar_t *what, const wchar_t *name, bool user)
{
    if (user && !become_user())
        return fail("a token without administrators", GetLastError());
    HANDLE handle = try_open(what, name);
    if (!handle && GetLastError() != ERROR_ACCESS_DENIED)
        return fail("it", GetLastError());
    printf("%s\n", handle ? "opened" : "denied");
    return 0;
}

int wmain(int argc, wchar_t **argv);
int wmain(int argc, wchar_t **argv)
{
    if (argc == 2 && wcscmp(argv[1], L"names") == 0)
        return list_names();
    if (argc == 2 && wcscmp(argv[1], L"keys") == 0)
        return list_keys();
    if ((argc == 4 || argc == 5) && wcscmp(argv[1], L"try") == 0)
        return try_access(argv[2], argv[3], argc == 5);
    if (argc != 3)
        return 2;
    if (wcscmp(argv[1], L"service") == 0 || wcscmp(argv[1], L"config") == 0)
        return of_service(argv[1], argv[2]);
    if (wcscmp(argv[1], L"key") == 0)
        return of_key(argv[2]);
    return of_object(argv[1], argv[2]);
}
