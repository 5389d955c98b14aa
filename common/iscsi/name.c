/* SPDX-License-Identifier: MIT */
#include "name.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "str.h"

#define IFACENAME_MAX 64
#define DIGITS "0123456789"
#define HEX_DIGITS DIGITS "abcdefABCDEF"

static bool is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_one_of(char c, const char *others)
{
	return is_letter_or_digit(c) || strchr(others, c);
}

static bool all_hex(const char *s)
{
	return !s[strspn(s, HEX_DIGITS)];
}

static const char *iqn_fault(const char *rest)
{
	return *rest ? NULL : "has nothing behind \"iqn.\"";
}

/* RFC 7143 section 4.2.7.4 */
static const char *eui_fault(const char *rest)
{
	return strlen(rest) == 16 && all_hex(rest) ? NULL : "has not 16 hexadecimal digits";
}

/* RFC 7143 section 4.2.7.5 */
static const char *naa_fault(const char *rest)
{
	size_t len = strlen(rest);

	return (len == 16 || len == 32) && all_hex(rest) ? NULL
							 : "has not 16 or 32 hexadecimal digits";
}

static const struct {
	const char *prefix;
	const char *(*fault)(const char *rest);
} forms[] = {
	{"iqn.", iqn_fault},
	{"eui.", eui_fault},
	{"naa.", naa_fault},
};

bool iscsi_name_is_clean(const char *name)
{
	for (; *name; name++)
		if ((unsigned char)*name < 0x80 && !is_one_of(*name, "-.:_"))
			return false;
	return true;
}

const char *iscsi_name_fault(const char *name)
{
	if (!*name)
		return "is empty";
	if (strlen(name) > ISCSI_NAME_MAX)
		return "is longer than 223 bytes";
	if (!iscsi_name_is_clean(name))
		return "has a character that is not allowed";
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (!strncasecmp(name, forms[i].prefix, 4))
			return forms[i].fault(name + 4);
	return "does not begin with iqn., eui. or naa.";
}

/* An IPv6 address with or without a zone. */
static const char *ipv6_fault(const char *address)
{
	const char *zone = strchr(address, '%');
	size_t len = zone ? (size_t)(zone - address) : strlen(address);
	char bare[INET6_ADDRSTRLEN];
	struct in6_addr in;

	if (zone && (!zone[1] || strpbrk(zone + 1, "%:")))
		return "has no zone behind '%'";
	if (len >= sizeof(bare))
		return "is not an IPv6 address";
	memcpy(bare, address, len);
	bare[len] = '\0';
	return inet_pton(AF_INET6, bare, &in) == 1 ? NULL : "is not an IPv6 address";
}

const char *iscsi_address_fault(const char *address)
{
	if (!*address)
		return "is empty";
	if (strlen(address) > ISCSI_ADDRESS_MAX)
		return "is longer than 255 bytes";
	if (*address == '.')
		return "begins with '.'";
	for (const char *p = address; *p; p++)
		if (!is_one_of(*p, ".:-_%"))
			return "has a character that is not allowed";
	return strpbrk(address, ":%") ? ipv6_fault(address) : NULL;
}

const char *iscsi_ifacename_fault(const char *name)
{
	if (!*name)
		return "is empty";
	if (strlen(name) > IFACENAME_MAX)
		return "is longer than 64 bytes";
	if (*name == '.')
		return "begins with '.'";
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '/')
			return "has a character that is not allowed";
	return NULL;
}

/* The decimal number at *pos, which moves behind it. */
static bool take_number(const char **pos, int min, int *ret)
{
	size_t len = strspn(*pos, DIGITS);
	int v = 0;

	if (!len || len > 5)
		return false;
	while (len--)
		v = v * 10 + (*(*pos)++ - '0');
	if (v < min || v > 65535)
		return false;
	*ret = v;
	return true;
}

/* Where the host of text lies and what follows it; NULL when good. */
static const char *find_host(const char *text, const char **host, size_t *len, const char **rest)
{
	const char *colon;

	*host = text;
	if (*text == '[') {
		*host = text + 1;
		*len = strcspn(*host, "]");
		if (!(*host)[*len])
			return "has no closing bracket";
		*rest = *host + *len + 1;
		return NULL;
	}
	*len = strcspn(text, ",");
	colon = memchr(text, ':', *len);
	/* A second colon makes it a bare IPv6 address. */
	if (colon && !memchr(colon + 1, ':', *len - (size_t)(colon + 1 - text)))
		*len = (size_t)(colon - text);
	*rest = text + *len;
	return NULL;
}

const char *iscsi_portal_parse(const char *text, struct iscsi_portal *ret)
{
	struct iscsi_portal p = {.port = -1, .tpgt = -1};
	const char *host, *rest, *fault;
	size_t len;

	fault = find_host(text, &host, &len, &rest);
	if (fault)
		return fault;
	if (!len)
		return "has no address";
	if (len > ISCSI_ADDRESS_MAX)
		return "has an address longer than 255 bytes";
	memcpy(p.address, host, len);
	fault = iscsi_address_fault(p.address);
	if (fault)
		return fault;
	if (*rest == ':' && (rest++, !take_number(&rest, 1, &p.port)))
		return "has a port that is not a number from 1 to 65535";
	if (*rest == ',' && (rest++, !take_number(&rest, 0, &p.tpgt)))
		return "has a portal group tag that is not a number from 0 to 65535";
	if (*rest)
		return "has more behind it than a port and a portal group tag";
	*ret = p;
	return NULL;
}

bool iscsi_address_in_brackets(const char *address)
{
	return !strchr(address, '.');
}
