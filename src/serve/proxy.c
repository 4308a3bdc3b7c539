/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The PROXY header before everything else.  It is looked at where it lies and
 * then taken out of the socket to the byte, so that TLS or HTTP finds what
 * follows, however little or much came in one packet.
 */
#include <stdlib.h>

#include "base/arena.h"
#include "base/must.h"
#include "net/proxy_header.h"
#include "serve/serve_private.h"

void
conn_proxy_begin(struct conn *c, const struct serve_accept *how)
{
	c->proxy = xcalloc(1, sizeof(*c->proxy));
	/* A reload may end the generation that it comes from meanwhile. */
	c->proxy->tls = tls_context_ref(how->tls);
	c->proxy->passes = how->passes;
	conn_open(c, CONN_PROXY);
}

void
conn_proxy_free(struct conn *c)
{
	if (c->proxy == NULL)
		return;
	tls_context_free(&c->proxy->tls);
	free(c->proxy);
	c->proxy = NULL;
}

void
conn_proxy_refuse(struct conn *c, const char *reason)
{
	struct server *server = c->server;
	struct endpoint peer = { .kind = (enum endpoint_kind)c->peer_kind,
	    .addr = c->peer, .port = c->peer_port };
	void *listener = c->listener;

	conn_close(c, SERVE_REFUSED, false);
	if (server->handler->unproxied != NULL)
		server->handler->unproxied(server, listener, &peer, reason);
}

/* From now on the client is the peer. */
static void
take_addresses(struct conn *c, const struct proxy_header *h)
{
	struct serve_proxy *told = &c->proxy->told;

	told->relay = c->peer;
	told->destination = h->destination;
	told->destination_port = h->destination_port;
	must(h->vpc_endpoint.len < sizeof(told->vpc_endpoint));
	if (h->vpc_endpoint.len > 0)
		memcpy(told->vpc_endpoint, h->vpc_endpoint.p,
		    h->vpc_endpoint.len);
	c->peer = h->source;
	c->peer_port = h->source_port;
	c->peer_kind = ENDPOINT_IP;
}

static void
go_on(struct conn *c, const struct proxy_header *h)
{
	struct tls_context *tls = c->proxy->tls;
	/* Whom another edge passed on is not passed any further. */
	bool passes = c->proxy->passes && !h->passed && h->kind == PROXY_IP;

	c->proxy->tls = NULL;
	if (h->kind == PROXY_IP)
		take_addresses(c, h);
	else
		conn_proxy_free(c);
	if (tls != NULL && passes)
		conn_hello_begin(c, tls);
	else if (tls != NULL && !stream_start_tls(&c->stream, tls))
		conn_close(c, SERVE_ABORTED, true);
	else
		conn_open(c, tls == NULL ? CONN_IDLE : CONN_OPENING);
	tls_context_free(&tls);
}

/* Takes what has been looked at; false if it is no longer there, which no
 * honest peer can bring about. */
static bool
take(struct conn *c, char *to, size_t len)
{
	return stream_read(&c->stream, to, len) == (ssize_t)len;
}

static bool
keep(struct conn *c, char *from, size_t len)
{
	if (c->held == NULL)
		c->held = chunk_take(c->server->loop, PROXY_HEADER_MAX);
	return take(c, from, len) && chunk_add(c->held, from, len) == len;
}

static void
drop_held(struct conn *c)
{
	if (c->held != NULL)
		chunk_give(c->server->loop, c->held);
	c->held = NULL;
}

/* A relay that only looks whether somebody listens says nothing. */
static void
ended(struct conn *c, bool begun)
{
	if (begun)
		conn_proxy_refuse(c, "is cut off");
	else
		conn_close(c, SERVE_CLIENT_LEFT, false);
}

/* What was there before stands in front of what is there now. */
void
conn_proxy_read(struct conn *c)
{
	char *bytes = c->server->loop->scratch;
	const char *reason = "is cut off";
	struct proxy_header header;
	size_t had = 0;
	ssize_t n;

	if (c->held != NULL) {
		had = chunk_all(c->held).len;
		memcpy(bytes, chunk_all(c->held).p, had);
	}
	n = stream_peek(&c->stream, bytes + had, PROXY_HEADER_MAX - had);
	if (n == STREAM_AGAIN)
		return;
	if (n <= 0) {
		ended(c, had > 0);
		return;
	}
	switch (proxy_header_read(&header, (struct slice){ bytes,
	    had + (size_t)n }, &reason)) {
	case PROXY_MORE:
		if (!keep(c, bytes + had, (size_t)n))
			conn_proxy_refuse(c, reason);
		break;
	case PROXY_REFUSED:
		conn_proxy_refuse(c, reason);
		break;
	case PROXY_DONE:
		drop_held(c);
		if (take(c, bytes + had, header.consumed - had))
			go_on(c, &header);
		else
			conn_proxy_refuse(c, reason);
		break;
	}
}
