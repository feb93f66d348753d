/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "samba/manager/samba_modules.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "samba/manager/command.h"

#define BUILD_OPTIONS_SIZE 65536

/* All of Samba's daemons load the first; the AD DC's RPC server also the second. */
const char *const samba_module_kinds[SAMBA_MODULE_KINDS] = {"gensec", "dcerpc_server"};

static bool is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* "   MODULESDIR: /usr/lib/x86_64-linux-gnu/samba" in what `smbd -b` says. */
static bool ask_smbd(const char *smbd, char path[PATH_MAX])
{
    static char options[BUILD_OPTIONS_SIZE];
    const char *const argv[] = {smbd, "-b", NULL};
    const char *const key = "MODULESDIR:";
    if (command_run(argv, options, sizeof(options)) != 0) {
        return false;
    }
    const char *found = strstr(options, key);
    if (!found) {
        return false;
    }
    found += strlen(key);
    found += strspn(found, " \t");
    size_t length = strcspn(found, "\t\r\n");
    if (found[0] != '/' || length >= PATH_MAX) {
        return false;
    }
    memcpy(path, found, length);
    path[length] = '\0';
    return is_folder(path);
}

bool samba_modules_find(char path[PATH_MAX], bool *told)
{
    static const char *const programs[] = {"/usr/sbin/smbd", "/usr/local/samba/sbin/smbd",
                                           "/usr/local/sbin/smbd", NULL};
    static const char *const places[] = {RPCFW_LIBRARY_DIRECTORY "/samba", "/usr/lib64/samba",
                                         "/usr/lib/samba", "/usr/local/samba/lib"};
    const char *smbd = command_find(programs);
    *told = smbd && ask_smbd(smbd, path);
    for (size_t i = 0; !*told && i < sizeof(places) / sizeof(places[0]); i++) {
        char kind[PATH_MAX];
        snprintf(kind, sizeof(kind), "%s/%s", places[i], samba_module_kinds[0]);
        if (is_folder(kind)) {
            snprintf(path, PATH_MAX, "%s", places[i]);
            return true;
        }
    }
    return *told;
}
