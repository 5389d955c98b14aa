/* SPDX-License-Identifier: MIT */
#include "fault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fault-actions.h"
#include "log.h"
#include "session.h"
#include "str.h"

#define TIMES_ALL (-1)

struct fault {
	const struct fault_row *row;
	struct fault_argument argument;
	int64_t after, times; /* times: TIMES_ALL, or how often it still strikes */
	struct list link;     /* target->faults */
};

/* ---- the kinds ---- */

static const struct fault_row {
	const char *name;
	enum fault_argument_kind argument;
	/* What happens, by occasion; NULL: nothing then. */
	void (*accept)(struct conn *c, const struct fault_argument *a);
	enum login_status (*login)(
		struct conn *c, const struct fault_argument *a, struct login_target_settings *s);
	bool (*request)(struct conn *c, const struct fault_argument *a, const struct pdu_in *pdu);
	bool (*response)(struct conn *c, const struct fault_argument *a, struct pdu_out *pdu);
	int (*list)(const struct conn *c, struct send_targets *s);
	const char *(*now)(struct server *s, struct target *t, const struct fault_argument *a);
} rows[] = {
	{"accept-silent", FAULT_NO_ARGUMENT, .accept = fault_accept_silent},
	{"accept-drop", FAULT_NO_ARGUMENT, .accept = fault_accept_drop},

	{"login-status", FAULT_STATUS, .login = fault_login_status},
	{"login-silent", FAULT_NO_ARGUMENT, .request = fault_login_silent},
	{"login-drop", FAULT_NO_ARGUMENT, .request = fault_login_drop},
	{"redirect", FAULT_PORTAL, .login = fault_redirect},
	{"redirect-permanent", FAULT_PORTAL, .login = fault_redirect_permanent},
	{"redirect-loop", FAULT_NO_ARGUMENT, .login = fault_redirect_loop},

	{"silent", FAULT_NO_ARGUMENT, .request = fault_silent},
	{"nop-silent", FAULT_NO_ARGUMENT, .request = fault_nop_silent},
	{"drop", FAULT_NO_ARGUMENT, .request = fault_drop},
	{"drop-after-bytes", FAULT_NUMBER, .response = fault_drop_after_bytes},
	{"late", FAULT_NUMBER, .response = fault_late},

	{"header-digest", FAULT_NO_ARGUMENT, .response = fault_header_digest},
	{"data-digest", FAULT_NO_ARGUMENT, .response = fault_data_digest},
	{"length", FAULT_NO_ARGUMENT, .response = fault_length},
	{"opcode", FAULT_NO_ARGUMENT, .response = fault_opcode},
	{"itt", FAULT_NO_ARGUMENT, .response = fault_itt},
	{"statsn", FAULT_NO_ARGUMENT, .response = fault_statsn},

	{"async-logout", FAULT_NUMBER, .now = fault_async_logout},
	{"async-drop-connection", FAULT_NO_ARGUMENT, .now = fault_async_drop_connection},
	{"async-drop-session", FAULT_NO_ARGUMENT, .now = fault_async_drop_session},
	{"async-scsi", FAULT_ASC, .now = fault_async_scsi},
	{"close", FAULT_NO_ARGUMENT, .now = fault_close},

	{"scsi-status", FAULT_BYTE, .now = fault_scsi_status},
	{"sense", FAULT_SENSE, .now = fault_sense},

	{"list-slash", FAULT_NO_ARGUMENT, .list = fault_list_slash},
	{"list-dots", FAULT_NO_ARGUMENT, .list = fault_list_dots},
	{"list-newline", FAULT_NO_ARGUMENT, .list = fault_list_newline},
	{"list-long", FAULT_NO_ARGUMENT, .list = fault_list_long},
	{"list-many", FAULT_NO_ARGUMENT, .list = fault_list_many},
	{"list-portals", FAULT_NO_ARGUMENT, .list = fault_list_portals},
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

/* ---- setting them ---- */

void fault_clear(struct server *s, struct target *t)
{
	struct fault *f, *tmp;

	list_for_each_safe(f, tmp, &t->faults, link) {
		list_remove(&f->link);
		free(f);
		s->faults--;
	}
	scsi_faults_end(t);
}

static const struct fault_row *find_row(const char *name)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if (str_eq(rows[i].name, name))
			return &rows[i];
	return NULL;
}

/* after=N and times=N, behind the name. */
static const char *take_option(struct fault *f, const char *option)
{
	const char *after = str_after(option, "after="), *times = str_after(option, "times=");
	uint64_t n;

	if ((!after && !times) || str_to_u64(after ? after : times, 0, UINT32_MAX, &n))
		return "has something other than after=N and times=N behind it";
	if (after)
		f->after = (int64_t)n;
	else
		f->times = (int64_t)n;
	return NULL;
}

static const char *parse(struct fault *f, char *text)
{
	char *name = strsep(&text, ","), *argument = name, *option;
	const char *why;

	strsep(&argument, "=");
	f->row = find_row(name);
	if (!f->row)
		return "is no fault";
	why = fault_argument_parse(f->row->argument, argument, &f->argument);
	while (!why && (option = strsep(&text, ",")))
		why = take_option(f, option);
	return why;
}

const char *fault_set(struct server *s, struct target *t, const char *text)
{
	struct fault *f;
	char copy[256];
	const char *why;

	if (str_eq(text, "none")) {
		fault_clear(s, t);
		return NULL;
	}
	if (strlen(text) >= sizeof(copy))
		return "is too long";
	f = calloc(1, sizeof(*f));
	if (!f)
		return "finds no memory";
	f->times = TIMES_ALL;
	why = parse(f, strcpy(copy, text));
	if (!why && f->row->now) {
		/* times= says how many commands it is for. */
		f->argument.times = (int)f->times;
		why = f->row->now(s, t, &f->argument);
		free(f);
		return why;
	}
	if (why) {
		free(f);
		return why;
	}
	list_append(&t->faults, &f->link);
	s->faults++;
	log_info("target %d misbehaves: %s", t->tid, text);
	return NULL;
}

/* ---- when they strike ---- */

static bool strikes(struct fault *f)
{
	if (f->after > 0) {
		f->after--;
		return false;
	}
	if (f->times == 0)
		return false;
	if (f->times > 0)
		f->times--;
	return true;
}

/* Every fault of target t, or of all when that is not known; mostly there is none. */
#define for_each_fault(f, any, server, t)                                                \
	if ((server)->faults)                                                            \
		list_for_each(any, &(server)->model.targets, link)                       \
			if (!(t) || any == (t))                                          \
				list_for_each(f, &any->faults, link)

static const struct target *target_of(const struct conn *c)
{
	return c->session ? c->session->target : NULL;
}

void fault_on_accept(struct conn *c)
{
	struct target *t;
	struct fault *f;

	for_each_fault(f, t, c->server, (struct target *)NULL)
		if (f->row->accept && strikes(f))
			f->row->accept(c, &f->argument);
}

enum login_status fault_on_login(struct conn *c, const struct target *wanted,
	enum login_status status, struct login_target_settings *settings)
{
	struct target *t;
	struct fault *f;

	for_each_fault(f, t, c->server, wanted)
		if (f->row->login && strikes(f))
			return f->row->login(c, &f->argument, settings);
	return status;
}

bool fault_on_request(struct conn *c, const struct pdu_in *pdu)
{
	struct target *t;
	struct fault *f;

	for_each_fault(f, t, c->server, target_of(c))
		if (f->row->request && fault_concerns(c, pdu, f->row->request) && strikes(f))
			return f->row->request(c, &f->argument, pdu);
	return false;
}

void fault_on_response(struct conn *c, struct pdu_out *pdu)
{
	struct target *t;
	struct fault *f;

	for_each_fault(f, t, c->server, target_of(c))
		if (f->row->response && fault_has_part(c, pdu, f->row->response) && strikes(f) &&
			f->row->response(c, &f->argument, pdu))
			writer_sign(&c->writer, pdu);
}

int fault_on_list(const struct conn *c, const struct target *listed, struct send_targets *s)
{
	struct target *t;
	struct fault *f;
	int r = 0;

	for_each_fault(f, t, c->server, listed)
		if (!r && f->row->list && strikes(f))
			r = f->row->list(c, s);
	return r;
}
