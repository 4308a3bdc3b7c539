/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Inside the console: what its files share.
 */
#ifndef CONSOLE_PRIVATE_H
#define CONSOLE_PRIVATE_H

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
	struct listener	*tcp, *admin;
};

/* Of a request: the exchange with the edge while there is one. */
struct console_request {
	struct exchange	*exchange;
	struct buf	 head;		/* what was sent to the edge */
	bool		 answer_ends;	/* the edge's answer has no body */
};

struct endpoint_entry {
	const char	*path;
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

/* A whole answer of our own. */
void console_answer(struct request *r, unsigned status, const char *type,
    struct slice body);

#endif
