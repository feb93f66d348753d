/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What install did, remembered in HKLM\SOFTWARE\RPC Firewall so that uninstall undoes exactly that.
 *
 * The record is written before anything is changed, naming both what is there and what is about to
 * be there, and again when all is done: an install that is killed half way can be completed or
 * undone. Called by the verbs.
 */
#ifndef RPCFW_WINDOWS_MANAGER_INSTALLATION_RECORD_H
#define RPCFW_WINDOWS_MANAGER_INSTALLATION_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <windows.h>

#include "windows/manager/file_access.h"

#define INSTALLATION_KEY L"SOFTWARE\\RPC Firewall"

enum installed_file {
    INSTALLED_AGENT,    /* System32 */
    INSTALLED_MESSAGES, /* System32 */
    INSTALLED_MANAGER,  /* the folder of the service in Program Files */
    INSTALLED_FILE_COUNT
};

/* Their names there; the DLLs have the same beside the manager. */
extern const wchar_t *const installed_file_names[INSTALLED_FILE_COUNT];

/* Contents of a file that are ours: the one before and the one after a change that was cut short.
 */
#define RECORD_DIGESTS 2

struct recorded_file {
    unsigned count;
    uint64_t digest[RECORD_DIGESTS]; /* file_digest() */
};

struct installation_record {
    wchar_t release[16]; /* RPCFW_VERSION of the manager that installed */
    bool event_log;      /* the event log keys are ours */
    bool service;        /* the service is ours */
    /* The policy file of this host: RpcFw.conf beside the manager that installed. */
    wchar_t policy[MAX_PATH];
    struct recorded_file file[INSTALLED_FILE_COUNT];
};

/* ERROR_SUCCESS, ERROR_FILE_NOT_FOUND when nothing is installed, or another error. Values of a
 * wrong type count as absent. */
LSTATUS installation_record_read(struct installation_record *record);

LSTATUS installation_record_write(const struct installation_record *record);

/*
 * Who installed: the service lets that account change the policy files, for they may lie in its own
 * folders. Read: all zero when it is not known. Write: the user of this process; a Win32 error.
 */
void installation_record_installer(union file_access_sid *installer);
LSTATUS installation_record_note_installer(void);

/* Removes our values, and the key when nothing else is in it. */
LSTATUS installation_record_remove(void);

/* Whether the record says that this content of the file is ours. */
bool installation_record_owns(const struct installation_record *record, enum installed_file file,
                              uint64_t digest);

/* The full path of an installed file; false: GetLastError(). */
bool installed_file_path(enum installed_file file, wchar_t path[MAX_PATH]);

/* The folder of the service, which install makes: "…\\Program Files\\RPC Firewall". The system's
 * own setting counts, not the environment, which the user may have changed. False: GetLastError().
 */
bool installed_folder_path(wchar_t path[MAX_PATH]);

/* The full path of the running program; false: GetLastError(). */
bool running_program_path(wchar_t path[MAX_PATH]);

/* Whether the running program is the one in the folder of the service. */
bool running_program_is_installed(void);

#endif
