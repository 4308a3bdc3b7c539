/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "clients.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"
#include "loop.h"
#include "template.h"
#include "ticks.h"

enum { HEAD_BYTES = 4096, IN_BYTES = 256 * 1024, GRACE_S = 5 };

static struct client {
	struct source	 source;
	SSL		*ssl;
	SSL_SESSION	*ticket;	/* of the connection before */
	char		*rest;		/* of the request, which waits */
	size_t		 rest_len;
	size_t		 head_len;	/* of the answer's, not all there */
	size_t		 body_left;
	bool		 open, in_body;
	bool		 seen;		/* its first answer */
	char		 head[HEAD_BYTES + 1];
} clients[CLIENTS];

static const struct order *order;
static struct outcome outcome;
static struct template request;
static struct addresses addresses;
static char in[IN_BYTES];
static SSL_CTX *context;
static double end;
static int busy;			/* clients that wait for an answer */

static void on_ready(struct source *s);
static void begin(struct client *c);

/* --- connections ------------------------------------------------------------------ */

/* OpenSSL asks for this with each ticket; the newest is the next connection's. */
static int
on_ticket(SSL *ssl, SSL_SESSION *ticket)
{
	struct client *c = SSL_get_app_data(ssl);

	SSL_SESSION_free(c->ticket);
	c->ticket = ticket;
	return 1;
}

static void
make_context(void)
{
	context = SSL_CTX_new(TLS_client_method());
	if (context == NULL)
		stop("TLS");
	SSL_CTX_set_mode(context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(context, 1);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT |
	    SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(context, on_ticket);
}

static void
hang_up(struct client *c)
{
	if (c->ssl != NULL) {
		SSL_shutdown(c->ssl);
		SSL_free(c->ssl);
		ERR_clear_error();	/* or the next call seems to fail */
		c->ssl = NULL;
	}
	close(c->source.fd);
	free(c->rest);
	c->rest = NULL;
	c->open = false;
	busy--;
}

static void
failed(struct client *c)
{
	outcome.bad++;
	hang_up(c);
	begin(c);
}

static void
wait_for(struct client *c, uint32_t events)
{
	watch(&c->source, events, EPOLL_CTL_MOD);
}

/* --- asking ------------------------------------------------------------------------- */

/* -1: not now; other failures are told by the next read. */
static ssize_t
give(struct client *c, const char *bytes, size_t len)
{
	if (c->ssl == NULL)
		return send(c->source.fd, bytes, len, MSG_NOSIGNAL);
	return SSL_write(c->ssl, bytes, (int)len);
}

/* What does not go at once is kept. */
static void
send_bytes(struct client *c, const char *bytes, size_t len)
{
	ssize_t n = give(c, bytes, len);
	size_t left = len - (n < 0 ? 0 : (size_t)n);
	char *kept = NULL;

	if (left > 0) {
		kept = malloc(left);
		if (kept == NULL)
			stop("malloc");
		memcpy(kept, bytes + len - left, left);
		wait_for(c, EPOLLOUT);
	} else if (c->rest != NULL)
		wait_for(c, EPOLLIN);
	free(c->rest);
	c->rest = kept;
	c->rest_len = left;
}

static void
ask(struct client *c)
{
	static size_t next;
	struct values v = { addresses.text[next++ % addresses.count], 0 };
	size_t len;

	if (order->flows > 1)
		v.flow = next_random() % (order->flows - 1);
	c->head_len = 0;
	c->in_body = false;
	len = template_fill(&request, &v);
	send_bytes(c, request.out, len);
}

static void
shake_hands(struct client *c)
{
	int n = SSL_connect(c->ssl);

	if (n == 1) {
		outcome.full += !SSL_session_reused(c->ssl);
		wait_for(c, EPOLLIN);
		ask(c);
		return;
	}
	switch (SSL_get_error(c->ssl, n)) {
	case SSL_ERROR_WANT_WRITE:
		wait_for(c, EPOLLOUT);
		break;
	case SSL_ERROR_WANT_READ:
		wait_for(c, EPOLLIN);
		break;
	default:
		failed(c);
	}
}

static void
start_tls(struct client *c)
{
	c->ssl = SSL_new(context);
	SSL_set_fd(c->ssl, c->source.fd);
	SSL_set_app_data(c->ssl, c);
	if (order->over == RESUMED && c->ticket != NULL)
		SSL_set_session(c->ssl, c->ticket);
	shake_hands(c);
}

static void
begin(struct client *c)
{
	if (now() >= end)
		return;
	busy++;
	c->source = (struct source){ on_ready, dial_begin(order->port) };
	c->open = true;
	c->seen = false;
	watch(&c->source, EPOLLIN, EPOLL_CTL_ADD);
	if (order->over == PLAIN)
		ask(c);
	else
		start_tls(c);
}

/* --- hearing -------------------------------------------------------------------------- */

/* Once, and with the right value. */
static bool
says_region(const char *head, const char *name)
{
	const char *at = strcasestr(head, name);
	size_t len = strlen(order->region);

	if (at == NULL)
		return false;
	at += strlen(name);
	return strncmp(at, order->region, len) == 0 && at[len] == '\r' &&
	    strcasestr(at, name) == NULL;
}

static bool
is_right(struct client *c)
{
	if (strncmp(c->head, "HTTP/1.1 200", 12) != 0)
		return false;
	if (c->seen || strcmp(order->region, "-") == 0)
		return true;
	c->seen = true;
	return says_region(c->head, "\r\nX-ManyWho-Region-Frontend: ") &&
	    says_region(c->head, "\r\nX-ManyWho-Region-Backend: ");
}

static void
answered(struct client *c)
{
	if (is_right(c))
		outcome.good++;
	else
		outcome.bad++;
	if (request.closes || now() >= end) {
		hang_up(c);
		begin(c);
	} else
		ask(c);
}

/* Bytes that belong to the head; -1: it is too long, or tells no length. */
static ssize_t
hear_head(struct client *c, const char *bytes, size_t len)
{
	size_t before = c->head_len, n = HEAD_BYTES - before, total;
	const char *head_end;

	if (n > len)
		n = len;
	memcpy(c->head + before, bytes, n);
	c->head_len += n;
	head_end = memmem(c->head, c->head_len, "\r\n\r\n", 4);
	if (head_end == NULL)
		return n == len ? (ssize_t)n : -1;
	total = (size_t)(head_end + 4 - c->head);
	c->head[total] = '\0';
	c->in_body = true;
	c->body_left = content_length(c->head, total);
	return c->body_left == 0 ? -1 : (ssize_t)(total - before);
}

/* false: the connection is not what it was. */
static bool
hear(struct client *c, const char *bytes, size_t len)
{
	if (!c->in_body) {
		ssize_t n = hear_head(c, bytes, len);

		if (n < 0) {
			failed(c);
			return false;
		}
		bytes += n;
		len -= (size_t)n;
	}
	if (!c->in_body || len == 0)
		return true;
	if (len > c->body_left) {
		failed(c);
		return false;
	}
	c->body_left -= len;
	if (c->body_left > 0)
		return true;
	answered(c);
	return false;
}

static ssize_t
take(struct client *c)
{
	return c->ssl == NULL ? recv(c->source.fd, in, sizeof(in), 0) :
	    SSL_read(c->ssl, in, sizeof(in));
}

static bool
is_for_later(struct client *c, ssize_t n)
{
	if (c->ssl == NULL)
		return n < 0 && errno == EAGAIN;
	return SSL_get_error(c->ssl, (int)n) == SSL_ERROR_WANT_READ;
}

static void
on_answer(struct client *c)
{
	do {
		ssize_t n = take(c);

		if (n <= 0) {
			if (!is_for_later(c, n))
				failed(c);
			return;
		}
		if (!hear(c, in, (size_t)n))
			return;
	} while (c->ssl != NULL && SSL_has_pending(c->ssl));
}

static void
on_ready(struct source *s)
{
	struct client *c = (struct client *)s;

	if (c->ssl != NULL && !SSL_is_init_finished(c->ssl))
		shake_hands(c);
	else if (c->rest != NULL)
		send_bytes(c, c->rest, c->rest_len);
	else
		on_answer(c);
}

/* --- a run ------------------------------------------------------------------------------ */

static void
clean_up(void)
{
	for (int i = 0; i < CLIENTS; i++) {
		if (clients[i].open)
			failed(&clients[i]);
		SSL_SESSION_free(clients[i].ticket);
		clients[i].ticket = NULL;
	}
	free(addresses.text);
	template_free(&request);
}

struct outcome
clients_run(const struct order *o)
{
	double start;

	order = o;
	outcome = (struct outcome){ 0 };
	addresses = read_addresses(o->addresses);
	request = template_read(o->request);
	if (context == NULL)
		make_context();
	start = now();
	end = start + o->seconds;
	for (int i = 0; i < o->count; i++)
		begin(&clients[i]);
	while (busy > 0 && now() < end + GRACE_S)
		turn(1000);
	outcome.seconds = now() - start;
	clean_up();
	return outcome;
}
