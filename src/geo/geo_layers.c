/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "geo/geo_layers.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/must.h"
#include "geo/special.h"


static const ip_number IP4_LAST = UINT32_MAX;
static const ip_number IP6_LAST = ~(ip_number)0;

/* A network of a layer and what it stands for; the index orders equals. */
struct layer_net {
	ip_number	 first, last;
	size_t		 index;		/* in the layer's own table */
};

/* From start on the layer says this; NOTHING where it is silent. */
struct step {
	ip_number	 start;
	size_t		 index;
};

#define NOTHING SIZE_MAX

/* A layer over one family, and how far the sweep has come in it. */
struct layer {
	struct step	*steps;
	size_t		 count, at;
};

ip_number
cidr_first(const struct cidr *net)
{
	ip_number n = 0;
	int bytes = net->base.family == ADDR_IP4 ? 4 : 16;

	for (int i = 0; i < bytes; i++)
		n = n << 8 | net->base.bytes[i];
	return n;
}

ip_number
cidr_last(const struct cidr *net)
{
	unsigned width = net->base.family == ADDR_IP4 ? 32 : 128;
	unsigned hosts = width - net->bits;

	if (hosts == 128)
		return IP6_LAST;
	return cidr_first(net) | (((ip_number)1 << hosts) - 1);
}

/* Outer networks before inner ones; of equal ones the later written last,
 * so that it wins. */
static int
compare_nets(const void *left, const void *right)
{
	const struct layer_net *a = left, *b = right;

	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	if (a->last != b->last)
		return a->last > b->last ? -1 : 1;
	return a->index < b->index ? -1 : 1;
}

static void
add_step(struct layer *layer, ip_number start, size_t index)
{
	if (layer->count > 0 && layer->steps[layer->count - 1].start == start)
		layer->count--;
	layer->steps[layer->count++] = (struct step){ start, index };
}

/* Networks nest or are apart, so a stack of those around us is enough. */
static struct layer
flatten(struct layer_net *nets, size_t count)
{
	struct layer layer = { .steps =
	    xmalloc((2 * count + 1) * sizeof(*layer.steps)) };
	const struct layer_net **around =
	    xmalloc((count + 1) * sizeof(*around));
	size_t depth = 0;

	qsort(nets, count, sizeof(*nets), compare_nets);
	add_step(&layer, 0, NOTHING);
	for (size_t i = 0; i <= count; i++) {
		while (depth > 0 && (i == count ||
		    around[depth - 1]->last < nets[i].first)) {
			const struct layer_net *ended = around[--depth];

			if (ended->last != IP6_LAST)
				add_step(&layer, ended->last + 1, depth > 0 ?
				    around[depth - 1]->index : NOTHING);
		}
		if (i == count)
			break;
		around[depth++] = &nets[i];
		add_step(&layer, nets[i].first, nets[i].index);
	}
	free(around);
	return layer;
}

static struct layer
special_layer(enum addr_family family)
{
	size_t count;
	const struct special_range *ranges = special_ranges(family, &count);
	struct layer_net *nets = xmalloc(count * sizeof(*nets));
	struct layer layer;

	for (size_t i = 0; i < count; i++)
		nets[i] = (struct layer_net){ cidr_first(&ranges[i].net),
		    cidr_last(&ranges[i].net), i };
	layer = flatten(nets, count);
	free(nets);
	return layer;
}

static struct layer
network_layer(const struct region_map *map, enum addr_family family)
{
	struct layer_net *nets = xmalloc(map->nnetworks * sizeof(*nets));
	struct layer layer;
	size_t count = 0;

	for (size_t i = 0; i < map->nnetworks; i++) {
		const struct cidr *net = &map->networks[i].net;

		if (net->base.family == family)
			nets[count++] = (struct layer_net){ cidr_first(net),
			    cidr_last(net), i };
	}
	layer = flatten(nets, count);
	free(nets);
	return layer;
}

struct sweep {
	enum addr_family family;
	ip_number	 at, last;	/* of the family */
	bool		 done;
	struct layer	 special, networks;
	const struct special_range *ranges;
	const struct region_map *map;
	geo_layer_fn	*on_span;
	void		*arg;
};

static void
sweep_begin(struct sweep *s, enum addr_family family)
{
	size_t count;

	s->family = family;
	s->at = 0;
	s->last = family == ADDR_IP4 ? IP4_LAST : IP6_LAST;
	s->done = false;
	s->special = special_layer(family);
	s->networks = network_layer(s->map, family);
	s->ranges = special_ranges(family, &count);
}

static void
report(const struct sweep *s, struct place place)
{
	size_t special = s->special.steps[s->special.at].index;
	size_t network = s->networks.steps[s->networks.at].index;

	if (special != NOTHING)
		place = (struct place){
		    .class = (uint8_t)s->ranges[special].class };
	s->on_span(s->arg, s->family, s->at, place,
	    network == NOTHING ? NULL : &s->map->networks[network]);
}

/* The last address up to which the layer says the same, end at most. */
static ip_number
layer_until(const struct layer *layer, ip_number end)
{
	if (layer->at + 1 < layer->count &&
	    layer->steps[layer->at + 1].start - 1 < end)
		return layer->steps[layer->at + 1].start - 1;
	return end;
}

static void
layer_move(struct layer *layer, ip_number at)
{
	if (layer->at + 1 < layer->count &&
	    layer->steps[layer->at + 1].start == at)
		layer->at++;
}

/* The database says place from where we are up to end. */
static void
sweep_to(struct sweep *s, ip_number end, struct place place)
{
	while (!s->done && s->at <= end) {
		ip_number until = layer_until(&s->networks,
		    layer_until(&s->special, end));

		report(s, place);
		s->done = until == s->last;
		s->at = until + 1;
		layer_move(&s->special, s->at);
		layer_move(&s->networks, s->at);
	}
}

static void
sweep_end(struct sweep *s)
{
	sweep_to(s, s->last, (struct place){ .class = PLACE_UNKNOWN });
	must(s->done);
	free(s->special.steps);
	free(s->networks.steps);
	s->special = s->networks = (struct layer){ 0 };
}

/* Networks come in order of address, IPv4 first. */
static bool
on_database_network(void *arg, const struct cidr *net, struct place place)
{
	struct sweep *s = arg;
	ip_number first = cidr_first(net);

	if (net->base.family != s->family) {
		sweep_end(s);
		sweep_begin(s, ADDR_IP6);
	}
	if (first > 0)
		sweep_to(s, first - 1, (struct place){ .class = PLACE_UNKNOWN });
	sweep_to(s, cidr_last(net), place);
	return true;
}

void
geo_layers_sweep(const struct mmdb *db, const struct region_map *map,
    geo_layer_fn *on_span, void *arg)
{
	struct sweep s = { .map = map, .on_span = on_span, .arg = arg };

	sweep_begin(&s, ADDR_IP4);
	if (db != NULL)
		mmdb_walk(db, on_database_network, &s);
	sweep_end(&s);
	if (s.family == ADDR_IP6)
		return;
	sweep_begin(&s, ADDR_IP6);
	sweep_end(&s);
}
