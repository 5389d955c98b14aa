/* SPDX-License-Identifier: MIT */
/*
 * Mode parameters (SPC-4 7.5, SBC-3 6.5) and what is near to them: start and stop, removal.
 *
 * A page is built three times: as it is, as it was at the start, and as the mask of what MODE
 * SELECT may change.
 */
#include "scsi-impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum page_control { CURRENT, CHANGEABLE, DEFAULT, SAVED };

enum { ALL_PAGES = 0x3f, ALL_SUBPAGES = 0xff, REPLY_MAX = 4096 };

enum { WCE = 0x04, D_SENSE = 0x04, SWP = 0x08 };

/* A bit that MODE SELECT changes: now, or (mask) that it can be. */
static uint8_t bit(enum page_control pc, bool now, bool at_start, uint8_t value)
{
	bool set = pc == CHANGEABLE ? true : pc == CURRENT ? now : at_start;

	return set ? value : 0;
}

static void disconnect_page(const struct lu *lu, enum page_control pc, uint8_t *d)
{
	(void)lu, (void)pc, (void)d;
}

static void caching_page(const struct lu *lu, enum page_control pc, uint8_t *d)
{
	d[2] = bit(pc, !lu->no_write_cache, !lu->write_through, WCE);
	if (pc != CHANGEABLE)
		d[2] |= 0x10; /* DISC: prefetching goes on beyond a discontinuity */
}

static void control_page(const struct lu *lu, enum page_control pc, uint8_t *d)
{
	d[2] = bit(pc, lu->d_sense, false, D_SENSE);
	if (pc != CHANGEABLE)
		d[3] = 0x10; /* queued commands may be reordered */
	d[4] = bit(pc, lu->swp, false, SWP);
}

static void exceptions_page(const struct lu *lu, enum page_control pc, uint8_t *d)
{
	(void)lu;
	if (pc != CHANGEABLE)
		d[2] = 0x08; /* DEXCPT: none are reported */
}

static void caching_select(struct lu *lu, const uint8_t *d)
{
	lu->no_write_cache = !(d[2] & WCE);
}

static void control_select(struct lu *lu, const uint8_t *d)
{
	lu->d_sense = d[2] & D_SENSE;
	lu->swp = d[4] & SWP;
}

static const struct page {
	uint8_t code, len; /* of the whole page */
	bool disk_only;
	void (*fill)(const struct lu *lu, enum page_control pc, uint8_t *d);
	void (*select)(struct lu *lu, const uint8_t *d); /* NULL: nothing can be changed */
} pages[] = {
	{0x02, 16, true, disconnect_page, NULL},
	{0x08, 20, true, caching_page, caching_select},
	{0x0a, 12, false, control_page, control_select},
	{0x1c, 12, true, exceptions_page, NULL},
};
enum { PAGES = sizeof(pages) / sizeof(*pages) };

static bool page_is_there(const struct page *p, const struct lu *lu)
{
	return !p->disk_only || lu->type == LU_DISK;
}

static void fill_page(const struct page *p, const struct lu *lu, enum page_control pc, uint8_t *d)
{
	memset(d, 0, p->len);
	d[0] = p->code;
	d[1] = p->len - 2;
	p->fill(lu, pc, d);
}

/* ---- pages that an administrator has set ---- */

static struct mode_page *own_page(const struct lu *lu, uint8_t code, uint8_t subpage)
{
	struct mode_page *p;

	list_for_each(p, &lu->mode_pages, entry)
		if (p->page == code && p->subpage == subpage)
			return p;
	return NULL;
}

int lu_set_mode_page(struct lu *lu, const char *value)
{
	unsigned long numbers[3 + 255];
	unsigned int n = 0;
	struct mode_page *page, *old;

	while (n < 3 + 255) {
		char *end;

		numbers[n++] = strtoul(value, &end, 0);
		if (end == value || numbers[n - 1] > 255 || (*end && *end != ':'))
			return -EINVAL;
		if (!*end)
			break;
		value = end + 1;
	}
	if (n < 3 || numbers[2] < n - 3 || numbers[0] >= ALL_PAGES || numbers[1] == ALL_SUBPAGES)
		return -EINVAL;
	page = calloc(1, sizeof(*page) + numbers[2]); /* bytes that are not given are zeros */
	if (!page)
		return -ENOMEM;
	page->page = (uint8_t)numbers[0];
	page->subpage = (uint8_t)numbers[1];
	page->len = (uint16_t)numbers[2];
	for (unsigned int i = 3; i < n; i++)
		page->data[i - 3] = (uint8_t)numbers[i];
	old = own_page(lu, page->page, page->subpage);
	if (old) {
		list_remove(&old->entry);
		free(old);
	}
	list_append(&lu->mode_pages, &page->entry);
	lu_attention(lu, UA_MODE_CHANGED, NULL);
	return 0;
}

static size_t put_own_page(const struct mode_page *p, enum page_control pc, uint8_t *d)
{
	size_t head = p->subpage ? 4 : 2;

	d[0] = p->page | (p->subpage ? 0x40 : 0);
	if (p->subpage) {
		d[1] = p->subpage;
		be16_put(d + 2, p->len);
	} else {
		d[1] = (uint8_t)p->len;
	}
	if (pc == CHANGEABLE)
		memset(d + head, 0, p->len);
	else
		memcpy(d + head, p->data, p->len);
	return head + p->len;
}

/* ---- MODE SENSE ---- */

/* What is asked for, in ascending order; 0 when there is no such page. */
static size_t put_pages(const struct scsi_task *t, uint8_t *d)
{
	const struct lu *lu = t->lu;
	enum page_control pc = t->cdb[2] >> 6;
	uint8_t code = t->cdb[2] & ALL_PAGES, subpage = t->cdb[3];
	size_t len = 0;
	struct mode_page *own;

	for (int i = 0; i < PAGES; i++)
		if ((code == ALL_PAGES || code == pages[i].code) &&
			(!subpage || subpage == ALL_SUBPAGES) && page_is_there(&pages[i], lu) &&
			!own_page(lu, pages[i].code, 0)) {
			fill_page(&pages[i], lu, pc, d + len);
			len += pages[i].len;
		}
	list_for_each(own, &lu->mode_pages, entry)
		if ((code == ALL_PAGES || code == own->page) &&
			(subpage == ALL_SUBPAGES || subpage == own->subpage) &&
			len + 4 + own->len <= REPLY_MAX - 32)
			len += put_own_page(own, pc, d + len);
	return len;
}

static size_t put_block_descriptor(const struct lu *lu, bool is_long, uint8_t *d)
{
	if (is_long) {
		be32_put(d, (uint32_t)(lu->blocks >> 32));
		be32_put(d + 4, (uint32_t)lu->blocks);
		be32_put(d + 12, lu->block_size);
		return 16;
	}
	be32_put(d, lu->blocks > UINT32_MAX ? UINT32_MAX : (uint32_t)lu->blocks);
	be32_put(d + 4, lu->block_size); /* three bytes; the first is reserved */
	return 8;
}

void scsi_mode_sense(struct scsi_task *t)
{
	bool six = t->cdb[0] == 0x1a;
	size_t head = six ? 4 : 8, block = 0, len;
	bool is_long = !six && t->cdb[1] & 0x10;
	size_t allowed = six ? t->cdb[4] : be16_get(t->cdb + 7);
	uint8_t device = t->lu->type == LU_DISK ? 0x10 : 0; /* DPOFUA */
	uint8_t *d;

	if (t->cdb[2] >> 6 == SAVED) {
		task_sense(t, ILLEGAL_REQUEST, ASC_SAVING);
		return;
	}
	d = task_reply(t, REPLY_MAX);
	if (!d)
		return;
	if (!(t->cdb[1] & 0x08) && t->lu->type == LU_DISK)
		block = put_block_descriptor(t->lu, is_long, d + head);
	len = put_pages(t, d + head + block);
	if (!len) {
		task_bad_cdb(t, 2);
		return;
	}
	len += head + block;
	if (lu_write_protected(t->lu))
		device |= 0x80;
	if (six) {
		d[0] = (uint8_t)(len - 1 > 255 ? 255 : len - 1);
		d[2] = device;
		d[3] = (uint8_t)block;
	} else {
		be16_put(d, (uint16_t)(len - 2));
		d[3] = device;
		d[4] = is_long && block;
		be16_put(d + 6, (uint16_t)block);
	}
	task_reply_len(t, len, allowed);
}

/* ---- MODE SELECT ---- */

static const struct page *find_page(const struct lu *lu, uint8_t code)
{
	for (int i = 0; i < PAGES; i++)
		if (pages[i].code == code && page_is_there(&pages[i], lu) && !own_page(lu, code, 0))
			return &pages[i];
	return NULL;
}

/* Only bits of the mask may differ from what is. */
static bool may_become(const struct page *p, const struct lu *lu, const uint8_t *d)
{
	uint8_t now[32], mask[32];

	fill_page(p, lu, CURRENT, now);
	fill_page(p, lu, CHANGEABLE, mask);
	for (size_t i = 2; i < p->len; i++)
		if ((now[i] ^ d[i]) & ~mask[i])
			return false;
	return true;
}

/* Checks the pages from `at` on, or (apply) makes them so. */
static bool select_pages(struct scsi_task *t, size_t at, bool apply)
{
	while (at < t->out_len) {
		const uint8_t *d = t->out + at;
		const struct page *p = find_page(t->lu, d[0] & 0x7f);

		if (!p) {
			task_bad_list(t, (unsigned int)at);
			return false;
		}
		if (t->out_len - at < p->len) {
			task_sense(t, ILLEGAL_REQUEST, ASC_LIST_LENGTH);
			return false;
		}
		if (d[1] != p->len - 2 || !may_become(p, t->lu, d)) {
			task_bad_list(t, (unsigned int)at + 1);
			return false;
		}
		if (apply && p->select)
			p->select(t->lu, d);
		at += p->len;
	}
	return true;
}

void scsi_mode_select(struct scsi_task *t)
{
	bool six = t->cdb[0] == 0x15;
	size_t head = six ? 4 : 8, block;

	if (!(t->cdb[1] & 0x10)) { /* PF */
		task_bad_cdb(t, 1);
		return;
	}
	if (!t->out_len)
		return;
	if (t->out_len < head) {
		task_sense(t, ILLEGAL_REQUEST, ASC_LIST_LENGTH);
		return;
	}
	block = six ? t->out[3] : be16_get(t->out + 6);
	if (block > t->out_len - head) {
		task_sense(t, ILLEGAL_REQUEST, ASC_LIST_LENGTH);
		return;
	}
	if ((block == 8 && be24_get(t->out + head + 5) != t->lu->block_size) ||
		(block && block != 8 && block != 16)) {
		task_bad_list(t, (unsigned int)head);
		return;
	}
	if (!select_pages(t, head + block, false))
		return;
	select_pages(t, head + block, true);
	if (head + block < t->out_len)
		lu_attention(t->lu, UA_MODE_CHANGED, t->nexus);
}

/* ---- start, stop, removal ---- */

/*
 * There is nothing to spin down: a stop without LOEJ, and a power condition, leave the unit ready;
 * what was written is on the disk after it.
 */
void scsi_start_stop(struct scsi_task *t)
{
	bool power_condition = t->cdb[4] >> 4;
	bool start = t->cdb[4] & 1, eject = t->cdb[4] & 2 && !power_condition;
	struct lu *lu = t->lu;

	if (eject && !lu->removable) {
		task_bad_cdb(t, 4);
		return;
	}
	if (eject && lu_removal_prevented(lu)) {
		task_sense(t, ILLEGAL_REQUEST, ASC_REMOVAL_PREVENTED);
		return;
	}
	if (eject && start && !lu->online)
		lu_attention(lu, UA_MEDIUM_CHANGED, t->nexus);
	if (eject)
		lu->online = start;
	if (!start && lu->disk)
		scsi_synchronize_cache(t);
}

void scsi_prevent_removal(struct scsi_task *t)
{
	nexus_at(t->nexus, t->lu)->prevents_removal = t->cdb[4] & 1;
}
