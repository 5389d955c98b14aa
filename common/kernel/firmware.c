/* SPDX-License-Identifier: MIT */
#include "firmware.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "name.h"
#include "netdev.h"
#include "str.h"
#include "sysfs.h"

#define VALID 1 /* of an object's flags */
#define ORIGIN_DHCP 3
#define TARGETS_MAX 64
#define TEXT_MAX 255

static const char *address_fault(const char *text)
{
	/* What an unset address looks like. */
	if (str_eq(text, "0.0.0.0") || str_eq(text, "::"))
		return "is unset";
	return iscsi_address_fault(text);
}

static const char *number_fault(const char *text)
{
	uint64_t n;

	return str_to_u64(text, 0, 4095, &n) ? "is no number" : NULL;
}

/* Anything that is one line and not too long. */
static const char *text_fault(const char *text)
{
	if (strlen(text) > TEXT_MAX)
		return "is too long";
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return "has a control character";
	return NULL;
}

enum object { INITIATOR, CARD, TARGET };

static const struct attribute {
	enum object of;
	const char *file;
	size_t offset; /* of a string */
	const char *(*fault)(const char *text);
} attributes[] = {
#define A(of, file, member, fault)                                        \
	{                                                                 \
		of, file, offsetof(struct firmware_target, member), fault \
	}
	A(INITIATOR, "initiator-name", initiator, iscsi_name_fault),
	A(TARGET, "target-name", target, iscsi_name_fault),
	A(TARGET, "ip-addr", address, address_fault),
	A(TARGET, "lun", lun, text_fault),
	A(TARGET, "chap-name", username, text_fault),
	A(TARGET, "chap-secret", password, text_fault),
	A(TARGET, "rev-chap-name", username_in, text_fault),
	A(TARGET, "rev-chap-name-secret", password_in, text_fault),
	A(CARD, "mac", hwaddress, text_fault),
	A(CARD, "ip-addr", ipaddress, address_fault),
	A(CARD, "subnet-mask", subnet_mask, address_fault),
	A(CARD, "gateway", gateway, address_fault),
	A(CARD, "prefix-len", prefix_len, number_fault),
	A(CARD, "vlan", vlan_id, number_fault),
	A(CARD, "primary-dns", primary_dns, address_fault),
	A(CARD, "secondary-dns", secondary_dns, address_fault),
#undef A
};

#define N_ATTRIBUTES (sizeof(attributes) / sizeof(attributes[0]))

static char **member(struct firmware_target *t, const struct attribute *a)
{
	return (char **)((char *)t + a->offset);
}

static void target_clear(struct firmware_target *t)
{
	for (size_t i = 0; i < N_ATTRIBUTES; i++) {
		char **text = member(t, &attributes[i]);

		if (*text)
			str_wipe(*text, strlen(*text));
		free(STEAL_PTR(*text));
	}
	free(STEAL_PTR(t->netdev));
}

void firmware_clear(struct firmware_targets *t)
{
	for (size_t i = 0; i < t->n; i++)
		target_clear(&t->items[i]);
	free(t->items);
	*t = (struct firmware_targets){0};
}

/* One table's directory: /sys/firmware/ibft, iscsi_boot0, ... */
struct table {
	const char *root, *dir; /* dir below root */
};

/* -1: not there, no number, or not in the range. */
static int read_number(const struct table *t, const char *object, const char *file, int max)
{
	char path[PATH_MAX];
	long v;

	snprintf(path, sizeof(path), "%s/%s/%s", t->dir, object, file);
	return sysfs_read_long(t->root, path, &v) || v < 0 || v > max ? -1 : (int)v;
}

static bool is_valid(const struct table *t, const char *object)
{
	int flags = read_number(t, object, "flags", UINT8_MAX);

	return flags >= 0 && flags & VALID;
}

static int read_texts(
	const struct table *t, const char *object, enum object of, struct firmware_target *ret)
{
	char path[PATH_MAX];
	int r = 0;

	for (size_t i = 0; i < N_ATTRIBUTES && r != -ENOMEM; i++) {
		const struct attribute *a = &attributes[i];
		char **text = member(ret, a);

		if (a->of != of)
			continue;
		snprintf(path, sizeof(path), "%s/%s/%s", t->dir, object, a->file);
		r = sysfs_read(t->root, path, text);
		if (r || !*text)
			continue;
		*text = memmove(*text, str_trim(*text), strlen(str_trim(*text)) + 1);
		if (**text && !a->fault(*text))
			continue;
		str_wipe(*text, strlen(*text));
		free(STEAL_PTR(*text));
	}
	return r == -ENOMEM ? r : 0;
}

static int read_card(const struct table *t, int number, struct firmware_target *ret)
{
	char card[32];
	int r;

	snprintf(card, sizeof(card), "ethernet%d", number);
	if (!is_valid(t, card))
		return 0;
	r = read_texts(t, card, CARD, ret);
	if (r)
		return r;
	ret->dhcp = read_number(t, card, "origin", UINT8_MAX) == ORIGIN_DHCP;
	if (ret->hwaddress)
		r = netdev_by_mac(t->root, ret->hwaddress, &ret->netdev);
	return r == -ENOMEM ? r : 0;
}

static int read_target(const struct table *t, int number, struct firmware_target *ret)
{
	char target[32];
	int card, r;

	snprintf(target, sizeof(target), "target%d", number);
	if (!is_valid(t, target))
		return -ENOENT;
	r = read_texts(t, target, TARGET, ret);
	if (!r && (!ret->target || !ret->address))
		r = -ENOENT;
	ret->port = read_number(t, target, "port", UINT16_MAX);
	if (ret->port < 1)
		ret->port = ISCSI_PORT_DEFAULT;
	card = read_number(t, target, "nic-assoc", UINT8_MAX);
	if (!r && card >= 0)
		r = read_card(t, card, ret);
	return r ? r : read_texts(t, "initiator", INITIATOR, ret);
}

static int read_table(const struct table *t, struct firmware_targets *l)
{
	for (int i = 0; i < TARGETS_MAX; i++) {
		struct firmware_target target = {0}, *items;
		int r = read_target(t, i, &target);

		items = r ? NULL : realloc(l->items, (l->n + 1) * sizeof(*items));
		if (items) {
			l->items = items;
			l->items[l->n++] = target;
			continue;
		}
		target_clear(&target);
		if (r != -ENOENT)
			return r ? r : -ENOMEM;
	}
	return 0;
}

int firmware_read(const char *root, struct firmware_targets *ret)
{
	struct firmware_targets l = {0};
	int r = read_table(&(struct table){root, "sys/firmware/ibft"}, &l);
	char dir[64];

	for (int i = 0; i < 16 && !r && !l.n; i++) {
		snprintf(dir, sizeof(dir), "sys/firmware/iscsi_boot%d", i);
		r = read_table(&(struct table){root, dir}, &l);
	}
	if (r) {
		firmware_clear(&l);
		return r;
	}
	*ret = l;
	return 0;
}
