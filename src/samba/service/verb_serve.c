/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "samba/service/service_verbs.h"

#include <string.h>

#include "samba/service/policy_at_start.h"
#include "samba/service/service.h"

int verb_serve(const struct cli_verb *verb, int argc, char **argv)
{
    struct service_options options = {.policy_file = POLICY_FILE, .watch = true};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--no-watch") == 0) {
            options.watch = false;
        } else if (strcmp(argv[i], "--policy") == 0 && i + 1 < argc) {
            options.policy_file = argv[++i];
        } else if (strcmp(argv[i], "--agent") == 0 && i + 1 < argc) {
            options.agent_path = argv[++i];
        } else {
            return cli_usage_error(verb, "what is '%s'?", argv[i]);
        }
    }
    return service_run(&options);
}
