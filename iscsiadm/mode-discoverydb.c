/* SPDX-License-Identifier: MIT */
/* mode-discoverydb.c - "-m discoverydb": discovery with records that are kept */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "discover.h"
#include "log.h"
#include "record-ops.h"

static int not_found(const struct iscsi_source *s)
{
	log_error("Discovery record [%s,%d] not found.", s->address, s->port);
	return ISCSI_ERR_IDBM;
}

/* enum iscsi_err, or -EEXIST with --idempotent. */
static int add(struct app *a, const struct iscsi_source *s, struct iscsi_discovery **ret)
{
	struct iscsi_discovery *d;
	int r = iscsi_discovery_new(a->db, s, &d);

	if (!r && !(a->o.ops & DO_NONPERSISTENT)) {
		r = (a->o.idempotent ? iscsi_discovery_add : iscsi_discovery_store)(a->db, d);
		if (r)
			iscsi_discovery_free(d);
	}
	if (r == -EEXIST && a->o.idempotent)
		return r;
	if (r) {
		r = database_failed(a, r);
		log_error("Could not add new discovery record.");
		return r;
	}
	*ret = d;
	return ISCSI_OK;
}

static int new (struct app *a, const struct iscsi_source *s)
{
	struct iscsi_discovery *d;
	int r = add(a, s, &d);

	if (r)
		return r == -EEXIST ? ISCSI_OK : r;
	iscsi_discovery_free(d);
	report(a, "New discovery record for [%s,%d] added.\n", s->address, s->port);
	return ISCSI_OK;
}

static int update(struct app *a, const struct iscsi_source *s)
{
	size_t bad;
	int r;

	if (!a->o.n_pairs) {
		log_error("Update requires name and value.");
		return ISCSI_ERR_INVAL;
	}
	r = iscsi_discovery_update(a->db, s, a->o.pairs, a->o.n_pairs, &bad);
	if (r <= 0)
		return r ? database_failed(a, r) : ISCSI_OK;
	record_update_refused((enum iscsi_update_result)r, &a->o.pairs[bad]);
	return ISCSI_ERR_INVAL;
}

static int discover(struct app *a, const struct iscsi_source *s)
{
	struct iscsi_discovery *d;
	int r = iscsi_discovery_load(a->db, s, &d);

	if (r == -ENOENT)
		r = add(a, s, &d);
	if (r == -EEXIST) /* by now */
		r = iscsi_discovery_load(a->db, s, &d);
	if (r)
		return r < 0 ? database_failed(a, r) : r;
	r = discover_run(a, d);
	iscsi_discovery_free(d);
	return r;
}

static int work_on_record(struct app *a, const struct iscsi_source *s)
{
	struct iscsi_discovery *d;
	int r = iscsi_discovery_load(a->db, s, &d);

	if (r == -ENOENT && a->o.idempotent && a->o.ops == DO_DELETE)
		return ISCSI_OK;
	if (r)
		return r == -ENOENT ? not_found(s) : database_failed(a, r);
	switch (a->o.ops) {
	case DO_NONE:
	case DO_SHOW:
		discover_show(a, d);
		break;
	case DO_UPDATE:
		r = update(a, s);
		break;
	case DO_DELETE:
		r = iscsi_discovery_delete(a->db, s);
		r = r ? database_failed(a, r) : ISCSI_OK;
		break;
	default:
		log_error("Operation is not supported.");
		r = ISCSI_ERR_INVAL;
	}
	iscsi_discovery_free(d);
	return r;
}

static int wrong(const char *why)
{
	log_error("Invalid %s", why);
	return ISCSI_ERR_INVAL;
}

static int without_type(struct app *a)
{
	if (a->o.portal.address[0])
		return wrong(a->o.ops ? "command. Possibly missing discovery --type."
				      : "command. Portal not needed or Possibly missing discovery "
					"--type.");
	if (a->o.ops & ~(unsigned int)DO_SHOW)
		return wrong("operation. Operation not supported.");
	return discover_list(a);
}

int mode_discoverydb(struct app *a)
{
	struct iscsi_source s = discover_source(&a->o);

	if (a->o.type == TYPE_NONE)
		return without_type(a);
	if (a->o.type == TYPE_FW)
		return a->o.discover ? discover_run_fw(a)
				     : wrong("command. Possibly missing --discover argument.");
	if (!a->o.portal.address[0]) {
		log_error("Please specify portal as <ipaddr>[:<ipport>]");
		return ISCSI_ERR_INVAL;
	}
	if (a->o.discover)
		return discover(a, &s);
	return a->o.ops == DO_NEW ? new (a, &s) : work_on_record(a, &s);
}
