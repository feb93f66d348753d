/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "samba/manager/service_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

const char *service_file(const struct service_page *service)
{
    return service->file_path[0] ? service->file_path : "/var/log/rpcfw/audit.jsonl";
}

const char *service_sink_word(const struct sink_report *sink)
{
    static const char *const words[] = {
        [SINK_GOOD] = "good",
        [SINK_OFF] = "off",
        [SINK_ABSENT] = "absent",
        [SINK_FAILS] = "fails",
    };
    return sink->state < sizeof(words) / sizeof(words[0]) ? words[sink->state] : "unknown";
}

void service_sink_text(const struct sink_report *sink, char text[SERVICE_TEXT_SIZE])
{
    char since[64] = "";
    time_t seconds = (time_t)(sink->since_us / 1000000);
    struct tm parts;
    if (sink->state == SINK_FAILS && sink->since_us && gmtime_r(&seconds, &parts)) {
        strftime(since, sizeof(since), " since %Y-%m-%d %H:%M:%SZ", &parts);
    }
    if (sink->state == SINK_FAILS) {
        snprintf(text, SERVICE_TEXT_SIZE, "fails%s: %s: %s; %" PRIu64 " written, %" PRIu64 " lost",
                 since, sink->what, strerror(sink->error), sink->written, sink->lost);
    } else {
        snprintf(text, SERVICE_TEXT_SIZE, "%s; %" PRIu64 " written, %" PRIu64 " lost",
                 service_sink_word(sink), sink->written, sink->lost);
    }
}
