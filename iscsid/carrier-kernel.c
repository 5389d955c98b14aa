/* SPDX-License-Identifier: MIT */
#include "carrier-kernel.h"

#include <errno.h>
#include <string.h>

void carrier_kernel_init(struct carrier_kernel *c, struct kernel *kernel,
	const struct carrier_events *events, void *data)
{
	c->kernel = kernel;
	c->events = events;
	c->data = data;
	c->pdu.data = c->in;
	c->pdu.data_room = sizeof(c->in);
}

static void on_stopped(struct kernel_job *job, int err)
{
	struct carrier_kernel *c = container_of(job, struct carrier_kernel, job);

	(void)err; /* the next bind stops it once more */
	c->open = c->working = c->closing = false;
	c->events->closed(c->data);
}

/* True: the carrier is to be closed, and the job that had to end first has ended. */
static bool job_ended(struct carrier_kernel *c)
{
	c->working = false;
	if (!c->closing)
		return false;
	c->working = true;
	kernel_stop(c->kernel, &c->job, c->sid, on_stopped);
	return true;
}

static void on_bound(struct kernel_job *job, int err)
{
	struct carrier_kernel *c = container_of(job, struct carrier_kernel, job);

	if (!job_ended(c))
		c->events->connected(c->data, err);
}

static void on_sent(struct kernel_job *job, int err)
{
	struct carrier_kernel *c = container_of(job, struct carrier_kernel, job);

	if (job_ended(c))
		return;
	if (err)
		c->events->broken(c->data, err);
	else if (c->arrived)
		c->events->received(c->data, &c->pdu);
}

void carrier_kernel_open(struct carrier_kernel *c, uint32_t sid, int fd)
{
	c->sid = sid;
	c->open = c->working = true;
	c->closing = false;
	kernel_bind(c->kernel, &c->job, sid, fd, on_bound);
}

void carrier_kernel_send(struct carrier_kernel *c, const struct pdu *pdu)
{
	memcpy(c->out, pdu->data, pdu->data_len);
	c->itt = bhs_itt(pdu->bhs);
	c->working = true;
	c->arrived = false;
	kernel_send_pdu(c->kernel, &c->job, c->sid, pdu->bhs, c->out, pdu->data_len, on_sent);
}

void carrier_kernel_receive(struct carrier_kernel *c, const uint8_t *bhs, const uint8_t *payload,
	size_t len)
{
	if (!c->open || c->closing || len > sizeof(c->in))
		return;
	memcpy(c->pdu.bhs, bhs, BHS_LEN);
	/* The kernel has sent a tag of its own, and has checked that the answer bears it. */
	bhs_set_itt(c->pdu.bhs, c->itt);
	memcpy(c->in, payload, len);
	c->pdu.data_len = len;
	if (c->working)
		c->arrived = true;
	else
		c->events->received(c->data, &c->pdu);
}

void carrier_kernel_keep(struct carrier_kernel *c)
{
	c->open = false;
}

void carrier_kernel_close(struct carrier_kernel *c)
{
	if (!c->open) {
		c->events->closed(c->data);
		return;
	}
	c->closing = true;
	if (!c->working)
		job_ended(c);
}
