/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verbs.h"

const struct cli_verb cli_policy_verbs[] = {
    {"check", "FILE [--compat] [--strict] [--json]", "validate and lint a policy",
     "Reads FILE as an agent's policy would be read and prints every error and warning with its "
     "place.\n"
     "\n"
     "  --compat   take prose lines in a file with fw:/flt: prefixes for comments\n"
     "  --strict   refuse a policy that has warnings\n"
     "  --json     the result as one JSON object on stdout\n"
     "\n"
     "FILE may be - for standard input.\n"
     "\n"
     "Exit code: 0 the policy can be loaded; 1 it is refused; 2 the file cannot be read.\n",
     verb_check},
    {"explain", "-p FILE [--compat] [--json] [--trace] KEY=VALUE ...",
     "decide one call and say why",
     "Decides the call that the KEY=VALUE words describe, as an agent would with the policy FILE. "
     "What is not given is\n"
     "unknown, but for object, which is then absent (object=unknown: cannot be told). Keys:\n"
     "\n"
     "  uuid=UUID|NAME  ver=MAJOR.MINOR  opnum=N|NAME  prot=SEQUENCE  endpoint=TEXT  object=UUID\n"
     "  addr=IP  port=N  sid=SID|ALIAS (repeatable; the first is the user)  user=DOMAIN\\NAME\n"
     "  auth=LEVEL (none connect call pkt integrity privacy)  authn=SERVICE  process=NAME\n"
     "\n"
     "The first line of stdout is the verdict: 'block audit rule=LINE', 'allow noaudit default',\n"
     "'allow audit rule=LINE dry'. With --trace the rules before it follow, each with the "
     "condition that failed.\n"
     "\n"
     "Exit code: 0 decided; 1 the policy is refused; 2 usage, or the file cannot be read.\n",
     verb_explain},
    {"replay", "-p FILE [--against OLD] [--compat] [--json] EVENTS ...",
     "hold recorded calls against a policy",
     "Decides each recorded call with the policy FILE and prints what would be blocked, by rule, "
     "method, source and\n"
     "user, the most frequent first; without --against, compared with what happened.\n"
     "\n"
     "  --against OLD   compare with the policy OLD: newly blocked, newly allowed, newly audited\n"
     "  --compat        take prose lines in a file with fw:/flt: prefixes for comments\n"
     "  --json          the result as one JSON object on stdout\n"
     "\n"
     "EVENTS are files of the firewall's JSON lines or of Zeek's dce_rpc.log (TSV or JSON), plain, "
     "gzip or zstd;\n"
     "- is standard input. Bad lines are named and passed over. What a record does not tell is "
     "unknown to the policy.\n"
     "\n"
     "Exit code: 0 no call is newly blocked; 1 some are, or the policy is refused; 2 usage, or not "
     "all can be read.\n",
     verb_replay},
    {"learn",
     "[-o FILE] [--by LIST] [--addr-prefix N] [--addr-prefix6 N] [--block-rest] [--enforce] EVENTS "
     "...",
     "write the least policy that allows what was seen",
     "Writes rules that allow the recorded calls and nothing else, commented with counts, first "
     "and "
     "last seen, and closes\n"
     "each interface with a rule that records its other calls. EVENTS as for replay.\n"
     "\n"
     "  -o FILE             write FILE, as a whole or not at all; otherwise stdout\n"
     "  --by LIST           what rules name of a call besides interface and opnum, where it is "
     "told:\n"
     "                      addr, user, sid, prot, auth, process, endpoint (default: "
     "addr,user,prot,auth)\n"
     "  --addr-prefix N     widen IPv4 addresses to blocks, for example 24 (default: 32)\n"
     "  --addr-prefix6 N    the same for IPv6 (default: 128)\n"
     "  --block-rest        close with one rule for all interfaces, also those never seen\n"
     "  --enforce           the closing rules block; otherwise dry:true only records\n"
     "\n"
     "Calls that were blocked, and calls over ncalrpc, are not learned.\n"
     "\n"
     "Exit code: 0 done; 1 nothing to learn from; 2 usage, or a file cannot be read or written.\n",
     verb_learn},
    {"diff", "OLD NEW [--compat] [--json]", "show which calls two policies judge differently",
     "Compares what two policies mean, not their text: which classes of calls change their verdict "
     "(block, audit, dry),\n"
     "each with one example call in the words of 'explain' and both verdicts. Exact: every call "
     "that is judged\n"
     "differently is in one of the classes, and no other.\n"
     "\n"
     "In the words of a class ',' is any of, '!' none of, '&' and, 'known' any value that the host "
     "can tell, and\n"
     "'|unknown' also calls of which it cannot. Only remote calls are meant unless prot: names "
     "ncalrpc.\n"
     "\n"
     "  --compat   take prose lines in files with fw:/flt: prefixes for comments\n"
     "  --json     the result as one JSON object on stdout, values and classes in full\n"
     "\n"
     "Exit code: 0 the same; 1 they differ; 2 usage, a policy that cannot be read or has errors, "
     "or too many\n"
     "combinations to tell.\n",
     verb_diff},
    {"coverage", "-p FILE [--compat] [--json]", "attack techniques against what a policy does",
     "Says for each ATT&CK technique and attack of the catalogue what the policy does with the "
     "remote calls that it needs:\n"
     "\n"
     "  blocked         all of them\n"
     "  partly blocked  some; the lines below tell which are let through (words as in 'diff')\n"
     "  audited         none, but all leave a record; (dry): a dry rule would have blocked some\n"
     "  partly audited  none, and some leave a record\n"
     "  open            none\n"
     "\n"
     "Exit code: 0 told; 1 the policy is refused; 2 usage, or the file cannot be read.\n",
     verb_coverage},
    {"plan", "[FILE] [--host HOST] [--compat] [--json] [--netsh]",
     "say who enforces each rule on a Windows host",
     "Says for each rule of FILE (default: the policy of this host) where it is enforced, and "
     "why:\n"
     "\n"
     "  agent    in protected processes\n"
     "  filter   by native RPC filters, in all processes\n"
     "  both     by both\n"
     "  nowhere  not at all: a rule for RPC filters alone that they cannot express\n"
     "\n"
     "  --host HOST   ws2016, ws2019, ws2022, ws2025 or win11 (24H2); default: this host, if it is "
     "a Windows\n"
     "                host, or ws2025\n"
     "  --compat      take prose lines in a file with fw:/flt: prefixes for comments\n"
     "  --json        the result, with all filters, as one JSON object on stdout\n"
     "  --netsh       the filters as a script for netsh -f\n"
     "\n"
     "Exit code: 0 told; 1 a rule is enforced nowhere though it should be, or the policy is "
     "refused; 2 usage,\n"
     "or the file cannot be read.\n",
     verb_plan},
    {"names", "[PATTERN] [--json]", "look up interfaces, methods, UUIDs and opnums",
     "Prints what the catalogue knows of PATTERN, in any case of letters; all interfaces without "
     "one. PATTERN is\n"
     "\n"
     "  an interface           drsuapi, e3514235-4b06-11d1-ab04-00c04fc2dcd2\n"
     "  one of its methods     drsuapi:3, drsuapi:DRSGetNCChanges, e3514235-...:3\n"
     "  part of any name       DRSGetNCChanges, T1003.006, PetitPotam, MS-SCMR, \\pipe\\lsarpc\n"
     "  a whole name with * ?  *ServiceW, BaseReg*Key\n"
     "\n"
     "  --json   the result as one JSON object on stdout\n"
     "\n"
     "Exit code: 0 something was found; 1 nothing; 2 usage.\n",
     verb_names},
    {NULL, NULL, NULL, NULL, NULL},
};
