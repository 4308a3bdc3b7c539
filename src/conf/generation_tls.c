/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "conf/generation_tls.h"

#include <string.h>

#include "base/clock.h"
#include "conf/key_file.h"
#include "net/tls_tickets.h"

enum { DAY_S = 24 * 3600, WARN_DAYS = 14 };

struct tls_loading {
	struct generation *g;
	const struct schema_reader *reader;
	const struct yaml_node *root;
	struct tls_context **listeners;
	struct tls_tickets *tickets;
};

/* --- which file is at fault ------------------------------------------------------- */

/* What cannot be read of TLS is told with the file's name before all else; the
 * certificate is read first, the key next. */
static bool
tells_of(const struct err *err, const char *file)
{
	size_t len = strlen(file);

	return strncmp(err->text, file, len) == 0 && err->text[len] == ':';
}

static const char *
key_at_fault(const struct err *err, const struct config_certificate *pair)
{
	return !tells_of(err, pair->certificate) && tells_of(err, pair->key) ?
	    "key" : "certificate";
}

/* The same where there is an authority besides, in a key of this name. */
static const char *
part_at_fault(const struct err *err, const struct config_certificate *pair,
    const char *ca, const char *ca_key)
{
	return ca != NULL && tells_of(err, ca) &&
	    !tells_of(err, pair->certificate) && !tells_of(err, pair->key) ?
	    ca_key : key_at_fault(err, pair);
}

static void
tell_part(const struct tls_loading *l, const char *section, const char *key,
    const struct err *err)
{
	schema_mistake_at(l->reader, l->root, arena_printf(l->g->arena,
	    "%s.%s", section, key), "%s", err->text);
}

/* --- what is not good yet, or runs out -------------------------------------------- */

static void
warn_expiry(const struct tls_loading *l,
    const struct tls_certificate_info *info, const char *path)
{
	int64_t now = (int64_t)(clock_unix_ms() / 1000);
	int64_t left = info->expiry - now;

	if (info->begin > now)
		schema_warn_at(l->reader, l->root, path,
		    "the certificate is not good before %d minutes from now, "
		    "and peers will refuse it until then; is the clock right?",
		    (int)((info->begin - now + 59) / 60));
	if (left <= 0)
		schema_warn_at(l->reader, l->root, path,
		    "the certificate has expired, and peers will refuse it; "
		    "renew it, and reload");
	else if (left < WARN_DAYS * DAY_S)
		schema_warn_at(l->reader, l->root, path,
		    "the certificate expires in %d day%s; renew it, and reload",
		    (int)(left / DAY_S), left / DAY_S == 1 ? "" : "s");
}

static void
warn_open(const struct tls_loading *l, const char *file, const char *path)
{
	key_file_warn_open(l->reader, l->root, path, file);
}

/* --- tickets --------------------------------------------------------------------- */

static void
load_tickets(struct tls_loading *l)
{
	const struct config_tls *tls = &l->g->config->tls;
	uint8_t secrets[TLS_TICKET_SECRETS][TLS_TICKET_SECRET];
	size_t count = 0;
	struct err err;

	if (tls->ticket_keys != NULL) {
		count = key_file_read_lines(secrets, TLS_TICKET_SECRETS,
		    tls->ticket_keys, &err);
		if (count == 0)
			schema_mistake_at(l->reader, l->root,
			    "tls.ticket_keys", "%s", err.text);
	}
	l->tickets = tls_tickets_new(secrets, count, tls->ticket_life_ms);
	explicit_bzero(secrets, sizeof(secrets));
}

/* --- listeners ------------------------------------------------------------------- */

/* What is spoken above TLS: as the listener says, else all that is. */
static void
offer(struct tls_context *tls, const struct config_listener *listener)
{
	static const char *const usual[] = { "h2", "http/1.1" };

	if (listener->nprotocols > 0)
		tls_context_offer(tls, listener->protocols,
		    listener->nprotocols);
	else
		tls_context_offer(tls, listener->h2 ? usual : usual + 1,
		    listener->h2 ? 2 : 1);
}

/* Where certificate number k of listener number i stands. */
static const char *
path_of(const struct tls_loading *l, size_t i, size_t k, const char *key)
{
	return k == 0 ? arena_printf(l->g->arena, "listeners[%zu].tls.%s", i,
	    key) : arena_printf(l->g->arena, "listeners[%zu].tls.more[%zu].%s",
	    i, k - 1, key);
}

static const struct config_certificate *
certificate_of(const struct config_listener *listener, size_t k)
{
	return k == 0 ? &listener->first : &listener->more[k - 1];
}

/* A response that is too old, or wrong, is left out: without one a client may
 * ask the authority itself, but a wrong one it would have to believe. */
static void
staple(const struct tls_loading *l, size_t i)
{
	const struct config_listener *listener = &l->g->config->listeners[i];

	for (size_t k = 0; k <= listener->nmore; k++) {
		const char *file = certificate_of(listener, k)->staple;
		int64_t until, now = (int64_t)(clock_unix_ms() / 1000);
		struct err err;

		if (file == NULL)
			continue;
		if (!tls_context_staple(l->listeners[i], k, file, &until,
		    &err))
			schema_warn_at(l->reader, l->root, path_of(l, i, k,
			    "staple"), "%s; nothing is stapled", err.text);
		else if (until - now < DAY_S)
			schema_warn_at(l->reader, l->root, path_of(l, i, k,
			    "staple"), "%s: will be old in %d minutes; fetch a "
			    "new one and reload", file,
			    (int)((until - now) / 60));
	}
}

static void
build_listener(const struct tls_loading *l, size_t i)
{
	const struct config_listener *listener = &l->g->config->listeners[i];
	size_t npairs = listener->nmore + 1, fault;
	struct tls_pair *pairs = arena_array(l->g->arena, npairs,
	    sizeof(*pairs));
	struct tls_server_spec spec = { .pairs = pairs, .npairs = npairs,
	    .client_ca = listener->client_ca, .tickets = l->tickets };
	struct err err;

	for (size_t k = 0; k < npairs; k++)
		pairs[k] = (struct tls_pair){
		    certificate_of(listener, k)->certificate,
		    certificate_of(listener, k)->key };
	if (listener->client_ca != NULL)
		spec.ask = listener->client_optional ? TLS_ASK : TLS_DEMAND;
	l->listeners[i] = tls_server_build(&spec, &fault, &err);
	if (l->listeners[i] == NULL) {
		schema_mistake_at(l->reader, l->root, fault == npairs ?
		    path_of(l, i, 0, "client_ca") :
		    path_of(l, i, fault, key_at_fault(&err,
		    certificate_of(listener, fault))), "%s", err.text);
		return;
	}
	for (size_t k = 0; k < npairs; k++) {
		warn_open(l, pairs[k].key, path_of(l, i, k, "key"));
		warn_expiry(l, tls_context_certificate(l->listeners[i], k),
		    path_of(l, i, k, "certificate"));
	}
	offer(l->listeners[i], listener);
	staple(l, i);
}

/* --- names ----------------------------------------------------------------------- */

static bool
is_served(const struct tls_loading *l, const char *host)
{
	for (size_t i = 0; i < l->g->config->nlisteners; i++)
		if (l->g->config->listeners[i].kind == LISTENER_CLIENT &&
		    l->listeners[i] != NULL &&
		    tls_context_serves(l->listeners[i], slice_of(host)))
			return true;
	return false;
}

static void
warn_unnamed(const struct tls_loading *l, const char *const *hosts,
    size_t count, const char *path)
{
	for (size_t i = 0; i < count; i++)
		if (!is_served(l, hosts[i]))
			schema_warn_at(l->reader, l->root, path, "no "
			    "certificate of a listener names %s: clients will "
			    "refuse what they are shown", hosts[i]);
}

/* Where TLS is spoken to clients at all: hosts that no certificate is for. */
static void
check_names(const struct tls_loading *l, const struct region *self)
{
	const struct config *config = l->g->config;
	bool any = false;

	for (size_t i = 0; i < config->nlisteners; i++)
		any = any || (config->listeners[i].kind == LISTENER_CLIENT &&
		    l->listeners[i] != NULL);
	if (!any)
		return;
	warn_unnamed(l, config->global_hosts, config->nglobal_hosts,
	    "hosts.global");
	warn_unnamed(l, config->main_hosts, config->nmain_hosts,
	    "hosts.main");
	warn_unnamed(l, self->hosts, self->nhosts, "listeners");
}

/* --- the link -------------------------------------------------------------------- */

static void
load_link_listener(const struct tls_loading *l, size_t i)
{
	const struct config_link *link = &l->g->config->link;
	struct err err;

	/* The way out has told what is wrong with these files. */
	if (l->g->link_client == NULL)
		return;
	l->listeners[i] = tls_link_server_new(link->certificate, link->key,
	    link->ca, &err);
	if (l->listeners[i] == NULL)
		schema_mistake_at(l->reader, l->root, "link", "%s", err.text);
	else
		offer(l->listeners[i], &l->g->config->listeners[i]);
}

static void
load_link(const struct tls_loading *l)
{
	const struct config *config = l->g->config;
	const struct config_link *link = &config->link;
	struct err err;

	if (link->certificate == NULL)
		return;
	l->g->link_client = tls_link_client_new(link->certificate, link->key,
	    link->ca, &err);
	if (l->g->link_client == NULL) {
		tell_part(l, "link", part_at_fault(&err,
		    &(struct config_certificate){ link->certificate,
		    link->key, NULL }, link->ca, "ca"), &err);
		return;
	}
	warn_expiry(l, tls_context_certificate(l->g->link_client, 0),
	    "link.certificate");
	if (!tls_context_is_region(l->g->link_client, config->region))
		schema_mistake_at(l->reader, l->root, "link.certificate",
		    "the certificate does not name this "
		    "region; it needs the URI portolan:region:%s as a subject "
		    "alternative name", config->region);
	else
		warn_open(l, link->key, "link.key");
}

/* Who has to prove a name need not be one of ours, and know our regions. */
static void
load_engine_client(const struct tls_loading *l)
{
	const struct config *config = l->g->config;
	const struct config_identity *id = &config->engines.tls;
	struct err err;

	if (id->certificate == NULL)
		return;
	l->g->engine_client = tls_link_client_new(id->certificate, id->key,
	    id->ca, &err);
	if (l->g->engine_client == NULL) {
		tell_part(l, "engines.tls", part_at_fault(&err,
		    &(struct config_certificate){ id->certificate, id->key,
		    NULL }, id->ca, "ca"), &err);
		return;
	}
	warn_open(l, id->key, "engines.tls.key");
	warn_expiry(l, tls_context_certificate(l->g->engine_client, 0),
	    "engines.tls.certificate");
	if (id->server_name != NULL)
		tls_context_expect(l->g->engine_client, id->server_name);
	else if (!tls_context_is_region(l->g->engine_client, config->region))
		schema_mistake_at(l->reader, l->root,
		    "engines.tls.certificate", "the certificate does not name "
		    "this region; it needs the URI portolan:region:%s as a "
		    "subject alternative name", config->region);
}

/* --- the console ------------------------------------------------------------------ */

struct tls_context *
config_console_tls(const struct config *config, struct err *err)
{
	const struct config_console *console = &config->console;
	const struct tls_pair pair = { console->tls.certificate,
	    console->tls.key };
	struct tls_tickets *tickets = tls_tickets_new(NULL, 0,
	    config->tls.ticket_life_ms);
	struct tls_server_spec spec = { .pairs = &pair, .npairs = 1,
	    .client_ca = console->client_ca, .tickets = tickets };
	struct tls_context *tls;
	size_t fault;

	if (console->client_ca != NULL)
		spec.ask = console->client_optional ? TLS_ASK : TLS_DEMAND;
	tls = tls_server_build(&spec, &fault, err);
	tls_tickets_free(&tickets);
	return tls;
}

static void
load_console(const struct tls_loading *l)
{
	const struct config_console *console = &l->g->config->console;
	struct err err;

	if (console->tls.certificate == NULL)
		return;
	l->g->console_tls = config_console_tls(l->g->config, &err);
	if (l->g->console_tls == NULL) {
		tell_part(l, "console.tls", part_at_fault(&err, &console->tls,
		    console->client_ca, "client_ca"), &err);
		return;
	}
	warn_open(l, console->tls.key, "console.tls.key");
	warn_expiry(l, tls_context_certificate(l->g->console_tls, 0),
	    "console.tls.certificate");
}

/* --- all together ---------------------------------------------------------------- */

void
generation_tls_load(struct generation *g, const struct schema_reader *reader,
    const struct yaml_node *root, const struct region *self)
{
	const struct config *config = g->config;
	struct tls_loading l = { .g = g, .reader = reader, .root = root,
	    .listeners = arena_array(g->arena, config->nlisteners,
	    sizeof(struct tls_context *)) };

	g->listener_tls = l.listeners;
	load_link(&l);
	load_engine_client(&l);
	load_console(&l);
	load_tickets(&l);
	for (size_t i = 0; i < config->nlisteners; i++)
		if (config->listeners[i].kind == LISTENER_LINK)
			load_link_listener(&l, i);
		else if (config->listeners[i].first.certificate != NULL)
			build_listener(&l, i);
	tls_tickets_free(&l.tickets);
	check_names(&l, self);
}

void
generation_tls_free(struct generation *g)
{
	tls_context_free(&g->link_client);
	tls_context_free(&g->engine_client);
	tls_context_free(&g->console_tls);
	if (g->listener_tls == NULL)
		return;
	for (size_t i = 0; i < g->config->nlisteners; i++) {
		struct tls_context *tls = g->listener_tls[i];

		tls_context_free(&tls);
	}
	g->listener_tls = NULL;
}
