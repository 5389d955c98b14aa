/* SPDX-License-Identifier: MIT */
/* kernel-error.c - the kernel's connection errors (ISCSI_ERR_) in words */
#include "kernel.h"

#define FIRST 1001

static const char *const texts[] = {
	[1001 - FIRST] = "the target sent a wrong data sequence number",
	[1002 - FIRST] = "the target sent data beyond the end of the buffer",
	[1003 - FIRST] = "the target sent a wrong MaxCmdSN",
	[1004 - FIRST] = "the target sent a wrong ExpCmdSN",
	[1005 - FIRST] = "the target sent an unknown opcode",
	[1006 - FIRST] = "the target sent a PDU of a wrong length",
	[1007 - FIRST] = "the target sent an additional header where none may be",
	[1008 - FIRST] = "the target broke the protocol",
	[1009 - FIRST] = "the target answered for another LUN",
	[1010 - FIRST] = "the target sent an unknown initiator task tag",
	[1011 - FIRST] = "the connection failed",
	[1012 - FIRST] = "the target sent a wrong R2T number",
	[1013 - FIRST] = "the session failed",
	[1014 - FIRST] = "a header digest was wrong",
	[1015 - FIRST] = "a data digest was wrong",
	[1016 - FIRST] = "a parameter was not found",
	[1017 - FIRST] = "a SCSI command was not found",
	[1018 - FIRST] = "the host adapter is going away",
	[1019 - FIRST] = "sending failed",
	[1020 - FIRST] = "the target closed the TCP connection",
	[1021 - FIRST] = "SCSI error recovery dropped the session",
	[1022 - FIRST] = "the target did not answer a NOP in time",
};

const char *kernel_error_text(int error)
{
	if (error < FIRST || error - FIRST >= (int)(sizeof(texts) / sizeof(texts[0])))
		return "an unknown error";
	return texts[error - FIRST];
}
