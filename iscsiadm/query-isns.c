/* SPDX-License-Identifier: MIT */
/*
 * iSNS (RFC 4171), by open-isns: the names of all targets that the server shows to us, then the
 * portal groups of each. open-isns waits as long as its network timeout says and prints what its
 * connections suffer.
 */
#include "query.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libisns/attrs.h>
#include <libisns/isns.h>
#include <libisns/util.h>

#include "cleanup.h"
#include "lazy.h"
#include "log.h"
#include "str.h"

#define TARGETS_MAX 100000u

struct ask {
	const struct query *query;
	isns_client_t *client;
};

/* Objects with these attributes that match the key, which is consumed. */
static int call(struct ask *a, isns_attr_list_t *key, const uint32_t *tags, isns_object_list_t *ret)
{
	isns_simple_t *q = isns_create_query(a->client, key);
	int status = q ? ISNS_SUCCESS : ISNS_INTERNAL_ERROR;

	for (; q && *tags; tags++)
		isns_query_request_attr_tag(q, *tags);
	if (q)
		status = isns_client_call(a->client, &q);
	/* A call that failed has taken the query with it. */
	if (status == ISNS_SUCCESS) {
		status = isns_query_response_get_objects(q, ret);
		isns_simple_free(q);
	}
	isns_attr_list_destroy(key);
	return status;
}

/* An IPv4 address comes inside an IPv6 one, in either of the two forms. */
static void format_address(const struct in6_addr *ip, char ret[static INET6_ADDRSTRLEN])
{
	if (IN6_IS_ADDR_V4MAPPED(ip) || IN6_IS_ADDR_V4COMPAT(ip))
		inet_ntop(AF_INET, &ip->s6_addr[12], ret, INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET6, ip, ret, INET6_ADDRSTRLEN);
}

static void found(struct ask *a, const char *target, const isns_object_t *group)
{
	char address[INET6_ADDRSTRLEN];
	struct iscsi_portal p = {.tpgt = -1};
	uint32_t port, tag;
	struct in6_addr ip;

	if (!isns_object_get_ipaddr(group, ISNS_TAG_PG_PORTAL_IP_ADDR, &ip) ||
		!isns_object_get_uint32(group, ISNS_TAG_PG_PORTAL_TCP_UDP_PORT, &port))
		return;
	/* Bit 16 means UDP, which iSCSI does not use. */
	if (port & 0x10000 || !(port & 0xffff))
		return;
	format_address(&ip, address);
	snprintf(p.address, sizeof(p.address), "%s", address);
	p.port = (int)(port & 0xffff);
	if (isns_object_get_uint32(group, ISNS_TAG_PG_TAG, &tag) && tag <= UINT16_MAX)
		p.tpgt = (int)tag;
	a->query->found(a->query->data, target, &p);
}

static int ask_portals(struct ask *a, const char *target)
{
	static const uint32_t tags[] = {ISNS_TAG_PG_ISCSI_NAME, ISNS_TAG_PG_PORTAL_IP_ADDR,
		ISNS_TAG_PG_PORTAL_TCP_UDP_PORT, ISNS_TAG_PG_TAG, 0};
	isns_object_list_t groups = ISNS_OBJECT_LIST_INIT;
	isns_attr_list_t key = ISNS_ATTR_LIST_INIT;
	int status;

	isns_attr_list_append_string(&key, ISNS_TAG_PG_ISCSI_NAME, target);
	status = call(a, &key, tags, &groups);
	for (unsigned int i = 0; status == ISNS_SUCCESS && i < groups.iol_count; i++)
		if (isns_object_is_pg(groups.iol_data[i]))
			found(a, target, groups.iol_data[i]);
	isns_object_list_destroy(&groups);
	return status;
}

static int ask_targets(struct ask *a)
{
	static const uint32_t tags[] = {ISNS_TAG_ISCSI_NAME, ISNS_TAG_ISCSI_NODE_TYPE, 0};
	isns_object_list_t nodes = ISNS_OBJECT_LIST_INIT;
	isns_attr_list_t key = ISNS_ATTR_LIST_INIT;
	int status;

	isns_attr_list_append_uint32(&key, ISNS_TAG_ISCSI_NODE_TYPE, ISNS_ISCSI_TARGET_MASK);
	status = call(a, &key, tags, &nodes);
	for (unsigned int i = 0; status == ISNS_SUCCESS && i < nodes.iol_count; i++) {
		const char *name, *fault;

		if (i == TARGETS_MAX ||
			!isns_object_get_string(nodes.iol_data[i], ISNS_TAG_ISCSI_NAME, &name))
			continue;
		fault = iscsi_name_fault(name);
		if (fault)
			log_warning("left out a name that the server announced: it %s", fault);
		else
			status = ask_portals(a, name);
	}
	isns_object_list_destroy(&nodes);
	return status;
}

int query_isns(const struct query *q)
{
	struct iscsi_source source;
	CLEANUP_FREE char *server = NULL;
	struct ask a = {.query = q};
	struct isns_config *config;
	int status;

	iscsi_discovery_get_source(q->record, &source);
	server = str_printf(
		strchr(source.address, ':') ? "[%s]:%d" : "%s:%d", source.address, source.port);
	if (!server)
		return ISCSI_ERR_NOMEM;
	config = lazy_isns_config();
	isns_assign_string(&config->ic_server_name, server);
	isns_assign_string(&config->ic_source_name, q->initiator);
	config->ic_security = 0;
	a.client = isns_create_client(NULL, q->initiator);
	if (a.client)
		isns_socket_set_disconnect_fatal(a.client->ic_socket);
	status = a.client ? ask_targets(&a) : ISNS_INTERNAL_ERROR;
	if (a.client)
		isns_client_destroy(a.client);
	if (status == ISNS_SUCCESS)
		return ISCSI_OK;
	/* All that open-isns says of a connection that cannot be made, breaks, or is silent. */
	if (a.client && status == ISNS_INTERNAL_ERROR)
		log_error("iSNS discovery failed: no answer from the server at %s", server);
	else
		log_error("iSNS discovery failed: %s", isns_strerror(status));
	return ISCSI_ERR_ISNS_QUERY;
}
