/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/agent/sinks/json_sink.h"

#include <sddl.h>
#include <string.h>

#define LOCK_ATTEMPTS 100 /* a millisecond apart */

#define APPEND_ACCESS (FILE_APPEND_DATA | FILE_READ_ATTRIBUTES | READ_CONTROL | SYNCHRONIZE)

/* A descriptor without more than the owner needs less. */
#define OWNER_SIZE 256

/* 0x120084: FILE_APPEND_DATA, FILE_READ_ATTRIBUTES, READ_CONTROL, SYNCHRONIZE. */
const wchar_t json_sink_sddl[] = L"D:P(A;;FA;;;SY)(A;;FA;;;BA)"
                                 L"(A;;0x120084;;;LS)(A;;0x120084;;;NS)(A;;0x120084;;;SU)";

static bool json_open(void *state, const struct sink_settings *settings)
{
    struct json_sink *sink = state;

    memcpy(sink->path, settings->json_path, sizeof(sink->path));
    return settings->json;
}

static void close_file(struct json_sink *sink)
{
    if (sink->file)
        CloseHandle(sink->file);
    sink->file = NULL;
}

static void json_close(void *state)
{
    struct json_sink *sink = state;

    close_file(sink);
    sink->back_off = (struct back_off){0};
    sink->torn = false;
}

/* X:\… or \\…: a relative path would mean another file in each process. */
static bool is_absolute(const wchar_t *path)
{
    if (path[0] == L'\\')
        return path[1] == L'\\';
    return path[0] != L'\0' && path[1] == L':' && path[2] == L'\\';
}

/* S-1-5-80-… of services and S-1-5-82-… of application pools: accounts that only run services. */
static bool is_service_account(PSID sid)
{
    static const SID_IDENTIFIER_AUTHORITY nt = {SECURITY_NT_AUTHORITY};
    DWORD kind = *GetSidSubAuthorityCount(sid) > 1 ? *GetSidSubAuthority(sid, 0) : 0;

    return memcmp(GetSidIdentifierAuthority(sid), &nt, sizeof(nt)) == 0 &&
           (kind == SECURITY_SERVICE_ID_BASE_RID || kind == SECURITY_APPPOOL_ID_BASE_RID);
}

bool json_sink_trusts_owner(PSID owner, PSID self)
{
    return IsWellKnownSid(owner, WinLocalSystemSid) ||
           IsWellKnownSid(owner, WinBuiltinAdministratorsSid) ||
           IsWellKnownSid(owner, WinLocalServiceSid) ||
           IsWellKnownSid(owner, WinNetworkServiceSid) || is_service_account(owner) ||
           (self && EqualSid(owner, self));
}

/* The user of this process; false: cannot be told. */
static bool read_user(TOKEN_USER *user, DWORD size)
{
    HANDLE token;
    bool known;

    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token))
        return false;
    known = GetTokenInformation(token, TokenUser, user, size, &size);
    CloseHandle(token);
    return known;
}

static bool has_trusted_owner(HANDLE file)
{
    union {
        SECURITY_DESCRIPTOR descriptor;
        BYTE bytes[OWNER_SIZE];
    } security;
    union {
        TOKEN_USER user;
        BYTE bytes[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
    } self;
    PSID owner = NULL;
    BOOL defaulted;
    DWORD needed;

    if (!GetKernelObjectSecurity(file, OWNER_SECURITY_INFORMATION, &security, sizeof(security),
                                 &needed) ||
        !GetSecurityDescriptorOwner(&security, &owner, &defaulted) || !owner)
        return false;
    return json_sink_trusts_owner(owner,
                                  read_user(&self.user, sizeof(self)) ? self.user.User.Sid : NULL);
}

/*
 * What may be appended to; otherwise the error that says why not. The path is the policy's, but the
 * file may have been there before: one that an ordinary user made would let its owner read and
 * rewrite the audit, and a second name may be that of a file that is meant for something else.
 */
static DWORD refuse_file(HANDLE file)
{
    BY_HANDLE_FILE_INFORMATION information;

    if (GetFileType(file) != FILE_TYPE_DISK || !GetFileInformationByHandle(file, &information) ||
        (information.dwFileAttributes & (FILE_ATTRIBUTE_REPARSE_POINT | FILE_ATTRIBUTE_DIRECTORY)))
        return ERROR_INVALID_NAME;
    if (information.nNumberOfLinks > 1)
        return ERROR_TOO_MANY_LINKS;
    return has_trusted_owner(file) ? ERROR_SUCCESS : ERROR_INVALID_OWNER;
}

/*
 * The right to append alone, so that even a confused agent cannot overwrite a line.
 * SECURITY_SQOS_PRESENT without a level is anonymous: should the path turn out to be a pipe, its
 * server cannot act as this process.
 */
static HANDLE open_for_append(const wchar_t *path, SECURITY_DESCRIPTOR *descriptor)
{
    SECURITY_ATTRIBUTES attributes = {sizeof(attributes), descriptor, FALSE};
    HANDLE file = CreateFileW(
        path, APPEND_ACCESS, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, &attributes,
        OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL | FILE_FLAG_OPEN_REPARSE_POINT | SECURITY_SQOS_PRESENT,
        NULL);

    if (file == INVALID_HANDLE_VALUE)
        return NULL;
    DWORD error = refuse_file(file);
    if (!error)
        return file;
    CloseHandle(file);
    SetLastError(error);
    return NULL;
}

/* Opens the file, or creates it with its descriptor; NULL: *error. */
static HANDLE open_or_create(const wchar_t *path, DWORD *error)
{
    PSECURITY_DESCRIPTOR descriptor;
    HANDLE file = NULL;

    *error = ERROR_BAD_PATHNAME;
    if (!is_absolute(path))
        return NULL;
    if (ConvertStringSecurityDescriptorToSecurityDescriptorW(json_sink_sddl, SDDL_REVISION_1,
                                                             &descriptor, NULL)) {
        file = open_for_append(path, descriptor);
        *error = file ? ERROR_SUCCESS : GetLastError();
        LocalFree(descriptor);
    } else {
        *error = GetLastError();
    }
    return file;
}

static bool open_file(struct json_sink *sink)
{
    DWORD error;
    sink->file = open_or_create(sink->path, &error);
    if (!sink->file)
        sink->error = error;
    sink->opened_ms = GetTickCount64();
    return sink->file != NULL;
}

DWORD json_sink_create_file(const wchar_t *path)
{
    DWORD error;
    HANDLE file = open_or_create(path, &error);
    if (file)
        CloseHandle(file);
    return error;
}

/*
 * Windows itself appends in one step when a handle has no more than the right to append. Wine and
 * some file servers first ask where the end is and then write there, over the line of whoever came
 * between: a lock far behind every file's end keeps those apart. It is not waited for long, nor is
 * it needed where it is refused.
 */
static bool lock_end(HANDLE file, OVERLAPPED *range)
{
    *range = (OVERLAPPED){.OffsetHigh = 0x7fffffff};
    for (int attempt = 0; attempt < LOCK_ATTEMPTS; attempt++) {
        if (LockFileEx(file, LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, range))
            return true;
        if (GetLastError() != ERROR_LOCK_VIOLATION)
            return false;
        Sleep(1);
    }
    return false;
}

/* Returns how much of it is in the file now; less than `length` after an error. */
static size_t append(struct json_sink *sink, const char *bytes, size_t length)
{
    size_t done = 0;
    OVERLAPPED range;
    bool locked = lock_end(sink->file, &range);

    while (done < length) {
        DWORD written = 0;
        if (!WriteFile(sink->file, bytes + done, (DWORD)(length - done), &written, NULL)) {
            sink->error = GetLastError();
            break;
        }
        if (written == 0) {
            sink->error = ERROR_WRITE_FAULT;
            break;
        }
        done += written;
    }
    if (locked)
        UnlockFileEx(sink->file, 0, 1, 0, &range);
    return done;
}

/* Appends with a handle that may be stale, then once more with a fresh one if nothing at all was
 * written. */
static size_t append_or_reopen(struct json_sink *sink, const char *bytes, size_t length)
{
    size_t done = 0;

    if (sink->file && GetTickCount64() - sink->opened_ms > JSON_SINK_REOPEN_MS)
        close_file(sink);
    if (sink->file)
        done = append(sink, bytes, length);
    if (done == 0) {
        close_file(sink);
        if (open_file(sink))
            done = append(sink, bytes, length);
    }
    if (done < length)
        close_file(sink);
    return done;
}

static size_t lines_in(const char *bytes, size_t length)
{
    size_t lines = 0;

    for (size_t i = 0; i < length; i++)
        lines += bytes[i] == '\n';
    return lines;
}

/* Writes what is in the buffer and empties it. Returns how many lines did not get into the file
 * whole. */
static size_t flush(struct json_sink *sink)
{
    size_t skip = sink->torn ? 0 : 1; /* the leading line feed */
    const char *bytes = sink->buffer + skip;
    size_t length = 1 + sink->length - skip;
    size_t lost = sink->lines;
    size_t done;

    if (sink->lines > 0 && back_off_is_over(&sink->back_off, GetTickCount64())) {
        done = append_or_reopen(sink, bytes, length);
        if (done == length) {
            back_off_succeeded(&sink->back_off);
            lost = 0;
        } else {
            back_off_failed(&sink->back_off, GetTickCount64());
            lost -= lines_in(bytes, done) - (sink->torn && done > 0);
        }
        if (done > 0)
            sink->torn = bytes[done - 1] != '\n';
    }
    sink->lines = 0;
    sink->length = 0;
    return lost;
}

static size_t json_write(void *state, const struct event_origin *origin, const struct event *events,
                         size_t count, DWORD *error)
{
    struct json_sink *sink = state;
    size_t lost = 0;

    sink->buffer[0] = '\n';
    for (size_t i = 0; i < count; i++) {
        if (JSON_SINK_BUFFER_SIZE - sink->length < EVENT_JSON_SIZE)
            lost += flush(sink);
        size_t length =
            event_json_write(&events[i], origin, sink->buffer + 1 + sink->length, EVENT_JSON_SIZE);
        sink->length += length;
        sink->lines += length > 0;
        lost += length == 0;
    }
    lost += flush(sink);
    *error = sink->error;
    return lost;
}

const struct event_sink json_sink = {
    .name = "JSON file",
    .open = json_open,
    .wants = event_is_for_audit,
    .write = json_write,
    .close = json_close,
};
