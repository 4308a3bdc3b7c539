/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Inside the console: what its files share.
 */
#ifndef CONSOLE_PRIVATE_H
#define CONSOLE_PRIVATE_H

#include "net/listener.h"
#include "net/loop.h"
#include "serve/serve.h"
#include "upstream/upstream.h"

struct console {
	struct loop	*loop;
	struct server	*server;
	struct serve_limits limits;
	struct upstreams *upstreams;
	struct upstream	*edge;
	struct pool_limits pool_limits;
	struct pools	*pools;
	const struct config *config;
	struct tls_context *tls;	/* of tcp; NULL: plain */
	struct listener	*tcp, *admin;
	bool		 tcp_named, admin_named;	/* in this round of sockets */
	int		 master_fd;	/* -1: none */
	struct list	 upgrading;	/* console_request, who wait for it */
	struct timer	 drain;
	uint64_t	 drain_until_ms;
	bool		 draining;
};

/* Of a request: the exchange with the edge while there is one. */
struct console_request {
	struct list	 node;		/* while request is set */
	struct request	*request;	/* it waits for an upgrade's end */
	struct exchange	*exchange;
	struct buf	 head;		/* what was sent to the edge */
	bool		 answer_ends;	/* the edge's answer has no body */
};

struct endpoint_entry {
	const char	*path;		/* with a ? at its end: and what follows */
	enum h1_method	 method;	/* GET answers HEAD as well */
	bool		 admin;		/* for the admin socket only: changes, and
					   what clients sent */
	void		(*run)(struct console *, struct request *);
};

/* endpoints.c: the table; NULL-terminated by path. */
extern const struct endpoint_entry endpoints[];

/* forward.c: asks the edge the same question and passes its answer on. */
void forward_to_edge(struct console *console, struct request *r,
    const char *path);
void forward_drained(struct request *r);
void forward_gone(struct request *r);

/* master.c: whom it asks, and who asks it. */
void master_listen(struct console *console, int fd);
/* What it has sent by now. */
void master_hear(struct console *console);
void master_upgrade(struct console *console, struct request *r);
void master_gone(struct request *r);

/* console.c: what to do with a connection. */
extern const struct listener_ops console_tcp_ops, console_admin_ops;

/* A whole answer of our own. */
void console_answer(struct request *r, unsigned status, const char *type,
    struct slice body);

#endif
