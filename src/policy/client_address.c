/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "policy/client_address.h"

#include "base/must.h"
#include "http/fields.h"
#include "http/forwarded.h"

enum {
	WALK_MAX = 250,			/* entries that are looked at */
	ELEMENTS_MAX = 256,		/* of Forwarded, which reads forwards */
};

struct client_trust {
	const struct cidr *cidrs;
	size_t		 count;
	unsigned	 hops;		/* 0: the CIDRs decide */
	enum field_id	 field;
};

const char *
client_source_name(enum client_source source)
{
	static const char *const names[] = {
		[CLIENT_PEER] = "peer",
		[CLIENT_PROXY] = "proxy",
		[CLIENT_FORWARDED] = "forwarded",
		[CLIENT_MALFORMED] = "malformed",
	};

	must(source <= CLIENT_MALFORMED);
	return names[source];
}

/* A network of IPv4-mapped addresses is the IPv4 network in it. */
static struct cidr
canonical_net(const struct cidr *net)
{
	struct cidr out = *net;

	out.base = addr_canonical(&net->base);
	if (out.base.family == net->base.family || net->bits < 96)
		return *net;
	out.bits = (uint8_t)(net->bits - 96);
	return out;
}

const struct client_trust *
client_trust_build(struct arena *arena, const struct cidr *cidrs, size_t count,
    unsigned hops, enum client_field field)
{
	struct client_trust *trust = arena_alloc(arena, sizeof(*trust));
	struct cidr *copy = arena_array(arena, count + 1, sizeof(*copy));

	for (size_t i = 0; i < count; i++)
		copy[i] = canonical_net(&cidrs[i]);
	trust->cidrs = copy;
	trust->count = count;
	trust->hops = hops;
	trust->field = field == CLIENT_FIELD_FORWARDED ? FIELD_FORWARDED :
	    FIELD_X_FORWARDED_FOR;
	return trust;
}

/* --- the entries of all field lines, from right to left --------------------- */

enum entry_end { ENTRY_FOUND, ENTRY_NONE, ENTRY_BAD };

struct walk {
	const struct h1_head *head;
	enum field_id	 id;
	int		 field;		/* the line being read; those right of it
					   are done */
	struct slice	 left;		/* X-Forwarded-For: what is left of it */
	struct slice	 elements[ELEMENTS_MAX];	/* Forwarded: of it */
	size_t		 nelements;
};

/* The next line to the left that is not empty; false after the first. */
static bool
next_line(struct walk *w)
{
	while (--w->field >= 0) {
		const struct h1_field *f = &w->head->fields[w->field];

		if (f->id == w->id && f->value.len > 0) {
			w->left = f->value;
			return true;
		}
	}
	return false;
}

/* Recipients pass over empty elements (RFC 9110 5.6.1.2). */
static enum entry_end
next_xff(struct walk *w, struct addr *addr)
{
	struct slice entry = { NULL, 0 };

	while (entry.len == 0) {
		if (w->left.p == NULL && !next_line(w))
			return ENTRY_NONE;
		fields_last(&w->left, &entry);
	}
	return forwarded_addr(addr, entry) ? ENTRY_FOUND : ENTRY_BAD;
}

/* The elements of the line at hand; false if there are too many of them. */
static bool
split_elements(struct walk *w)
{
	struct slice element;

	while (fields_next(&w->left, &element)) {
		if (w->nelements == ELEMENTS_MAX)
			return false;
		w->elements[w->nelements++] = element;
	}
	return true;
}

/* "unknown" and "_hidden" are no addresses, and an element without for= has
 * none. */
static bool
element_addr(struct addr *addr, struct slice element)
{
	struct slice node;

	return forwarded_for(element, &node) && forwarded_addr(addr, node);
}

static enum entry_end
next_forwarded(struct walk *w, struct addr *addr)
{
	while (w->nelements == 0) {
		if (!next_line(w))
			return ENTRY_NONE;
		if (!split_elements(w))
			return ENTRY_BAD;
	}
	return element_addr(addr, w->elements[--w->nelements]) ? ENTRY_FOUND :
	    ENTRY_BAD;
}

static enum entry_end
next_entry(struct walk *w, struct addr *addr)
{
	enum entry_end end = w->id == FIELD_FORWARDED ?
	    next_forwarded(w, addr) : next_xff(w, addr);

	if (end == ENTRY_FOUND)
		*addr = addr_canonical(addr);
	return end;
}

/* --- whom to believe ---------------------------------------------------------- */

/* Whether who has this address, hop entries from us, tells of its own peer. */
static bool
trusted(const struct client_trust *trust, const struct addr *addr,
    unsigned hop)
{
	if (trust->hops > 0)
		return hop < trust->hops;
	for (size_t i = 0; i < trust->count; i++)
		if (cidr_contains(&trust->cidrs[i], addr))
			return true;
	return false;
}

/* Of a peer that is trusted. */
static void
walk_entries(const struct client_trust *trust, const struct h1_head *head,
    struct client_address *client)
{
	struct walk walk;
	enum entry_end end;

	walk.head = head;
	walk.id = trust->field;
	walk.field = head->nfields;
	walk.left = (struct slice){ NULL, 0 };
	walk.nelements = 0;
	do {
		end = client->hop == WALK_MAX ? ENTRY_BAD :
		    next_entry(&walk, &client->addr);
		if (end == ENTRY_NONE)
			return;
		client->hop++;
		client->source = CLIENT_FORWARDED;
		if (end == ENTRY_BAD) {
			client->nearest = client->addr;
			client->addr = (struct addr){ .family = ADDR_NONE };
			client->source = CLIENT_MALFORMED;
			return;
		}
	} while (trusted(trust, &client->addr, client->hop));
}

void
client_address_find(const struct client_trust *trust, const struct addr *peer,
    enum client_source peer_source, const struct h1_head *head,
    struct client_address *client)
{
	client->addr = addr_canonical(peer);
	client->source = peer_source;
	client->hop = 0;
	client->peer_trusted = trusted(trust, &client->addr, 0);
	if (client->peer_trusted && head->by[trust->field] >= 0)
		walk_entries(trust, head, client);
	if (client->source != CLIENT_MALFORMED)
		client->nearest = client->addr;
}
