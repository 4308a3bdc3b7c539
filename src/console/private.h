/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Inside the console: what its files share.
 */
#ifndef CONSOLE_PRIVATE_H
#define CONSOLE_PRIVATE_H

#include "conf/config.h"
#include "net/listener.h"
#include "net/loop.h"
#include "serve/serve.h"
#include "upstream/upstream.h"

/* What a question needs, and who asks may do: each more than the one before. */
enum rights {
	RIGHTS_PUBLIC,			/* health, metrics, what is in service */
	RIGHTS_READ,			/* what clients sent as well */
	RIGHTS_WRITE,			/* changes */
};

struct console_names {
	char		*list[CONFIG_CONSOLE_NAMES_MAX];
	size_t		 count;
};

/* How far a region map has come; kept while its client may have left. */
enum map_stage { MAP_IDLE, MAP_TRY, MAP_WRITE, MAP_SWAP, MAP_KEEP, MAP_UNDO };

struct console_map {
	enum map_stage	 stage;
	struct request	*request;	/* who waits; NULL: nobody any more */
	struct exchange	*exchange;	/* with the edge, or NULL */
	bool		 dry_run, whatever;	/* ... revision is in service */
	unsigned	 status;	/* of the edge's answer */
	struct buf	 bytes;		/* the map */
	struct buf	 head, answer;	/* to the edge, and from it */
	struct buf	 kept;		/* what it said would change */
};

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
	struct listener	*tcp, *admin, *reader;
	/* In this round of sockets. */
	bool		 tcp_named, admin_named, reader_named;
	/* Of certificates, and those of the round that is not over. */
	struct console_names readers, writers, next_readers, next_writers;
	int		 master_fd;	/* -1: none */
	struct list	 upgrading;	/* console_request, who wait for it */
	struct console_map map;
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
	bool		 takes_map, dry_run;
	char		 revision[40];	/* that must be in service; "*": any */
	struct buf	 body;		/* of the map, as far as it has come */
};

struct endpoint_entry {
	const char	*path;		/* with a ? at its end: and what follows */
	enum h1_method	 method;	/* GET answers HEAD as well */
	enum rights	 needs;
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

/* new_map.c: another region map; what its client sends, and what the master says. */
enum { MAP_BYTES = 1024 * 1024 };
void new_map_put(struct console *console, struct request *r);
void new_map_body(struct request *r, struct slice bytes, bool last);
bool new_map_heard(struct console *console, const char *text);
void new_map_gone(struct request *r);
void new_map_end(struct console *console);

/* rights.c: names of certificates begin as configured; each round of sockets
 * tells them anew, and its end puts those in force. */
void rights_begin(struct console *console);
bool rights_hear(struct console *console, const char *text);
void rights_settle(struct console *console);
void rights_end(struct console *console);
/* NULL if r may do what needs that; else why not.  During head(). */
const char *rights_refuse(const struct console *console, struct request *r,
    enum rights needs);

/* console.c: what to do with a connection. */
extern const struct listener_ops console_tcp_ops, console_admin_ops,
    console_reader_ops;

/* A whole answer of our own. */
void console_answer(struct request *r, unsigned status, const char *type,
    struct slice body);

#endif
