/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/remote_agent.h"

#include "windows/manager/remote_image.h"

enum remote_agent_error remote_agent_attach(HANDLE process, uintptr_t base, size_t image_size,
                                            struct remote_agent *agent)
{
    struct remote_image image;
    *agent = (struct remote_agent){.process = process};
    switch (remote_image_open(process, base, image_size, &image)) {
    case REMOTE_IMAGE_OK:
        break;
    case REMOTE_IMAGE_GONE:
        return REMOTE_AGENT_GONE;
    default:
        return REMOTE_AGENT_FOREIGN;
    }
    agent->status = remote_image_export(&image, AGENT_EXPORT_STATUS, sizeof(struct agent_status));
    agent->stop = remote_image_export(&image, AGENT_EXPORT_STOP, 1);
    agent->refresh = remote_image_export(&image, AGENT_EXPORT_REFRESH, 1);
    agent->server = remote_image_export(&image, AGENT_EXPORT_SERVER, sizeof(struct agent_server));
    if (agent->status && agent->stop && agent->refresh) {
        return REMOTE_AGENT_OK;
    }
    /* Either it never had them, or it went away under our hands. */
    BYTE probe;
    return remote_image_memory(process, base, &probe, sizeof(probe)) ? REMOTE_AGENT_FOREIGN
                                                                     : REMOTE_AGENT_GONE;
}

enum remote_agent_error remote_agent_read(const struct remote_agent *agent,
                                          struct agent_status *status)
{
    if (!remote_image_memory(agent->process, agent->status, status, sizeof(*status))) {
        return REMOTE_AGENT_GONE;
    }
    if (status->magic != AGENT_STATUS_MAGIC) {
        return REMOTE_AGENT_FOREIGN;
    }
    if (status->version != AGENT_STATUS_VERSION || status->size != sizeof(*status) ||
        status->state > AGENT_IDLE) {
        return REMOTE_AGENT_VERSION;
    }
    remote_image_printable(status->release, sizeof(status->release));
    remote_image_printable(status->detail, sizeof(status->detail));
    return REMOTE_AGENT_OK;
}

bool remote_agent_read_server(const struct remote_agent *agent, struct agent_server *server)
{
    if (!agent->server ||
        !remote_image_memory(agent->process, agent->server, server, sizeof(*server)) ||
        server->magic != AGENT_SERVER_MAGIC || server->version != AGENT_SERVER_VERSION ||
        server->size != sizeof(*server)) {
        return false;
    }
    if (server->endpoint_count > AGENT_SERVER_ENDPOINTS) {
        server->endpoint_count = AGENT_SERVER_ENDPOINTS;
    }
    for (uint32_t i = 0; i < AGENT_SERVER_ENDPOINTS; i++) {
        remote_image_printable(server->endpoints[i], sizeof(server->endpoints[i]));
    }
    return true;
}

bool remote_agent_run(const struct remote_agent *agent, uintptr_t routine, DWORD timeout_ms,
                      DWORD *exit_code)
{
    HANDLE thread =
        CreateRemoteThread(agent->process, NULL, 0, (LPTHREAD_START_ROUTINE)routine, NULL, 0, NULL);
    if (!thread) {
        return false;
    }
    DWORD wait = WaitForSingleObject(thread, timeout_ms);
    bool ended = wait == WAIT_OBJECT_0 && GetExitCodeThread(thread, exit_code);
    DWORD error = wait == WAIT_TIMEOUT ? WAIT_TIMEOUT : GetLastError();
    CloseHandle(thread);
    SetLastError(error);
    return ended;
}

const char *remote_agent_refresh_failure(DWORD code)
{
    switch (code) {
    case AGENT_REFRESH_NO_POLICY:
        return "it found no newer policy";
    case AGENT_REFRESH_DENIED:
        return "its account may not open the policy";
    case AGENT_REFRESH_BAD_POLICY:
        return "it found the policy not valid";
    case AGENT_REFRESH_UNTRUSTED:
        return "it does not trust the policy section";
    case AGENT_REFRESH_BUSY:
        return "calls in flight hold all the older ones; update again when they have ended";
    case AGENT_REFRESH_FAILED:
        return "the agent could not map it (no memory?)";
    default:
        return NULL;
    }
}
