/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "conf/config_listeners.h"

#include "conf/config.h"
#include "conf/config_lists.h"
#include "conf/config_tls.h"
#include "conf/value.h"

/* --- whom to believe ----------------------------------------------------------------- */

static const char everybody[] = "everybody is trusted: any client can choose "
    "the address, and so the place, that it seems to have";

static void
read_trusted(const struct schema_reader *reader, const struct yaml_node *node,
    void *target)
{
	struct config *config = target;

	config->ntrusted = config_networks(reader, node, &config->trusted,
	    everybody);
}

static const char *const client_fields[] = {
	[CLIENT_FIELD_XFF] = "x-forwarded-for",
	[CLIENT_FIELD_FORWARDED] = "forwarded", NULL
};

const struct schema_row config_client_rows[] = {
	{ "trusted", SCHEMA_CUSTOM, .read = read_trusted },
	{ "hops", SCHEMA_NUMBER, SCHEMA_AT(struct config, trusted_hops),
	    .most = 32 },
	{ "key", SCHEMA_FILE, SCHEMA_AT(struct config, address_key_file) },
	{ "header", SCHEMA_CHOICE, SCHEMA_AT(struct config, client_field),
	    .choices = client_fields, .fallback = "x-forwarded-for" },
	{ 0 },
};

/* --- listeners ------------------------------------------------------------------------ */

static const char *const listener_kinds[] = {
	[LISTENER_CLIENT] = "client", [LISTENER_LINK] = "link", NULL
};

static void
read_proxy_from(const struct schema_reader *reader,
    const struct yaml_node *node, void *target)
{
	struct config_listener *listener = target;

	if (node->kind == YAML_LIST ? node->count == 0 :
	    yaml_is_nothing(node))
		schema_mistake(reader, node, "no network; leave proxy out if "
		    "nobody sends PROXY headers here");
	listener->nproxy_from = config_networks(reader, node,
	    &listener->proxy_from, everybody);
}

static const struct schema_row proxy_rows[] = {
	{ "from", SCHEMA_CUSTOM, .read = read_proxy_from, .required = true },
	{ 0 },
};

const struct schema_row config_listener_rows[] = {
	{ "name", SCHEMA_TEXT, SCHEMA_AT(struct config_listener, name),
	    .required = true },
	{ "address", SCHEMA_ENDPOINT,
	    SCHEMA_AT(struct config_listener, address), .required = true },
	{ "kind", SCHEMA_CHOICE, SCHEMA_AT(struct config_listener, kind),
	    .choices = listener_kinds, .fallback = "client" },
	{ "h2", SCHEMA_BOOL, SCHEMA_AT(struct config_listener, h2),
	    .fallback = "true" },
	{ "tls", SCHEMA_SECTION, .section = config_listener_tls_rows },
	{ "proxy", SCHEMA_SECTION, .section = proxy_rows },
	{ 0 },
};

void
config_listeners(const struct schema_reader *reader,
    const struct yaml_node *node, void *target)
{
	struct config *config = target;
	struct config_listener *list;
	size_t count = 0;

	if (!schema_is_list(reader, node))
		return;
	list = arena_array(reader->arena, node->count, sizeof(*list));
	for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
		list[count].at = (struct source_line){ config->file,
		    n->mark.line };
		schema_read(reader, config_listener_rows, n, &list[count++]);
	}
	config->listeners = list;
	config->nlisteners = count;
}

/* --- the link ---------------------------------------------------------------------------- */

static bool
read_address(const struct schema_reader *reader, const struct yaml_node *node,
    struct endpoint *address)
{
	struct err err;

	if (!value_endpoint(address, node->text, &err))
		schema_mistake(reader, node, "%s", err.text);
	else if (address->url)
		schema_mistake(reader, node, "the link always speaks TLS, so "
		    "its addresses have no scheme; leave %s:// out",
		    address->tls ? "https" : "http");
	else
		return true;
	return false;
}

static void
read_addresses(const struct schema_reader *reader,
    const struct yaml_node *node, void *target)
{
	struct config_peer *peer = target;
	const struct yaml_node *const *nodes;
	const char *const *texts;
	size_t n = schema_texts(reader, node, &texts, &nodes);
	struct endpoint *list = arena_array(reader->arena, n, sizeof(*list));

	for (size_t i = 0; i < n; i++)
		peer->naddresses += read_address(reader, nodes[i],
		    &list[peer->naddresses]);
	if (n == 0 && node->kind != YAML_BAD)
		schema_mistake(reader, node, "no address for this region; write one, "
		    "as gb-edge.internal:8444");
	peer->addresses = list;
}

/* By config_peer.in_region. */
static const char *const where[] = { "here", "in-region", NULL };

static const struct schema_row peer_rows[] = {
	{ "addresses", SCHEMA_CUSTOM, .read = read_addresses,
	    .required = true },
	{ "terminate", SCHEMA_CHOICE, SCHEMA_AT(struct config_peer, in_region),
	    .choices = where, .fallback = "here" },
	{ "tls_port", SCHEMA_NUMBER, SCHEMA_AT(struct config_peer, tls_port),
	    .least = 1, .most = 65535 },
	{ 0 },
};

/* Addresses alone, mostly. */
static void
read_peer(const struct schema_reader *reader, const struct yaml_node *node,
    struct config_peer *peer)
{
	if (node->kind == YAML_MAP)
		schema_read(reader, peer_rows, node, peer);
	else
		read_addresses(reader, node, peer);
}

static void
read_peers(const struct schema_reader *reader, const struct yaml_node *node,
    void *target)
{
	struct config *config = target;
	struct config_peer *list;
	size_t count = 0;

	if (!schema_is_map(reader, node))
		return;
	list = arena_array(reader->arena, node->count, sizeof(*list));
	for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
		list[count].region = n->key;
		list[count].at = (struct source_line){ config->file,
		    n->key_mark.line };
		read_peer(reader, n, &list[count++]);
	}
	config->link.peers = list;
	config->link.npeers = count;
}

const struct schema_row config_link_rows[] = {
	{ "certificate", SCHEMA_FILE,
	    SCHEMA_AT(struct config, link.certificate), .required = true },
	{ "key", SCHEMA_FILE, SCHEMA_AT(struct config, link.key),
	    .required = true },
	{ "ca", SCHEMA_FILE, SCHEMA_AT(struct config, link.ca),
	    .required = true },
	{ "peers", SCHEMA_CUSTOM, .read = read_peers, .section = peer_rows,
	    .each = true },
	{ "h2", SCHEMA_BOOL, SCHEMA_AT(struct config, link.h2),
	    .fallback = "true" },
	{ 0 },
};
