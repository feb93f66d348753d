/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "samba/manager/host_verbs.h"

#include <stddef.h>

#include "samba/service/service_verbs.h"

const struct cli_verb samba_host_verbs[] = {
    {"serve", "[--policy FILE] [--agent FILE] [--no-watch]", "the service: write events, protect",
     "Runs until it is told to stop (SIGTERM); rpcfw.service does that. Creates /run/rpcfw, puts "
     "/etc/rpcfw/RpcFw.conf in\n"
     "force when no policy is, writes what the agents record into the audit file and the journal, "
     "and protects processes\n"
     "of Samba's that no agent came into by itself. SIGHUP: open the audit file again.\n"
     "\n"
     "  --policy FILE  another policy file\n"
     "  --agent FILE   another agent to protect with than the installed one\n"
     "  --no-watch     protect nothing\n"
     "\n"
     "Exit code: 0 it was told to stop; 2 usage, not root, it runs already, /run/rpcfw cannot be "
     "used.\n",
     verb_serve},
    {.name = NULL},
};
