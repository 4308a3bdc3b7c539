/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "conf/config_tls.h"

#include <string.h>

#include "conf/config.h"
#include "conf/value.h"
#include "net/tls_peer.h"

/* --- for all listeners ----------------------------------------------------------- */

enum { MINUTE_MS = 60 * 1000, WEEK_MS = 7 * 24 * 3600 * 1000 };

const struct schema_row config_tls_rows[] = {
	{ "ticket_keys", SCHEMA_FILE, SCHEMA_AT(struct config, tls.ticket_keys) },
	{ "ticket_lifetime", SCHEMA_DURATION,
	    SCHEMA_AT(struct config, tls.ticket_life_ms), .fallback = "12h",
	    .least = MINUTE_MS, .most = WEEK_MS },
	{ 0 },
};

/* --- of one ---------------------------------------------------------------------- */

/* What serve/ can speak. */
static const char *const protocols[] = { "h2", "http/1.1" };

static bool
is_protocol(struct slice text)
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++)
		if (slice_is(text, protocols[i]))
			return true;
	return false;
}

static void
read_protocols(const struct schema_reader *reader,
    const struct yaml_node *node, void *target)
{
	struct config_listener *listener = target;
	const struct yaml_node *const *nodes;
	const char *const *texts;
	size_t n = schema_texts(reader, node, &texts, &nodes);

	for (size_t i = 0; i < n; i++) {
		if (!is_protocol(nodes[i]->text))
			schema_mistake(reader, nodes[i], "no protocol that is "
			    "spoken here%s", schema_hint(reader, nodes[i]->text,
			    protocols, sizeof(protocols) / sizeof(*protocols)));
		for (size_t k = 0; k < i; k++)
			if (slice_eq(nodes[k]->text, nodes[i]->text))
				schema_mistake(reader, nodes[i],
				    "offered twice");
	}
	if (n == 0 && node->kind != YAML_BAD)
		schema_mistake(reader, node, "no protocol; leave the key out "
		    "for the default");
	listener->protocols = texts;
	listener->nprotocols = n;
}

static const struct schema_row more_rows[] = {
	{ "certificate", SCHEMA_FILE,
	    SCHEMA_AT(struct config_certificate, certificate),
	    .required = true },
	{ "key", SCHEMA_FILE, SCHEMA_AT(struct config_certificate, key),
	    .required = true },
	{ "staple", SCHEMA_FILE,
	    SCHEMA_AT(struct config_certificate, staple) },
	{ 0 },
};

static void
read_more(const struct schema_reader *reader, const struct yaml_node *node,
    void *target)
{
	struct config_listener *listener = target;
	struct config_certificate *list;
	size_t count = 0;

	if (!schema_is_list(reader, node))
		return;
	list = arena_array(reader->arena, node->count, sizeof(*list));
	for (const struct yaml_node *n = node->first; n != NULL; n = n->next)
		schema_read(reader, more_rows, n, &list[count++]);
	listener->more = list;
	listener->nmore = count;
}

/* By client_optional of listeners and of the console. */
static const char *const whether[] = { "required", "optional", NULL };

const struct schema_row config_listener_tls_rows[] = {
	{ "certificate", SCHEMA_FILE,
	    SCHEMA_AT(struct config_listener, first.certificate),
	    .required = true },
	{ "key", SCHEMA_FILE, SCHEMA_AT(struct config_listener, first.key),
	    .required = true },
	{ "staple", SCHEMA_FILE,
	    SCHEMA_AT(struct config_listener, first.staple) },
	{ "more", SCHEMA_CUSTOM, .read = read_more, .section = more_rows },
	{ "client_ca", SCHEMA_FILE,
	    SCHEMA_AT(struct config_listener, client_ca) },
	{ "client_certificate", SCHEMA_CHOICE,
	    SCHEMA_AT(struct config_listener, client_optional),
	    .choices = whether, .fallback = "required" },
	{ "pass_certificate", SCHEMA_BOOL,
	    SCHEMA_AT(struct config_listener, pass_certificate),
	    .fallback = "false" },
	{ "protocols", SCHEMA_CUSTOM, .read = read_protocols },
	{ 0 },
};

/* --- of the console --------------------------------------------------------------- */

/* With a NULL after the last. */
static const char *const *
read_peers(const struct schema_reader *reader, const struct yaml_node *node)
{
	const struct yaml_node *const *nodes;
	const char *const *texts;
	size_t n = schema_texts(reader, node, &texts, &nodes);
	const char **list = arena_array(reader->arena, n + 1, sizeof(*list));

	if (n > CONFIG_CONSOLE_NAMES_MAX) {
		schema_mistake(reader, node, "more than %d names: give them "
		    "certificates with a name in common",
		    CONFIG_CONSOLE_NAMES_MAX);
		n = CONFIG_CONSOLE_NAMES_MAX;
	}
	for (size_t i = 0; i < n; i++) {
		if (!tls_peer_is_name(slice_of(texts[i])) ||
		    strlen(texts[i]) > CONFIG_CONSOLE_NAME_BYTES)
			schema_mistake(reader, nodes[i], "%s is no name of a "
			    "certificate: write URI:, DNS:, EMAIL: or (for "
			    "one without alternative names) CN: before it, "
			    "%d bytes at most", value_quote(reader->arena,
			    nodes[i]->text), CONFIG_CONSOLE_NAME_BYTES);
		list[i] = texts[i];
	}
	return list;
}

static void
read_readers(const struct schema_reader *reader, const struct yaml_node *node,
    void *target)
{
	((struct config *)target)->console.readers = read_peers(reader, node);
}

static void
read_writers(const struct schema_reader *reader, const struct yaml_node *node,
    void *target)
{
	((struct config *)target)->console.writers = read_peers(reader, node);
}

const struct schema_row config_console_tls_rows[] = {
	{ "certificate", SCHEMA_FILE,
	    SCHEMA_AT(struct config, console.tls.certificate),
	    .required = true },
	{ "key", SCHEMA_FILE, SCHEMA_AT(struct config, console.tls.key),
	    .required = true },
	{ "client_ca", SCHEMA_FILE, SCHEMA_AT(struct config, console.client_ca) },
	{ "client_certificate", SCHEMA_CHOICE,
	    SCHEMA_AT(struct config, console.client_optional),
	    .choices = whether, .fallback = "required" },
	{ "readers", SCHEMA_CUSTOM, .read = read_readers },
	{ "writers", SCHEMA_CUSTOM, .read = read_writers },
	{ 0 },
};
