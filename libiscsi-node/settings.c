/* SPDX-License-Identifier: MIT */
#include "settings.h"

#include "name.h"
#include "record.h"
#include "str.h"

static const char *const no_yes[] = {"No", "Yes", NULL};
static const char *const startups[] = {"manual", "automatic", "onboot", NULL};
static const char *const auth_methods[] = {"None", "CHAP", NULL};
static const char *const digests[] = {"None", "CRC32C", "CRC32C,None", "None,CRC32C", NULL};
static const char *const scans[] = {"manual", "auto", NULL};
static const char *const chap_algs[] = {"MD5", "SHA1", "SHA256", "SHA3-256", NULL};
/* enum discovery_type; the two kinds of record spell the first one differently. */
static const char *const node_sources[] = {
	"send_targets", "isns", "offload_send_targets", "slp", "static", "fw", NULL};
static const char *const discovery_types[] = {
	"sendtargets", "isns", "offload_send_targets", "slp", "static", "fw", NULL};

#define AT(m) .offset = offsetof(struct RECORD, m)
#define TEXT(k, m, ...)                                              \
	{                                                            \
		.key = k, .type = SETTING_TEXT, AT(m), ##__VA_ARGS__ \
	}
#define NUMBER(k, m, def, ...)                                                        \
	{                                                                             \
		.key = k, .type = SETTING_NUMBER, AT(m), .number = def, ##__VA_ARGS__ \
	}
#define CHOICE(k, m, c, def, ...)                                                     \
	{                                                                             \
		.key = k, .type = SETTING_CHOICE, AT(m), .choices = c, .number = def, \
		##__VA_ARGS__                                                         \
	}
#define SECRET(k, m) TEXT(k, m, .flags = SETTING_SECRET)
#define LENGTH(k, m)                                                             \
	{                                                                        \
		.key = k, .type = SETTING_LENGTH, AT(m), .flags = SETTING_HIDDEN \
	}
#define CHAP_ALGS                                                                          \
	{                                                                                  \
		.key = "node.session.auth.chap_algs", .type = SETTING_LIST, AT(chap_algs), \
		.choices = chap_algs, .text = "MD5"                                        \
	}

#define IFACE(k, m, ...) TEXT("iface." #k, iface.m, .flags = SETTING_IFACE, ##__VA_ARGS__)
#define IFACE_NUMBER(k, b, ...) \
	NUMBER("iface." #k, iface.k, 0, .bits = b, .flags = SETTING_IFACE, ##__VA_ARGS__)
#define OFFLOAD(k, fam) TEXT("iface." #k, iface.offload.k, .flags = SETTING_IFACE | (fam))
#define OFFLOAD_NUMBER(k, b, fam) \
	NUMBER("iface." #k, iface.offload.k, 0, .bits = b, .flags = SETTING_IFACE | (fam))
#define V4 SETTING_IPV4
#define V6 SETTING_IPV6

/* a row is a line */
/* clang-format off */
#define RECORD iscsi_node
static const struct setting node_rows[] = {
	TEXT("node.name", target, .flags = SETTING_FIXED, .fault = iscsi_name_fault),
	NUMBER("node.tpgt", tpgt, -1, .flags = SETTING_FIXED),
	CHOICE("node.startup", startup, startups, STARTUP_MANUAL),
	CHOICE("node.leading_login", leading_login, no_yes, 0),
	TEXT("iface.iscsi_ifacename", iface.name, .flags = SETTING_IFACE | SETTING_FIXED,
		.text = "default", .fault = iscsi_ifacename_fault, .file_rank = 3),
	IFACE(net_ifacename, net_ifacename, .file_rank = 4),
	IFACE(ipaddress, ipaddress, .file_rank = 2),
	IFACE_NUMBER(prefix_len, 8, .file_rank = 7),
	IFACE(hwaddress, hwaddress, .file_rank = 1),
	IFACE(transport_name, transport_name, .text = "tcp"),
	IFACE(initiatorname, initiatorname),
	TEXT("iface.net_netns", iface.net_netns, .flags = SETTING_IFACE,
		.fault = iscsi_ifacename_fault, .late = 4),
	IFACE(state, state),
	IFACE_NUMBER(vlan_id, 16),
	IFACE_NUMBER(vlan_priority, 8),
	IFACE(vlan_state, vlan_state),
	IFACE_NUMBER(iface_num, 0),
	IFACE_NUMBER(mtu, 16),
	IFACE_NUMBER(port, 16),
	TEXT("iface.bootproto", iface.bootproto, .flags = SETTING_IFACE | V4),
	TEXT("iface.subnet_mask", iface.subnet_mask, .flags = SETTING_IFACE | V4, .file_rank = 6),
	TEXT("iface.gateway", iface.gateway, .flags = SETTING_IFACE | V4, .file_rank = 5),
	OFFLOAD(dhcp_alt_client_id_state, V4),
	OFFLOAD(dhcp_alt_client_id, V4),
	OFFLOAD(dhcp_dns, V4),
	OFFLOAD(dhcp_learn_iqn, V4),
	OFFLOAD(dhcp_req_vendor_id_state, V4),
	OFFLOAD(dhcp_vendor_id_state, V4),
	OFFLOAD(dhcp_vendor_id, V4),
	OFFLOAD(dhcp_slp_da, V4),
	OFFLOAD(fragmentation, V4),
	OFFLOAD(gratuitous_arp, V4),
	OFFLOAD(incoming_forwarding, V4),
	OFFLOAD(tos_state, V4),
	OFFLOAD_NUMBER(tos, 8, V4),
	OFFLOAD_NUMBER(ttl, 8, V4),
	OFFLOAD(ipv6_autocfg, V6),
	OFFLOAD(linklocal_autocfg, V6),
	OFFLOAD(router_autocfg, V6),
	OFFLOAD(ipv6_linklocal, V6),
	OFFLOAD(ipv6_router, V6),
	OFFLOAD_NUMBER(dup_addr_detect_cnt, 8, V6),
	OFFLOAD_NUMBER(flow_label, 32, V6),
	OFFLOAD(gratuitous_neighbor_adv, V6),
	OFFLOAD_NUMBER(hop_limit, 8, V6),
	OFFLOAD(mld, V6),
	OFFLOAD_NUMBER(nd_reachable_tmo, 32, V6),
	OFFLOAD_NUMBER(nd_rexmit_time, 32, V6),
	OFFLOAD_NUMBER(nd_stale_tmo, 32, V6),
	OFFLOAD_NUMBER(router_adv_link_mtu, 32, V6),
	OFFLOAD_NUMBER(traffic_class, 8, V6),
	OFFLOAD(delayed_ack, 0),
	OFFLOAD(tcp_nagle, 0),
	OFFLOAD(tcp_wsf_state, 0),
	OFFLOAD_NUMBER(tcp_wsf, 8, 0),
	OFFLOAD_NUMBER(tcp_timer_scale, 8, 0),
	OFFLOAD(tcp_timestamp, 0),
	OFFLOAD(redirect, 0),
	OFFLOAD_NUMBER(def_task_mgmt_timeout, 16, 0),
	OFFLOAD(header_digest, 0),
	OFFLOAD(data_digest, 0),
	OFFLOAD(immediate_data, 0),
	OFFLOAD(initial_r2t, 0),
	OFFLOAD(data_seq_inorder, 0),
	OFFLOAD(data_pdu_inorder, 0),
	OFFLOAD_NUMBER(erl, 8, 0),
	OFFLOAD_NUMBER(max_receive_data_len, 32, 0),
	OFFLOAD_NUMBER(first_burst_len, 32, 0),
	OFFLOAD_NUMBER(max_outstanding_r2t, 16, 0),
	OFFLOAD_NUMBER(max_burst_len, 32, 0),
	OFFLOAD(chap_auth, 0),
	OFFLOAD(bidi_chap, 0),
	OFFLOAD(strict_login_compliance, 0),
	OFFLOAD(discovery_auth, 0),
	OFFLOAD(discovery_logout, 0),
	TEXT("node.discovery_address", discovery_address, .flags = SETTING_FIXED,
		.fault = iscsi_address_fault),
	NUMBER("node.discovery_port", discovery_port, 0, .flags = SETTING_FIXED),
	CHOICE("node.discovery_type", discovery_type, node_sources, DISCOVERY_STATIC,
		.flags = SETTING_FIXED),
	NUMBER("node.session.initial_cmdsn", initial_cmdsn, 0),
	NUMBER("node.session.initial_login_retry_max", initial_login_retry_max, 4),
	NUMBER("node.session.xmit_thread_priority", xmit_thread_priority, -20),
	NUMBER("node.session.cmds_max", cmds_max, 128),
	NUMBER("node.session.queue_depth", queue_depth, 32),
	NUMBER("node.session.nr_sessions", nr_sessions, 1),
	CHOICE("node.session.auth.authmethod", auth.authmethod, auth_methods, AUTH_NONE),
	TEXT("node.session.auth.username", auth.username),
	SECRET("node.session.auth.password", auth.password),
	LENGTH("node.session.auth.password_length", auth.password),
	TEXT("node.session.auth.username_in", auth.username_in),
	SECRET("node.session.auth.password_in", auth.password_in),
	LENGTH("node.session.auth.password_in_length", auth.password_in),
	CHAP_ALGS,
	NUMBER("node.session.timeo.replacement_timeout", replacement_timeout, 120),
	NUMBER("node.session.err_timeo.abort_timeout", abort_timeout, 15),
	NUMBER("node.session.err_timeo.lu_reset_timeout", lu_reset_timeout, 30),
	NUMBER("node.session.err_timeo.tgt_reset_timeout", tgt_reset_timeout, 30),
	NUMBER("node.session.err_timeo.host_reset_timeout", host_reset_timeout, 60),
	CHOICE("node.session.iscsi.FastAbort", fast_abort, no_yes, 1),
	CHOICE("node.session.iscsi.InitialR2T", initial_r2t, no_yes, 0),
	CHOICE("node.session.iscsi.ImmediateData", immediate_data, no_yes, 1),
	NUMBER("node.session.iscsi.FirstBurstLength", first_burst, 262144),
	NUMBER("node.session.iscsi.MaxBurstLength", max_burst, 16776192),
	NUMBER("node.session.iscsi.DefaultTime2Retain", time2retain, 0),
	NUMBER("node.session.iscsi.DefaultTime2Wait", time2wait, 2),
	NUMBER("node.session.iscsi.MaxConnections", max_connections, 1),
	NUMBER("node.session.iscsi.MaxOutstandingR2T", max_outstanding_r2t, 1),
	NUMBER("node.session.iscsi.ERL", erl, 0),
	CHOICE("node.session.scan", scan, scans, SCAN_AUTO),
	NUMBER("node.session.reopen_max", reopen_max, 0),
	NUMBER("node.session.sess_reopen_log_freq", sess_reopen_log_freq, 1, .late = 1),
	TEXT("node.conn[0].address", address, .flags = SETTING_FIXED, .fault = iscsi_address_fault),
	NUMBER("node.conn[0].port", port, ISCSI_PORT_DEFAULT, .flags = SETTING_FIXED),
	CHOICE("node.conn[0].startup", conn_startup, startups, STARTUP_MANUAL),
	NUMBER("node.conn[0].tcp.window_size", window_size, 524288),
	NUMBER("node.conn[0].tcp.type_of_service", type_of_service, 0),
	TEXT("node.conn[0].tcp.congestion_control", congestion_control, .late = 2),
	NUMBER("node.conn[0].timeo.logout_timeout", logout_timeout, 15),
	NUMBER("node.conn[0].timeo.login_timeout", login_timeout, 30),
	NUMBER("node.conn[0].timeo.auth_timeout", auth_timeout, 45),
	NUMBER("node.conn[0].timeo.noop_out_interval", noop_out_interval, 5),
	NUMBER("node.conn[0].timeo.noop_out_timeout", noop_out_timeout, 5),
	NUMBER("node.conn[0].iscsi.MaxXmitDataSegmentLength", max_xmit_data_segment, 0),
	NUMBER("node.conn[0].iscsi.MaxRecvDataSegmentLength", max_recv_data_segment, 262144),
	CHOICE("node.conn[0].iscsi.HeaderDigest", header_digest, digests, NODE_DIGEST_NONE),
	CHOICE("node.conn[0].iscsi.DataDigest", data_digest, digests, NODE_DIGEST_NONE),
	CHOICE("node.conn[0].iscsi.IFMarker", if_marker, no_yes, 0),
	CHOICE("node.conn[0].iscsi.OFMarker", of_marker, no_yes, 0),
};
#undef RECORD

#define RECORD iscsi_discovery
static const struct setting discovery_rows[] = {
	CHOICE("discovery.startup", startup, startups, STARTUP_MANUAL),
	CHOICE("discovery.type", type, discovery_types, DISCOVERY_SEND_TARGETS,
		.flags = SETTING_FIXED),
	TEXT("discovery.sendtargets.address", address, .flags = SETTING_FIXED,
		.fault = iscsi_address_fault),
	NUMBER("discovery.sendtargets.port", port, ISCSI_PORT_DEFAULT, .flags = SETTING_FIXED),
	CHOICE("discovery.sendtargets.auth.authmethod", auth.authmethod, auth_methods, AUTH_NONE),
	TEXT("discovery.sendtargets.auth.username", auth.username),
	SECRET("discovery.sendtargets.auth.password", auth.password),
	LENGTH("discovery.sendtargets.auth.password_length", auth.password),
	TEXT("discovery.sendtargets.auth.username_in", auth.username_in),
	SECRET("discovery.sendtargets.auth.password_in", auth.password_in),
	LENGTH("discovery.sendtargets.auth.password_in_length", auth.password_in),
	CHAP_ALGS,
	NUMBER("discovery.sendtargets.timeo.login_timeout", login_timeout, 15),
	CHOICE("discovery.sendtargets.use_discoveryd", use_discoveryd, no_yes, 0),
	NUMBER("discovery.sendtargets.discoveryd_poll_inval", poll_interval, 30),
	NUMBER("discovery.sendtargets.reopen_max", reopen_max, 5),
	NUMBER("discovery.sendtargets.timeo.auth_timeout", auth_timeout, 45),
	NUMBER("discovery.sendtargets.timeo.active_timeout", active_timeout, 30),
	NUMBER("discovery.sendtargets.iscsi.MaxRecvDataSegmentLength", max_recv_data_segment,
		32768),
};

/* The address has the key of the other kind: open-iscsi's habit. */
static const struct setting isns_rows[] = {
	CHOICE("discovery.startup", startup, startups, STARTUP_MANUAL),
	CHOICE("discovery.type", type, discovery_types, DISCOVERY_ISNS, .flags = SETTING_FIXED),
	TEXT("discovery.sendtargets.address", address, .flags = SETTING_FIXED,
		.fault = iscsi_address_fault),
	NUMBER("discovery.sendtargets.port", port, ISCSI_PORT_ISNS, .flags = SETTING_FIXED),
	CHOICE("discovery.isns.use_discoveryd", use_discoveryd, no_yes, 0),
	NUMBER("discovery.isns.discoveryd_poll_inval", poll_interval, -1),
};
#undef RECORD
/* clang-format on */

#define N(rows) (sizeof(rows) / sizeof((rows)[0]))
#define FIRST_IFACE_ROW 4
#define N_IFACE_ROWS 71

const struct settings node_settings = {node_rows, N(node_rows), true};
const struct settings iface_settings = {node_rows + FIRST_IFACE_ROW, N_IFACE_ROWS, false};
const struct settings discovery_settings = {discovery_rows, N(discovery_rows), false};
const struct settings isns_settings = {isns_rows, N(isns_rows), false};

const struct setting *settings_find_next(const struct settings *s, const char *key, size_t *at)
{
	for (size_t n = 0; n < s->n; n++) {
		size_t i = (*at + n) % s->n;

		if (str_eq(s->rows[i].key, key)) {
			*at = i + 1;
			return &s->rows[i];
		}
	}
	return NULL;
}

bool iscsi_key_is_secret(const char *key)
{
	static const struct settings *const kinds[] = {
		&node_settings, &discovery_settings, &isns_settings};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct setting *s = settings_find(kinds[i], key);

		if (s && s->flags & SETTING_SECRET)
			return true;
	}
	return false;
}

const struct setting *settings_find(const struct settings *s, const char *key)
{
	size_t at = 0;

	return settings_find_next(s, key, &at);
}
