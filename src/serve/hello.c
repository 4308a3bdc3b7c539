/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Whom a TLS client asks for, looked at where it lies in the socket: whoever
 * goes on, OpenSSL here or the edge that it is passed to, reads it whole.
 */
#include "base/must.h"
#include "net/client_hello.h"
#include "serve/serve_private.h"

void
conn_hello_begin(struct conn *c, struct tls_context *tls)
{
	c->tls = tls_context_ref(tls);
	conn_open(c, CONN_HELLO);
}

/* What is no hello here might be one to OpenSSL, and be decrypted. */
static void
refuse(struct conn *c, const char *reason)
{
	struct server *server = c->server;
	struct endpoint peer = { .kind = (enum endpoint_kind)c->peer_kind,
	    .addr = c->peer, .port = c->peer_port };
	void *listener = c->listener;

	conn_close(c, SERVE_REFUSED, false);
	server->handler->unheard(server, listener, &peer, reason);
}

static void
pass(struct conn *c, const struct client_hello *hello)
{
	struct server *server = c->server;
	struct endpoint peer = { .kind = (enum endpoint_kind)c->peer_kind,
	    .addr = c->peer, .port = c->peer_port }, local;
	struct serve_passed passed = { .listener = c->listener, .peer = &peer,
	    .local = &local, .name = { hello->name, hello->name_len } };

	stream_local(&c->stream, &local);
	if (c->proxy != NULL) {
		local.addr = c->proxy->told.destination;
		local.port = c->proxy->told.destination_port;
	}
	passed.fd = stream_release(&c->stream);
	conn_close(c, SERVE_DONE, false);
	server->handler->pass(server, &passed);
}

static void
take(struct conn *c)
{
	struct tls_context *tls = c->tls;

	c->tls = NULL;
	if (stream_start_tls(&c->stream, tls))
		conn_open(c, CONN_OPENING);
	else
		conn_close(c, SERVE_ABORTED, true);
	tls_context_free(&tls);
}

static void
heard(struct conn *c, const struct client_hello *hello)
{
	stream_await(&c->stream, 0);
	if (hello->name_len > 0 && c->server->handler->passes(c->server,
	    (struct slice){ hello->name, hello->name_len }))
		pass(c, hello);
	else
		take(c);
}

void
conn_hello_read(struct conn *c)
{
	char *bytes = c->server->loop->scratch;
	const char *reason = "is cut off";
	struct client_hello hello;
	ssize_t n = stream_peek(&c->stream, bytes, CLIENT_HELLO_BYTES);

	if (n == STREAM_AGAIN)
		return;
	if (n <= 0) {
		conn_close(c, SERVE_CLIENT_LEFT, false);
		return;
	}
	switch (client_hello_read(&hello, (struct slice){ bytes, (size_t)n },
	    &reason)) {
	case HELLO_MORE:
		if (!stream_await(&c->stream, (size_t)n))
			refuse(c, "is cut off");
		break;
	case HELLO_REFUSED:
		/* Plain HTTP is no hello to OpenSSL either: as elsewhere. */
		if (conn_is_plain_http((struct slice){ bytes, (size_t)n }))
			take(c);
		else
			refuse(c, reason);
		break;
	case HELLO_DONE:
		heard(c, &hello);
		break;
	}
}
