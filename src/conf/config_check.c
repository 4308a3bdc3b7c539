/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "conf/config_check.h"

#include <string.h>

#include "base/must.h"
#include "conf/value.h"

/* sun_path has 108 bytes; "/engine-" REGION "-" NUMBER ".sock" follows. */
enum { RUN_DIR_MAX = 64, NAME_MAX_LEN = 32 };

struct check {
	const struct schema_reader *reader;
	const struct config *config;
	const struct yaml_node *root;
};

static const struct yaml_node *
listener_node(const struct check *c, size_t number, const char *key)
{
	const struct yaml_node *n = yaml_get(c->root, "listeners")->first;

	while (n->index < number)
		n = n->next;
	return yaml_get(n, key) != NULL ? yaml_get(n, key) : n;
}

/* Names become labels of metrics and of systemd's sockets. */
static bool
is_plain_name(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

	return len > 0 && len <= NAME_MAX_LEN && name[len] == '\0';
}

static bool
same_address(const struct endpoint *a, const struct endpoint *b)
{
	char first[ENDPOINT_TEXT], second[ENDPOINT_TEXT];

	/* With port 0 the kernel chooses one for each. */
	return (a->kind == ENDPOINT_UNIX || a->port != 0) &&
	    strcmp(endpoint_text(a, first), endpoint_text(b, second)) == 0;
}

static void
check_twins(const struct check *c, size_t i)
{
	const struct config_listener *list = c->config->listeners, *l = &list[i];

	for (size_t k = 0; k < i; k++) {
		if (l->name != NULL && list[k].name != NULL &&
		    strcmp(list[k].name, l->name) == 0)
			schema_mistake(c->reader, listener_node(c, i, "name"),
			    "listener '%s' stands in line %u already; give this "
			    "one another name", l->name,
			    list[k].at.line);
		if (l->name != NULL && list[k].name != NULL &&
		    same_address(&list[k].address, &l->address))
			schema_mistake(c->reader,
			    listener_node(c, i, "address"),
			    "listener '%s' listens there already; give this "
			    "one another address or port",
			    list[k].name);
	}
}

/* Somebody listens there. */
static void
check_place(const struct check *c, const struct yaml_node *node,
    const struct endpoint *place)
{
	if (place->kind == ENDPOINT_NAME && place->name[0] != '\0')
		schema_mistake(c->reader, node, "listens on a name; write the "
		    "address that it has here");
	if (place->url)
		schema_mistake(c->reader, node, "an address to listen on has no "
		    "%s", place->tls ? "https://; leave it out and give tls a "
		    "certificate and key" : "http://; leave it out");
}

static void
check_listener(const struct check *c, size_t i)
{
	const struct config_listener *l = &c->config->listeners[i];

	if (l->name != NULL && !is_plain_name(l->name))
		schema_mistake(c->reader, listener_node(c, i, "name"),
		    "a name is up to %d letters, digits, '-', '_' and '.'",
		    NAME_MAX_LEN);
	check_place(c, listener_node(c, i, "address"), &l->address);
	if (l->client_optional && l->client_ca == NULL)
		schema_mistake_at(c->reader, c->root, arena_printf(
		    c->reader->arena, "listeners[%zu].tls.client_certificate",
		    i), "without client_ca nobody is asked for a certificate; "
		    "name the file of the authorities that sign them");
	if (l->pass_certificate && l->client_ca == NULL)
		schema_mistake_at(c->reader, c->root, arena_printf(
		    c->reader->arena, "listeners[%zu].tls.pass_certificate",
		    i), "without client_ca nobody shows one that could be "
		    "passed on; name client_ca, or leave this out");
	if (l->kind == LISTENER_LINK && l->first.certificate != NULL)
		schema_mistake(c->reader, listener_node(c, i, "tls"),
		    "a link listener shows the certificate of the section "
		    "'link'; leave tls out");
	if (l->kind == LISTENER_LINK && c->config->link.certificate == NULL)
		schema_mistake(c->reader, listener_node(c, i, "kind"),
		    "a link listener needs the section 'link' with "
		    "certificate, key and ca");
	if (l->kind == LISTENER_LINK && l->nproxy_from > 0)
		schema_mistake(c->reader, listener_node(c, i, "proxy"),
		    "other regions' edges send no PROXY header; leave proxy "
		    "out");
	if (l->address.kind == ENDPOINT_UNIX && l->nproxy_from > 0)
		schema_mistake(c->reader, listener_node(c, i, "proxy"),
		    "who connects to a UNIX socket has no address that could "
		    "be in these networks; leave proxy out");
	for (size_t p = 0; p < l->nprotocols && !l->h2; p++)
		if (strcmp(l->protocols[p], "h2") == 0)
			schema_mistake(c->reader, listener_node(c, i, "h2"),
			    "tls.protocols offers h2; leave it out there, or "
			    "leave this out");
	check_twins(c, i);
}

static void
check_listeners(const struct check *c)
{
	const struct yaml_node *node = yaml_get(c->root, "listeners");
	bool client = false;

	for (size_t i = 0; i < c->config->nlisteners; i++) {
		check_listener(c, i);
		client = client ||
		    c->config->listeners[i].kind == LISTENER_CLIENT;
	}
	if (!client && node != NULL && (node->kind == YAML_LIST ||
	    yaml_is_nothing(node)))
		schema_mistake(c->reader, node, "no listener for clients; add one, as "
		    "{name: web, address: 0.0.0.0:8080}");
}

static size_t
occurrences(const char *const *list, size_t count, const char *text)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += strcmp(list[i], text) == 0;
	return n;
}

/* The text of the list at path that reads so without case. */
static const struct yaml_node *
text_node(const struct check *c, const char *path, const char *text)
{
	const struct yaml_node *list = yaml_at(c->root, path), *found = list;

	for (const struct yaml_node *n = list->first; n != NULL; n = n->next)
		if (slice_eq_nocase(n->text, slice_of(text)))
			found = n;
	return found;
}

static void
check_hosts(const struct check *c)
{
	const struct config *config = c->config;

	for (size_t i = 0; i < config->nglobal_hosts; i++) {
		const char *host = config->global_hosts[i];

		if (occurrences(config->global_hosts, i, host) > 0)
			schema_mistake(c->reader, text_node(c, "hosts.global",
			    host), "'%s' is listed twice", host);
	}
	for (size_t i = 0; i < config->nmain_hosts; i++) {
		const char *host = config->main_hosts[i];

		if (occurrences(config->main_hosts, i, host) > 0)
			schema_mistake(c->reader, text_node(c, "hosts.main",
			    host), "'%s' is listed twice", host);
		if (occurrences(config->global_hosts, config->nglobal_hosts,
		    host) > 0)
			schema_mistake(c->reader, text_node(c, "hosts.main",
			    host), "'%s' is a global host as well; it can be "
			    "one of the two", host);
	}
}

static void
check_client_address(const struct check *c)
{
	if (c->config->trusted_hops > 0 && c->config->ntrusted > 0)
		schema_mistake_at(c->reader, c->root, "client_address.hops",
		    "trusts hops and networks at once; give hops or trusted, "
		    "not both");
}

static void
check_geo(const struct check *c)
{
	const struct config_geo *geo = &c->config->geo;

	if (geo->max_age_ms < geo->warn_age_ms)
		schema_mistake_at(c->reader, c->root, "geo.max_age",
		    "max_age is less than warn_age; raise it, or lower "
		    "warn_age");
	if (geo->database == NULL)
		schema_warn_at(c->reader, c->root, "geo",
		    "no database: every public address is unknown and goes to "
		    "the map's default, and access restrictions refuse it; "
		    "name one in geo.database");
}

static void
check_follow(const struct check *c)
{
	const char *url = c->config->engines.follow_url;

	if (url != NULL && strncmp(url, "http://", 7) != 0 &&
	    strncmp(url, "https://", 8) != 0)
		schema_mistake_at(c->reader, c->root, "engines.follow.url",
		    "neither http:// nor https://; write where an edge of this "
		    "region can be asked, such as http://127.0.0.1:8080");
	if (url != NULL && c->config->engines.follow_host == NULL &&
	    c->config->nglobal_hosts == 0)
		schema_mistake_at(c->reader, c->root, "engines.follow.url",
		    "without hosts.global the edge needs a name to be asked "
		    "by: give host");
}

static void
check_policy(const struct check *c)
{
	if (c->config->policy.source == RESTRICTIONS_OF_ENGINES &&
	    c->config->policy.restrictions != NULL)
		schema_mistake_at(c->reader, c->root, "policy.restrictions",
		    "a file beside 'source: engines': the engines' "
		    "restrictions alone would bind; leave one of the two out");
}

static void
check_console(const struct check *c)
{
	const struct config_console *console = &c->config->console;
	const struct yaml_node *at = yaml_at(c->root, "console.address");

	if (console->client_optional && console->client_ca == NULL)
		schema_mistake_at(c->reader, c->root,
		    "console.tls.client_certificate", "without client_ca "
		    "nobody is asked for a certificate; name the file of the "
		    "authorities that sign them");
	if (console->client_ca == NULL && (console->readers != NULL ||
	    console->writers != NULL))
		schema_mistake_at(c->reader, c->root,
		    console->writers != NULL ? "console.tls.writers" :
		    "console.tls.readers", "without client_ca nobody shows a "
		    "certificate with a name; name the file of the "
		    "authorities that sign them");
	if (console->read_socket != NULL &&
	    strcmp(console->read_socket, console->socket) == 0)
		schema_mistake_at(c->reader, c->root, "console.read_socket",
		    "is console.socket, which changes things; give it a file "
		    "of its own");
	if (console->tls.certificate != NULL && !console->enabled)
		schema_mistake_at(c->reader, c->root, "console.tls",
		    "there is no console.address that would speak TLS; give "
		    "one, or leave tls out");
	if (!console->enabled)
		return;
	check_place(c, at, &console->address);
	for (size_t i = 0; i < c->config->nlisteners; i++)
		if (c->config->listeners[i].name != NULL &&
		    same_address(&c->config->listeners[i].address,
		    &console->address))
			schema_mistake(c->reader, at,
			    "listener '%s' listens there already; give this "
			    "one another address or port",
			    c->config->listeners[i].name);
}

static void
check_peers(const struct check *c)
{
	const struct config_link *link = &c->config->link;

	for (size_t i = 0; i < link->npeers; i++) {
		const struct config_peer *peer = &link->peers[i];
		const char *path = arena_printf(c->reader->arena,
		    "link.peers.%s.tls_port", peer->region);

		if (peer->in_region && peer->tls_port == 0)
			schema_mistake_at(c->reader, c->root, path, "is "
			    "missing: the port at which that region's edges "
			    "take the TLS of clients that are passed on");
		if (!peer->in_region && peer->tls_port != 0)
			schema_mistake_at(c->reader, c->root, path, "nobody is "
			    "passed on without 'terminate: in-region'; write "
			    "that too, or leave tls_port out");
	}
}

/* The via pseudonym is a token (RFC 9110 7.6.3); a comment or comma in it
 * would be another hop to whoever reads it. */
static void
check_via(const struct check *c)
{
	const char *via = c->config->via;

	if (via != NULL && yaml_get(yaml_get(c->root, "forward"), "via") !=
	    NULL && !is_plain_name(via))
		schema_mistake_at(c->reader, c->root, "forward.via",
		    "a pseudonym is up to %d letters, digits, '-', '_' and '.'",
		    NAME_MAX_LEN);
}

/* Without TLS states would be readable on the way; a name could be made to
 * lead anywhere. */
static void
check_plain_http(const struct check *c)
{
	const char *plain = c->config->engines.external_plain;
	struct addr addr;

	if (plain != NULL && (!addr_parse(&addr, slice_of(plain)) ||
	    (strncmp(plain, "127.", 4) != 0 && strcmp(plain, "::1") != 0)))
		schema_mistake_at(c->reader, c->root,
		    "engines.external_plain_http",
		    "not a loopback address: write 127.0.0.1");
}

static void
check_processes(const struct check *c)
{
	const struct config *config = c->config;

	if (strlen(config->run_dir) > RUN_DIR_MAX)
		schema_mistake_at(c->reader, c->root, "run_dir",
		    "longer than %d bytes, so names of sockets in it would be "
		    "too long; choose a shorter one", RUN_DIR_MAX);
	if (config->console.socket != NULL &&
	    strlen(config->console.socket) > RUN_DIR_MAX + 40)
		schema_mistake_at(c->reader, c->root, "console.socket",
		    "longer than %d bytes, which a socket's name may not be; "
		    "choose a shorter one",
		    RUN_DIR_MAX + 40);
	if (config->console.read_socket != NULL &&
	    strlen(config->console.read_socket) > RUN_DIR_MAX + 40)
		schema_mistake_at(c->reader, c->root, "console.read_socket",
		    "longer than %d bytes, which a socket's name may not be; "
		    "choose a shorter one",
		    RUN_DIR_MAX + 40);
	if (config->group != NULL && config->user == NULL)
		schema_mistake_at(c->reader, c->root, "group",
		    "a group without a user; name both");
	check_plain_http(c);
	if (config->engines.probe_timeout_ms >
	    config->engines.probe_interval_ms)
		schema_mistake_at(c->reader, c->root, "engines.probe.timeout",
		    "longer than the interval, so probes would overtake each "
		    "other; shorten it, or probe less often");
}

/* What nobody outside can undo needs a key that nobody outside knows. */
static void
check_address_key(const struct check *c)
{
	const char *hashes = c->config->log.addresses == ADDRESS_HASHED ?
	    "log.addresses" : c->config->hide_clients ? "forward.addresses" :
	    NULL;

	if (hashes != NULL && c->config->address_key_file == NULL)
		schema_mistake_at(c->reader, c->root, hashes,
		    "hashed addresses need a key: make one (umask 077; openssl "
		    "rand -hex 16 > address.key) and name it in "
		    "client_address.key");
}

void
config_check(const struct schema_reader *reader, const struct config *config,
    const struct yaml_node *root)
{
	const struct check c = { reader, config, root };

	check_processes(&c);
	check_listeners(&c);
	check_hosts(&c);
	check_client_address(&c);
	check_address_key(&c);
	check_via(&c);
	check_geo(&c);
	check_follow(&c);
	check_policy(&c);
	check_console(&c);
	check_peers(&c);
}
