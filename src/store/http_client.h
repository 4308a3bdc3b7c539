/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Asking somebody else over HTTP: services that flows call, a tenant's
 * external store.  One client per loop; it keeps connections and uses them
 * again.
 *
 * http and https only, certificates are verified, redirects are answers like
 * any other, and nothing in the environment (proxies, .netrc) has a say.
 * Everything has a limit: time to connect, time in all, bytes of the answer.
 */
#ifndef STORE_HTTP_CLIENT_H
#define STORE_HTTP_CLIENT_H

#include "base/buf.h"
#include "net/loop.h"
#include "store/call_guard.h"

struct http_client;
struct http_exchange;

struct http_client_options {
	/* Where it may connect to; NULL: anywhere.  What is pointed to must
	 * outlive the client, or be replaced by http_client_change(). */
	const struct call_guard *guard;
	const char	*ca_file;	/* PEM; NULL: the system's */
	uint64_t	 connect_ms;	/* name, connection, TLS */
	unsigned	 idle;		/* kept connections; 0: as many as are
					   right for the load */
};

struct http_request {
	const char	*method;	/* "GET", "PUT" ... */
	const char	*url;
	const char	*const *fields;	/* "Name: value", the last NULL; may be NULL */
	struct slice	 body;		/* copied; p NULL: none */
	uint64_t	 total_ms;
	size_t		 answer_bytes;	/* of its body, at most */
};

enum http_end {
	HTTP_ANSWERED,			/* whatever the status */
	HTTP_REFUSED,			/* not sent: its address is none that may be
					   called, or cannot be read */
	HTTP_UNREACHABLE,		/* not sent: no name, connection, TLS */
	HTTP_TIMED_OUT,			/* maybe done there */
	HTTP_BROKEN,			/* the same: cut, or no HTTP */
	HTTP_TOO_BIG,			/* the same: more than answer_bytes */
};

const char *http_end_name(enum http_end end);

struct http_answer {
	enum http_end	 end;
	unsigned	 status;
	struct buf	 body;
	char		 why[256];	/* in words, where it was not answered */
};

struct http_client *http_client_new(struct loop *loop,
    const struct http_client_options *options);
/* What is under way is cancelled. */
void http_client_free(struct http_client **client);
/* From now on, for kept connections as for new ones. */
void http_client_change(struct http_client *client,
    const struct http_client_options *options);

/* done is called once, from the loop: never from within this call.  Then the
 * exchange is to be freed, by done or later. */
struct http_exchange *http_start(struct http_client *client,
    const struct http_request *request,
    void (*done)(struct http_exchange *, void *arg), void *arg);
/* Under way, that is silence from then on. */
void http_exchange_free(struct http_exchange **exchange);
/* Once done; good until it is freed. */
struct http_answer *http_answer_of(struct http_exchange *exchange);

/*
 * The same on a fiber, which waits.  answer is to be given to
 * http_answer_fini().
 */
void http_ask(struct http_client *client, const struct http_request *request,
    struct http_answer *answer);
void http_answer_fini(struct http_answer *answer);

#endif
