/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/active_policy.h"

#include <stdio.h>
#include <string.h>

#include "cli/report.h"
#include "windows/manager/compiled_policy.h"
#include "windows/manager/policy_file.h"
#include "windows/manager/policy_notes.h"
#include "windows/manager/win32_error.h"

/* Whatever comes back, compiled_policy_free() it. */
static int compile_file(const struct cli_verb *verb, const struct verb_arguments *arguments,
                        struct compiled_policy *compiled)
{
    char path[UTF8_PATH_SIZE];
    *compiled = (struct compiled_policy){0};
    if (!policy_file_path(arguments->policy, path)) {
        return verb_system_error(verb, "the policy file cannot be named", GetLastError());
    }
    enum compiled_policy_result result = compiled_policy_load(path, arguments->compat, compiled);
    if (compiled->policy) {
        report_text(stderr, &compiled->policy->diagnostics);
        policy_note_writers(verb, compiled->policy);
    }
    switch (result) {
    case COMPILED_POLICY_GOOD:
        return CLI_DONE;
    case COMPILED_POLICY_ERRORS:
        return CLI_NO;
    case COMPILED_POLICY_TOO_LARGE:
        return verb_error(verb, "the compiled policy does not fit into memory");
    default:
        return CLI_ERROR;
    }
}

static int report_section(const struct cli_verb *verb, enum policy_section_error error)
{
    if (error == POLICY_SECTION_SYSTEM) {
        return verb_system_error(verb, policy_section_error_text(error), GetLastError());
    }
    return verb_error(verb, "%s", policy_section_error_text(error));
}

/* Why the sink does not take the file; the words of the system fit its own errors only. */
static const char *audit_file_error(DWORD error, char text[WIN32_ERROR_TEXT_SIZE])
{
    switch (error) {
    case ERROR_INVALID_OWNER:
        return "it belongs to somebody who is neither an administrator nor a service";
    case ERROR_TOO_MANY_LINKS:
        return "the file has more than one name";
    case ERROR_INVALID_NAME:
        return "it is no plain file";
    default:
        return win32_error_text(error, text);
    }
}

static void create_audit_file(const struct cli_verb *verb, const struct policy_image *image)
{
    DWORD error = compiled_policy_create_audit_file(image);
    if (error == ERROR_FILENAME_EXCED_RANGE) {
        verb_note(verb, "option json: the path is too long");
    } else if (error) {
        char text[WIN32_ERROR_TEXT_SIZE];
        verb_note(verb, "option json: %s cannot be written now: %s",
                  image_text(image, image->json_path), audit_file_error(error, text));
    }
}

static int publish(const struct cli_verb *verb, const struct compiled_policy *compiled,
                   struct active_policy *policy)
{
    enum policy_section_error error =
        policy_publish(&policy->publisher, compiled->image, compiled->size, &policy->generation);
    if (error) {
        return report_section(verb, error);
    }
    policy_note_filters(verb, compiled->policy);
    create_audit_file(verb, compiled->image);
    return CLI_DONE;
}

/*
 * Whether the newest generation can be opened. The page alone is not enough: when a manager is
 * killed right after it published, the image dies with it unless an agent has taken it.
 */
static bool open_newest(const struct policy_control *control, struct policy_image_view *view)
{
    uint64_t generation = (uint64_t)control->generation;
    return generation && policy_image_open(generation, view) == POLICY_SECTION_OK;
}

static void compare_with_file(const struct cli_verb *verb, const struct verb_arguments *arguments,
                              const struct policy_image_view *view)
{
    const struct policy_image *image = view->image;
    struct compiled_policy compiled;
    if (compile_file(verb, arguments, &compiled) != CLI_DONE) {
        verb_note(verb, "the policy in force stays as it is");
    } else if (compiled.size != image->size || memcmp(compiled.image, image, compiled.size) != 0) {
        verb_note(verb, "the policy file has changed since; \"" MANAGER_NAME
                        " update\" puts it in force");
    }
    compiled_policy_free(&compiled);
}

int active_policy_open(const struct cli_verb *verb, const struct verb_arguments *arguments,
                       struct active_policy *policy)
{
    *policy = (struct active_policy){0};
    enum policy_section_error error = policy_publisher_open(&policy->publisher);
    if (error) {
        return report_section(verb, error);
    }
    if (open_newest(policy->publisher.control, &policy->image)) {
        policy->generation = policy->image.generation;
        compare_with_file(verb, arguments, &policy->image);
        return CLI_DONE;
    }
    struct compiled_policy compiled;
    int code = compile_file(verb, arguments, &compiled);
    if (code == CLI_DONE) {
        code = publish(verb, &compiled, policy);
    }
    compiled_policy_free(&compiled);
    if (code != CLI_DONE) {
        active_policy_close(policy);
    }
    return code;
}

int active_policy_replace(const struct cli_verb *verb, const struct verb_arguments *arguments,
                          struct active_policy *policy)
{
    *policy = (struct active_policy){0};
    struct compiled_policy compiled;
    int code = compile_file(verb, arguments, &compiled);
    if (code != CLI_DONE) {
        goto done;
    }
    enum policy_section_error error = policy_publisher_open(&policy->publisher);
    if (error) {
        code = report_section(verb, error);
        goto done;
    }
    code = publish(verb, &compiled, policy);
    if (code != CLI_DONE) {
        policy_publisher_close(&policy->publisher);
    }
done:
    compiled_policy_free(&compiled);
    return code;
}

void active_policy_close(struct active_policy *policy)
{
    if (policy->image.image) {
        policy_image_close(&policy->image);
    }
    policy_publisher_close(&policy->publisher);
}

uint64_t active_policy_generation(void)
{
    struct policy_control_view control;
    struct policy_image_view view;
    uint64_t generation = 0;
    if (policy_control_open(&control) != POLICY_SECTION_OK) {
        return 0;
    }
    if (open_newest(control.control, &view)) {
        generation = view.generation;
        policy_image_close(&view);
    }
    policy_control_close(&control);
    return generation;
}
