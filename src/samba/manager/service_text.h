/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the service's page says about the places that events go to, in words. */
#ifndef RPCFW_SAMBA_MANAGER_SERVICE_TEXT_H
#define RPCFW_SAMBA_MANAGER_SERVICE_TEXT_H

#include "samba/state/service_page.h"

#define SERVICE_TEXT_SIZE 512

/* Where the JSON lines go; the default until the service has told. */
const char *service_file(const struct service_page *service);

/* "good", "off", "absent", "fails". */
const char *service_sink_word(const struct sink_report *sink);

/* One clause with its numbers. */
void service_sink_text(const struct sink_report *sink, char text[SERVICE_TEXT_SIZE]);

#endif
