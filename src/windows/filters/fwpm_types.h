/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's own types, without what their headers bring along. */
#ifndef RPCFW_WINDOWS_FILTERS_FWPM_TYPES_H
#define RPCFW_WINDOWS_FILTERS_FWPM_TYPES_H

#include <windows.h>

#include <fwpmu.h>

#undef interface /* COM's word for struct; a member's name in core/call.h */

#endif
