/* SPDX-License-Identifier: MIT */
#include "params.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "str.h"

/* ---- the offer ---- */

static uint32_t in_range(int value, uint32_t min, uint32_t max, uint32_t otherwise)
{
	return value < 0 || (uint32_t)value < min || (uint32_t)value > max ? otherwise
									    : (uint32_t)value;
}

/* The kernel wants a power of two. */
static uint32_t power_of_two_below(uint32_t v)
{
	while (v & (v - 1))
		v &= v - 1;
	return v;
}

#define SEGMENT_MIN 512u
#define SEGMENT_MAX 16777215u

void params_offer(const struct iscsi_node *n, struct login_params *ret)
{
	*ret = (struct login_params){
		.header_digest = (enum login_digest)n->header_digest,
		.data_digest = (enum login_digest)n->data_digest,
		.initial_r2t = n->initial_r2t,
		.immediate_data = n->immediate_data,
		.data_pdu_in_order = true,
		.data_sequence_in_order = true,
		.max_recv_data_segment =
			in_range(n->max_recv_data_segment, SEGMENT_MIN, SEGMENT_MAX, 262144) & ~3u,
		.max_burst = in_range(n->max_burst, SEGMENT_MIN, SEGMENT_MAX, 16776192) & ~3u,
		.first_burst = in_range(n->first_burst, SEGMENT_MIN, SEGMENT_MAX, 262144) & ~3u,
		.max_outstanding_r2t =
			power_of_two_below(in_range(n->max_outstanding_r2t, 1, 65535, 1)),
		.time2wait = in_range(n->time2wait, 0, 3600, 2),
		.time2retain = in_range(n->time2retain, 0, 3600, 0),
		.error_recovery_level = 0,
	};
	if (ret->first_burst > ret->max_burst)
		ret->first_burst = ret->max_burst;
}

/* ---- the kernel's parameters ---- */

enum value_kind {
	NODE_STRING, /* left out when empty */
	NODE_INT,
	NODE_SECONDS, /* at least 0 */
	LOGIN_U32,
	LOGIN_BOOL,
	LOGIN_DIGEST,
	SPECIAL,
};

struct param_row {
	enum kernel_param_number number;
	enum value_kind kind;
	size_t offset;
	void (*format)(const struct params_source *from, char *ret, size_t len); /* SPECIAL */
	bool live; /* can be changed while the connection is up */
};

#define NODE(member) offsetof(struct iscsi_node, member)
#define LOGIN(member) offsetof(struct login_result, member)

static void format_initiator(const struct params_source *from, char *ret, size_t len)
{
	snprintf(ret, len, "%s", from->initiator_name);
}

static void format_iface(const struct params_source *from, char *ret, size_t len)
{
	snprintf(ret, len, "%s", from->node->iface.name ? from->node->iface.name : "default");
}

/* What the target says in the login is true; a record may not know it. */
static void format_tpgt(const struct params_source *from, char *ret, size_t len)
{
	snprintf(ret, len, "%d", from->login->tpgt >= 0 ? from->login->tpgt : from->node->tpgt);
}

static void format_max_xmit(const struct params_source *from, char *ret, size_t len)
{
	uint32_t max = from->login->params.max_xmit_data_segment;

	if (from->node->max_xmit_data_segment > 0 &&
		(uint32_t)from->node->max_xmit_data_segment < max)
		max = (uint32_t)from->node->max_xmit_data_segment;
	snprintf(ret, len, "%u", max);
}

static void format_recovery(const struct params_source *from, char *ret, size_t len)
{
	int seconds = from->node->replacement_timeout;

	snprintf(ret, len, "%d", seconds < 0 ? -1 : seconds);
}

#define NOOP_DEFAULT 5 /* seconds: where only one of the two is set */

static void format_noop(int own, int other, char *ret, size_t len)
{
	int seconds = own > 0 ? own : other > 0 ? NOOP_DEFAULT : 0;

	snprintf(ret, len, "%d", seconds);
}

static void format_noop_timeout(const struct params_source *from, char *ret, size_t len)
{
	format_noop(from->node->noop_out_timeout, from->node->noop_out_interval, ret, len);
}

static void format_noop_interval(const struct params_source *from, char *ret, size_t len)
{
	format_noop(from->node->noop_out_interval, from->node->noop_out_timeout, ret, len);
}

static const struct param_row rows[] = {
	{PARAM_TARGET_NAME, NODE_STRING, NODE(target), NULL, false},
	{PARAM_PERSISTENT_ADDRESS, NODE_STRING, NODE(address), NULL, false},
	{PARAM_PERSISTENT_PORT, NODE_INT, NODE(port), NULL, false},
	{PARAM_INITIATOR_NAME, SPECIAL, 0, format_initiator, false},
	{PARAM_IFACE_NAME, SPECIAL, 0, format_iface, false},
	{PARAM_TPGT, SPECIAL, 0, format_tpgt, false},
	{PARAM_USERNAME, NODE_STRING, NODE(auth.username), NULL, false},
	{PARAM_PASSWORD, NODE_STRING, NODE(auth.password), NULL, false},
	{PARAM_USERNAME_IN, NODE_STRING, NODE(auth.username_in), NULL, false},
	{PARAM_PASSWORD_IN, NODE_STRING, NODE(auth.password_in), NULL, false},
	{PARAM_SESS_RECOVERY_TMO, SPECIAL, 0, format_recovery, true},
	{PARAM_FAST_ABORT, NODE_INT, NODE(fast_abort), NULL, true},
	{PARAM_ABORT_TMO, NODE_SECONDS, NODE(abort_timeout), NULL, true},
	{PARAM_LU_RESET_TMO, NODE_SECONDS, NODE(lu_reset_timeout), NULL, true},
	{PARAM_TGT_RESET_TMO, NODE_SECONDS, NODE(tgt_reset_timeout), NULL, true},
	{PARAM_PING_TMO, SPECIAL, 0, format_noop_timeout, true},
	{PARAM_RECV_TMO, SPECIAL, 0, format_noop_interval, true},
	{PARAM_MAX_RECV_DLENGTH, LOGIN_U32, LOGIN(params.max_recv_data_segment), NULL, false},
	{PARAM_MAX_XMIT_DLENGTH, SPECIAL, 0, format_max_xmit, false},
	{PARAM_HDRDGST_EN, LOGIN_DIGEST, LOGIN(params.header_digest), NULL, false},
	{PARAM_DATADGST_EN, LOGIN_DIGEST, LOGIN(params.data_digest), NULL, false},
	{PARAM_INITIAL_R2T_EN, LOGIN_BOOL, LOGIN(params.initial_r2t), NULL, false},
	{PARAM_MAX_R2T, LOGIN_U32, LOGIN(params.max_outstanding_r2t), NULL, false},
	{PARAM_IMM_DATA_EN, LOGIN_BOOL, LOGIN(params.immediate_data), NULL, false},
	{PARAM_FIRST_BURST, LOGIN_U32, LOGIN(params.first_burst), NULL, false},
	{PARAM_MAX_BURST, LOGIN_U32, LOGIN(params.max_burst), NULL, false},
	{PARAM_PDU_INORDER_EN, LOGIN_BOOL, LOGIN(params.data_pdu_in_order), NULL, false},
	{PARAM_DATASEQ_INORDER_EN, LOGIN_BOOL, LOGIN(params.data_sequence_in_order), NULL, false},
	{PARAM_ERL, LOGIN_U32, LOGIN(params.error_recovery_level), NULL, false},
	{PARAM_EXP_STATSN, LOGIN_U32, LOGIN(exp_statsn), NULL, false},
};
_Static_assert(sizeof(rows) / sizeof(rows[0]) <= KERNEL_PARAMS_MAX, "room for every row");

/* The value as text; an empty one is left out. */
static int format(const struct param_row *row, const struct params_source *from, char *ret,
	size_t len)
{
	const void *node = (const char *)from->node + row->offset;
	const void *login = (const char *)from->login + row->offset;
	int n = 0;

	switch (row->kind) {
	case NODE_STRING:
		n = snprintf(ret, len, "%s", *(char *const *)node ? *(char *const *)node : "");
		break;
	case NODE_INT:
		n = snprintf(ret, len, "%d", *(const int *)node);
		break;
	case NODE_SECONDS:
		n = snprintf(ret, len, "%d", *(const int *)node < 0 ? 0 : *(const int *)node);
		break;
	case LOGIN_U32:
		n = snprintf(ret, len, "%u", *(const uint32_t *)login);
		break;
	case LOGIN_BOOL:
		n = snprintf(ret, len, "%d", *(const bool *)login);
		break;
	case LOGIN_DIGEST:
		n = snprintf(ret, len, "%d", *(const enum login_digest *)login == DIGEST_CRC32C);
		break;
	case SPECIAL:
		row->format(from, ret, len);
		break;
	}
	return (size_t)n < len ? 0 : -ENAMETOOLONG;
}

static int collect(const struct params_source *from, bool live, struct kernel_params *ret)
{
	ret->n = 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct kernel_param *p = &ret->items[ret->n];
		int r;

		if (live && !rows[i].live)
			continue;
		r = format(&rows[i], from, p->value, sizeof(p->value));
		if (r) {
			params_wipe(ret);
			return r;
		}
		p->number = rows[i].number;
		if (p->value[0])
			ret->n++;
	}
	return 0;
}

int params_kernel(const struct params_source *from, struct kernel_params *ret)
{
	return collect(from, false, ret);
}

void params_live(const struct iscsi_node *n, struct kernel_params *ret)
{
	static const struct login_result none;

	/* Numbers: there is room for each. */
	collect(&(struct params_source){.node = n, .login = &none}, true, ret);
}

void params_wipe(struct kernel_params *p)
{
	str_wipe(p, sizeof(*p));
}
