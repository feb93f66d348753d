/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/manager/apparmor.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/file.h"
#include "samba/manager/command.h"
#include "samba/manager/manager_host.h"

#define PROFILE_FILE_MAX ((size_t)1 << 20)
#define NAMES_SIZE       4096

/* Also <abstractions/samba-rpcd>, which includes it. */
#define INCLUSION "<abstractions/samba"

static bool mentions(const char *path, const char *words)
{
    struct stat status;
    const char *why;
    size_t size;
    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode)) {
        return false;
    }
    void *text = file_load(path, PROFILE_FILE_MAX, &size, &why);
    bool found = text && memmem(text, size, words, strlen(words));
    free(text);
    return found;
}

bool apparmor_rules_reach(const char *profile)
{
    glob_t files = {0};
    bool reach = false;
    /* Before AppArmor 3 the abstraction includes nothing. */
    if (access(APPARMOR_RULES, R_OK) == 0 &&
        mentions(APPARMOR_ABSTRACTIONS "/samba", "<abstractions/samba.d>") &&
        glob(APPARMOR_DIRECTORY "/*", 0, NULL, &files) == 0) {
        for (size_t i = 0; !reach && i < files.gl_pathc; i++) {
            reach = mentions(files.gl_pathv[i], INCLUSION) && mentions(files.gl_pathv[i], profile);
        }
    }
    globfree(&files);
    return reach;
}

/* ---- Loading anew ---- */

static bool is_loaded(const char *profile)
{
    FILE *loaded = fopen(APPARMOR_LOADED, "re");
    char *line = NULL;
    size_t room = 0;
    bool found = false;
    while (loaded && !found && getline(&line, &room, loaded) > 0) {
        /* A name may have blanks; the mode has none. */
        char *mode = strrchr(line, '(');
        if (mode && mode > line) {
            mode[-1] = '\0';
            found = strcmp(line, profile) == 0;
        }
    }
    free(line);
    if (loaded) {
        fclose(loaded);
    }
    return found;
}

/* Whether the file holds a profile that is loaded. */
static bool holds_loaded(const char *parser, const char *path)
{
    const char *const argv[] = {parser, "-N", path, NULL};
    char names[NAMES_SIZE];
    char *rest = names;
    char *name;
    if (command_run(argv, names, sizeof(names)) != 0) {
        return false;
    }
    while ((name = strsep(&rest, "\n"))) {
        if (name[0] && is_loaded(name)) {
            return true;
        }
    }
    return false;
}

/* The rules may be older than what the parser keeps compiled, as a package's files are: not to be
 * taken from there. */
static bool reload(const char *parser, const char *path)
{
    const char *const argv[] = {parser, "-r", "-T", "-W", path, NULL};
    return command_run(argv, NULL, 0) == 0;
}

/* One file of profiles that has the rules in its text. */
static void reload_file(const struct cli_verb *verb, const char *parser, const char *path)
{
    if (!holds_loaded(parser, path)) {
        return;
    }
    if (reload(parser, path)) {
        printf("AppArmor: loaded %s again\n", path);
    } else {
        verb_note(verb, "AppArmor does not take %s; look at: apparmor_parser -r -T -W %s", path,
                  path);
    }
}

static bool is_any_loaded(void)
{
    FILE *loaded = fopen(APPARMOR_LOADED, "re");
    bool any = loaded && fgetc(loaded) != EOF;
    if (loaded) {
        fclose(loaded);
    }
    return any;
}

void apparmor_reload(const struct cli_verb *verb)
{
    static const char *const parsers[] = {"/usr/sbin/apparmor_parser", "/sbin/apparmor_parser",
                                          NULL};
    const char *parser = command_find(parsers);
    glob_t files = {0};
    bool found = false;
    if (is_any_loaded() && glob(APPARMOR_DIRECTORY "/*", 0, NULL, &files) == 0) {
        for (size_t i = 0; i < files.gl_pathc; i++) {
            if (mentions(files.gl_pathv[i], INCLUSION)) {
                found = true;
                if (parser) {
                    reload_file(verb, parser, files.gl_pathv[i]);
                }
            }
        }
    }
    globfree(&files);
    if (found && !parser) {
        verb_note(verb, "AppArmor: there is no apparmor_parser to load Samba's profiles again "
                        "with; start the machine again");
    }
    fflush(stdout);
}
