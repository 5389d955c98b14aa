/* SPDX-License-Identifier: MIT */
#include "status.h"

#include <stddef.h>

struct status {
	uint8_t status_class, detail;
	const char *text;
};

static const struct status statuses[] = {
	{STATUS_SUCCESS, 0x00, "success"},
	{STATUS_REDIRECT, 0x01, "target moved temporarily"},
	{STATUS_REDIRECT, 0x02, "target moved permanently"},
	{STATUS_INITIATOR_ERROR, 0x00, "initiator error"},
	{STATUS_INITIATOR_ERROR, 0x01, "authentication failure"},
	{STATUS_INITIATOR_ERROR, 0x02, "authorization failure"},
	{STATUS_INITIATOR_ERROR, 0x03, "target not found"},
	{STATUS_INITIATOR_ERROR, 0x04, "target removed"},
	{STATUS_INITIATOR_ERROR, 0x05, "unsupported version"},
	{STATUS_INITIATOR_ERROR, 0x06, "too many connections"},
	{STATUS_INITIATOR_ERROR, 0x07, "missing parameter"},
	{STATUS_INITIATOR_ERROR, 0x08, "cannot include the connection in the session"},
	{STATUS_INITIATOR_ERROR, 0x09, "session type not supported"},
	{STATUS_INITIATOR_ERROR, 0x0a, "session does not exist"},
	{STATUS_INITIATOR_ERROR, 0x0b, "invalid request during login"},
	{STATUS_TARGET_ERROR, 0x00, "target error"},
	{STATUS_TARGET_ERROR, 0x01, "service unavailable"},
	{STATUS_TARGET_ERROR, 0x02, "out of resources"},
};

/* RFC 7143 section 11.13.5: an unknown detail means what its class means. */
static const char *const classes[] = {
	[STATUS_SUCCESS] = "success",
	[STATUS_REDIRECT] = "target moved",
	[STATUS_INITIATOR_ERROR] = "initiator error",
	[STATUS_TARGET_ERROR] = "target error",
};

const char *status_text(uint8_t status_class, uint8_t detail)
{
	for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++)
		if (statuses[i].status_class == status_class && statuses[i].detail == detail)
			return statuses[i].text;
	if (status_class < sizeof(classes) / sizeof(*classes))
		return classes[status_class];
	return "unknown status class";
}
