/* SPDX-License-Identifier: MIT */
/*
 * adopt.h - sessions that are in the kernel already: made by an earlier daemon or by another
 * program. A healthy one goes on as it is; what was broken off is brought to its end.
 */
#ifndef ISCSID_ADOPT_H
#define ISCSID_ADOPT_H

#include <stdint.h>

#include "session.h"

/* All that sysfs shows and the initiator does not know. 0 or -errno. */
int adopt_all(struct initiator *i);
/* One, made by another program while this one runs; NULL: there is none, or it is not finished. */
struct session *adopt_one(struct initiator *i, uint32_t sid);

#endif
