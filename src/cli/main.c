/* SPDX-License-Identifier: Apache-2.0 */
/* rpcfw, the Linux command line. */
#include "cli/cli.h"

int main(int argc, char **argv)
{
    return cli_run("rpcfw", NULL, false, argc, argv);
}
