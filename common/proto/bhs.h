/* SPDX-License-Identifier: MIT */
/*
 * bhs.h - the 48-byte basic header segment (RFC 7143 chapter 11): one line per field.
 *
 * BHS_U32(cmdsn, 24) makes bhs_cmdsn(bhs) and bhs_set_cmdsn(bhs, v); that the field lies within
 * the header is checked when it is compiled. Fields that share an offset belong to different PDUs.
 */
#ifndef PROTO_BHS_H
#define PROTO_BHS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "buf.h"

#define BHS_LEN 48
#define BHS_TAG_NONE 0xffffffffu /* reserved value of both task tags */

enum bhs_opcode {
	OP_NOP_OUT = 0x00,
	OP_SCSI_COMMAND = 0x01,
	OP_TASK_MANAGEMENT = 0x02,
	OP_LOGIN = 0x03,
	OP_TEXT = 0x04,
	OP_DATA_OUT = 0x05,
	OP_LOGOUT = 0x06,
	OP_SNACK = 0x10,
	OP_NOP_IN = 0x20,
	OP_SCSI_RESPONSE = 0x21,
	OP_TASK_MANAGEMENT_RESPONSE = 0x22,
	OP_LOGIN_RESPONSE = 0x23,
	OP_TEXT_RESPONSE = 0x24,
	OP_DATA_IN = 0x25,
	OP_LOGOUT_RESPONSE = 0x26,
	OP_R2T = 0x31,
	OP_ASYNC = 0x32,
	OP_REJECT = 0x3f,
};

#define BHS_IMMEDIATE 0x40 /* in the opcode byte of a request */

/* Byte 1, the flags. */
#define BHS_FINAL 0x80	  /* F; Logout, NOP, Async and Reject always have it */
#define BHS_TRANSIT 0x80  /* T of Login */
#define BHS_CONTINUE 0x40 /* C of Login and Text */

enum login_stage_code {
	STAGE_SECURITY = 0,
	STAGE_OPERATIONAL = 1,
	STAGE_FULL_FEATURE = 3,
};

enum logout_reason {
	LOGOUT_SESSION = 0,
	LOGOUT_CONNECTION = 1,
	LOGOUT_FOR_RECOVERY = 2,
};

enum async_event {
	ASYNC_SCSI = 0,
	ASYNC_LOGOUT_REQUEST = 1,      /* within Parameter3 seconds */
	ASYNC_CONNECTION_DROPPED = 2,  /* CID, Time2Wait, Time2Retain */
	ASYNC_SESSION_DROPPED = 3,     /* -, Time2Wait, Time2Retain */
	ASYNC_NEGOTIATION_REQUEST = 4, /* within Parameter3 seconds */
	ASYNC_TASKS_TERMINATED = 5,
	ASYNC_VENDOR = 255,
};

enum reject_reason {
	REJECT_DATA_DIGEST = 0x02,
	REJECT_SNACK = 0x03,
	REJECT_PROTOCOL_ERROR = 0x04,
	REJECT_NOT_SUPPORTED = 0x05,
	REJECT_TOO_MANY_IMMEDIATE = 0x06,
	REJECT_TASK_IN_PROGRESS = 0x07,
	REJECT_INVALID_FIELD = 0x09,
	REJECT_OUT_OF_RESOURCES = 0x0a,
	REJECT_WAITING_FOR_LOGOUT = 0x0c,
};

#define BHS_U8(name, at)                                                   \
	_Static_assert((at) + 1 <= BHS_LEN, #name);                        \
	static inline uint8_t bhs_##name(const uint8_t bhs[BHS_LEN])       \
	{                                                                  \
		return bhs[at];                                            \
	}                                                                  \
	static inline void bhs_set_##name(uint8_t bhs[BHS_LEN], uint8_t v) \
	{                                                                  \
		bhs[at] = v;                                               \
	}
#define BHS_UINT(bits, name, at)                                                  \
	_Static_assert((at) + (bits) / 8 <= BHS_LEN, #name);                      \
	static inline uint##bits##_t bhs_##name(const uint8_t bhs[BHS_LEN])       \
	{                                                                         \
		return be##bits##_get(bhs + (at));                                \
	}                                                                         \
	static inline void bhs_set_##name(uint8_t bhs[BHS_LEN], uint##bits##_t v) \
	{                                                                         \
		be##bits##_put(bhs + (at), v);                                    \
	}
#define BHS_U16(name, at) BHS_UINT(16, name, at)
#define BHS_U32(name, at) BHS_UINT(32, name, at)

/* every PDU */
BHS_U8(flags, 1)
BHS_U8(ahs_len, 4) /* TotalAHSLength, in words of four bytes */
BHS_U32(itt, 16)

/* requests; CID in Login and Logout only */
BHS_U16(cid, 20)
BHS_U32(cmdsn, 24)
BHS_U32(exp_statsn, 28)

/* responses */
BHS_U32(statsn, 24)
BHS_U32(exp_cmdsn, 28)
BHS_U32(max_cmdsn, 32)

/* Text, NOP */
BHS_U32(ttt, 20)

/* Login; byte 3 is Version-min in the request and Version-active in the response */
BHS_U8(version_max, 2)
BHS_U8(version_min, 3)
BHS_U8(version_active, 3)
BHS_U16(tsih, 14)
BHS_U8(status_class, 36)
BHS_U8(status_detail, 37)

/* Logout response; seconds */
BHS_U8(logout_response, 2)
BHS_U16(time2wait, 40)
BHS_U16(time2retain, 42)

/* Async */
BHS_U8(async_event, 36)
BHS_U8(async_vcode, 37)
BHS_U16(parameter1, 38)
BHS_U16(parameter2, 40)
BHS_U16(parameter3, 42)

/* Reject; the rejected header is its data segment */
BHS_U8(reject_reason, 2)

/* SCSI Command; its response; Data-In, Data-Out and R2T, whose DataSN is R2TSN or, in the SCSI
 * Response, ExpDataSN */
BHS_U32(edtl, 20)
BHS_U8(scsi_status, 3)
BHS_U32(datasn, 36)
BHS_U32(offset, 40)
BHS_U32(desired_len, 44)
BHS_U32(residual, 44)

/* Task management */
BHS_U32(ref_itt, 20)
BHS_U32(ref_cmdsn, 32)

#undef BHS_U8
#undef BHS_U16
#undef BHS_U32
#undef BHS_UINT

static inline enum bhs_opcode bhs_opcode(const uint8_t bhs[BHS_LEN])
{
	return bhs[0] & 0x3f;
}

static inline bool bhs_is_immediate(const uint8_t bhs[BHS_LEN])
{
	return bhs[0] & BHS_IMMEDIATE;
}

static inline void bhs_set_opcode(uint8_t bhs[BHS_LEN], enum bhs_opcode op, bool immediate)
{
	bhs[0] = (uint8_t)(op | (immediate ? BHS_IMMEDIATE : 0));
}

static inline uint32_t bhs_data_len(const uint8_t bhs[BHS_LEN])
{
	return be24_get(bhs + 5);
}

static inline void bhs_set_data_len(uint8_t bhs[BHS_LEN], uint32_t len)
{
	be24_put(bhs + 5, len & 0xffffff);
}

/* CSG and NSG of Login: 0..3 each. */
static inline uint8_t bhs_csg(const uint8_t bhs[BHS_LEN])
{
	return bhs[1] >> 2 & 3;
}

static inline uint8_t bhs_nsg(const uint8_t bhs[BHS_LEN])
{
	return bhs[1] & 3;
}

/* flags: BHS_TRANSIT, BHS_CONTINUE or 0. */
static inline void bhs_set_login_flags(
	uint8_t bhs[BHS_LEN], uint8_t flags, uint8_t csg, uint8_t nsg)
{
	bhs[1] = (uint8_t)(flags | (csg & 3) << 2 | (nsg & 3));
}

static inline void bhs_set_logout_reason(uint8_t bhs[BHS_LEN], enum logout_reason reason)
{
	bhs[1] = (uint8_t)(BHS_FINAL | reason);
}

#define BHS_LUN_LEN 8
#define BHS_ISID_LEN 6

static inline const uint8_t *bhs_lun(const uint8_t bhs[BHS_LEN])
{
	return bhs + 8;
}

static inline void bhs_set_lun(uint8_t bhs[BHS_LEN], const uint8_t lun[BHS_LUN_LEN])
{
	memcpy(bhs + 8, lun, BHS_LUN_LEN);
}

static inline const uint8_t *bhs_cdb(const uint8_t bhs[BHS_LEN])
{
	return bhs + 32;
}

/* Login */
static inline const uint8_t *bhs_isid(const uint8_t bhs[BHS_LEN])
{
	return bhs + 8;
}

static inline void bhs_set_isid(uint8_t bhs[BHS_LEN], const uint8_t isid[BHS_ISID_LEN])
{
	memcpy(bhs + 8, isid, BHS_ISID_LEN);
}

/* For messages; never NULL. */
const char *bhs_opcode_name(uint8_t opcode);
const char *bhs_reject_name(uint8_t reason);

#endif
