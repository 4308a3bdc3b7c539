/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * `portolan explain`: where a request would go, and the reason of each step.
 * The request is made up of the options, and read and decided as a real one.
 */
#include <stdio.h>
#include <stdlib.h>

#include "command/command.h"
#include "command/explain.h"
#include "command/loading.h"
#include "command/options.h"
#include "conf/overrides_file.h"
#include "policy/explain.h"
#include "policy/state_id.h"

struct options {
	const char	*config, *ip, *peer, *xff, *sni;
	const char	*method, *host, *path, *tenant, *flow, *state;
	struct option_list down;
	bool		 json;
};

static const struct usage *usage_of(struct options *o);

/* --- from options to a request ------------------------------------------------------- */

static const char *
default_host(const struct generation *g)
{
	const struct region_map *map = g->policy.map;

	if (g->config->nglobal_hosts > 0)
		return g->config->global_hosts[0];
	for (uint8_t i = 0; i < map->nregions; i++)
		if (map->regions[i].nhosts > 0)
			return map->regions[i].hosts[0];
	return "localhost";
}

/* The peer, and what it says of the client: --ip alone is the peer itself. */
static int
read_client(struct options *o, const struct generation *g,
    struct explain_request *r)
{
	const char *peer = o->peer != NULL ? o->peer : o->ip;
	bool forwarded = g->config->client_field == CLIENT_FIELD_FORWARDED;
	struct addr client;

	if (peer == NULL)
		return options_mistake(usage_of(o), "who asks? --ip ADDRESS, "
		    "or --peer ADDRESS with --xff LIST");
	if (!addr_parse(&r->peer, slice_of(peer)))
		return options_mistake(usage_of(o), "%s: '%s' is no address",
		    o->peer != NULL ? "--peer" : "--ip", peer);
	r->is_forwarded = forwarded;
	r->forwarded = slice_of(o->xff);
	if (o->peer == NULL || o->ip == NULL)
		return OPTIONS_GO_ON;
	if (o->xff != NULL)
		return options_mistake(usage_of(o), "--ip beside --peer and "
		    "--xff: the list says already who asks");
	if (forwarded)
		return options_mistake(usage_of(o), "--ip beside --peer: this "
		    "edge reads Forwarded; give its value with --xff");
	if (!addr_parse(&client, slice_of(o->ip)))
		return options_mistake(usage_of(o), "--ip: '%s' is no address",
		    o->ip);
	r->forwarded = slice_of(o->ip);
	return OPTIONS_GO_ON;
}

/* --down GB --down EU,US */
static int
read_down(struct options *o, const struct region_map *map,
    struct region_set *up)
{
	up->bits = (uint16_t)((1u << map->nregions) - 1);
	for (size_t i = 0; i < o->down.count; i++) {
		struct slice rest = slice_of(o->down.item[i]), id;

		while (slice_split(&rest, ',', &id)) {
			int region = region_find(map, id);

			if (region < 0)
				return options_mistake(usage_of(o),
				    "--down: there is no region '%.*s' in %s",
				    SLICE_ARG(id), map->file);
			up->bits &= (uint16_t)~(1u << region);
		}
	}
	return OPTIONS_GO_ON;
}

static void
read_request(const struct options *o, const struct generation *g,
    struct explain_request *r)
{
	r->method = slice_of(o->method);
	r->host = slice_of(o->host != NULL ? o->host : default_host(g));
	r->path = slice_of(o->path != NULL ? o->path : "/api/run/1");
	r->tenant = slice_of(o->tenant);
	r->flow = slice_of(o->flow);
	r->state = slice_of(o->state);
	r->sni = slice_of(o->sni);
}

/* --- the answer ---------------------------------------------------------------------- */

static int
answer(const struct options *o, const struct explanation *e)
{
	struct buf out = { 0 };
	bool forward = e->decision != NULL &&
	    e->decision->outcome == OUTCOME_FORWARD;

	if (o->json) {
		explain_json(&out, e);
		buf_char(&out, '\n');
	} else
		explain_text(&out, e);
	return loading_print("explain", &out, forward ? EXIT_GOOD :
	    EXIT_FOUND);
}

/* The region of the state that is asked about. */
static int
born_in(const struct options *o, const struct region_map *map)
{
	struct slice value = { NULL, 0 };
	struct state_id id;

	if (o->path == NULL || flow_place_of(slice_of(o->path), &value) !=
	    STATE_IN_PATH)
		value = slice_of(o->state);
	return state_id_parse(&id, value) ? region_numbered(map, id.region) :
	    -1;
}

static int
explain(struct options *o, const struct generation *g)
{
	struct explain_request request = { .is_forwarded = false };
	struct explained *e;
	struct overrides overrides;
	struct overrides_sets sets;
	struct region_set up;
	struct err err;
	int end = read_client(o, g, &request);

	if (end == OPTIONS_GO_ON)
		end = read_down(o, g->policy.map, &up);
	if (end != OPTIONS_GO_ON)
		return end;
	read_request(o, g, &request);
	e = xcalloc(1, sizeof(*e));
	if (!overrides_file_read(&overrides, g->config, &err))
		fprintf(stderr, "portolan explain: warning: %s\n", err.text);
	sets = overrides_sets(&overrides, g->policy.map);
	/* --down is a question about what would be. */
	sets.up.bits &= up.bits;
	up = overrides_apply(&sets, up, born_in(o, g->policy.map));
	if (explain_decide(&g->policy, g->trust, up, &request, e, &err)) {
		e->explanation.by_hand.bits = sets.up.bits | sets.down.bits |
		    sets.drain.bits;
		e->explanation.overrides = overrides.count > 0 ? &overrides :
		    NULL;
		end = answer(o, &e->explanation);
	} else
		end = options_mistake(usage_of(o), "%s", err.text);
	explained_fini(e);
	free(e);
	return end;
}

/* --- the command --------------------------------------------------------------------- */

static const struct usage *
usage_of(struct options *o)
{
	static struct option_spec specs[16];
	static const struct usage usage = { .command = "explain", .about =
	    "Decides a request as the edge would, and prints the reason of "
	    "each step: which\naddress counts, where it is, which line of the "
	    "region map matched, which\nrestrictions bind, and why each "
	    "candidate was taken or dropped. Exit code 0 if\nthe request is "
	    "forwarded, 1 if it is refused, 2 for mistakes.\n\n"
	    "`portolan explain token --for NAME` lets a tester see the same of "
	    "live requests.",
	    .options = specs };
	const struct option_spec rows[] = {
		{ "config", 'c', "FILE", "the configuration "
		    "(" LOADING_DEFAULT_CONFIG ")", .value = &o->config },
		{ "ip", 0, "ADDRESS", "who asks", .value = &o->ip },
		{ "path", 0, "PATH", "of the request (/api/run/1)",
		    .value = &o->path },
		{ "host", 0, "NAME", "of the request (the first global one)",
		    .value = &o->host },
		{ "tenant", 0, "ID", "the header ManyWhoTenant",
		    .value = &o->tenant },
		{ "flow", 0, "ID", "of the body, or what is found otherwise",
		    .value = &o->flow },
		{ "state", 0, "ID", "the header ManyWhoState",
		    .value = &o->state },
		{ "peer", 0, "ADDRESS", "of the connection, if not who asks",
		    .value = &o->peer },
		{ "xff", 0, "LIST", "X-Forwarded-For (or Forwarded, where that "
		    "is read)", .value = &o->xff },
		{ "down", 0, "REGION,...", "taken as down", .list = &o->down },
		{ "method", 0, "METHOD", "of the request (by the path)",
		    .value = &o->method },
		{ "sni", 0, "NAME", "the server name in TLS",
		    .value = &o->sni },
		{ "json", 0, NULL, "answer as JSON", .flag = &o->json },
		{ 0 },
	};

	_Static_assert(sizeof(rows) <= sizeof(specs), "room for all options");
	memcpy(specs, rows, sizeof(rows));
	return &usage;
}

static int
run_explain(int argc, char **argv)
{
	struct options o = { .json = false };
	struct operands none;
	struct generation *g;
	int end;

	if (argc > 1 && strcmp(argv[1], "token") == 0)
		return explain_token(argc - 1, argv + 1);
	end = options_parse(usage_of(&o), argc, argv, &none);
	if (end != OPTIONS_GO_ON)
		return end;
	g = loading_generation("explain", o.config != NULL ? o.config :
	    LOADING_DEFAULT_CONFIG);
	if (g == NULL)
		return EXIT_USAGE;
	end = explain(&o, g);
	generation_free(&g);
	return end;
}

const struct command command_explain = { "explain",
    "tell where a request goes, and every reason", run_explain };
