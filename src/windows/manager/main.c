/* SPDX-License-Identifier: Apache-2.0 */
/* rpcFwManager.exe, the Windows command line. */
#include <fcntl.h>
#include <io.h>
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

#include "windows/manager/service/service_main.h"
#include "windows/filters/plan_host.h"
#include "windows/manager/policy_file.h"
#include "windows/manager/verbs.h"

static const struct cli_verb host_verbs[] = {
    {"install", "", "put the agent and the event log in place",
     "Copies rpcFirewall.dll and rpcMessages.dll from beside this program to System32, registers "
     "the\n"
     "event log RPCFW and, unless there is one, writes an RpcFw.conf beside this program that "
     "allows\n"
     "everything. Run it again for another release; what fails half way is taken back. Files of "
     "the\n"
     "same names that it did not put there are left alone, and nothing is installed then.\n",
     verb_install},
    {"uninstall", "", "undo what install did",
     "Unprotects all processes, then removes the files and registry keys that install made. "
     "RpcFw.conf\n"
     "and the records in the event log stay. Nothing is removed while an agent cannot leave a "
     "process.\n",
     verb_uninstall},
    {"pid", "[PID] [--policy FILE] [--compat]", "protect a process, or all RPC servers",
     "Loads the agent into the process and waits for its answer; without PID, into every process "
     "that\n"
     "takes remote calls. The policy in force is used; when none is, FILE (default: RpcFw.conf "
     "beside\n"
     "this program) is put in force first.\n\n"
     "Exit code: 0 protected; 1 the process is no RPC server, or the policy has errors; 2 refused, "
     "no\n"
     "such process, or another error. Without PID, processes that refuse are named, and the code "
     "is 2\n"
     "only when none could be protected.\n",
     verb_pid},
    {"process", "[NAME] [--policy FILE] [--compat]", "protect processes by image name, or all",
     "Like pid, for all processes of that image name (\".exe\" may be left out).\n\n"
     "Exit code: 0 one or more are protected and none refused; 1 none is an RPC server, or the "
     "policy\n"
     "has errors; 2 one refused, there is no such process, or another error.\n",
     verb_process},
    {"unprotect", "[PID|NAME]", "take the agent out of a process, or of all",
     "The agent unhooks at once, waits for the calls that it let through to end, and unloads "
     "itself.\n\n"
     "Exit code: 0 done, or leaving as soon as the calls in flight end; 2 an agent could not "
     "leave.\n",
     verb_unprotect},
    {"update", "[--policy FILE] [--compat]",
     "put the policy file in force in all protected processes",
     "Compiles FILE (default: RpcFw.conf beside this program) and publishes it; each protected "
     "process\n"
     "judges its next call by it. A policy with errors changes nothing.\n\n"
     "Exit code: 0 done; 1 the policy has errors; 2 a process did not take it, or another error.\n",
     verb_update},
    {"status", "[--json]", "show the protected processes and what they counted",
     "WOULD counts the calls that a rule with dry:true would have blocked, DROPPED the events that "
     "were\n"
     "lost, FLIGHT the calls inside the agent now.\n",
     verb_status},
    {"start", "[fw|flt|all] [--json] | pid [PID] | process [NAME]",
     "start the service, set native filters",
     "fw: starts the service \"RPC Firewall\" and waits until every process that takes remote "
     "calls "
     "has\n"
     "been looked at. flt: puts the flt: and all: rules of RpcFw.conf in force as native RPC "
     "filters;\n"
     "the service has them follow the file from then on. Without a word, both. With --json, what "
     "there\n"
     "is now. With pid or process: the same as the verbs of those names.\n\n"
     "Exit code: 0 done; 1 a rule or the policy is refused; 2 another error.\n",
     verb_start},
    {"stop", "[fw|flt|all] [--json]", "stop the service, remove native filters",
     "fw: the service stops; agents stay where they are and judge calls by the policy in force "
     "(\"unprotect\"\n"
     "takes them out). flt: removes the native RPC filters that start has set. Without a word, "
     "both.\n\n"
     "Exit code: 0 done, or there was nothing to do; 2 it does not stop.\n",
     verb_stop},
    {"show", "[--json]", "show which processes are protected, and why each",
     "For each protected process: the endpoints that it listens on, and how long after its start "
     "the\n"
     "protection began.\n",
     verb_show},
    {"int", "[--json]", "list RPC interfaces, where they are, and whether they are protected",
     "What the agents know of their servers, and what the endpoint mapper lists: interface, name, "
     "endpoint,\n"
     "owning process, protection. What this Windows does not tell is said on stderr.\n",
     verb_int},
    {"doctor", "[--json]", "look for everything that can leave a gap, and say how to mend it",
     "Checks the installation, the service, the policy and who may write it, processes that no "
     "agent can\n"
     "enter, what Windows has switched on, native filters, the event log. Changes nothing.\n\n"
     "Exit code: 0 no gap; 1 there are gaps; 2 an error.\n",
     verb_doctor},
    {"service", "", "run as the service; for the service control manager only",
     "The command that the service \"RPC Firewall\" is registered with. \"start\" starts it.\n",
     verb_service},
    {0},
};

/* Arguments in UTF-8; never freed, the process ends with them. NULL: no memory, or lone surrogates.
 */
static char *utf8_argument(const wchar_t *argument)
{
    int size =
        WideCharToMultiByte(CP_UTF8, WC_ERR_INVALID_CHARS, argument, -1, NULL, 0, NULL, NULL);
    char *text = size > 0 ? malloc((size_t)size) : NULL;
    if (text) {
        WideCharToMultiByte(CP_UTF8, 0, argument, -1, text, size, NULL, NULL);
    }
    return text;
}

static bool own_policy(char *path, size_t size)
{
    return size >= UTF8_PATH_SIZE && policy_file_path(NULL, path);
}

static const struct plan_local_host plan_host = {plan_host_describe, own_policy};

int wmain(int argc, wchar_t **wide_argv);

int wmain(int argc, wchar_t **wide_argv)
{
    char **argv = calloc((size_t)argc + 1, sizeof(*argv));
    for (int i = 0; argv && i < argc; i++) {
        argv[i] = utf8_argument(wide_argv[i]);
        if (!argv[i]) {
            argv = NULL;
        }
    }
    if (!argv) {
        fprintf(stderr, MANAGER_NAME ": the arguments cannot be read\n");
        return CLI_ERROR;
    }
    /* Line feeds as they are: the output is the same on every platform. */
    _setmode(_fileno(stdout), _O_BINARY);
    _setmode(_fileno(stderr), _O_BINARY);
    UINT code_page = GetConsoleOutputCP();
    SetConsoleOutputCP(CP_UTF8);
    plan_set_local_host(&plan_host);
    int code = cli_run(MANAGER_NAME, host_verbs, true, argc, argv);
    if (code_page) {
        SetConsoleOutputCP(code_page);
    }
    return code;
}
