/* SPDX-License-Identifier: MIT */
/* INQUIRY: what the logical unit says of itself (SPC-4 6.4, 7.8; SBC-3 6.6). */
#include "scsi-impl.h"

#include <stdio.h>
#include <string.h>

enum { REPLY_MAX = 1024 };

static void put_text(uint8_t *p, size_t len, const char *text)
{
	size_t n = strlen(text);

	memset(p, ' ', len);
	memcpy(p, text, n < len ? n : len);
}

static size_t standard(const struct lu *lu, uint8_t *d)
{
	static const uint16_t versions[] = {
		0x00a0, /* SAM-5 */
		0x0960, /* iSCSI */
		0x0460, /* SPC-4 */
		0x04c0, /* SBC-3 */
	};
	size_t count = lu->type == LU_DISK ? 4 : 3;

	d[1] = lu->removable ? 0x80 : 0;
	d[2] = 6;	     /* SPC-4 */
	d[3] = 0x10 | 2;     /* HISUP; the format */
	d[4] = 66 - 5;
	d[7] = 0x02; /* CMDQUE */
	put_text(d + 8, 8, lu->vendor);
	put_text(d + 16, 16, lu->product);
	put_text(d + 32, 4, lu->revision);
	for (size_t i = 0; i < count; i++)
		be16_put(d + 58 + 2 * i, versions[i]);
	return 66;
}

static const char *serial(const struct lu *lu)
{
	return lu->scsi_sn ? lu->scsi_sn : lu->unique;
}

static size_t page_serial(const struct lu *lu, const struct nexus *nexus, uint8_t *d)
{
	(void)nexus;
	return 4 + (size_t)snprintf((char *)d + 4, 256, "%s", serial(lu));
}

/* One designation descriptor behind the page's len bytes; returns the new length. */
static size_t designator(uint8_t *d, size_t len, uint8_t code_set, uint8_t type, const void *id,
	size_t id_len, size_t padded)
{
	uint8_t *p = d + len;

	p[0] = (uint8_t)(type & 0x10 ? 0x50 | code_set : code_set); /* 5: the protocol is iSCSI */
	p[1] = (uint8_t)((type & 0x30 ? 0x80 : 0) | type);
	p[3] = (uint8_t)padded;
	memcpy(p + 4, id, id_len);
	return len + 4 + padded;
}

enum { BINARY = 1, ASCII = 2, UTF8 = 3, OF_PORT = 0x10, OF_DEVICE = 0x20 };

static size_t name_designator(uint8_t *d, size_t len, uint8_t association, const char *name)
{
	size_t n = strlen(name) + 1, padded = (n + 3) & ~(size_t)3;

	if (padded > 252)
		return len;
	return designator(d, len, UTF8, association | 8, name, n, padded);
}

static size_t page_identification(const struct lu *lu, const struct nexus *nexus, uint8_t *d)
{
	uint8_t port[4] = {0}, t10[8 + 64];
	char name[300];
	size_t len = 4, n;

	put_text(t10, 8, lu->vendor);
	n = (size_t)snprintf((char *)t10 + 8, sizeof(t10) - 8, "%s",
		lu->scsi_id ? lu->scsi_id : lu->unique);
	len = designator(d, len, ASCII, 1, t10, 8 + n, 8 + n);
	len = designator(d, len, BINARY, 3, lu->naa, 8, 8);
	be16_put(port + 2, nexus->tpgt);
	len = designator(d, len, BINARY, OF_PORT | 4, port, 4, 4);
	len = designator(d, len, BINARY, OF_PORT | 5, port, 4, 4);
	snprintf(name, sizeof(name), "%s,t,0x%04x", nexus->dev->name, nexus->tpgt);
	len = name_designator(d, len, OF_PORT, name);
	len = name_designator(d, len, OF_DEVICE, nexus->dev->name);
	return len;
}

static size_t page_block_limits(const struct lu *lu, const struct nexus *nexus, uint8_t *d)
{
	uint32_t all = SCSI_TRANSFER_MAX >> lu->block_shift, physical = 1u << lu->lbppbe;

	(void)nexus;
	d[4] = 1; /* WSNZ: WRITE SAME of no blocks is refused */
	d[5] = SCSI_COMPARE_WRITE_MAX;
	be16_put(d + 6, lu->optimal_granularity ? lu->optimal_granularity : (uint16_t)physical);
	be32_put(d + 8, all);
	be32_put(d + 12, lu->optimal_transfer);
	if (lu->thin) {
		be32_put(d + 20, UINT32_MAX); /* blocks in one UNMAP */
		be32_put(d + 24, SCSI_UNMAP_DESCRIPTORS);
		be32_put(d + 28, physical);   /* granularity */
		be32_put(d + 32, 0x80000000);
	}
	be32_put(d + 44, SCSI_ATOMIC_MAX);
	be32_put(d + 56, SCSI_ATOMIC_MAX); /* with a boundary */
	be32_put(d + 60, SCSI_ATOMIC_MAX);
	return 64;
}

static size_t page_characteristics(const struct lu *lu, const struct nexus *nexus, uint8_t *d)
{
	(void)nexus;
	be16_put(d + 4, lu->rotation_rate);
	return 64;
}

static size_t page_provisioning(const struct lu *lu, const struct nexus *nexus, uint8_t *d)
{
	(void)nexus;
	if (lu->thin) {
		d[5] = 0xe0 | 0x04; /* LBPU, LBPWS, LBPWS10; LBPRZ */
		d[6] = 2;	    /* thin */
	}
	return 8;
}

static const struct page {
	uint8_t code;
	bool disk_only;
	size_t (*fill)(const struct lu *lu, const struct nexus *nexus, uint8_t *d);
} pages[] = {
	{0x80, false, page_serial},
	{0x83, false, page_identification},
	{0xb0, true, page_block_limits},
	{0xb1, true, page_characteristics},
	{0xb2, true, page_provisioning},
};
enum { PAGES = sizeof(pages) / sizeof(*pages) };

static size_t vital_product_data(const struct scsi_task *t, uint8_t *d)
{
	const struct lu *lu = t->lu;
	size_t len = 0;

	if (t->cdb[2] == 0x00) {
		len = 5;
		for (int i = 0; i < PAGES; i++)
			if (!pages[i].disk_only || lu->type == LU_DISK)
				d[len++] = pages[i].code;
	}
	for (int i = 0; i < PAGES; i++)
		if (pages[i].code == t->cdb[2] && (!pages[i].disk_only || lu->type == LU_DISK))
			len = pages[i].fill(lu, t->nexus, d);
	if (!len)
		return 0;
	d[1] = t->cdb[2];
	be16_put(d + 2, (uint16_t)(len - 4));
	return len;
}

void scsi_inquiry(struct scsi_task *t)
{
	bool evpd = t->cdb[1] & 1;
	uint8_t *d;
	size_t len;

	if (!evpd && t->cdb[2]) {
		task_bad_cdb(t, 2);
		return;
	}
	d = task_reply(t, REPLY_MAX);
	if (!d)
		return;
	if (!t->lu) {
		if (evpd) {
			task_bad_cdb(t, 2);
			return;
		}
		d[0] = 0x7f; /* no logical unit can be here */
		d[2] = 6;
		d[3] = 2;
		d[4] = 36 - 5;
		len = 36;
	} else {
		len = evpd ? vital_product_data(t, d) : standard(t->lu, d);
		d[0] = (uint8_t)t->lu->type;
	}
	if (!len) {
		task_bad_cdb(t, 2);
		return;
	}
	task_reply_len(t, len, be16_get(t->cdb + 3));
}
