/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/compiled_policy.h"

#include <stdlib.h>

#include "cli/load_policy.h"
#include "windows/agent/sinks/json_sink.h"

enum compiled_policy_result compiled_policy_load(const char *path, bool compat,
                                                 struct compiled_policy *compiled)
{
    *compiled = (struct compiled_policy){.policy = load_policy(path, compat)};
    if (!compiled->policy) {
        return COMPILED_POLICY_UNREADABLE;
    }
    if (compiled->policy->diagnostics.errors) {
        return COMPILED_POLICY_ERRORS;
    }
    compiled->image = policy_compile(compiled->policy, &compiled->size);
    return compiled->image ? COMPILED_POLICY_GOOD : COMPILED_POLICY_TOO_LARGE;
}

void compiled_policy_free(struct compiled_policy *compiled)
{
    free(compiled->image);
    policy_free(compiled->policy);
    *compiled = (struct compiled_policy){0};
}

DWORD compiled_policy_create_audit_file(const struct policy_image *image)
{
    const char *path = image_text(image, image->json_path);
    wchar_t wide[SINK_PATH_SIZE];
    if (!*path || (image->options & IMAGE_OPTION_JSON_OFF)) {
        return ERROR_SUCCESS;
    }
    if (!MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, wide, SINK_PATH_SIZE)) {
        return ERROR_FILENAME_EXCED_RANGE;
    }
    return json_sink_create_file(wide);
}
