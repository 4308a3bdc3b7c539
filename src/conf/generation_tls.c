/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "conf/generation_tls.h"

#include "base/clock.h"

enum { DAY_S = 24 * 3600, WARN_DAYS = 14 };

struct tls_loading {
	struct generation *g;
	const struct schema_reader *reader;
	const struct yaml_node *root;
	struct tls_context **listeners;
};

static void
warn_expiry(const struct tls_loading *l, const struct tls_context *tls,
    const char *path)
{
	int64_t left = tls_context_expiry(tls) -
	    (int64_t)(clock_unix_ms() / 1000);

	if (left <= 0)
		schema_warn_at(l->reader, l->root, path,
		    "the certificate has expired; peers will refuse it");
	else if (left < WARN_DAYS * DAY_S)
		schema_warn_at(l->reader, l->root, path,
		    "the certificate expires in %d days",
		    (int)(left / DAY_S));
}

/* What was made of the files at path, or the mistake. */
static struct tls_context *
accept_context(const struct tls_loading *l, struct tls_context *tls,
    const char *path, const struct err *err)
{
	if (tls == NULL)
		schema_mistake_at(l->reader, l->root, path, "%s",
		    err->text);
	else
		warn_expiry(l, tls, path);
	return tls;
}

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

static void
load_listener(const struct tls_loading *l, size_t i)
{
	const struct config *config = l->g->config;
	const struct config_listener *listener = &config->listeners[i];
	const struct config_link *link = &config->link;
	struct err err;
	const char *path;

	if (listener->kind == LISTENER_LINK) {
		/* The way out has told what is wrong with these files. */
		l->listeners[i] = l->g->link_client == NULL ? NULL :
		    tls_link_server_new(link->certificate, link->key, link->ca,
		    &err);
		if (l->listeners[i] == NULL && l->g->link_client != NULL)
			schema_mistake_at(l->reader, l->root, "link",
			    "%s", err.text);
		return;
	}
	if (listener->certificate == NULL)
		return;
	path = arena_printf(l->g->arena, "listeners[%zu].tls.certificate", i);
	l->listeners[i] = accept_context(l, tls_server_new(
	    listener->certificate, listener->key, &err), path, &err);
	if (l->listeners[i] != NULL)
		offer(l->listeners[i], listener);
}

static void
load_link(const struct tls_loading *l)
{
	const struct config *config = l->g->config;
	const struct config_link *link = &config->link;
	struct err err;

	if (link->certificate == NULL)
		return;
	l->g->link_client = accept_context(l, tls_link_client_new(
	    link->certificate, link->key, link->ca, &err), "link.certificate",
	    &err);
	if (l->g->link_client != NULL &&
	    !tls_context_is_region(l->g->link_client, config->region))
		schema_mistake_at(l->reader, l->root, "link.certificate",
		    "the certificate does not name this "
		    "region; it needs the URI portolan:region:%s as a subject "
		    "alternative name", config->region);
}

void
generation_tls_load(struct generation *g, const struct schema_reader *reader,
    const struct yaml_node *root)
{
	struct tls_loading l = { g, reader, root, arena_array(g->arena,
	    g->config->nlisteners, sizeof(struct tls_context *)) };

	g->listener_tls = l.listeners;
	load_link(&l);
	for (size_t i = 0; i < g->config->nlisteners; i++)
		load_listener(&l, i);
}

void
generation_tls_free(struct generation *g)
{
	tls_context_free(&g->link_client);
	if (g->listener_tls == NULL)
		return;
	for (size_t i = 0; i < g->config->nlisteners; i++) {
		struct tls_context *tls = g->listener_tls[i];

		tls_context_free(&tls);
	}
	g->listener_tls = NULL;
}
