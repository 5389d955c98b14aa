/* SPDX-License-Identifier: MIT */
/*
 * record.h - a record as a struct. Every member has one row in settings.c, which holds its key,
 * type, choices and default; strings are NULL when empty and belong to the record.
 */
#ifndef NODE_RECORD_H
#define NODE_RECORD_H

#include "iscsi-node.h"
#include "settings.h"

enum node_startup { STARTUP_MANUAL, STARTUP_AUTOMATIC, STARTUP_ONBOOT };
enum auth_method { AUTH_NONE, AUTH_CHAP };
enum node_digest {
	NODE_DIGEST_NONE,
	NODE_DIGEST_CRC32C,
	NODE_DIGEST_CRC32C_NONE,
	NODE_DIGEST_NONE_CRC32C
};
enum node_scan { SCAN_MANUAL, SCAN_AUTO };
enum discovery_type {
	DISCOVERY_SEND_TARGETS,
	DISCOVERY_ISNS,
	DISCOVERY_OFFLOAD_SEND_TARGETS,
	DISCOVERY_SLP,
	DISCOVERY_STATIC,
	DISCOVERY_FW
};

struct auth_settings {
	int authmethod; /* enum auth_method; kept, but a password alone decides (see login.h) */
	char *username, *password, *username_in, *password_in;
};

struct iface_settings {
	char *name, *net_ifacename, *ipaddress, *hwaddress, *transport_name, *initiatorname;
	char *net_netns; /* our own: the network namespace of the socket */
	char *state;
	int prefix_len, vlan_id, vlan_priority, iface_num, mtu, port;
	char *vlan_state, *bootproto, *subnet_mask, *gateway;
	/* What only offload adapters use, family and order as in settings.c. */
	struct iface_offload {
		char *dhcp_alt_client_id_state, *dhcp_alt_client_id, *dhcp_dns, *dhcp_learn_iqn,
			*dhcp_req_vendor_id_state, *dhcp_vendor_id_state, *dhcp_vendor_id,
			*dhcp_slp_da, *fragmentation, *gratuitous_arp, *incoming_forwarding,
			*tos_state;
		int tos, ttl;
		char *ipv6_autocfg, *linklocal_autocfg, *router_autocfg, *ipv6_linklocal,
			*ipv6_router;
		int dup_addr_detect_cnt, flow_label;
		char *gratuitous_neighbor_adv;
		int hop_limit;
		char *mld;
		int nd_reachable_tmo, nd_rexmit_time, nd_stale_tmo, router_adv_link_mtu,
			traffic_class;
		char *delayed_ack, *tcp_nagle, *tcp_wsf_state;
		int tcp_wsf, tcp_timer_scale;
		char *tcp_timestamp, *redirect;
		int def_task_mgmt_timeout;
		char *header_digest, *data_digest, *immediate_data, *initial_r2t, *data_seq_inorder,
			*data_pdu_inorder;
		int erl, max_receive_data_len, first_burst_len, max_outstanding_r2t, max_burst_len;
		char *chap_auth, *bidi_chap, *strict_login_compliance, *discovery_auth,
			*discovery_logout;
	} offload;
};

/* A line that this version has no row for, or whose value it does not know: it is written back. */
struct unknown_setting {
	char *key, *value;
};

/* What every kind of record begins with. */
struct record {
	const struct settings *settings; /* its rows */
	unsigned int stated;		 /* late rows that the record's file states */
	struct unknown_setting *unknown;
	size_t n_unknown;
	char text[32]; /* of the number that record_get returned last */
};

struct iscsi_node {
	struct record record;
	char *target; /* node.name */
	int tpgt;     /* -1: unknown */
	int startup;  /* enum node_startup */
	int leading_login;
	struct iface_settings iface;
	char *discovery_address;
	int discovery_port, discovery_type; /* enum discovery_type */

	/* node.session. */
	int initial_cmdsn, initial_login_retry_max, xmit_thread_priority, cmds_max, queue_depth,
		nr_sessions;
	struct auth_settings auth;
	char *chap_algs;	 /* "SHA256,MD5": names in order of preference */
	int replacement_timeout; /* seconds */
	int abort_timeout, lu_reset_timeout, tgt_reset_timeout, host_reset_timeout; /* seconds */
	int fast_abort, initial_r2t, immediate_data;				    /* 0 or 1 */
	int first_burst, max_burst;						    /* bytes */
	int time2retain, time2wait;						    /* seconds */
	int max_connections, max_outstanding_r2t, erl;
	int scan; /* enum node_scan */
	int reopen_max, sess_reopen_log_freq;

	/* node.conn[0]. */
	char *address;
	int port;
	int conn_startup; /* enum node_startup */
	int window_size, type_of_service;
	char *congestion_control;
	int logout_timeout, login_timeout, auth_timeout, noop_out_interval,
		noop_out_timeout;			  /* s */
	int max_xmit_data_segment, max_recv_data_segment; /* bytes */
	int header_digest, data_digest;			  /* enum node_digest */
	int if_marker, of_marker;
};

struct iscsi_discovery { /* of SendTargets; of iSNS the first four and the polling */
	struct record record;
	int startup, type; /* enum node_startup, discovery_type */
	char *address;
	int port;
	struct auth_settings auth;
	char *chap_algs;
	int login_timeout; /* seconds */
	int use_discoveryd, poll_interval, reopen_max;
	int auth_timeout, active_timeout; /* seconds */
	int max_recv_data_segment;	  /* bytes */
};

/* The built-in defaults. On -ENOMEM r is to be released all the same. */
int record_init(struct record *r, const struct settings *settings);
/* Back to the built-in defaults, the rows that have one of these flags (0: all). */
int record_reset(struct record *r, unsigned int only);
void record_release(struct record *r); /* wipes and frees what r owns, not r itself */

const char *record_get(struct record *r, const char *key);
enum iscsi_set_result record_set(struct record *r, const char *key, const char *value);
/* The same for who has the row, and a value without blanks around it. */
enum iscsi_set_result record_set_row(
	struct record *r, const struct setting *s, const char *value);
bool record_is_default(const struct record *r, const struct setting *s);
/* Keeps a line that r has no place for. -E2BIG: there are too many. */
int record_keep(struct record *r, const char *key, const char *value);
int record_each(struct record *r,
	int (*each)(void *data, const char *key, const char *value, bool secret), void *data);

/* What goes into the file, in the file's order; empty values do not. */
int record_each_stored(
	struct record *r, int (*each)(void *data, const char *key, const char *value), void *data);

/* Whether the IPv6 keys of an interface's settings are the ones that count. */
bool iface_is_ipv6(const struct iface_settings *iface);

/* ---- text ---- */

enum line {
	LINE_NONE,
	LINE_SETTING,
	LINE_NO_KEY,
	LINE_NO_EQUALS,
	LINE_NO_VALUE,
	LINE_BINARY
};

/*
 * The next line of text up to end, cut into key and value in place; *pos is moved behind it.
 * *ret_key is set for all but LINE_NONE (a blank line, a comment), LINE_NO_KEY and
 * LINE_BINARY.
 */
enum line line_read(char **pos, char *end, char **ret_key, char **ret_value);

struct parse {
	bool record;	   /* a record's own file: keep what is unknown, note what is stated */
	unsigned int only; /* rows that have one of these flags; 0: all */
	/* For db_parse_file: no warnings; where the text is to be left as it was, NULL: nowhere. */
	bool quiet;
	struct buf *text;
	/* What is wrong with a line; may be NULL. */
	void (*warn)(void *data, unsigned int line, const char *text);
	void *data;
};

/* Takes over the settings of text (which is cut up). The number of lines used, or -ENOMEM. */
int record_parse(struct record *r, char *text, size_t len, const struct parse *p);

/* The file of the record; *ret is the caller's to wipe and free. */
int record_format(struct record *r, char **ret, size_t *ret_len);

#endif
