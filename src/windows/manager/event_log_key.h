/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registration of the event log RPCFW and its source of the same name. Called by install and
 * uninstall.
 */
#ifndef RPCFW_WINDOWS_MANAGER_EVENT_LOG_KEY_H
#define RPCFW_WINDOWS_MANAGER_EVENT_LOG_KEY_H

#include <stdbool.h>
#include <windows.h>

#define EVENT_LOG_KEY    L"SYSTEM\\CurrentControlSet\\Services\\EventLog\\RPCFW"
#define EVENT_SOURCE_KEY EVENT_LOG_KEY L"\\RPCFW"

/*
 * Who may do what with the log (CustomSD of the log's key): 0x1 read, 0x2 write, 0x4 clear. The
 * system and administrators everything, services write, members of Event Log Readers read. Nobody
 * else may write, so that no user can bury what the firewall saw under records of his own.
 */
extern const wchar_t event_log_sddl[];

bool event_log_key_exists(void);

/* Creates both keys or completes them. */
LSTATUS event_log_key_create(void);

/* Removes both. What the log holds stays on disk: it is evidence. */
LSTATUS event_log_key_remove(void);

#endif
