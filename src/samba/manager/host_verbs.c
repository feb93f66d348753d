/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "samba/manager/host_verbs.h"

#include <stddef.h>

#include "samba/manager/verbs.h"
#include "samba/service/service_verbs.h"

const struct cli_verb samba_host_verbs[] = {
    {
        .name = "install",
        .arguments = "[--preload] [--no-service] [--for samba]",
        .summary = "put the firewall on this host, and protect what runs",
        .help =
            "Places the agent where Samba loads it by itself, starts the service, puts\n"
            "/etc/rpcfw/RpcFw.conf in force (without one: a new one that allows and records every\n"
            "call), and protects the processes that run. May be run again, also by a newer\n"
            "release. As root.\n\n"
            "  --preload     have systemd preload the agent; place no links among Samba's modules\n"
            "  --no-service  do not start the service: whoever manages services does (a package)\n"
            "  --for samba   for Samba; there is no other yet\n\n"
            "Exit code: 0 done, 1 the policy is refused and nothing was changed, 2 it could not "
            "be\n"
            "done and the files are as before, or a running process refused.\n",
        .run = verb_install,
    },
    {
        .name = "uninstall",
        .arguments = "",
        .summary = "remove what install placed",
        .help =
            "Takes the agent out of all processes, stops the service, and removes what install\n"
            "placed; a policy that was changed since, and the audit, stay. As root.\n\n"
            "Exit code: 0 done, 2 something is left, and told.\n",
        .run = verb_uninstall,
    },
    {
        .name = "pid",
        .arguments = "PID",
        .summary = "protect one running process",
        .help =
            "Loads the agent into a process that serves RPC for Samba, without a restart. When\n"
            "no policy is in force yet, /etc/rpcfw/RpcFw.conf is put in force first.\n"
            "Processes that it starts later are protected too. As root.\n\n"
            "Exit code: 0 protected, 1 it serves no RPC for Samba, 2 it could not be done.\n",
        .run = verb_pid,
    },
    {
        .name = "unprotect",
        .arguments = "[PID]",
        .summary = "take the firewall out of all processes, or of one",
        .help = "Without a number protection is off for all, also for processes that start later,\n"
                "until `rpcfw install` or `rpcfw pid`. Calls in flight are finished. As root.\n\n"
                "Exit code: 0 done, 2 a process refused, or it could not be done.\n",
        .run = verb_unprotect,
    },
    {
        .name = "update",
        .arguments = "[--compat]",
        .summary = "put a changed policy in force in every protected process",
        .help = "Checks /etc/rpcfw/RpcFw.conf and publishes it. A busy process has taken it when\n"
                "this ends, an idle one takes it at its next call. A policy with errors changes\n"
                "nothing. As root.\n\n"
                "  --compat  take prose lines in a file with prefixes for comments\n\n"
                "Exit code: 0 in force, 1 refused, 2 it could not be done.\n",
        .run = verb_update,
    },
    {
        .name = "status",
        .arguments = "[--rules] [--json]",
        .summary = "what is protected, with which policy, and what was blocked",
        .help = "One line for each of Samba's processes that serve RPC, those that are not\n"
                "protected by name; the policy in force; where the events go. As root.\n\n"
                "  --rules   also how many calls each rule of the policy in force decided\n"
                "  --json    one JSON object\n",
        .run = verb_status,
    },
    {
        .name = "doctor",
        .arguments = "[--json]",
        .summary = "what is not covered and why, and the command that mends it",
        .help = "Examines the agent, Samba's processes, the policy, the service and what confines\n"
                "them; changes nothing. As root.\n\n"
                "  --json  one JSON object\n\n"
                "Exit code: 0 no fault, 1 faults, 2 it could not be examined.\n",
        .run = verb_doctor,
    },
    {
        .name = "serve",
        .arguments = "[--policy FILE] [--agent FILE] [--no-watch]",
        .summary = "the service: write events, protect",
        .help =
            "Runs until it is told to stop (SIGTERM); rpcfw.service does that. Creates "
            "/run/rpcfw,\n"
            "puts /etc/rpcfw/RpcFw.conf in force when no policy is, writes what the agents record\n"
            "into the audit file and the journal, and protects processes of Samba's that no agent\n"
            "came into by itself. SIGHUP: open the audit file again. As root.\n\n"
            "  --policy FILE  another policy file\n"
            "  --agent FILE   another agent to protect with than the installed one\n"
            "  --no-watch     protect nothing\n\n"
            "Exit code: 0 it was told to stop; 2 usage, not root, it runs already, /run/rpcfw\n"
            "cannot be used.\n",
        .run = verb_serve,
    },
    {"audit", "[-f] [FILTERS] [--json] [FILE ...]", "what was recorded, readable and live",
     "Prints the events of FILEs (JSON lines, plain, gzip or zstd; - is standard input) that all "
     "filters hold for;\n"
     "without FILE, those of the file that the service writes.\n"
     "\n"
     "  -f, --follow        the last ten lines, then each as it is written, also when the file is "
     "rotated\n"
     "  --blocked           calls that were blocked; with --would-block: or that a dry rule would "
     "have blocked\n"
     "  --would-block       calls that a dry rule would have blocked\n"
     "  --action ACTION     rpc-bind, policy-published, gap-found, ...\n"
     "  --user PATTERN      name, or DOMAIN\\name; * and ? are wildcards, case does not matter\n"
     "  --addr ADDRESS      of the client: an address, 10.0.0.0/8 or 10.0.0.1-10.0.0.9\n"
     "  --interface NAME    or its UUID\n"
     "  --method NAME       or its opnum\n"
     "  --rule RULE         its id: or its place, as in the events: 12, sites/hq.conf:3\n"
     "  --since TIME        10m, 2h, 3d ago; 2026-11-22 or '2026-11-22 08:00' in UTC; RFC 3339\n"
     "  --until TIME        the same\n"
     "  --process PATTERN   rpcd_*\n"
     "  --json              the lines as they stand in the file\n"
     "\n"
     "Exit code: 0 something was found; 1 nothing; 2 usage, or not all can be read.\n",
     verb_audit},
    {.name = NULL},
};
