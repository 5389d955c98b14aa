/* SPDX-License-Identifier: MIT */
/*
 * The commands, one row each, by opcode and service action. The last column is the CDB as REPORT
 * SUPPORTED OPERATION CODES describes it: a bit is set where the command looks at it.
 */
#include "scsi-impl.h"

#define ANY4 0xff, 0xff, 0xff, 0xff
#define NO4 0, 0, 0, 0
#define FREE (NO_ATTENTION | CONTROLLER | UNRESERVED)

#define ANY8 ANY4, ANY4
#define READ_BLOCKS (MEDIUM | BLOCKS | READS)
#define WRITE_BLOCKS (MEDIUM | BLOCKS | WRITES | CHANGES_MEDIUM)
#define ANY_TYPE (CONTROLLER | UNRESERVED)
#define OUT_PR OUT_LIST32_5

const struct scsi_command scsi_commands[] = {
	{0x00, -1, CONTROLLER, OUT_NONE, scsi_test_unit_ready, {0x00}},
	{0x03, -1, FREE | ANY_LUN, OUT_NONE, scsi_request_sense, {0x03, 1, 0, 0, 0xff}},
	{0x08, -1, READ_BLOCKS, OUT_NONE, scsi_read, {0x08, 0x1f, 0xff, 0xff, 0xff}},
	{0x0a, -1, WRITE_BLOCKS, OUT_BLOCKS, scsi_write, {0x0a, 0x1f, 0xff, 0xff, 0xff}},
	{0x12, -1, FREE | ANY_LUN, OUT_NONE, scsi_inquiry, {0x12, 1, 0xff, 0xff, 0xff}},
	{0x15, -1, CONTROLLER | WRITES, OUT_LIST8, scsi_mode_select, {0x15, 0x10, 0, 0, 0xff}},
	{0x16, -1, 0, OUT_NONE, scsi_reserve, {0x16}},
	{0x17, -1, UNRESERVED, OUT_NONE, scsi_release, {0x17}},
	{0x1a, -1, CONTROLLER, OUT_NONE, scsi_mode_sense, {0x1a, 0x08, 0xff, 0xff, 0xff}},
	{0x1b, -1, CONTROLLER | WRITES | ALONE, OUT_NONE, scsi_start_stop, {0x1b, 1, 0, 0x0f, 0xf7}},
	{0x1d, -1, CONTROLLER | WRITES, OUT_NONE, scsi_send_diagnostic, {0x1d, 0x04}},
	{0x1e, -1, REMOVABLE, OUT_NONE, scsi_prevent_removal, {0x1e, 0, 0, 0, 0x01}},
	{0x25, -1, MEDIUM | UNRESERVED, OUT_NONE, scsi_read_capacity_10,
		{0x25, 0, ANY4, 0, 0, 0x01}},
	{0x28, -1, READ_BLOCKS, OUT_NONE, scsi_read, {0x28, 0x18, ANY4, 0x3f, 0xff, 0xff}},
	{0x2a, -1, WRITE_BLOCKS, OUT_BLOCKS, scsi_write, {0x2a, 0x18, ANY4, 0x3f, 0xff, 0xff}},
	{0x2e, -1, WRITE_BLOCKS, OUT_BLOCKS, scsi_write_verify,
		{0x2e, 0x16, ANY4, 0x3f, 0xff, 0xff}},
	{0x2f, -1, READ_BLOCKS, OUT_BYTCHK, scsi_verify, {0x2f, 0x16, ANY4, 0x3f, 0xff, 0xff}},
	{0x34, -1, READ_BLOCKS, OUT_NONE, scsi_prefetch, {0x34, 0x02, ANY4, 0x3f, 0xff, 0xff}},
	{0x35, -1, MEDIUM | BLOCKS | WRITES, OUT_NONE, scsi_synchronize_cache,
		{0x35, 0x06, ANY4, 0x3f, 0xff, 0xff}},
	{0x37, -1, MEDIUM, OUT_NONE, scsi_read_defects_10, {0x37, 0, 0x1f, NO4, 0xff, 0xff}},
	{0x41, -1, WRITE_BLOCKS, OUT_PATTERN, scsi_write_same,
		{0x41, 0x08, ANY4, 0x3f, 0xff, 0xff}},
	{0x42, -1, MEDIUM | WRITES | CHANGES_MEDIUM | THIN, OUT_LIST16, scsi_unmap,
		{0x42, 0, NO4, 0x3f, 0xff, 0xff}},
	{0x55, -1, CONTROLLER | WRITES, OUT_LIST16, scsi_mode_select,
		{0x55, 0x10, NO4, 0, 0xff, 0xff}},
	{0x5a, -1, CONTROLLER, OUT_NONE, scsi_mode_sense,
		{0x5a, 0x18, 0xff, 0xff, 0, 0, 0, 0xff, 0xff}},
	{0x5e, 0x00, 0, OUT_NONE, scsi_read_keys, {0x5e, 0x00, NO4, 0, 0xff, 0xff}},
	{0x5e, 0x01, 0, OUT_NONE, scsi_read_reservation, {0x5e, 0x01, NO4, 0, 0xff, 0xff}},
	{0x5e, 0x02, 0, OUT_NONE, scsi_report_capabilities, {0x5e, 0x02, NO4, 0, 0xff, 0xff}},
	{0x5e, 0x03, 0, OUT_NONE, scsi_read_full_status, {0x5e, 0x03, NO4, 0, 0xff, 0xff}},
	{0x5f, 0x00, 0, OUT_PR, scsi_register, {0x5f, 0x00, 0xff, 0, 0, ANY4}},
	{0x5f, 0x01, 0, OUT_PR, scsi_persistent_reserve, {0x5f, 0x01, 0xff, 0, 0, ANY4}},
	{0x5f, 0x02, 0, OUT_PR, scsi_persistent_release, {0x5f, 0x02, 0xff, 0, 0, ANY4}},
	{0x5f, 0x03, 0, OUT_PR, scsi_persistent_clear, {0x5f, 0x03, 0xff, 0, 0, ANY4}},
	{0x5f, 0x04, 0, OUT_PR, scsi_preempt, {0x5f, 0x04, 0xff, 0, 0, ANY4}},
	{0x5f, 0x05, 0, OUT_PR, scsi_preempt_abort, {0x5f, 0x05, 0xff, 0, 0, ANY4}},
	{0x5f, 0x06, 0, OUT_PR, scsi_register_ignore, {0x5f, 0x06, 0xff, 0, 0, ANY4}},
	{0x88, -1, READ_BLOCKS, OUT_NONE, scsi_read, {0x88, 0x18, ANY8, ANY4, 0x3f}},
	{0x89, -1, WRITE_BLOCKS | READS | ALONE, OUT_TWICE, scsi_compare_write,
		{0x89, 0x18, ANY8, 0, 0, 0, 0xff, 0x3f}},
	{0x8a, -1, WRITE_BLOCKS, OUT_BLOCKS, scsi_write, {0x8a, 0x18, ANY8, ANY4, 0x3f}},
	{0x8b, -1, WRITE_BLOCKS | READS | ALONE, OUT_BLOCKS, scsi_orwrite,
		{0x8b, 0x18, ANY8, ANY4, 0x3f}},
	{0x8e, -1, WRITE_BLOCKS, OUT_BLOCKS, scsi_write_verify, {0x8e, 0x16, ANY8, ANY4, 0x3f}},
	{0x8f, -1, READ_BLOCKS, OUT_BYTCHK, scsi_verify, {0x8f, 0x16, ANY8, ANY4, 0x3f}},
	{0x90, -1, READ_BLOCKS, OUT_NONE, scsi_prefetch, {0x90, 0x02, ANY8, ANY4, 0x3f}},
	{0x91, -1, MEDIUM | BLOCKS | WRITES, OUT_NONE, scsi_synchronize_cache,
		{0x91, 0x06, ANY8, ANY4, 0x3f}},
	{0x93, -1, WRITE_BLOCKS, OUT_PATTERN, scsi_write_same, {0x93, 0x09, ANY8, ANY4, 0x3f}},
	{0x9c, -1, WRITE_BLOCKS | ALONE, OUT_BLOCKS, scsi_write_atomic,
		{0x9c, 0x18, ANY8, ANY4, 0x3f}},
	{0x9e, 0x10, MEDIUM | UNRESERVED, OUT_NONE, scsi_read_capacity_16,
		{0x9e, 0x10, ANY8, ANY4, 0x01}},
	{0x9e, 0x12, READ_BLOCKS, OUT_NONE, scsi_get_lba_status, {0x9e, 0x12, ANY8, ANY4}},
	{0xa0, -1, FREE | ANY_LUN, OUT_NONE, scsi_report_luns, {0xa0, 0, 0xff, 0, 0, 0, ANY4}},
	{0xa3, 0x0c, ANY_TYPE, OUT_NONE, scsi_report_opcodes,
		{0xa3, 0x0c, 0x87, 0xff, 0xff, 0xff, ANY4}},
	{0xa3, 0x0d, ANY_TYPE, OUT_NONE, scsi_report_tmf, {0xa3, 0x0d, NO4, ANY4}},
	{0xa8, -1, READ_BLOCKS, OUT_NONE, scsi_read, {0xa8, 0x18, ANY4, ANY4, 0x3f}},
	{0xaa, -1, WRITE_BLOCKS, OUT_BLOCKS, scsi_write, {0xaa, 0x18, ANY4, ANY4, 0x3f}},
	{0xae, -1, WRITE_BLOCKS, OUT_BLOCKS, scsi_write_verify, {0xae, 0x16, ANY4, ANY4, 0x3f}},
	{0xaf, -1, READ_BLOCKS, OUT_BYTCHK, scsi_verify, {0xaf, 0x16, ANY4, ANY4, 0x3f}},
	{0xb7, -1, MEDIUM, OUT_NONE, scsi_read_defects_12, {0xb7, 0x1f, ANY4, ANY4}},
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
