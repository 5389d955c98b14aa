/* SPDX-License-Identifier: MIT */
/*
 * The commands, one row each, by opcode and service action. The last column is the CDB as REPORT
 * SUPPORTED OPERATION CODES describes it: a bit is set where the command looks at it.
 */
#include "scsi-impl.h"

#define ANY4 0xff, 0xff, 0xff, 0xff
#define NO4 0, 0, 0, 0
#define FREE (NO_ATTENTION | CONTROLLER | UNRESERVED)

const struct scsi_command scsi_commands[] = {
	{0x00, -1, CONTROLLER, OUT_NONE, scsi_test_unit_ready, {0x00, NO4, 0x04}},
	{0x03, -1, FREE | ANY_LUN, OUT_NONE, scsi_request_sense, {0x03, 1, 0, 0, 0xff, 0x04}},
	{0x08, -1, MEDIUM | BLOCKS | READS, OUT_NONE, scsi_read, {0x08, 0x1f, 0xff, 0xff, 0xff, 4}},
	{0x0a, -1, MEDIUM | BLOCKS | WRITES | CHANGES_MEDIUM, OUT_BLOCKS, scsi_write,
		{0x0a, 0x1f, 0xff, 0xff, 0xff, 4}},
	{0x12, -1, FREE | ANY_LUN, OUT_NONE, scsi_inquiry, {0x12, 1, 0xff, 0xff, 0xff, 4}},
	{0x25, -1, MEDIUM | UNRESERVED, OUT_NONE, scsi_read_capacity_10,
		{0x25, 0, ANY4, 0, 0, 0x01, 4}},
	{0x28, -1, MEDIUM | BLOCKS | READS, OUT_NONE, scsi_read,
		{0x28, 0x1a, ANY4, 0x3f, 0xff, 0xff, 4}},
	{0x2a, -1, MEDIUM | BLOCKS | WRITES | CHANGES_MEDIUM, OUT_BLOCKS, scsi_write,
		{0x2a, 0x1a, ANY4, 0x3f, 0xff, 0xff, 4}},
	{0x88, -1, MEDIUM | BLOCKS | READS, OUT_NONE, scsi_read,
		{0x88, 0x1a, ANY4, ANY4, ANY4, 0x3f, 4}},
	{0x8a, -1, MEDIUM | BLOCKS | WRITES | CHANGES_MEDIUM, OUT_BLOCKS, scsi_write,
		{0x8a, 0x1a, ANY4, ANY4, ANY4, 0x3f, 4}},
	{0x9e, 0x10, MEDIUM | UNRESERVED, OUT_NONE, scsi_read_capacity_16,
		{0x9e, 0x10, ANY4, ANY4, ANY4, 0x01, 4}},
	{0xa0, -1, FREE | ANY_LUN, OUT_NONE, scsi_report_luns, {0xa0, 0, 0xff, 0, 0, 0, ANY4, 0, 4}},
	{0xa8, -1, MEDIUM | BLOCKS | READS, OUT_NONE, scsi_read,
		{0xa8, 0x1a, ANY4, ANY4, 0x3f, 4}},
	{0xaa, -1, MEDIUM | BLOCKS | WRITES | CHANGES_MEDIUM, OUT_BLOCKS, scsi_write,
		{0xaa, 0x1a, ANY4, ANY4, 0x3f, 4}},
};
const unsigned int scsi_command_count = sizeof(scsi_commands) / sizeof(*scsi_commands);

unsigned int scsi_cdb_len(uint8_t opcode)
{
	static const uint8_t by_group[8] = {6, 10, 10, 16, 16, 12, 16, 16};

	return by_group[opcode >> 5];
}

bool scsi_command_has_action(const struct scsi_command *c)
{
	return c->action >= 0;
}

const struct scsi_command *scsi_command_find(const uint8_t *cdb, bool *ret_opcode_known)
{
	static uint8_t first[256]; /* index + 1 of an opcode's first row */

	if (!first[scsi_commands[0].opcode])
		for (unsigned int i = scsi_command_count; i--;)
			first[scsi_commands[i].opcode] = (uint8_t)(i + 1);
	*ret_opcode_known = first[cdb[0]] != 0;
	if (!*ret_opcode_known)
		return NULL;
	for (unsigned int i = first[cdb[0]] - 1u;
		i < scsi_command_count && scsi_commands[i].opcode == cdb[0]; i++)
		if (scsi_commands[i].action < 0 || scsi_commands[i].action == (cdb[1] & 0x1f))
			return &scsi_commands[i];
	return NULL;
}

bool scsi_command_there(const struct scsi_command *c, const struct lu *lu)
{
	if (lu->type == LU_CONTROLLER)
		return c->flags & CONTROLLER;
	if (c->flags & THIN && !lu->thin)
		return false;
	return !(c->flags & REMOVABLE) || lu->removable;
}
