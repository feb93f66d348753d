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
     "Exit code: 0 the policy can be loaded; 1 it is refused; 2 the file cannot be read.\n",
     verb_check},
    {"explain", "-p FILE [--compat] [--json] [--trace] KEY=VALUE ...",
     "decide one call and say why",
     "Decides the call that the KEY=VALUE words describe, as an agent would with the policy FILE. "
     "What is not given is\n"
     "unknown, but for object, which is then absent (object=unknown: cannot be told). Keys:\n"
     "\n"
     "  uuid=UUID  ver=MAJOR.MINOR  opnum=N  prot=SEQUENCE  endpoint=TEXT  object=UUID\n"
     "  addr=IP  port=N  sid=SID (repeatable; the first is the user)  user=DOMAIN\\NAME\n"
     "  auth=LEVEL (none connect call pkt integrity privacy)  authn=SERVICE  process=NAME\n"
     "\n"
     "The first line of stdout is the verdict: 'block audit rule=LINE', 'allow noaudit default',\n"
     "'allow audit rule=LINE dry'. With --trace the rules before it follow, each with the "
     "condition that failed.\n"
     "\n"
     "Exit code: 0 decided; 1 the policy is refused; 2 usage, or the file cannot be read.\n",
     verb_explain},
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
