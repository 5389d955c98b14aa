/* SPDX-License-Identifier: MIT */
/*
 * The life of a command:
 *
 *	begin -> BEGUN --submit--> [WAITING] -> run -> finish          (answered on the loop)
 *	                                         `-> WORKER -> finish  (the disk makes it wait)
 *
 * Simple tasks run side by side. A task that must be ordered runs alone: it waits until no worker
 * has a task of its unit, and later ones wait behind it. A task that a worker holds cannot be
 * called back: when aborted, it ends without an answer.
 */
#include "scsi-impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum state { BEGUN = 1, WAITING, RUNNING, WORKER, DONE };

/* What a job may do on the loop's thread when the disk is memory. */
enum { LONGEST_ON_LOOP = 1 << 20 };

static void tmfs_check(struct scsi_device *dev);

static void finish(struct scsi_task *t)
{
	struct lu *lu = t->lu;

	list_remove(&t->entry);
	t->state = DONE;
	if (t->status == SCSI_CHECK_CONDITION && lu)
		lu->stats.errors++;
	if (t->status != SCSI_GOOD)
		t->in = NULL;
	if (!t->in && !t->takes)
		t->wanted = 0;
	t->in_len = !t->in || t->data_out ? 0 : t->wanted < t->edtl ? t->wanted : t->edtl;
	t->done(t);
}

static void finish_aborted(struct scsi_task *t)
{
	t->aborted = true;
	list_remove(&t->queue);
	finish(t);
}

static bool runs_alone(const struct scsi_task *t)
{
	return t->attr == SCSI_ORDERED || (t->command && t->command->flags & ALONE);
}

/* --- checks before a command runs --------------------------------------------------------- */

static bool report_attention(struct scsi_task *t)
{
	static const enum asc codes[UA_COUNT] = {
		[UA_POWER_ON] = 0x2900,
		[UA_LUN_RESET] = 0x2903,
		[UA_NEXUS_LOSS] = 0x2907,
		[UA_COMMANDS_CLEARED] = 0x2f00,
		[UA_MODE_CHANGED] = 0x2a01,
		[UA_RESERVATIONS_PREEMPTED] = 0x2a03,
		[UA_RESERVATIONS_RELEASED] = 0x2a04,
		[UA_REGISTRATIONS_PREEMPTED] = 0x2a05,
		[UA_CAPACITY_CHANGED] = 0x2a09,
		[UA_MEDIUM_CHANGED] = 0x2800,
		[UA_INQUIRY_CHANGED] = 0x3f03,
		[UA_LUNS_CHANGED] = 0x3f0e,
	};
	struct nexus_lu *at = nexus_at(t->nexus, t->lu);
	int first;

	if (!at->attention)
		return false;
	first = __builtin_ctz(at->attention);
	at->attention &= at->attention - 1;
	task_sense(t, UNIT_ATTENTION, codes[first]);
	return true;
}

/* Bits that the row does not name are errors, so that nothing asked for is silently not done. */
static bool check_usage(struct scsi_task *t)
{
	const struct scsi_command *c = t->command;
	unsigned int len = scsi_cdb_len(c->opcode), action = scsi_command_has_action(c) ? 1 : 0;

	for (unsigned int i = 1; i < len; i++) {
		uint8_t stray = t->cdb[i] & ~c->usage[i];

		if (i == action)
			stray &= 0xe0;
		/* where SCSI-2 had the LUN: Linux puts it there as long as it knows no better */
		if (i == 1 && len == 6)
			stray &= 0x1f;
		/* of the control byte only NACA matters: it asks for ACA, which is not there */
		if (i == len - 1)
			stray &= 0x04;
		if (stray) {
			task_bad_cdb(t, i);
			return false;
		}
	}
	return true;
}

static uint32_t block_count(const uint8_t *cdb)
{
	switch (cdb[0]) {
	case 0x89: /* COMPARE AND WRITE */
		return cdb[13];
	case 0x9c: /* WRITE ATOMIC(16) */
		return be16_get(cdb + 12);
	case 0x9e: /* GET LBA STATUS: no count */
		return 1;
	}
	switch (cdb[0] >> 5) {
	case 0:
		return cdb[4] ? cdb[4] : 256;
	case 1:
	case 2:
		return be16_get(cdb + 7);
	case 4:
		return be32_get(cdb + 10);
	default:
		return be32_get(cdb + 6);
	}
}

static void parse_blocks(struct scsi_task *t)
{
	const uint8_t *cdb = t->cdb;

	switch (cdb[0] >> 5) {
	case 0:
		t->lba = be24_get(cdb + 1) & 0x1fffff;
		break;
	case 4:
		t->lba = (uint64_t)be32_get(cdb + 2) << 32 | be32_get(cdb + 6);
		break;
	default:
		t->lba = be32_get(cdb + 2);
	}
	t->blocks = block_count(cdb);
}

static bool check_blocks(struct scsi_task *t)
{
	uint64_t all = t->lu->blocks;

	if (t->lba <= all && t->blocks <= all - t->lba)
		return true;
	task_sense(t, ILLEGAL_REQUEST, ASC_LBA_RANGE);
	return false;
}

static bool check_medium(struct scsi_task *t)
{
	struct lu *lu = t->lu;

	if (!lu->disk || !lu->online)
		task_sense(t, NOT_READY, ASC_NO_MEDIUM);
	else
		return true;
	return false;
}

/* A fault that was asked for (lu_fault). */
static bool fail_on_purpose(struct scsi_task *t)
{
	struct lu_fault *f = &t->lu->fault;

	if (!f->count)
		return false;
	if (f->count > 0)
		f->count--;
	if (f->status == SCSI_CHECK_CONDITION)
		task_sense(t, f->key, f->asc);
	else
		t->status = f->status;
	return true;
}

/* Whether the command may run; else its status is set. */
static bool check(struct scsi_task *t)
{
	unsigned int flags = t->command ? t->command->flags : 0;

	if (t->lu && !(flags & NO_ATTENTION) && report_attention(t))
		return false;
	if (!t->lu && !(flags & ANY_LUN)) {
		task_sense(t, ILLEGAL_REQUEST, ASC_NO_LUN);
		return false;
	}
	if (!t->command) {
		bool known = false;

		if (!scsi_command_find(t->cdb, &known) && known)
			task_bad_cdb(t, 1); /* of the opcode, but not this service action */
		else
			task_sense(t, ILLEGAL_REQUEST, ASC_OPCODE);
		return false;
	}
	if (t->attr == SCSI_ACA) {
		task_sense(t, ILLEGAL_REQUEST, 0x4900); /* invalid message */
		return false;
	}
	if (!t->lu)
		return check_usage(t);
	if (scsi_reserved_for_others(t)) {
		t->status = SCSI_RESERVATION_CONFLICT;
		return false;
	}
	if (flags & CHANGES_MEDIUM && lu_write_protected(t->lu)) {
		task_sense(t, DATA_PROTECT, ASC_WRITE_PROTECTED);
		return false;
	}
	if (!check_usage(t))
		return false;
	if (flags & MEDIUM && (fail_on_purpose(t) || !check_medium(t)))
		return false;
	return !(flags & BLOCKS) || check_blocks(t);
}

/* --- running -------------------------------------------------------------------------------- */

static void start(struct scsi_task *t)
{
	t->state = RUNNING;
	if (check(t))
		t->command->run(t);
	if (t->state == RUNNING)
		finish(t);
}

static void start_waiting(struct lu *lu)
{
	struct scsi_task *t;

	while ((t = list_first(&lu->waiting, struct scsi_task, queue))) {
		if (lu->alone || (lu->workers && runs_alone(t)))
			return;
		list_remove(&t->queue);
		start(t);
	}
}

static void work(uv_work_t *w)
{
	struct scsi_task *t = container_of(w, struct scsi_task, work);

	t->job(t);
}

static void after_work(uv_work_t *w, int status)
{
	struct scsi_task *t = container_of(w, struct scsi_task, work);
	struct lu *lu = t->lu;

	(void)status; /* only an aborted task's work is cancelled */
	lu->workers--;
	lu->alone = false;
	if (t->aborted)
		finish_aborted(t);
	else
		finish(t);
	start_waiting(lu);
	if (lu->dev)
		tmfs_check(lu->dev);
	lu_unref(lu);
}

void task_defer(struct scsi_task *t, void (*job)(struct scsi_task *), uint64_t bytes)
{
	struct lu *lu = t->lu;

	if (lu->disk->memory && bytes <= LONGEST_ON_LOOP) {
		job(t);
		return;
	}
	t->job = job;
	if (uv_queue_work(lu->dev->loop, &t->work, work, after_work) < 0) {
		t->status = SCSI_BUSY;
		return;
	}
	t->state = WORKER;
	lu->refs++;
	lu->workers++;
	lu->alone = runs_alone(t);
}

/* --- what the transport calls --------------------------------------------------------------- */

static uint64_t data_out_len(const struct scsi_task *t)
{
	const uint8_t *cdb = t->cdb;
	uint64_t bytes = t->lu ? (uint64_t)t->blocks << t->lu->block_shift : 0;

	switch (t->command->out) {
	case OUT_BLOCKS:
		return bytes;
	case OUT_TWICE:
		return 2 * bytes;
	case OUT_PATTERN:
		return scsi_cdb_len(cdb[0]) == 16 && cdb[1] & 1 ? 0 : t->lu->block_size;
	case OUT_BYTCHK:
		if (!(cdb[1] & 6))
			return 0;
		return (cdb[1] & 6) == 2 ? bytes : t->lu->block_size;
	case OUT_LIST8:
		return cdb[4];
	case OUT_LIST16:
		return be16_get(cdb + 7);
	case OUT_LIST32_5:
		return be32_get(cdb + 5);
	case OUT_LIST32_10:
		return be32_get(cdb + 10);
	case OUT_NONE:
		break;
	}
	return 0;
}

void scsi_task_begin(struct scsi_task *t)
{
	struct scsi_device *dev = t->nexus->dev;
	const struct scsi_command *c;
	uint64_t takes;
	bool known;

	t->state = BEGUN;
	list_init(&t->queue);
	t->lu = scsi_device_lu(dev, t->lun);
	list_append(t->lu ? &t->lu->tasks : &dev->strays, &t->entry);
	c = t->cdb_too_long ? NULL : scsi_command_find(t->cdb, &known);
	if (!c || (t->lu && !scsi_command_there(c, t->lu)) || (!t->lu && !(c->flags & ANY_LUN)))
		return;
	t->command = c;
	if (c->flags & BLOCKS)
		parse_blocks(t);
	takes = data_out_len(t);
	if (takes <= SCSI_TRANSFER_MAX)
		t->takes = t->wanted = (uint32_t)takes;
}

void scsi_task_submit(struct scsi_task *t)
{
	struct lu *lu = t->lu;

	if (!lu || (t->command && t->command->flags & NO_ATTENTION) ||
		(!lu->alone && list_empty(&lu->waiting) && !(lu->workers && runs_alone(t)))) {
		start(t);
		return;
	}
	t->state = WAITING;
	if (t->attr == SCSI_HEAD_OF_QUEUE)
		list_append(lu->waiting.next, &t->queue); /* before the first */
	else
		list_append(&lu->waiting, &t->queue);
}

void scsi_task_release(struct scsi_task *t)
{
	pool_put(t->buffer);
	t->buffer = NULL;
	t->in = NULL;
}

/* --- task management ------------------------------------------------------------------------ */

static void abort_task(struct scsi_task *t)
{
	if (t->state == WORKER) {
		t->aborted = true;
		uv_cancel((uv_req_t *)&t->work);
	} else {
		finish_aborted(t);
	}
}

/* A task of the list that is not yet aborted, of one nexus or (NULL) of any. */
static struct scsi_task *next_to_abort(struct list *tasks, const struct nexus *nexus)
{
	struct scsi_task *t;

	list_for_each(t, tasks, entry)
		if (!t->aborted && (!nexus || t->nexus == nexus))
			return t;
	return NULL;
}

static void abort_tasks(struct list *tasks, const struct nexus *nexus)
{
	struct scsi_task *t;

	while ((t = next_to_abort(tasks, nexus)))
		abort_task(t);
}

void lu_abort_all(struct lu *lu)
{
	abort_tasks(&lu->tasks, NULL);
}

void lu_abort_nexus(struct lu *lu, const struct nexus *nexus)
{
	abort_tasks(&lu->tasks, nexus);
}

/* Whether a worker still holds a task that the function has aborted. */
static bool tmf_waits(const struct scsi_tmf *tmf)
{
	const struct scsi_device *dev = tmf->nexus->dev;
	const struct lu *one = NULL;
	struct scsi_task *t;

	if (tmf->function <= SCSI_LUN_RESET)
		one = scsi_device_lu(dev, tmf->lun);
	for (unsigned int i = 0; i < dev->lu_count; i++)
		if (!one || one == dev->lus[i])
			list_for_each(t, &dev->lus[i]->tasks, entry)
				if (t->aborted && (!tmf->task || t == tmf->task))
					return true;
	return false;
}

static void tmfs_check(struct scsi_device *dev)
{
	struct scsi_tmf *tmf, *tmp;

	list_for_each_safe(tmf, tmp, &dev->tmfs, entry)
		if (!tmf_waits(tmf)) {
			list_remove(&tmf->entry);
			tmf->done(tmf);
		}
}

/* Aborts all tasks of the unit; the nexuses whose tasks went without their asking are told. */
static void clear_task_set(struct lu *lu, const struct nexus *asker)
{
	struct scsi_task *t;

	list_for_each(t, &lu->tasks, entry)
		if (t->nexus && t->nexus != asker)
			nexus_at(t->nexus, lu)->attention |= 1u << UA_COMMANDS_CLEARED;
	abort_tasks(&lu->tasks, NULL);
}

static void reset(struct lu *lu, enum attention attention)
{
	abort_tasks(&lu->tasks, NULL);
	lu_reset(lu);
	lu_attention(lu, attention, NULL);
}

static bool task_in(const struct list *tasks, const struct scsi_task *task)
{
	struct scsi_task *t;

	list_for_each(t, tasks, entry)
		if (t == task)
			return true;
	return false;
}

static bool any_of(const struct list *tasks, const struct nexus *nexus)
{
	struct scsi_task *t;

	list_for_each(t, tasks, entry)
		if (t->nexus == nexus)
			return true;
	return false;
}

static enum scsi_tmf_response for_task(const struct scsi_tmf *tmf, struct lu *lu)
{
	struct scsi_task *t = tmf->task;

	if (!t || !task_in(lu ? &lu->tasks : &tmf->nexus->dev->strays, t) || t->aborted)
		return SCSI_TMF_NO_TASK;
	if (tmf->function == SCSI_QUERY_TASK)
		return SCSI_TMF_SUCCEEDED;
	abort_task(t);
	return SCSI_TMF_COMPLETE;
}

static enum scsi_tmf_response for_lu(const struct scsi_tmf *tmf, struct lu *lu)
{
	switch (tmf->function) {
	case SCSI_ABORT_TASK_SET:
		abort_tasks(&lu->tasks, tmf->nexus);
		return SCSI_TMF_COMPLETE;
	case SCSI_CLEAR_TASK_SET:
		clear_task_set(lu, tmf->nexus);
		return SCSI_TMF_COMPLETE;
	case SCSI_LUN_RESET:
		reset(lu, UA_LUN_RESET);
		return SCSI_TMF_COMPLETE;
	case SCSI_QUERY_TASK_SET:
		return any_of(&lu->tasks, tmf->nexus) ? SCSI_TMF_SUCCEEDED : SCSI_TMF_COMPLETE;
	case SCSI_QUERY_ASYNC_EVENT:
		return nexus_at(tmf->nexus, lu)->attention ? SCSI_TMF_SUCCEEDED : SCSI_TMF_COMPLETE;
	default:
		return SCSI_TMF_UNSUPPORTED;
	}
}

static enum scsi_tmf_response for_target(const struct scsi_tmf *tmf)
{
	struct scsi_device *dev = tmf->nexus->dev;

	for (unsigned int i = 0; i < dev->lu_count; i++) {
		struct lu *lu = dev->lus[i];

		if (tmf->function == SCSI_I_T_NEXUS_RESET) {
			abort_tasks(&lu->tasks, tmf->nexus);
			nexus_at(tmf->nexus, lu)->attention |= 1u << UA_NEXUS_LOSS;
		} else {
			reset(lu, UA_POWER_ON);
		}
	}
	return SCSI_TMF_COMPLETE;
}

void scsi_tmf_submit(struct scsi_tmf *tmf)
{
	struct scsi_device *dev = tmf->nexus->dev;
	struct lu *lu = scsi_device_lu(dev, tmf->lun);

	switch (tmf->function) {
	case SCSI_ABORT_TASK:
	case SCSI_QUERY_TASK:
		tmf->response = for_task(tmf, lu);
		break;
	case SCSI_TARGET_WARM_RESET:
	case SCSI_TARGET_COLD_RESET:
	case SCSI_I_T_NEXUS_RESET:
		tmf->response = for_target(tmf);
		break;
	default:
		tmf->response = lu ? for_lu(tmf, lu) : SCSI_TMF_NO_LUN;
	}
	if (tmf->response == SCSI_TMF_COMPLETE && tmf_waits(tmf)) {
		list_append(&dev->tmfs, &tmf->entry);
		return;
	}
	tmf->done(tmf);
}

/* --- nexuses -------------------------------------------------------------------------------- */

struct nexus *nexus_new(
	struct scsi_device *dev, const char *initiator, const uint8_t isid[6], uint16_t tpgt)
{
	struct nexus *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->dev = dev;
	n->tpgt = tpgt;
	memcpy(n->isid, isid, sizeof(n->isid));
	n->slots = dev->slots;
	n->initiator = strdup(initiator);
	n->at = calloc(n->slots, sizeof(*n->at));
	if (!n->initiator || !n->at) {
		free(n->initiator);
		free(n->at);
		free(n);
		return NULL;
	}
	list_append(&dev->nexuses, &n->entry);
	for (unsigned int i = 0; i < n->slots; i++)
		n->at[i].attention = 1u << UA_POWER_ON;
	return n;
}

static void forget_nexus(struct list *tasks, const struct nexus *nexus)
{
	struct scsi_task *t;

	list_for_each(t, tasks, entry)
		if (t->nexus == nexus)
			t->nexus = NULL;
}

void nexus_free(struct nexus *n)
{
	struct scsi_device *dev;
	struct scsi_tmf *tmf, *tmp;

	if (!n)
		return;
	dev = n->dev;
	abort_tasks(&dev->strays, n);
	for (unsigned int i = 0; i < dev->lu_count; i++) {
		struct lu *lu = dev->lus[i];

		abort_tasks(&lu->tasks, n);
		forget_nexus(&lu->tasks, n);
		if (lu->reserved_by == n)
			lu->reserved_by = NULL;
	}
	list_for_each_safe(tmf, tmp, &dev->tmfs, entry)
		if (tmf->nexus == n)
			list_remove(&tmf->entry);
	list_remove(&n->entry);
	free(n->initiator);
	free(n->at);
	free(n);
}
