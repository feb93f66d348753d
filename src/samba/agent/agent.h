/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The life of the Samba agent in its process: loading, protecting, leaving.
 *
 * rpcfirewall.so exports what stands here and nothing else. The functions run on the thread that
 * serves RPC (Samba has one for each process): called by the loader (LD_PRELOAD), by Samba
 * (samba_init_module()), by Samba's own call of dcesrv_init_context(), or by a manager with ptrace
 * while that thread sleeps in a system call. Each may be called any number of times; what is done
 * already is not done again. They allocate only when they attach, and no error of theirs reaches
 * the host.
 *
 * In a process of another user than root all of them do nothing: clients load Samba's modules too.
 * The object is never unmapped; detached it is idle and nothing of Samba points to it.
 */
#ifndef RPCFW_SAMBA_AGENT_H
#define RPCFW_SAMBA_AGENT_H

#include <stdint.h>

#include "samba/state/process_table.h"

#define AGENT_EXPORT __attribute__((visibility("default")))

/*
 * Protects the process, as one that was loaded by hand: also while the control page says "off".
 *
 * 0 (AGENT_REASON_NONE): protected, or waiting until Samba's RPC server library comes; the process
 * table's entry says which. Otherwise the enum agent_reason, which stands in the entry with its
 * details too (AGENT_REASON_STATE: there may be no entry), and the process is as it was before.
 */
AGENT_EXPORT int rpcfw_agent_attach(void);

/*
 * Restores what was replaced, takes the own path out of LD_PRELOAD and lets go of the policy. What
 * forks from now on is not protected either. 0, also when nothing was protected; AGENT_REASON_HOOK:
 * somebody else replaced a pointer meanwhile, so everything stays as it is and protection goes on.
 */
AGENT_EXPORT int rpcfw_agent_detach(void);

/* "0.1.0": RPCFW_VERSION of this object. */
AGENT_EXPORT extern const char rpcfw_agent_release[];

/* Samba's entry point of a module; an NTSTATUS, always NT_STATUS_OK (0). */
AGENT_EXPORT uint32_t samba_init_module(void *context);

/* Interposed when the object comes by LD_PRELOAD: attaches, then goes on to Samba's. */
AGENT_EXPORT uint32_t dcesrv_init_context(void *memory, void *parameters, void *callbacks,
                                          void *result);

#endif
