/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A request on its way through the edge, and the handler that serve/ calls.
 * request.c has the steps in the order in which they are lived; what a step
 * needs more than a page for stands in a file of its own:
 *
 *	locate.c	who asks, over which way
 *	compose.c	the front of the head for whoever will serve it
 *	limit.c		who comes too often
 *	enter.c		how many at a time
 *	forward.c	an attempt: picking, sending
 *	retry.c		one that failed: whether there is another
 *	respond.c	the upstream's answer on its way back
 *	answer.c	answers of our own
 *	record.c	the access line and the counters
 *	tester.c	the reasons, for those who may see them
 *	spans.c		what is recorded of a sampled trace
 */
#ifndef EDGE_REQUEST_H
#define EDGE_REQUEST_H

#include "edge/answer.h"
#include "edge/link.h"
#include "edge/text.h"
#include "edge/worker.h"
#include "net/tls_peer.h"
#include "policy/client_address.h"

/* The front of a body is kept while it is no larger than this, so that the
 * request can be sent again; a held-back body is limits.peek_bytes at most. */
enum { KEEP_BYTES = 16 * 1024 };

enum step_id {
	STEP_RECEIVE, STEP_LOCATE, STEP_COMPOSE, STEP_ADMIT, STEP_DECIDE,
	STEP_ENTER, STEP_PICK, STEP_FORWARD, STEP_RESPOND, STEPS
};

enum step_end {
	STEP_NEXT,			/* on to the next step */
	STEP_AGAIN,			/* on with er->step, which was set */
	STEP_WAIT,			/* an event will call edge_request_run() */
	STEP_ANSWER,			/* er->refusal: an answer of our own */
};

/* Times that the access line tells, on the loop's clock; 0: not reached. */
struct request_times {
	uint64_t	 head_us;	/* the head was complete */
	uint64_t	 admitted_us;	/* nothing holds it back any more */
	uint64_t	 queued_us;	/* how long it waited for a place */
	uint64_t	 sent_us;	/* the last attempt began */
	uint64_t	 answered_us;	/* the answer's head was there */
	uint64_t	 connect_us;	/* of the last attempt */
};

/*
 * Lives in the connection's request (struct request: user).  Texts stand in
 * one lent buffer, so that nothing is allocated for a request: first notes
 * for the log and the decision, then the head for the upstream.
 */
struct edge_request {
	struct request	*request;
	struct worker	*worker;
	struct pin	*pin;
	const struct plan *plan;	/* the one it began with */
	const struct listening *listening;
	uint8_t		 step;		/* enum step_id */
	uint8_t		 born;		/* 1 + the region where the state was begun
					   that path or header name; looked for only
					   while a region drains.  0: unknown */
	uint8_t		 refusal;	/* enum refusal */
	uint8_t		 framing;	/* of the request's body */

	bool		 over_link;	/* the peer is another edge */
	bool		 peeking;	/* the body is held back to look inside */
	bool		 waiting_body;	/* for the rest of this turn */
	bool		 waited_body;	/* once is enough */
	bool		 body_last;	/* all of the request's body came */
	bool		 body_kept;	/* all that came is in er->body */
	bool		 client_paused;
	bool		 passes_expect;
	bool		 switched;	/* a tunnel */
	bool		 replayed;	/* after an engine's 421 */
	bool		 ended;		/* answered by us: nothing more to do */
	bool		 cors;		/* Origin is one of the configured */
	bool		 ends_here;	/* Max-Forwards: nobody behind us is asked */
	bool		 touched;	/* an engine got bytes of it, or might have */
	bool		 quiet;		/* a probe: not logged, not counted */

	struct buf	 text;
	struct span	 method, host, path, content_type, origin, upgrade,
			 sni, trace;
	/* Of the client, where it showed one; empty spans: none. */
	struct span	 certificate, certificate_subject, certificate_names;
	struct span	 referer, agent;	/* where a log tells them */
	struct span	 query;		/* with its "?" */
	struct span	 accept;	/* for an answer of our own */
	uint32_t	 head_at;	/* where the upstream's head begins */
	uint32_t	 front_end;	/* and where its front ends */
	uint64_t	 length;	/* of the body, by its framing */
	uint32_t	 looked_at;	/* bytes of it, while peeking */
	uint64_t	 body_bytes;	/* of the answer, sent */
	struct buf	 body;		/* its front, as long as it is kept */
	struct slice	 passing;	/* its front, too large to keep: goes with
					   the head or not at all */

	struct client_address client;
	struct addr	 peer;
	struct facts	 facts;		/* slices: edge_request_facts() */
	struct restriction_query asked;
	bool		 has_tenant;
	char		 tenant[LINK_NAME_MAX + 1], flow[LINK_NAME_MAX + 1];
	struct decision	 decision;
	struct region_set failed;	/* regions that were tried in vain */
	struct region_set may;		/* by an engine's word with its 421 */
	uint8_t		 region;	/* that the engines in tried are of */

	struct upstream	*upstream;
	struct exchange	*exchange;
	uint64_t	 tried;		/* engines of the region, by index */
	uint64_t	 state_key;	/* engines.balance: state; 0: none known */
	uint8_t		 elsewhere;	/* enum outcome without that region */
	uint8_t		 attempts;
	uint8_t		 last_end;	/* enum exchange_end of the last one */
	int8_t		 backend;	/* region that executed it; -1: none */
	uint16_t	 status;
	uint16_t	 retry_after_s;	/* 0: the usual */
	uint8_t		 limit;		/* enum limit that it met ... */
	bool		 limit_dry;	/* ... on trial: nothing came of it */
	char		 phase;		/* of the termination code, if it ends now */
	char		 ender;		/* who ended it: see record.c */

	const char	*rule;		/* of refused syntax; static */
	const char	*sentence;
	char		 request_id[LINK_ID_MAX + 1];
	char		 trace_id[ID_TEXT];
	char		 frontend[REGION_ID_MAX];	/* the client reached it */
	struct entered	 entered;	/* what it holds of the limits */
	struct task	 task;
	struct request_times times;
	struct tester	*tester;	/* NULL: not for these eyes */
	struct spans	*spans;		/* NULL: not recorded */
};

extern const struct handler_ops edge_handler;

static inline struct edge_request *
edge_request_of(struct request *r)
{
	return (struct edge_request *)(void *)r->user;
}

static inline struct slice
request_text(const struct edge_request *er, struct span s)
{
	return span_in(&er->text, s);
}

/* Without its "?"; p NULL where there is none. */
static inline struct slice
request_query(const struct edge_request *er)
{
	struct slice q = request_text(er, er->query);

	return q.len == 0 ? (struct slice){ NULL, 0 } :
	    (struct slice){ q.p + 1, q.len - 1 };
}

/* The client's; NULL: it has shown none, or is no client. */
static inline const struct tls_peer *
edge_request_certificate(const struct edge_request *er)
{
	return er->listening->tls && er->listening->kind == LISTENER_CLIENT ?
	    stream_peer_certificate(request_stream(er->request)) : NULL;
}

/* Lives through its steps until one waits or the request is answered. */
void edge_request_run(struct edge_request *er);

/* Ends its way with an answer of our own; from any event. */
void edge_request_refuse(struct edge_request *er, enum refusal why);

/* What is kept of a head, and what is wrong with what it says. */
enum refusal edge_request_note(struct edge_request *er);

/* Tenant and flow out of er->facts, wherever they stand now. */
void edge_request_keep_names(struct edge_request *er);

/* er->facts with its slices pointing at where the texts are now. */
const struct facts *edge_request_facts(struct edge_request *er);

/* Where the state was begun that it is about; -1: none that we know. */
int edge_request_born(const struct edge_request *er);

/* --- limit.c -------------------------------------------------------------- */

/* False: too often, and er->retry_after_s says how long it should wait. */
bool limit_rates(struct edge_request *er);

/* The same for every spelling of its name. */
uint64_t limit_tenant_key(const struct edge_request *er);

/* --- enter.c -------------------------------------------------------------- */

enum step_end step_enter(struct edge_request *er);

/* --- locate.c ------------------------------------------------------------- */

/* These need request->head. */
enum step_end step_receive(struct edge_request *er);
enum step_end step_locate(struct edge_request *er);

/* --- compose.c ------------------------------------------------------------ */

/* Needs request->head. */
enum step_end step_compose(struct edge_request *er);

/* --- forward.c ------------------------------------------------------------ */

enum step_end step_pick(struct edge_request *er);
enum step_end step_forward(struct edge_request *er);

/* A piece of the client's body, for the upstream. */
void forward_body(struct edge_request *er, struct slice bytes, bool last);
/* More of it as handler_ops.splice() says. */
ssize_t forward_splice(struct edge_request *er, struct stream *from,
    size_t most);
void forward_drained(struct edge_request *er);

/* Lets go of the upstream, whatever it was doing. */
void forward_cancel(struct edge_request *er);

/* Keeps a piece of the body for (another) sending; the first makes room. */
void forward_keep(struct edge_request *er, struct slice bytes);

/* The front of a body that is too large to keep: the request is to be run
 * while bytes are good, and cannot be sent again. */
void forward_pass(struct edge_request *er, struct slice bytes);

/* --- retry.c -------------------------------------------------------------- */

/* The exchange is over without an answer; untaken: exchange_untaken().  Runs
 * the request again where that is safe, or ends it with an answer of ours. */
void retry_failed(struct edge_request *er, enum exchange_end end,
    bool untaken);

/* This region cannot take it, and no engine has done anything: readies it for
 * the next candidate if there is one and the body is still there (the caller
 * then runs the request).  False if not: nothing has changed. */
bool retry_elsewhere(struct edge_request *er, enum retry_why why);

/* --- respond.c ------------------------------------------------------------ */

void respond_inform(struct edge_request *er, const struct h1_head *head);
/* False: the answer is not passed on, the request goes elsewhere. */
bool respond_head(struct edge_request *er, const struct h1_head *head);

/* --- record.c ------------------------------------------------------------- */

void record_request(struct edge_request *er, enum serve_end end);
void record_decision(struct edge_request *er);

/* Status, way and end, as far as they are known. */
void record_fill(struct access_record *rec, const struct edge_request *er);

/* The timers alone, as far as they have come. */
void record_times(struct access_record *rec, const struct edge_request *er,
    uint64_t now_us);

/* Who brings it to an end and in which phase, for the termination code; the
 * first word counts. */
void record_ender(struct edge_request *er, char ender);
/* The same, by how an exchange ended that was not done, and by how the request
 * did. */
void record_exchange_end(struct edge_request *er, enum exchange_end end);
void record_serve_end(struct edge_request *er, enum serve_end end);

#endif
