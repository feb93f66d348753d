/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/manager/agent_file.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define AGENT_BUILT_NAME "rpcfirewall.so"

bool agent_file_beside_program(char path[PATH_MAX])
{
    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
    path[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(path, '/');
    size_t room = slash ? (size_t)(path + PATH_MAX - slash - 1) : 0;
    if (!slash || strlen(AGENT_BUILT_NAME) >= room) {
        path[0] = '\0';
        return false;
    }
    memcpy(slash + 1, AGENT_BUILT_NAME, sizeof(AGENT_BUILT_NAME));
    if (access(path, R_OK) != 0) {
        path[0] = '\0';
        return false;
    }
    return true;
}

bool agent_file_name_tells(const char *name)
{
    /* rpcfirewall-0.1.0-2250521f43a6.so */
    enum { DIGITS = 12 };
    const char *dash = strrchr(name, '-');
    return dash && strspn(dash + 1, "0123456789abcdef") == DIGITS &&
           strcmp(dash + 1 + DIGITS, ".so") == 0;
}

/* Of several builds the newest: install removes the others in the end. */
bool agent_file_installed(char path[PATH_MAX])
{
    glob_t found = {0};
    struct stat newest = {0};
    path[0] = '\0';
    if (glob(RPCFW_AGENT_DIRECTORY "/rpcfirewall-" RPCFW_VERSION "*.so", 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            struct stat status;
            if (stat(found.gl_pathv[i], &status) == 0 && S_ISREG(status.st_mode) &&
                strlen(found.gl_pathv[i]) < PATH_MAX &&
                (!path[0] || status.st_mtim.tv_sec > newest.st_mtim.tv_sec)) {
                snprintf(path, PATH_MAX, "%s", found.gl_pathv[i]);
                newest = status;
            }
        }
        globfree(&found);
    }
    return path[0] != '\0';
}

bool agent_file_find(char path[PATH_MAX])
{
    return agent_file_installed(path) || agent_file_beside_program(path);
}
