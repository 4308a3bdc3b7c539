/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * An engine on an address of its own (--listen): there it speaks TLS with the
 * certificate of the link, and serves nobody but edges and engines of its own
 * region, who show one too.
 */
#include <string.h>

#include "base/log.h"
#include "engine/engine_private.h"

static bool
is_of_region(const struct tls_context *tls, const char *region,
    struct err *err)
{
	return tls_context_is_region(tls, region) || err_set(err,
	    "link.certificate: the certificate does not name this region; it "
	    "needs the URI portolan:region:%s as a subject alternative name",
	    region);
}

/* Edges that ask for a name need no region of it. */
static struct tls_context *
read_context(const struct config *config, const char *region,
    struct err *err)
{
	const struct config_identity *own = &config->engines.tls;
	const struct config_identity link = { config->link.certificate,
	    config->link.key, config->link.ca, NULL };
	const struct config_identity *id = own->certificate != NULL ? own :
	    &link;
	struct tls_context *tls;

	if (id->certificate == NULL) {
		err_set(err, "an engine on --listen speaks TLS: give "
		    "engines.tls, or link, a certificate, key and ca, or use "
		    "--socket");
		return NULL;
	}
	tls = tls_link_server_new(id->certificate, id->key, id->ca, err);
	if (tls != NULL && id->server_name == NULL &&
	    !is_of_region(tls, region, err))
		tls_context_free(&tls);
	return tls;
}

bool
engine_certify(struct engine *e, const struct generation *g,
    const struct region *region)
{
	struct tls_context *tls;
	struct err err;

	if (e->options->listen == NULL)
		return true;
	tls = read_context(g->config, region->id, &err);
	if (tls == NULL) {
		log_error("%s", err.text);
		return false;
	}
	tls_context_free(&e->tls);
	e->tls = tls;
	return true;
}

bool
engine_trusts(const struct engine *e, struct request *r)
{
	char region[STREAM_REGION_MAX];

	return e->tls == NULL ||
	    (stream_peer_region(request_stream(r), region) &&
	    strcmp(region, e->edition->region->id) == 0);
}
