/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * How long a client may take.  A connection has one timer, which is left
 * where it stands when its deadline moves away, and looks again when it
 * fires; so a request that goes well touches no timer.
 */
#include "serve/h2_conn.h"

static const struct body_fault faults[] = {
	[LATE_HEAD] = { .status = 408, .rule = "head-timeout",
	    .sentence = "the request's head took too long to arrive" },
	[LATE_BODY] = { .status = 408, .rule = "body-timeout",
	    .sentence = "the request's body stopped arriving" },
	[LATE_RATE] = { .status = 408, .rule = "body-too-slow",
	    .sentence = "the request's body arrives too slowly" },
};

const struct body_fault *
deadline_fault(enum late late)
{
	return &faults[late];
}

/* When the body's average falls below the rate if nothing more comes. */
static uint64_t
rate_deadline(const struct active *a, const struct serve_limits *limits)
{
	uint64_t earned_ms = a->request.body_bytes * 1000 /
	    limits->min_body_rate;

	return a->body_since_ms +
	    (earned_ms > RATE_GRACE_MS ? earned_ms : RATE_GRACE_MS);
}

/* Whether it is the client's turn to send some of the body. */
static bool
awaits_body(const struct active *a)
{
	return !a->request.body_done && !a->paused && a->continued &&
	    !a->refused;
}

void
deadline_of_body(struct deadline *d, const struct active *a)
{
	const struct serve_limits *limits = a->request.server->limits;

	if (!awaits_body(a))
		return;
	deadline_sooner(d, a->moved_ms + limits->body_idle_ms, LATE_BODY);
	if (limits->min_body_rate > 0 && !a->answer_done)
		deadline_sooner(d, rate_deadline(a, limits), LATE_RATE);
}

static struct deadline
busy_deadline(const struct conn *c, const struct serve_limits *limits)
{
	const struct active *a = c->active;
	struct deadline d = { NEVER, LATE_NOT };

	if (a->request.tunnel) {
		deadline_sooner(&d, a->moved_ms + limits->tunnel_idle_ms, LATE_TUNNEL);
		return d;
	}
	if (stream_pending(&c->stream) > 0)
		deadline_sooner(&d, c->stream.sent_ms + limits->send_idle_ms, LATE_SEND);
	deadline_of_body(&d, a);
	return d;
}

static struct deadline
conn_deadline(const struct conn *c)
{
	const struct serve_limits *limits = c->server->limits;
	struct deadline d = { NEVER, LATE_NOT };

	switch ((enum conn_state)c->state) {
	case CONN_PROXY:
		deadline_sooner(&d, c->since_ms + limits->head_ms, LATE_PROXY);
		if (c->server->draining)
			deadline_sooner(&d, c->since_ms + DRAIN_GRACE_MS, LATE_CLOSE);
		break;
	case CONN_HELLO:
	case CONN_OPENING:
		deadline_sooner(&d, c->since_ms + limits->head_ms, LATE_CLOSE);
		break;
	case CONN_IDLE:
		deadline_sooner(&d, c->since_ms + limits->idle_ms, LATE_CLOSE);
		if (c->server->draining)
			deadline_sooner(&d, c->since_ms + DRAIN_GRACE_MS, LATE_CLOSE);
		break;
	case CONN_HEAD:
		deadline_sooner(&d, c->since_ms + limits->head_ms, LATE_HEAD);
		break;
	case CONN_BUSY:
		return busy_deadline(c, limits);
	case CONN_H2:
		h2_conn_deadline(c, &d);
		break;
	case CONN_LINGER:
		deadline_sooner(&d, c->since_ms + LINGER_MS, LATE_CLOSE);
		if (stream_pending(&c->stream) > 0)
			d.at_ms = c->stream.sent_ms + limits->send_idle_ms;
		break;
	}
	return d;
}

void
deadline_arm(struct deadline d, struct loop *loop, struct timer *timer)
{
	if (d.at_ms == NEVER ||
	    (timer_is_set(timer) && timer->due_ms <= d.at_ms))
		return;
	timer_set(loop, timer, d.at_ms > loop->now_ms ?
	    d.at_ms - loop->now_ms : 0);
}

void
conn_arm(struct conn *c)
{
	deadline_arm(conn_deadline(c), c->server->loop, &c->timer);
}

void
conn_on_timer(struct timer *timer)
{
	struct conn *c = list_entry(timer, struct conn, timer);
	struct deadline d = conn_deadline(c);

	if (d.at_ms > c->server->loop->now_ms) {
		conn_arm(c);
		return;
	}
	switch (d.late) {
	case LATE_NOT:
	case LATE_CLOSE:
		if (c->state == CONN_IDLE) {
			c->unwanted = true;	/* unless it asks just now */
			conn_wake(c);
			break;
		}
		conn_close(c, SERVE_CLIENT_LEFT, false);
		break;
	case LATE_HEAD:
	case LATE_BODY:
	case LATE_RATE:
		h1_conn_refuse(c, &faults[d.late]);
		break;
	case LATE_SEND:
		conn_close(c, SERVE_SEND_TIMEOUT, true);
		break;
	case LATE_TUNNEL:
		conn_close(c, SERVE_TUNNEL_IDLE, true);
		break;
	case LATE_H2:
		h2_conn_on_late(c);
		break;
	case LATE_PROXY:
		conn_proxy_refuse(c, "did not come in time");
		break;
	}
}
