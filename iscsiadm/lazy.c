/* SPDX-License-Identifier: MIT */
#include "lazy.h"

#include <dlfcn.h>
#include <stdlib.h>

#include <json-c/json.h>
#include <libisns/attrs.h>
#include <libisns/isns.h>
#include <libisns/util.h>
#include <libudev.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "err.h"
#include "log.h"

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

static struct library {
	const char *file;
	void *handle;
} crypto = {"libcrypto.so." TEXT(OPENSSL_SHLIB_VERSION), NULL}, isns = {"libisns.so.0", NULL},
  json = {"libjson-c.so.5", NULL}, udev = {"libudev.so.1", NULL};

/* What is missing was there when the program was installed: there is no way on. */
static void *find(struct library *l, const char *name)
{
	void *symbol;

	if (!l->handle)
		l->handle = dlopen(l->file, RTLD_NOW | RTLD_LOCAL);
	symbol = l->handle ? dlsym(l->handle, name) : NULL;
	if (symbol)
		return symbol;
	log_error("cannot load %s: %s", l->file, dlerror());
	exit(ISCSI_ERR);
}

#define FUNCTION(library, type, name, parameters, arguments)         \
	type name parameters                                         \
	{                                                            \
		static __typeof__(&name) function;                   \
                                                                     \
		if (!function)                                       \
			*(void **)&function = find(&library, #name); \
		return function arguments;                           \
	}

/* a function is a line, or two */
/* clang-format off */
FUNCTION(crypto, int, CRYPTO_memcmp, (const void *a, const void *b, size_t len), (a, b, len))
FUNCTION(crypto, EVP_MD *, EVP_MD_fetch,
	(OSSL_LIB_CTX *ctx, const char *algorithm, const char *properties), (ctx, algorithm, properties))
FUNCTION(crypto, void, EVP_MD_free, (EVP_MD *md), (md))
FUNCTION(crypto, EVP_MD_CTX *, EVP_MD_CTX_new, (void), ())
FUNCTION(crypto, void, EVP_MD_CTX_free, (EVP_MD_CTX *ctx), (ctx))
FUNCTION(crypto, int, EVP_DigestInit_ex2,
	(EVP_MD_CTX *ctx, const EVP_MD *type, const OSSL_PARAM *params), (ctx, type, params))
FUNCTION(crypto, int, EVP_DigestUpdate, (EVP_MD_CTX *ctx, const void *d, size_t len), (ctx, d, len))
FUNCTION(crypto, int, EVP_DigestFinal_ex,
	(EVP_MD_CTX *ctx, unsigned char *digest, unsigned int *len), (ctx, digest, len))

FUNCTION(isns, void, isns_assign_string, (char **to, const char *from), (to, from))
FUNCTION(isns, void, isns_attr_list_append_string,
	(isns_attr_list_t *list, uint32_t tag, const char *value), (list, tag, value))
FUNCTION(isns, void, isns_attr_list_append_uint32,
	(isns_attr_list_t *list, uint32_t tag, uint32_t value), (list, tag, value))
FUNCTION(isns, void, isns_attr_list_destroy, (isns_attr_list_t *list), (list))
FUNCTION(isns, int, isns_client_call, (isns_client_t *c, isns_simple_t **inout), (c, inout))
FUNCTION(isns, void, isns_client_destroy, (isns_client_t *c), (c))
FUNCTION(isns, isns_client_t *, isns_create_client,
	(isns_security_t *security, const char *source), (security, source))
FUNCTION(isns, isns_simple_t *, isns_create_query,
	(isns_client_t *c, const isns_attr_list_t *key), (c, key))
FUNCTION(isns, int, isns_object_get_ipaddr,
	(const isns_object_t *o, uint32_t tag, struct in6_addr *ret), (o, tag, ret))
FUNCTION(isns, int, isns_object_get_string,
	(const isns_object_t *o, uint32_t tag, const char **ret), (o, tag, ret))
FUNCTION(isns, int, isns_object_get_uint32,
	(const isns_object_t *o, uint32_t tag, uint32_t *ret), (o, tag, ret))
FUNCTION(isns, int, isns_object_is_pg, (const isns_object_t *o), (o))
FUNCTION(isns, void, isns_object_list_destroy, (isns_object_list_t *list), (list))
FUNCTION(isns, int, isns_query_request_attr_tag, (isns_simple_t *q, uint32_t tag), (q, tag))
FUNCTION(isns, int, isns_query_response_get_objects,
	(isns_simple_t *q, isns_object_list_t *ret), (q, ret))
FUNCTION(isns, void, isns_simple_free, (isns_simple_t *q), (q))
FUNCTION(isns, void, isns_socket_set_disconnect_fatal, (isns_socket_t *s), (s))
FUNCTION(isns, const char *, isns_strerror, (enum isns_status status), (status))

FUNCTION(json, int, json_object_array_add, (struct json_object *a, struct json_object *o), (a, o))
FUNCTION(json, struct json_object *, json_object_array_get_idx,
	(const struct json_object *a, size_t i), (a, i))
FUNCTION(json, size_t, json_object_array_length, (const struct json_object *a), (a))
FUNCTION(json, struct json_object *, json_object_get, (struct json_object *o), (o))
FUNCTION(json, json_bool, json_object_get_boolean, (const struct json_object *o), (o))
FUNCTION(json, int64_t, json_object_get_int64, (const struct json_object *o), (o))
FUNCTION(json, struct lh_table *, json_object_get_object, (const struct json_object *o), (o))
FUNCTION(json, const char *, json_object_get_string, (struct json_object *o), (o))
FUNCTION(json, int, json_object_get_string_len, (const struct json_object *o), (o))
FUNCTION(json, int, json_object_is_type, (const struct json_object *o, enum json_type type),
	(o, type))
FUNCTION(json, struct json_object *, json_object_new_array, (void), ())
FUNCTION(json, struct json_object *, json_object_new_boolean, (json_bool b), (b))
FUNCTION(json, struct json_object *, json_object_new_int, (int32_t n), (n))
FUNCTION(json, struct json_object *, json_object_new_int64, (int64_t n), (n))
FUNCTION(json, struct json_object *, json_object_new_object, (void), ())
FUNCTION(json, struct json_object *, json_object_new_string, (const char *s), (s))
FUNCTION(json, struct json_object *, json_object_new_uint64, (uint64_t n), (n))
FUNCTION(json, int, json_object_object_add,
	(struct json_object *o, const char *key, struct json_object *value), (o, key, value))
FUNCTION(json, struct json_object *, json_object_object_get,
	(const struct json_object *o, const char *key), (o, key))
FUNCTION(json, int, json_object_object_length, (const struct json_object *o), (o))
FUNCTION(json, int, json_object_put, (struct json_object *o), (o))
FUNCTION(json, const char *, json_object_to_json_string_ext, (struct json_object *o, int flags),
	(o, flags))
FUNCTION(json, const char *, json_object_to_json_string_length,
	(struct json_object *o, int flags, size_t *length), (o, flags, length))
FUNCTION(json, void, json_tokener_free, (struct json_tokener *t), (t))
FUNCTION(json, struct json_tokener *, json_tokener_new, (void), ())
FUNCTION(json, struct json_object *, json_tokener_parse_ex,
	(struct json_tokener *t, const char *text, int len), (t, text, len))
FUNCTION(json, void, json_tokener_set_flags, (struct json_tokener *t, int flags), (t, flags))

FUNCTION(udev, struct udev *, udev_new, (void), ())
FUNCTION(udev, struct udev *, udev_unref, (struct udev *u), (u))
FUNCTION(udev, struct udev_device *, udev_device_new_from_subsystem_sysname,
	(struct udev *u, const char *subsystem, const char *name), (u, subsystem, name))
FUNCTION(udev, struct udev_device *, udev_device_unref, (struct udev_device *d), (d))
FUNCTION(udev, int, udev_device_get_is_initialized, (struct udev_device *d), (d))
FUNCTION(udev, struct udev_list_entry *, udev_device_get_devlinks_list_entry,
	(struct udev_device *d), (d))
FUNCTION(udev, struct udev_list_entry *, udev_list_entry_get_next,
	(struct udev_list_entry *e), (e))
FUNCTION(udev, const char *, udev_list_entry_get_name, (struct udev_list_entry *e), (e))
/* clang-format on */

struct isns_config *lazy_isns_config(void)
{
	return find(&isns, "isns_config");
}
