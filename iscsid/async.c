/* SPDX-License-Identifier: MIT */
#include "async.h"

#include "bhs.h"

/* SPC: fixed format has ASC and ASCQ at 12, descriptor format at 2. */
static uint16_t asc_ascq(const uint8_t *sense, size_t len)
{
	size_t at = len && (sense[0] & 0x7f) >= 0x72 ? 2 : 12;

	return len >= at + 2 ? be16_get(sense + at) : 0;
}

static const struct {
	uint16_t code; /* ASC and ASCQ */
	enum async_kind kind;
} senses[] = {
	{0x3f0e, ASYNC_KIND_NEW_LUNS},
	{0x2a09, ASYNC_KIND_NEW_SIZES},
	{0x3f03, ASYNC_KIND_NEW_SIZES},
};

static enum async_kind of_sense(const uint8_t *data, size_t len)
{
	uint16_t code;
	size_t sense_len;

	if (len < 2)
		return ASYNC_KIND_NOTHING;
	sense_len = be16_get(data);
	if (sense_len > len - 2)
		return ASYNC_KIND_NOTHING;
	code = asc_ascq(data + 2, sense_len);
	for (size_t i = 0; i < sizeof(senses) / sizeof(senses[0]); i++)
		if (senses[i].code == code)
			return senses[i].kind;
	return ASYNC_KIND_NOTHING;
}

struct async async_parse(const uint8_t *bhs, const uint8_t *data, size_t len)
{
	switch (bhs_async_event(bhs)) {
	case ASYNC_SCSI:
		return (struct async){of_sense(data, len), 0};
	case ASYNC_LOGOUT_REQUEST:
	case ASYNC_NEGOTIATION_REQUEST: /* values change with a new login only */
		return (struct async){ASYNC_KIND_LOG_OUT, bhs_parameter3(bhs)};
	case ASYNC_CONNECTION_DROPPED:
	case ASYNC_SESSION_DROPPED:
		return (struct async){ASYNC_KIND_WILL_DROP, bhs_parameter2(bhs)};
	}
	return (struct async){ASYNC_KIND_NOTHING, 0};
}
