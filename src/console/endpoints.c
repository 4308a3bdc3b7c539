/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The console's endpoints, a row each.
 */
#include <stdio.h>

#include "console/private.h"

/* Answers while this process lives, whatever the edge does. */
static void
healthz(struct console *console, struct request *r)
{
	(void)console;
	console_answer(r, 200, "text/plain; charset=utf-8", SLICE("ok\n"));
}

static void
readyz(struct console *console, struct request *r)
{
	forward_to_edge(console, r, "/readyz");
}

static void
readyz_verbose(struct console *console, struct request *r)
{
	forward_to_edge(console, r, "/readyz?verbose");
}

static void
metrics(struct console *console, struct request *r)
{
	forward_to_edge(console, r, "/metrics");
}

static void
status(struct console *console, struct request *r)
{
	forward_to_edge(console, r, "/status");
}

static void
errors(struct console *console, struct request *r)
{
	forward_to_edge(console, r, "/errors");
}

static void
reload(struct console *console, struct request *r)
{
	forward_to_edge(console, r, "/reload");
}

static void
drain(struct console *console, struct request *r)
{
	forward_to_edge(console, r, "/drain");
}

static void
regions(struct console *console, struct request *r)
{
	forward_to_edge(console, r, "/regions");
}

/* The edge reads what follows. */
static void
region(struct console *console, struct request *r)
{
	char target[2048];

	snprintf(target, sizeof(target), "%.*s",
	    SLICE_ARG(r->head->target));
	forward_to_edge(console, r, target);
}

static void
upgrade(struct console *console, struct request *r)
{
	master_upgrade(console, r);
}

static void
map(struct console *console, struct request *r)
{
	forward_to_edge(console, r, "/map");
}

const struct endpoint_entry endpoints[] = {
	{ "/healthz",		METHOD_GET,  RIGHTS_PUBLIC, healthz },
	{ "/readyz",		METHOD_GET,  RIGHTS_PUBLIC, readyz },
	{ "/readyz?verbose",	METHOD_GET,  RIGHTS_PUBLIC, readyz_verbose },
	{ "/metrics",		METHOD_GET,  RIGHTS_PUBLIC, metrics },
	{ "/status",		METHOD_GET,  RIGHTS_PUBLIC, status },
	{ "/errors",		METHOD_GET,  RIGHTS_READ, errors },
	{ "/reload",		METHOD_POST, RIGHTS_WRITE, reload },
	{ "/drain",		METHOD_POST, RIGHTS_WRITE, drain },
	{ "/regions",		METHOD_GET,  RIGHTS_PUBLIC, regions },
	{ "/region?",		METHOD_POST, RIGHTS_WRITE, region },
	{ "/v1/map",		METHOD_GET,  RIGHTS_READ, map },
	{ "/v1/map",		METHOD_PUT,  RIGHTS_WRITE, new_map_put },
	{ "/v1/map?",		METHOD_PUT,  RIGHTS_WRITE, new_map_put },
	{ "/upgrade",		METHOD_POST, RIGHTS_WRITE, upgrade },
	{ NULL,			METHOD_OTHER, RIGHTS_PUBLIC, NULL },
};
