/* SPDX-License-Identifier: MIT */
/*
 * Reading targets.conf. A line is a statement, and a row below says where it may stand and what it
 * becomes. What the model can refuse is given to a trial model at once, so that the file and the
 * line stand in front of every error.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cleanup.h"
#include "config.h"
#include "file.h"
#include "model.h"
#include "str.h"

#define FILE_MAX (4u << 20) /* bytes */
#define DEPTH_MAX 8	    /* of include */

enum context { GLOBAL = 1, IN_TARGET = 2, IN_UNIT = 4 };

struct reader {
	const char *path;
	unsigned int line, depth;
	enum context context;
	struct json_object *state, *target, *unit; /* unit: of its block, or NULL */
	struct json_object *defaults;		   /* of the target's units */
	struct model trial;
	struct target *tried; /* the target in the trial */
	char *why;
};

__attribute__((format(printf, 2, 3))) static int fault(struct reader *r, const char *fmt, ...)
{
	int len = r->line ? snprintf(r->why, CONFIG_WHY_MAX, "%.200s:%u: ", r->path, r->line)
			  : snprintf(r->why, CONFIG_WHY_MAX, "%.200s: ", r->path);
	va_list args;

	va_start(args, fmt);
	vsnprintf(r->why + len, CONFIG_WHY_MAX - (size_t)len, fmt, args);
	va_end(args);
	return -EINVAL;
}

static int refused(struct reader *r, enum model_error e)
{
	if (!e)
		return 0;
	return fault(r, "%s", e == MODEL_INVALID ? r->trial.why : model_error_text(e));
}

/* ---- building the state ---- */

static void put(struct json_object *o, const char *name, const char *value)
{
	json_object_object_add(o, name, json_object_new_string(value));
}

/* The member of that name, made when it is missing. */
static struct json_object *member(
	struct json_object *o, const char *name, struct json_object *(*make)(void))
{
	struct json_object *m = json_object_object_get(o, name);

	if (!m) {
		m = make();
		json_object_object_add(o, name, m);
	}
	return m;
}

static struct json_object *new_list(void)
{
	return json_object_new_array();
}

static void append(struct json_object *o, const char *list, const char *value)
{
	json_object_array_add(member(o, list, new_list), json_object_new_string(value));
}

static struct json_object *append_object(struct reader *r, struct json_object *o, const char *list)
{
	struct json_object *item = json_object_new_object();
	CLEANUP_FREE char *where = str_printf("%s:%u", r->path, r->line);

	if (where)
		put(item, "where", where);
	json_object_array_add(member(o, list, new_list), item);
	return item;
}

/* ---- statements ---- */

static int ignore(struct reader *r, const char *name, char *value)
{
	(void)r;
	(void)name;
	(void)value;
	return 0;
}

static int check_driver(struct reader *r, const char *name, char *value)
{
	return str_eq(value, "iscsi") ? 0 : fault(r, "%s %s: iscsi is the only one", name, value);
}

static int add_portal(struct reader *r, const char *name, char *value)
{
	enum model_error e = model_portal_new(&r->trial, value, 1);
	struct portal *p;

	(void)name;
	if (e)
		return refused(r, e);
	/* the trial has them newest first: without an address there are two */
	list_for_each(p, &r->trial.portals, link) {
		struct json_object *o;

		if (p->listener)
			break;
		p->listener = p; /* seen */
		o = append_object(r, r->state, "portals");
		put(o, "address", p->address);
		json_object_object_add(o, "port", json_object_new_int((int)p->port));
		json_object_object_add(o, "tag", json_object_new_int((int)p->tpgt));
	}
	return 0;
}

/* "USER PASSWORD"; the account is made where it is named first. */
static int take_account(struct reader *r, const char *name, char *value, const char **ret_user)
{
	char *password = value + strcspn(value, " \t");
	struct account *a;
	struct json_object *o;
	enum model_error e;

	if (!*password)
		return fault(r, "%s needs a user and a password", name);
	*password++ = '\0';
	password += strspn(password, " \t");
	*ret_user = value;
	a = account_find(&r->trial.accounts, value);
	if (a && str_eq(a->password, password))
		return 0;
	if (a)
		return fault(r, "the user %s has another password above", value);
	if (str_eq(password, CONFIG_HIDDEN))
		return fault(r, "the password of %s is not in the file: it was written without "
				"--with-secrets", value);
	e = model_account_new(&r->trial, value, password);
	if (e)
		return refused(r, e);
	o = append_object(r, r->state, "accounts");
	put(o, "user", value);
	put(o, "password", password);
	return 0;
}

static int add_account(struct reader *r, const char *name, char *value)
{
	const char *user;

	return take_account(r, name, value, &user);
}

static int use_account(struct reader *r, const char *name, char *value)
{
	bool outgoing = name[0] == 'o';
	const char *user;
	int status = take_account(r, name, value, &user);
	struct json_object *o = r->target ? r->target
					  : member(r->state, "discovery", json_object_new_object);

	if (status)
		return status;
	status = refused(r, model_account_bind(&r->trial, r->tried, user, outgoing));
	if (!status && outgoing)
		put(o, "outgoing", user);
	else if (!status)
		append(o, "incoming", user);
	return status;
}

static int set_tid(struct reader *r, const char *name, char *value)
{
	uint64_t tid;

	if (str_to_u64(value, 1, INT32_MAX, &tid))
		return fault(r, "%s %s is no number from 1", name, value);
	json_object_object_add(r->target, "tid", json_object_new_int64((int64_t)tid));
	return 0;
}

static int add_address(struct reader *r, const char *name, char *value)
{
	(void)name;
	if (str_eq(value, "NONE")) {
		member(r->target, "addresses", new_list);
		return 0;
	}
	append(r->target, "addresses", value);
	return refused(r, model_acl_bind(&r->trial, r->tried, value, NULL));
}

static int add_initiator(struct reader *r, const char *name, char *value)
{
	(void)name;
	append(r->target, "initiators", value);
	return refused(r, model_acl_bind(&r->trial, r->tried, NULL, value));
}

static int set_state(struct reader *r, const char *name, char *value)
{
	put(r->target, name, value);
	return refused(r, model_target_set(&r->trial, r->tried, name, value));
}

/* RedirectAddress and its kind: "address" of "redirect". */
static int set_redirect(struct reader *r, const char *name, char *value)
{
	struct json_object *o = member(r->target, "redirect", json_object_new_object);
	int status = refused(r, model_target_set(&r->trial, r->tried, name, value));

	if (str_eq(name, "RedirectPort"))
		json_object_object_add(
			o, "port", json_object_new_int((int)r->tried->redirect.port));
	else
		put(o, str_eq(name, "RedirectAddress") ? "address" : "reason", value);
	return status;
}

static int add_unit(struct reader *r, const char *name, char *value)
{
	struct json_object *u = append_object(r, r->target, "units");

	(void)name;
	put(u, "path", value);
	return 0;
}

/* In a target it is the default of its units. */
static struct json_object *unit_of(struct reader *r)
{
	return r->unit ? r->unit : r->defaults;
}

static int set_lun(struct reader *r, const char *name, char *value)
{
	uint64_t lun;

	if (str_to_u64(value, 1, INT32_MAX, &lun))
		return fault(r, "%s %s is no number from 1", name, value);
	json_object_object_add(r->unit, "lun", json_object_new_int64((int64_t)lun));
	return 0;
}

static int set_backing(struct reader *r, const char *name, char *value)
{
	put(unit_of(r), str_eq(name, "bs-type") ? "backing" : "flags", value);
	return 0;
}

static int set_block_size(struct reader *r, const char *name, char *value)
{
	uint64_t size;

	if (str_to_u64(value, 1, UINT32_MAX, &size))
		return fault(r, "%s %s is no number", name, value);
	json_object_object_add(unit_of(r), "block_size", json_object_new_int64((int64_t)size));
	return 0;
}

static int check_device_type(struct reader *r, const char *name, char *value)
{
	return str_eq(value, "disk") ? 0 : fault(r, "%s %s: units are disks", name, value);
}

static int set_param(struct reader *r, const char *name, char *value)
{
	put(member(unit_of(r), "params", json_object_new_object), name, value);
	return 0;
}

/* "name=value,name=value" */
static int set_params(struct reader *r, const char *name, char *value)
{
	char *rest = value, *item;

	while ((item = strsep(&rest, ","))) {
		char *equals = strchr(item, '=');

		if (!equals)
			return fault(r, "%s %s is not of the form name=value", name, item);
		*equals = '\0';
		set_param(r, item, equals + 1);
	}
	return 0;
}

static int include(struct reader *r, const char *name, char *value);

static const struct row {
	const char *name;
	unsigned int contexts;
	int (*take)(struct reader *r, const char *name, char *value);
} rows[] = {
	{"include", GLOBAL, include},
	{"default-driver", GLOBAL, check_driver},
	{"ignore-errors", GLOBAL, ignore},
	{"control-port", GLOBAL, ignore},
	{"portal", GLOBAL, add_portal},
	{"account", GLOBAL, add_account},
	{"incomingdiscoveryuser", GLOBAL, use_account},
	{"outgoingdiscoveryuser", GLOBAL, use_account},
	{"driver", IN_TARGET, check_driver},
	{"controller_tid", IN_TARGET, set_tid},
	{"state", IN_TARGET, set_state},
	{"RedirectAddress", IN_TARGET, set_redirect},
	{"RedirectPort", IN_TARGET, set_redirect},
	{"RedirectReason", IN_TARGET, set_redirect},
	{"initiator-address", IN_TARGET, add_address},
	{"initiator-name", IN_TARGET, add_initiator},
	{"incominguser", IN_TARGET, use_account},
	{"outgoinguser", IN_TARGET, use_account},
	{"backing-store", IN_TARGET, add_unit},
	{"allow-in-use", IN_TARGET | IN_UNIT, ignore},
	{"lun", IN_UNIT, set_lun},
	{"bs-type", IN_TARGET | IN_UNIT, set_backing},
	{"bsoflags", IN_TARGET | IN_UNIT, set_backing},
	{"block-size", IN_TARGET | IN_UNIT, set_block_size},
	{"device-type", IN_TARGET | IN_UNIT, check_device_type},
	{"params", IN_TARGET | IN_UNIT, set_params},
	{"write-cache", IN_TARGET | IN_UNIT, set_param},
	{"scsi_id", IN_UNIT, set_param},
	{"scsi_sn", IN_UNIT, set_param},
	{"vendor_id", IN_TARGET | IN_UNIT, set_param},
	{"product_id", IN_TARGET | IN_UNIT, set_param},
	{"product_rev", IN_TARGET | IN_UNIT, set_param},
	{"sense_format", IN_TARGET | IN_UNIT, set_param},
	{"removable", IN_TARGET | IN_UNIT, set_param},
	{"online", IN_TARGET | IN_UNIT, set_param},
	{"readonly", IN_TARGET | IN_UNIT, set_param},
	{"thin_provisioning", IN_TARGET | IN_UNIT, set_param},
	{"lbppbe", IN_TARGET | IN_UNIT, set_param},
	{"la_lba", IN_TARGET | IN_UNIT, set_param},
	{"optimal_xfer_gran", IN_TARGET | IN_UNIT, set_param},
	{"optimal_xfer_len", IN_TARGET | IN_UNIT, set_param},
	{"rotation_rate", IN_TARGET | IN_UNIT, set_param},
	{"mode_page", IN_TARGET | IN_UNIT, set_param},
};

/* A negotiated key or number of settings.h. */
static int take_setting(struct reader *r, const char *name, char *value)
{
	for (size_t i = 0; settings_name(i); i++)
		if (!strcasecmp(settings_name(i), name)) {
			put(member(r->target, "settings", json_object_new_object),
				settings_name(i), value);
			return refused(r, model_target_set(&r->trial, r->tried, name, value));
		}
	return fault(r, "%s is not known", name);
}

static int statement(struct reader *r, const char *name, char *value)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!strcasecmp(rows[i].name, name)) {
			if (!(rows[i].contexts & r->context))
				return fault(r, "%s does not belong here", name);
			if (!*value)
				return fault(r, "%s has no value", name);
			return rows[i].take(r, rows[i].name, value);
		}
	return r->context == IN_TARGET ? take_setting(r, name, value)
				       : fault(r, "%s is not known", name);
}

/* ---- blocks ---- */

static int begin_target(struct reader *r, char *name)
{
	int tid = model_free_tid(&r->trial);

	r->target = append_object(r, r->state, "targets");
	put(r->target, "name", name);
	r->defaults = json_object_new_object();
	r->context = IN_TARGET;
	if (refused(r, model_target_new(&r->trial, tid, name)))
		return -EINVAL;
	r->tried = model_target_by_name(&r->trial, name);
	return 0;
}

static bool lun_is_taken(struct json_object *units, int64_t lun)
{
	for (size_t i = 0; i < json_object_array_length(units); i++)
		if (json_object_get_int64(json_object_object_get(
			    json_object_array_get_idx(units, i), "lun")) == lun)
			return true;
	return false;
}

/* A unit without a number gets the lowest that is free. */
static void number_units(struct json_object *units)
{
	int64_t lun = 1;

	for (size_t i = 0; i < json_object_array_length(units); i++) {
		struct json_object *u = json_object_array_get_idx(units, i);

		if (json_object_object_get(u, "lun"))
			continue;
		while (lun_is_taken(units, lun))
			lun++;
		json_object_object_add(u, "lun", json_object_new_int64(lun));
	}
}

/* What ret does not say itself; params one by one. */
static void merge(struct json_object *ret, struct json_object *defaults)
{
	json_object_object_foreach(defaults, name, value)
	{
		struct json_object *own = json_object_object_get(ret, name);

		if (!own)
			json_object_object_add(ret, name, json_object_get(value));
		else if (json_object_is_type(own, json_type_object))
			merge(own, value);
	}
}

static int end_target(struct reader *r)
{
	struct json_object *units = member(r->target, "units", new_list);

	for (size_t i = 0; i < json_object_array_length(units); i++)
		merge(json_object_array_get_idx(units, i), r->defaults);
	number_units(units);
	if (!json_object_object_get(r->target, "addresses") &&
		!json_object_object_get(r->target, "initiators"))
		append(r->target, "addresses", "ALL");
	json_object_put(r->defaults);
	r->defaults = r->target = NULL;
	r->tried = NULL;
	r->context = GLOBAL;
	return 0;
}

/* Inside of the angle brackets. */
static int block(struct reader *r, char *text)
{
	char *value = text + strcspn(text, " \t");

	if (*value)
		*value++ = '\0';
	value = str_trim(value);
	if (str_eq(text, "/target") && r->context == IN_TARGET)
		return end_target(r);
	if (str_eq(text, "/backing-store") && r->context == IN_UNIT) {
		r->unit = NULL;
		r->context = IN_TARGET;
		return 0;
	}
	if (str_eq(text, "target") && r->context == GLOBAL)
		return *value ? begin_target(r, value) : fault(r, "<target> has no name");
	if (str_eq(text, "backing-store") && r->context == IN_TARGET) {
		if (!*value)
			return fault(r, "<backing-store> has no path");
		r->unit = append_object(r, r->target, "units");
		put(r->unit, "path", value);
		r->context = IN_UNIT;
		return 0;
	}
	return fault(r, "<%s> does not belong here", text);
}

/* ---- lines ---- */

/* Ends the line at a comment: '#' at its beginning or behind a blank; "\#" is a '#'. */
static void cut_comment(char *line)
{
	char *out = line;

	for (const char *p = line; *p; p++) {
		if (p[0] == '\\' && p[1] == '#')
			p++;
		else if (*p == '#' && (p == line || p[-1] == ' ' || p[-1] == '\t'))
			break;
		*out++ = *p;
	}
	*out = '\0';
}

static int take_line(struct reader *r, char *line)
{
	size_t len;
	char *value;

	cut_comment(line);
	line = str_trim(line);
	len = strlen(line);
	if (!len)
		return 0;
	if (line[0] == '<') {
		if (len < 3 || line[len - 1] != '>')
			return fault(r, "the block has no closing '>'");
		line[len - 1] = '\0';
		return block(r, str_trim(line + 1));
	}
	value = line + strcspn(line, " \t=");
	if (*value) {
		*value++ = '\0';
		value += strspn(value, " \t=");
	}
	len = strlen(value);
	if (len > 1 && value[0] == '"' && value[len - 1] == '"') {
		value[len - 1] = '\0';
		value++;
	}
	return statement(r, line, value);
}

static int read_file(struct reader *r, const char *path)
{
	const char *outer_path = r->path;
	unsigned int outer_line = r->line;
	char *text = NULL, *rest, *line;
	size_t len;
	int status = 0, e;

	e = file_read(AT_FDCWD, path, FILE_MAX, &text, &len);
	if (e)
		return fault(r, "%s: %s", path, file_error(e));
	r->path = path;
	r->line = 0;
	if (strlen(text) != len)
		status = fault(r, "it is not text");
	rest = text;
	while (!status && (line = strsep(&rest, "\n"))) {
		r->line++;
		status = take_line(r, line);
	}
	if (!status && r->context != GLOBAL)
		status = fault(r, "<%s> is not closed", r->unit ? "backing-store" : "target");
	str_wipe(text, len);
	free(text);
	r->path = outer_path;
	r->line = outer_line;
	return status;
}

static int include(struct reader *r, const char *name, char *value)
{
	glob_t found = {};
	int status = 0;

	(void)name;
	if (r->depth == DEPTH_MAX)
		return fault(r, "files include each other too deep");
	/* a pattern without a file is fine, a file that is not there is not */
	if (glob(value, strpbrk(value, "*?[") ? 0 : GLOB_NOCHECK, NULL, &found) == GLOB_NOSPACE)
		return fault(r, "out of memory");
	r->depth++;
	for (size_t i = 0; !status && i < found.gl_pathc; i++)
		status = read_file(r, found.gl_pathv[i]);
	r->depth--;
	globfree(&found);
	return status;
}

int config_read(const char *path, struct json_object **ret, char why[CONFIG_WHY_MAX])
{
	struct reader r = {.path = path, .context = GLOBAL, .why = why};
	int status;

	r.state = json_object_new_object();
	model_init(&r.trial, NULL, NULL);
	status = read_file(&r, path);
	model_clear(&r.trial);
	if (status) {
		json_object_put(r.defaults);
		json_object_put(r.state);
	} else {
		*ret = r.state;
	}
	return status;
}
