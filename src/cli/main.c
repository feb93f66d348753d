/* SPDX-License-Identifier: Apache-2.0 */
/* rpcfw, the Linux command line. */
#include "cli/cli.h"
#include "samba/manager/host_verbs.h"

int main(int argc, char **argv)
{
    return cli_run("rpcfw", samba_host_verbs, false, argc, argv);
}
