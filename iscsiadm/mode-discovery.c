/* SPDX-License-Identifier: MIT */
/* mode-discovery.c - "-m discovery": every discovery begins with a record of its own */
#include <errno.h>

#include "discover.h"
#include "log.h"

/* A record with the settings of iscsid.conf as they are now; iSNS keeps none. */
static int discover_anew(struct app *a)
{
	const struct iscsi_source s = discover_source(&a->o);
	struct iscsi_discovery *d;
	int r;

	if (!s.address) {
		log_error("Please specify portal as %s", s.type == ISCSI_SOURCE_ISNS
								 ? "<ipaddr>:[<ipport>]"
								 : "<ipaddr>[:<ipport>]");
		return ISCSI_ERR_INVAL;
	}
	r = iscsi_discovery_new(a->db, &s, &d);
	if (r)
		return database_failed(a, r);
	if (s.type == ISCSI_SOURCE_SENDTARGETS && !(a->o.ops & DO_NONPERSISTENT))
		r = iscsi_discovery_store(a->db, d);
	if (r) {
		r = database_failed(a, r);
		log_error("Could not add new discovery record.");
	} else {
		r = discover_run(a, d);
	}
	iscsi_discovery_free(d);
	return r;
}

static int work_on_stored(struct app *a)
{
	const struct iscsi_source s = discover_source(&a->o);
	struct iscsi_discovery *d;
	int r = iscsi_discovery_load(a->db, &s, &d);

	if (r == -ENOENT && a->o.idempotent && a->o.ops == DO_DELETE)
		return ISCSI_OK;
	if (r) {
		if (r != -ENOENT)
			database_failed(a, r);
		log_error("Discovery record [%s,%d] not found!", s.address, s.port);
		return ISCSI_ERR_INVAL;
	}
	if (a->o.discover || a->o.login) {
		r = discover_run(a, d);
	} else if (a->o.ops == DO_DELETE) {
		r = iscsi_discovery_delete(a->db, &s);
		r = r ? database_failed(a, r) : ISCSI_OK;
	} else if (a->o.ops & (DO_NEW | DO_UPDATE)) {
		log_error("Operations new and update for discovery mode is not supported. Use "
			  "discoverydb mode.");
		r = ISCSI_ERR_INVAL;
	} else if (a->o.ops & ~(unsigned int)DO_SHOW) {
		log_error("Invalid operation.");
		r = ISCSI_ERR_INVAL;
	} else {
		discover_show(a, d);
	}
	iscsi_discovery_free(d);
	return r;
}

int mode_discovery(struct app *a)
{
	if (a->o.type == TYPE_FW)
		return discover_run_fw(a);
	if (a->o.type != TYPE_NONE)
		return discover_anew(a);
	if (a->o.portal.address[0])
		return work_on_stored(a);
	if (a->o.ops & ~(unsigned int)DO_SHOW) {
		log_error("Invalid operation.");
		return ISCSI_ERR_INVAL;
	}
	return discover_list(a);
}
