/* SPDX-License-Identifier: MIT */
#include "module.h"

#include <errno.h>
#include <libkmod.h>
#include <stddef.h>

int module_load(const char *name)
{
	struct kmod_ctx *ctx = kmod_new(NULL, NULL);
	struct kmod_list *list = NULL, *l;
	int r = ctx ? kmod_module_new_from_lookup(ctx, name, &list) : -ENOMEM;

	if (!r && !list)
		r = -ENOENT;
	kmod_list_foreach(l, list) {
		struct kmod_module *m = kmod_module_get_module(l);

		if (!r)
			r = kmod_module_probe_insert_module(m, KMOD_PROBE_APPLY_BLACKLIST, NULL,
				NULL, NULL, NULL);
		kmod_module_unref(m);
	}
	kmod_module_unref_list(list);
	kmod_unref(ctx);
	return r > 0 ? -EPERM : r;
}
