/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "console/console.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/generation_tls.h"
#include "console/private.h"
#include "http/target.h"
#include "net/lent_files.h"

enum { DRAIN_MS = 2000, DRAIN_LOOK_MS = 32 };

/* Administration is slow and rare: seconds are fine, and a reload may take
 * some; of bodies a region map is the largest. */
static const struct serve_limits serve_limits = {
	.head_ms = 10000, .idle_ms = 60000, .body_idle_ms = 10000,
	.send_idle_ms = 30000, .tunnel_idle_ms = 60000, .body_bytes = MAP_BYTES,
};
static const struct pool_limits pool_limits = {
	.idle = 4, .idle_ms = 30000, .connect_ms = 2000,
	.response_head_ms = 60000, .response_idle_ms = 30000,
	.tunnel_idle_ms = 60000,
};
static const struct probe_spec probe = {
	.path = "/healthz", .interval_ms = 1000, .timeout_ms = 1000,
	.rise = 1, .fall = 1,
};

/* What the path is there for: HEAD where GET is. */
static void
allow_field(const struct request *r, char field[64])
{
	static const char *const names[] = { [METHOD_GET] = "GET, HEAD",
	    [METHOD_POST] = "POST", [METHOD_PUT] = "PUT" };
	const char *before = "Allow: ";
	size_t len = 0;
	bool has[sizeof(names) / sizeof(names[0])] = { false };

	field[0] = '\0';
	for (const struct endpoint_entry *e = endpoints; e->path != NULL; e++) {
		if (!target_fits(r->head->target, e->path) || has[e->method])
			continue;
		has[e->method] = true;
		len += (size_t)snprintf(field + len, 64 - len, "%s%s", before,
		    names[e->method]);
		before = ", ";
	}
	snprintf(field + len, 64 - len, "\r\n");
}

void
console_answer(struct request *r, unsigned status, const char *type,
    struct slice body)
{
	char fields[224], allow[64] = "";
	struct answer answer = { .status = status,
	    .length = (int64_t)body.len, .no_body = r->method == METHOD_HEAD };

	if (status == 405)
		allow_field(r, allow);
	snprintf(fields, sizeof(fields), "Content-Type: %s\r\n"
	    "Cache-Control: no-store\r\n%s%s", type, allow,
	    status == 503 ? "Retry-After: 1\r\n" : "");
	answer.fields = slice_of(fields);
	request_answer(r, &answer, answer.no_body ? (struct slice){ 0 } : body,
	    true);
}

/* --- the handler --------------------------------------------------------------- */

static bool
method_fits(const struct endpoint_entry *e, enum h1_method method)
{
	return e->method == method ||
	    (e->method == METHOD_GET && method == METHOD_HEAD);
}

static void
refuse_text(struct request *r, unsigned status, const char *sentence)
{
	console_answer(r, status, "text/plain; charset=utf-8",
	    slice_of(sentence));
}

static void
on_head(struct request *r)
{
	struct console *console = r->server->owner;
	bool found = false;
	const char *why;

	for (const struct endpoint_entry *e = endpoints; e->path != NULL; e++) {
		if (!target_fits(r->head->target, e->path))
			continue;
		found = true;
		if (!method_fits(e, r->method))
			continue;
		why = rights_refuse(console, r, e->needs);
		if (why != NULL)
			refuse_text(r, 403, why);
		else
			e->run(console, r);
		return;
	}
	refuse_text(r, found ? 405 : 404, found ?
	    "That path is there, for another method.\n" :
	    "There are /healthz, /readyz, /metrics, /status and "
	    "/regions.\n");
}

static void
on_body(struct request *r, struct slice bytes, bool last)
{
	new_map_body(r, bytes, last);	/* nothing else takes one */
}

static void
on_refuse(struct request *r, unsigned status, const char *rule,
    const char *sentence)
{
	(void)rule;
	refuse_text(r, status, sentence);
}

static void
on_gone(struct request *r, enum serve_end end)
{
	(void)end;
	forward_gone(r);
	master_gone(r);
	new_map_gone(r);
}

static const struct handler_ops handler = {
	.name = "console",
	.request_bytes = sizeof(struct console_request),
	.auto_continue = true,
	.head = on_head,
	.body = on_body,
	.drained = forward_drained,
	.refuse = on_refuse,
	.gone = on_gone,
};

/* --- the process ------------------------------------------------------------------ */

static void
on_tcp(void *owner, int fd, const struct endpoint *peer)
{
	struct console *console = owner;

	server_accept(console->server, fd, peer,
	    &(struct serve_accept){ .listener = &console->tcp,
	    .tls = console->tls });
}

static void
on_admin(void *owner, int fd, const struct endpoint *peer)
{
	struct console *console = owner;

	server_accept(console->server, fd, peer,
	    &(struct serve_accept){ .listener = &console->admin });
}

static void
on_reader(void *owner, int fd, const struct endpoint *peer)
{
	struct console *console = owner;

	server_accept(console->server, fd, peer,
	    &(struct serve_accept){ .listener = &console->reader });
}

const struct listener_ops console_tcp_ops = { .accepted = on_tcp };
const struct listener_ops console_admin_ops = { .accepted = on_admin };
const struct listener_ops console_reader_ops = { .accepted = on_reader };

static void
on_health_change(void *arg)
{
	(void)arg;			/* every question is asked anyway */
}

static void
stop(void *arg)
{
	loop_stop(arg);
}

/* --- the end: who waits for an answer gets it ------------------------------------- */

static void
look_drained(struct timer *timer)
{
	struct console *c = list_entry(timer, struct console, drain);

	if ((c->server->connections == 0 && c->map.stage == MAP_IDLE) ||
	    c->loop->now_ms >= c->drain_until_ms)
		loop_stop(c->loop);
	else
		timer_set(c->loop, timer, DRAIN_LOOK_MS);
}

static void
drain(void *arg)
{
	struct console *c = arg;

	if (c->draining) {
		loop_stop(c->loop);
		return;
	}
	c->draining = true;
	c->drain_until_ms = c->loop->now_ms + DRAIN_MS;
	listener_free(&c->tcp);
	listener_free(&c->admin);
	listener_free(&c->reader);
	server_drain(c->server);
	timer_set(c->loop, &c->drain, 0);
}

static void
ignore(void *arg)
{
	(void)arg;			/* USR1: no log is kept open */
}

/* The certificate as its files have it now; what cannot be read leaves the
 * one in service. */
static bool
read_tls(struct console *c)
{
	struct tls_context *tls;
	struct err err;

	master_hear(c);
	if (c->config->console.tls.certificate == NULL)
		return true;
	tls = config_console_tls(c->config, &err);
	lent_files_return();
	if (tls == NULL) {
		log_error("console.tls: %s", err.text);
		return false;
	}
	tls_context_free(&c->tls);
	c->tls = tls;
	return true;
}

static void
reload(void *arg)
{
	read_tls(arg);
}

static bool
find_edge(struct console *c, const char *path, struct err *err)
{
	struct upstream_spec spec = { .weight = 1 };
	char text[300];

	snprintf(text, sizeof(text), "unix:%s", path);
	if (!endpoint_parse(&spec.endpoint, slice_of(text)))
		return err_set(err, "%s: too long for a socket's path", path);
	return upstreams_apply(c->upstreams, &(struct upstream_set){ &spec, 1,
	    &probe, NULL }, &c->edge, err);
}

static void
listen_on(struct console *c, const struct console_options *options)
{
	if (options->tcp_fd >= 0)
		c->tcp = listener_new(c->loop, options->tcp_fd, &console_tcp_ops,
		    c);
	if (options->admin_fd >= 0)
		c->admin = listener_new(c->loop, options->admin_fd,
		    &console_admin_ops, c);
	if (options->reader_fd >= 0)
		c->reader = listener_new(c->loop, options->reader_fd,
		    &console_reader_ops, c);
}

static void
run(struct console *c, int notify_fd)
{
	loop_on_signal(c->loop, SIGTERM, drain, c);
	loop_on_signal(c->loop, SIGQUIT, drain, c);
	loop_on_signal(c->loop, SIGINT, stop, c->loop);
	loop_on_signal(c->loop, SIGHUP, reload, c);
	loop_on_signal(c->loop, SIGUSR1, ignore, NULL);
	if (notify_fd >= 0 && write(notify_fd, "READY\n", 6) != 6)
		log_warn("the master does not hear");
	loop_run(c->loop);
}

int
console_main(const struct console_options *options)
{
	struct console c = { .limits = serve_limits,
	    .pool_limits = pool_limits };
	struct err err;
	int code = EXIT_SUCCESS;

	c.loop = loop_new();
	c.upstreams = upstreams_new(c.loop, on_health_change, NULL);
	c.pools = pools_new(c.loop, &c.pool_limits);
	c.server = server_new(c.loop, &handler, &c, &c.limits);
	timer_init(&c.drain, look_drained);
	master_listen(&c, options->notify_fd);
	c.config = options->config;
	rights_begin(&c);
	listen_on(&c, options);		/* the master may have others by now */
	if (!read_tls(&c)) {
		code = EXIT_FAILURE;
	} else if (find_edge(&c, options->edge_socket, &err)) {
		run(&c, options->notify_fd);
	} else {
		log_error("%s", err.text);
		code = EXIT_FAILURE;
	}
	timer_cancel(&c.drain);
	listener_free(&c.tcp);
	listener_free(&c.admin);
	listener_free(&c.reader);
	new_map_end(&c);
	server_free(&c.server);
	tls_context_free(&c.tls);
	pools_free(&c.pools);
	upstreams_free(&c.upstreams);
	rights_end(&c);
	loop_free(&c.loop);
	return code;
}
