/* SPDX-License-Identifier: MIT */
/* management.h - task management functions that are under way */
#ifndef TARGET_MANAGEMENT_H
#define TARGET_MANAGEMENT_H

struct session;

void functions_free(struct session *s); /* after its nexus: they end without an answer */

#endif
