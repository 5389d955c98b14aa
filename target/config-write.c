/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "json-get.h"
#include "settings.h"
#include "str.h"

/* A number, too. */
static const char *text(struct json_object *o, const char *name)
{
	const char *s = json_object_get_string(json_get(o, name));

	return s ? s : "";
}

/* A '#' would begin a comment; blanks at the ends would be lost. */
static void write_line(FILE *out, const char *indent, const char *name, const char *value)
{
	size_t len = strlen(value);
	bool quoted = len && (strchr(" \"", value[0]) || value[len - 1] == ' ');

	fprintf(out, "%s%s %s", indent, name, quoted ? "\"" : "");
	for (; *value; value++)
		fprintf(out, *value == '#' ? "\\#" : "%c", *value);
	fputs(quoted ? "\"\n" : "\n", out);
}

static const char *password_of(struct json_object *state, const char *user)
{
	struct json_object *list = json_get(state, "accounts");

	for (size_t i = 0; i < json_get_count(list); i++) {
		struct json_object *a = json_object_array_get_idx(list, i);

		if (str_eq(text(a, "user"), user) && json_get(a, "password"))
			return text(a, "password");
	}
	return CONFIG_HIDDEN;
}

static void write_user(FILE *out, struct json_object *state, const char *indent, const char *name,
	const char *user)
{
	char *pair = str_printf("%s %s", user, password_of(state, user));

	if (!pair)
		return;
	write_line(out, indent, name, pair);
	str_wipe(pair, strlen(pair));
	free(pair);
}

static void write_credentials(FILE *out, struct json_object *state, struct json_object *o,
	const char *indent, const char *incoming, const char *outgoing)
{
	struct json_object *list = json_get(o, "incoming");

	for (size_t i = 0; i < json_get_count(list); i++)
		write_user(out, state, indent, incoming,
			json_object_get_string(json_object_array_get_idx(list, i)));
	if (json_get(o, "outgoing"))
		write_user(out, state, indent, outgoing, text(o, "outgoing"));
}

static void write_unit(FILE *out, struct json_object *u)
{
	static const char *const members[][2] = {
		{"lun", "lun"}, {"bs-type", "backing"}, {"bsoflags", "flags"},
		{"block-size", "block_size"}};
	struct json_object *params = json_get(u, "params");

	fprintf(out, "\t<backing-store %s>\n", text(u, "path"));
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (*text(u, members[i][1]))
			write_line(out, "\t\t", members[i][0], text(u, members[i][1]));
	if (params) {
		json_object_object_foreach(params, name, value)
			if (!str_eq(name, "path"))
				write_line(out, "\t\t", name, json_object_get_string(value));
	}
	fputs("\t</backing-store>\n", out);
}

/* Those that are not as a new target has them. */
static void write_settings(FILE *out, struct json_object *settings)
{
	struct target_settings fresh;
	char value[SETTING_TEXT_MAX];

	settings_default(&fresh);
	for (size_t i = 0; settings_name(i); i++) {
		settings_format(&fresh, i, value);
		if (json_get(settings, settings_name(i)) &&
			!str_eq(text(settings, settings_name(i)), value))
			write_line(out, "\t", settings_name(i), text(settings, settings_name(i)));
	}
}

static void write_texts(FILE *out, const char *name, struct json_object *list)
{
	for (size_t i = 0; i < json_get_count(list); i++)
		write_line(out, "\t", name,
			json_object_get_string(json_object_array_get_idx(list, i)));
}

static void write_target(FILE *out, struct json_object *state, struct json_object *t)
{
	struct json_object *units = json_get(t, "units"), *redirect = json_get(t, "redirect");

	fprintf(out, "\n<target %s>\n", text(t, "name"));
	write_line(out, "\t", "controller_tid", text(t, "tid"));
	if (!str_eq(text(t, "state"), "ready"))
		write_line(out, "\t", "state", text(t, "state"));
	write_settings(out, json_get(t, "settings"));
	if (redirect) {
		write_line(out, "\t", "RedirectAddress", text(redirect, "address"));
		write_line(out, "\t", "RedirectPort", text(redirect, "port"));
		if (!str_eq(text(redirect, "reason"), "Unknown"))
			write_line(out, "\t", "RedirectReason", text(redirect, "reason"));
	}
	for (size_t i = 0; i < json_get_count(units); i++) {
		struct json_object *u = json_object_array_get_idx(units, i);

		if (json_get(u, "path") && !str_eq(text(u, "lun"), "0"))
			write_unit(out, u);
	}
	write_credentials(out, state, t, "\t", "incominguser", "outgoinguser");
	/* without a rule the file would let in everybody, the target lets in nobody */
	if (!json_get_count(json_get(t, "addresses")) && !json_get_count(json_get(t, "initiators")))
		write_line(out, "\t", "initiator-address", "NONE");
	write_texts(out, "initiator-address", json_get(t, "addresses"));
	write_texts(out, "initiator-name", json_get(t, "initiators"));
	fputs("</target>\n", out);
}

void config_write(struct json_object *state, FILE *out)
{
	struct json_object *list = json_get(state, "portals");

	fputs("default-driver iscsi\n", out);
	/* the newest stands first */
	for (size_t i = json_get_count(list); i-- > 0;) {
		struct json_object *p = json_object_array_get_idx(list, i);
		bool v6 = strchr(text(p, "address"), ':');

		fprintf(out, "portal %s%s%s:%s,%s\n", v6 ? "[" : "", text(p, "address"),
			v6 ? "]" : "", text(p, "port"), text(p, "tag"));
	}
	list = json_get(state, "accounts");
	for (size_t i = json_get_count(list); i-- > 0;)
		write_user(out, state, "", "account",
			text(json_object_array_get_idx(list, i), "user"));
	write_credentials(out, state, json_get(state, "discovery"), "", "incomingdiscoveryuser",
		"outgoingdiscoveryuser");
	list = json_get(state, "targets");
	for (size_t i = 0; i < json_get_count(list); i++)
		write_target(out, state, json_object_array_get_idx(list, i));
}
