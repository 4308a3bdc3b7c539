/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "geo/mmdb_tree.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/must.h"

enum {
	UNSEEN = 0,
	OPEN = 255,			/* its subtree is being visited */
	NETWORKS_PER_NODE = 16,		/* a tree without sharing has one, and
					   each alias of IPv4 adds one more */
	NETWORKS_LEAST = 1 << 16,
	NETWORKS_MOST = 1 << 26,
};

uint64_t
mmdb_tree_bytes(uint64_t nodes, unsigned record_bits)
{
	return nodes * record_bits / 4;
}

static uint32_t
read24(const uint8_t *p)
{
	return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static uint32_t
tree_record(const struct mmdb_tree *tree, uint32_t node, unsigned side)
{
	const uint8_t *p = tree->p +
	    mmdb_tree_bytes(node, tree->record_bits);

	switch (tree->record_bits) {
	case 24:
		return read24(p + 3 * side);
	case 28:
		return side == 0 ? (uint32_t)(p[3] & 0xf0) << 20 | read24(p) :
		    (uint32_t)(p[3] & 0x0f) << 24 | read24(p + 4);
	default:
		p += 4 * side;
		return (uint32_t)p[0] << 24 | read24(p + 1);
	}
}

static unsigned
tree_depth(const struct mmdb_tree *tree)
{
	return tree->ip_version == 4 ? 32 : 128;
}

/* Where IPv4 begins: the node or leaf at ::/96, or above it. */
static uint32_t
ip4_root(const struct mmdb_tree *tree)
{
	uint32_t at = 0;

	if (tree->ip_version == 4)
		return 0;
	for (unsigned i = 0; i < 96 && at < tree->nodes; i++)
		at = tree_record(tree, at, 0);
	return at;
}

/* Of a node whose visit is over. */
struct visited {
	uint32_t	 networks;
	uint8_t		 height;
};

struct visit {
	struct mmdb_tree *tree;
	uint8_t		*height;	/* by node */
	uint32_t	*networks;	/* by node; stops at UINT32_MAX */
	uint32_t	 ip4;
	uint32_t	 reached;
	bool		 shared;	/* some node can be reached twice */
	bool		(*on_record)(void *arg, size_t offset, struct err *err);
	void		*arg;
};

static uint32_t
add_networks(uint32_t a, uint32_t b)
{
	return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

static bool visit_node(struct visit *v, uint32_t node, unsigned depth,
    struct err *err);

/* Of a record that leads to no node. */
static bool
is_in_range(const struct mmdb_tree *tree, uint32_t record, struct err *err)
{
	uint32_t beyond = record - tree->nodes;

	if (beyond == 0 || (beyond >= MMDB_SEPARATOR &&
	    beyond - MMDB_SEPARATOR < tree->data_len))
		return true;
	if (beyond < MMDB_SEPARATOR)
		return err_set(err, "the search tree is damaged: a record leads "
		    "into the gap before the data");
	return err_set(err, "the search tree is damaged: a record leads beyond "
	    "the data (is the file truncated?)");
}

/* What one record of a node leads to; *out counts it. */
static bool
visit_record(struct visit *v, uint32_t record, unsigned depth,
    struct visited *out, struct err *err)
{
	uint32_t nodes = v->tree->nodes;

	*out = (struct visited){ 0 };
	if (record == nodes)
		return true;
	if (record < nodes) {
		if (!visit_node(v, record, depth + 1, err))
			return false;
		*out = (struct visited){ v->networks[record],
		    v->height[record] };
		return true;
	}
	out->networks = 1;
	return is_in_range(v->tree, record, err) &&
	    v->on_record(v->arg, record - nodes - MMDB_SEPARATOR, err);
}

/*
 * A node that two records lead to is visited once: its height tells whether
 * the second way is too deep.  The recursion is as deep as an address is long.
 */
static bool
visit_node(struct visit *v, uint32_t node, unsigned depth, struct err *err)
{
	struct visited left, right;

	if (v->height[node] == OPEN)
		return err_set(err, "the search tree is damaged: node %u leads "
		    "back to itself", node);
	if (depth + (v->height[node] == UNSEEN ? 1u : v->height[node]) >
	    tree_depth(v->tree))
		return err_set(err, "the search tree is damaged: deeper than "
		    "an address is long, at node %u", node);
	if (v->height[node] != UNSEEN) {
		v->shared |= node != v->ip4;
		return true;
	}
	v->height[node] = OPEN;
	v->reached++;
	if (!visit_record(v, tree_record(v->tree, node, 0), depth, &left,
	    err) || !visit_record(v, tree_record(v->tree, node, 1), depth,
	    &right, err))
		return false;
	v->height[node] = (uint8_t)(1 + (left.height > right.height ?
	    left.height : right.height));
	v->networks[node] = add_networks(left.networks, right.networks);
	return true;
}

/*
 * Nodes that nothing leads to must be sound, too: they should not be there.
 * Zeroed ones lead to the root, which no record may do.
 */
static bool
is_rest_sound(const struct visit *v, struct err *err)
{
	const struct mmdb_tree *tree = v->tree;

	if (v->reached == tree->nodes)
		return true;
	for (uint32_t node = 0; node < tree->nodes; node++)
		for (unsigned side = 0; side < 2; side++) {
			uint32_t record = tree_record(tree, node, side);

			if (record == 0)
				return err_set(err, "the search tree is "
				    "damaged: node %u leads back to the root",
				    node);
			if (record >= tree->nodes &&
			    !is_in_range(tree, record, err))
				return false;
		}
	return true;
}

/*
 * A flipped bit that turns a record to another node leaves one node that
 * nothing leads to and one that two records lead to.  A writer may have
 * reasons for either (shared subtrees, unused nodes), not for both.
 */
static bool
is_plausible(const struct visit *v, struct err *err)
{
	uint64_t networks = v->networks[0];
	uint64_t limit = (uint64_t)v->tree->nodes * NETWORKS_PER_NODE +
	    NETWORKS_LEAST;

	if (v->shared && v->reached < v->tree->nodes)
		return err_set(err, "the search tree is damaged: some records "
		    "lead to the wrong node");
	if (networks > limit || networks > NETWORKS_MOST)
		return err_set(err, "the search tree unfolds into more networks "
		    "than a real database has");
	return true;
}

bool
mmdb_tree_verify(struct mmdb_tree *tree,
    bool (*on_record)(void *arg, size_t offset, struct err *err), void *arg,
    struct err *err)
{
	struct visit v = { .tree = tree, .on_record = on_record, .arg = arg };
	bool good;

	must(tree->nodes > 0);
	v.height = xcalloc(tree->nodes, sizeof(*v.height));
	v.networks = xcalloc(tree->nodes, sizeof(*v.networks));
	v.ip4 = ip4_root(tree);
	good = visit_node(&v, 0, 0, err) && is_rest_sound(&v, err) &&
	    is_plausible(&v, err);
	tree->networks = v.networks[0];
	free(v.height);
	free(v.networks);
	return good;
}

struct walk {
	const struct mmdb_tree *tree;
	struct cidr	 net;		/* the way so far */
	uint32_t	 ip4;		/* not entered again; or no such node */
	bool		(*on_network)(void *arg, const struct cidr *net,
	    size_t offset);
	void		*arg;
};

static bool
is_ip4_space(const struct cidr *net)
{
	static const uint8_t zero[12];

	return net->base.family == ADDR_IP6 && net->bits == 96 &&
	    memcmp(net->base.bytes, zero, sizeof(zero)) == 0;
}

static bool
walk_record(struct walk *w, uint32_t record)
{
	uint32_t nodes = w->tree->nodes;
	uint8_t *byte, bit;
	bool go_on;

	if (record == nodes || record == w->ip4 || is_ip4_space(&w->net))
		return true;
	if (record > nodes)
		return w->on_network(w->arg, &w->net,
		    record - nodes - MMDB_SEPARATOR);
	byte = &w->net.base.bytes[w->net.bits / 8];
	bit = (uint8_t)(0x80 >> w->net.bits % 8);
	w->net.bits++;
	go_on = walk_record(w, tree_record(w->tree, record, 0));
	*byte |= bit;
	go_on = go_on && walk_record(w, tree_record(w->tree, record, 1));
	*byte &= (uint8_t)~bit;
	w->net.bits--;
	return go_on;
}

bool
mmdb_tree_walk(const struct mmdb_tree *tree,
    bool (*on_network)(void *arg, const struct cidr *net, size_t offset),
    void *arg)
{
	struct walk w = { .tree = tree, .on_network = on_network, .arg = arg };

	w.net.base.family = ADDR_IP4;
	w.ip4 = UINT32_MAX;
	if (!walk_record(&w, ip4_root(tree)))
		return false;
	if (tree->ip_version == 4)
		return true;
	w.net.base.family = ADDR_IP6;
	w.ip4 = ip4_root(tree) < tree->nodes ? ip4_root(tree) : UINT32_MAX;
	return walk_record(&w, 0);
}
