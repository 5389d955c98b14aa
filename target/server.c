/* SPDX-License-Identifier: MIT */
/* server.c - what the model's changes do to the running target: the hooks of model.h */
#include "server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "fault.h"
#include "listener.h"
#include "scsi.h"
#include "session.h"

static int on_target_new(void *data, struct target *t)
{
	struct server *s = data;

	t->device = scsi_device_new(s->loop, t->name, t->tid, s->host);
	return t->device ? 0 : -ENOMEM;
}

static void on_target_gone(void *data, struct target *t)
{
	struct target_session *shown, *tmp;

	fault_clear(data, t);
	list_for_each_safe(shown, tmp, &t->sessions, link)
		conn_end(container_of(shown, struct session, shown)->conn);
	scsi_device_free(t->device);
	t->device = NULL;
}

static const char *on_target_fault(void *data, struct target *t, const char *text)
{
	return fault_set(data, t, text);
}

static int on_portal_open(void *data, struct portal *p)
{
	struct listener *l;
	int r = listener_new(data, p, &l);

	if (!r)
		p->listener = l;
	return r;
}

static void on_portal_close(void *data, struct portal *p)
{
	(void)data;
	listener_free(p->listener);
}

static void on_connection_close(
	void *data, struct target_session *shown, struct target_connection *c)
{
	(void)data;
	(void)c;
	conn_drop(container_of(shown, struct session, shown)->conn, "closed by the administrator");
}

static const struct model_hooks hooks = {
	.target_new = on_target_new,
	.target_gone = on_target_gone,
	.target_fault = on_target_fault,
	.portal_open = on_portal_open,
	.portal_close = on_portal_close,
	.connection_close = on_connection_close,
};

static void before_wait(uv_prepare_t *prepare)
{
	conn_settle(prepare->data);
}

struct server *server_new(uv_loop_t *loop, const char *host)
{
	struct server *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->loop = loop;
	s->login_seconds = LOGIN_SECONDS_DEFAULT;
	snprintf(s->host, sizeof(s->host), "%s", host);
	list_init(&s->conns);
	list_init(&s->changed);
	list_init(&s->sessions);
	model_init(&s->model, &hooks, s);
	uv_prepare_init(loop, &s->before_wait);
	s->before_wait.data = s;
	uv_prepare_start(&s->before_wait, before_wait);
	return s;
}

static void on_closed(uv_handle_t *h)
{
	free(h->data);
}

void server_free(struct server *s)
{
	struct conn *c;

	if (!s)
		return;
	while ((c = list_first(&s->conns, struct conn, link)))
		conn_end(c);
	model_clear(&s->model);
	uv_close((uv_handle_t *)&s->before_wait, on_closed);
}
