/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "edge/upstream_head.h"

#include "base/must.h"
#include "base/put.h"
#include "edge/access_line.h"

/* --- which of the client's fields pass -------------------------------------- */

enum passing {
	PASSES,
	STAYS,				/* hop-by-hop, framing, or ours to say */
	FORWARDING,			/* passes from an edge; else rewritten */
	TRACE,				/* ours where we record spans */
	CONTROL,			/* by its full name */
	STRANGER,			/* by its full name, from the untrusted */
};

static const uint8_t passing[FIELD_IDS] = {
	[FIELD_OTHER] = STRANGER,
	[FIELD_CONNECTION] = STAYS,
	[FIELD_CONTENT_LENGTH] = STAYS,
	[FIELD_EXPECT] = STAYS,
	[FIELD_FORWARDED] = FORWARDING,
	[FIELD_HOST] = STAYS,
	[FIELD_KEEP_ALIVE] = STAYS,
	[FIELD_PROXY_AUTHENTICATE] = STAYS,
	[FIELD_PROXY_AUTHORIZATION] = STAYS,
	[FIELD_PROXY_CONNECTION] = STAYS,
	[FIELD_TE] = STAYS,
	[FIELD_TRACEPARENT] = TRACE,
	[FIELD_TRANSFER_ENCODING] = STAYS,
	[FIELD_UPGRADE] = STAYS,
	[FIELD_X_FORWARDED_FOR] = FORWARDING,
	[FIELD_X_FORWARDED_HOST] = FORWARDING,
	[FIELD_X_FORWARDED_PORT] = FORWARDING,
	[FIELD_X_FORWARDED_PROTO] = FORWARDING,
	[FIELD_X_MANYWHO] = CONTROL,
	[FIELD_X_PORTOLAN] = STAYS,
	[FIELD_X_REQUEST_ID] = STAYS,
};

bool
is_control_field(struct slice name)
{
	return slice_starts_nocase(name, SLICE("X-ManyWho-Region")) ||
	    slice_starts_nocase(name, SLICE("X-ManyWho-GeoLocation"));
}

/* RFC 9440 2.4: whoever terminates TLS alone says these; an edge has asked
 * before it sent them on. */
static bool
is_certificate(struct slice name)
{
	return slice_starts_nocase(name, SLICE("Client-Cert"));
}

static bool
starts_with_any(struct slice name, const struct slice *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (slice_starts_nocase(name, list[i]))
			return true;
	return false;
}

/*
 * Other spellings of "the client is", the names of load balancers and delivery
 * networks for it: a program behind us might believe one that an untrusted
 * client made up.
 */
static bool
is_alias(struct slice name)
{
	static const struct slice with_x[] = {
		SLICE("X-Forwarded"), SLICE("X-Client-IP"), SLICE("X-Cluster-Client-IP"),
		SLICE("X-Original-"), SLICE("X-Envoy-External-"),
		SLICE("X-Azure-ClientIP"), SLICE("X-Azure-SocketIP"),
		SLICE("X-ProxyUser-IP"), SLICE("X-Client-Cert"),
		SLICE("X-SSL-Client-"), SLICE("X-ARR-ClientCert"),
	};
	static const struct slice others[] = {
		SLICE("CF-Connecting-IP"), SLICE("CF-IPCountry"),
		SLICE("Client-IP"), SLICE("CloudFront-Viewer-"),
		SLICE("Fastly-Client-IP"), SLICE("Forwarded-For"),
		SLICE("SSL-Client-"), SLICE("True-Client-IP"),
	};

	switch (ascii_lower(name.p[0])) {
	case 'x':
		return starts_with_any(name, with_x,
		    sizeof(with_x) / sizeof(with_x[0]));
	case 'c':
	case 'f':
	case 's':
	case 't':
		return starts_with_any(name, others,
		    sizeof(others) / sizeof(others[0]));
	default:
		return false;
	}
}

/*
 * What has another meaning to some programs behind us, whoever said it: a path
 * that is not the one decided on, and a proxy to go through (CVE-2016-5385).
 * Proxies before us pass on what they do not know.
 */
static bool
is_override(struct slice name)
{
	char first = ascii_lower(name.p[0]);

	return (first == 'x' && (slice_eq_nocase(name,
	    SLICE("X-Original-URL")) || slice_eq_nocase(name,
	    SLICE("X-Rewrite-URL")))) ||
	    (first == 'p' && slice_eq_nocase(name, SLICE("Proxy")));
}

static bool
passes(const struct head_front *front, const struct h1_field *f)
{
	if (f->hop)
		return false;
	switch ((enum passing)passing[f->id]) {
	case PASSES:
		return true;
	case STAYS:
		return false;
	case TRACE:
		return !front->recorded;
	case FORWARDING:
		return front->link;
	case CONTROL:
		return !is_control_field(f->name);
	case STRANGER:
		break;
	}
	if (!front->link && is_certificate(f->name))
		return false;
	if (is_override(f->name))
		return false;
	if (slice_eq_nocase(f->name, SLICE("X-Real-IP")))
		return false;		/* said at the end, by us alone */
	if (front->head->forwards > 0 &&
	    slice_eq_nocase(f->name, SLICE("Max-Forwards")))
		return false;		/* one less is left */
	/* Without its traceparent it says nothing (W3C Trace Context 3.3). */
	if (!front->keeps_state &&
	    slice_eq_nocase(f->name, SLICE("tracestate")))
		return false;
	return ((front->trusted && front->hash_key == NULL) || front->link) ||
	    !is_alias(f->name);
}

static char *
put_passing(char *to, const struct head_front *front)
{
	for (size_t i = 0; i < front->head->nfields; i++) {
		const struct h1_field *f = &front->head->fields[i];

		if (passes(front, f))
			to = PUT(put(PUT(put(to, f->name), ": "), f->value),
			    "\r\n");
	}
	return to;
}

/* --- forwarding fields ------------------------------------------------------ */

/* The values of all fields with this id, joined, and a comma behind them. */
static char *
put_joined(char *to, const struct h1_head *head, enum field_id id)
{
	if (head->by[id] < 0)
		return to;
	for (size_t i = (size_t)head->by[id]; i < head->nfields; i++) {
		const struct h1_field *f = &head->fields[i];

		if (f->id == id && f->value.len > 0)
			to = PUT(put(to, f->value), ", ");
	}
	return to;
}

static char *
put_peer(char *to, const struct addr *peer)
{
	if (peer->family == ADDR_NONE)
		return PUT(to, "unknown");
	return addr_put(to, peer);
}

static char *
put_forwarded_for(char *to, const struct head_front *front)
{
	to = PUT(to, "X-Forwarded-For: ");
	if (front->trusted)
		to = put_joined(to, front->head, FIELD_X_FORWARDED_FOR);
	return PUT(put_peer(to, front->peer), "\r\n");
}

static char *
put_host_and_proto(char *to, const struct head_front *front)
{
	to = PUT(put(PUT(to, ";host=\""), front->head->host), "\";proto=");
	return PUT(put(to, front->tls ? SLICE("https") : SLICE("http")),
	    "\r\n");
}

/* RFC 7239 6.3: an obfuscated node.  What proxies before us said is left out:
 * it holds addresses. */
static char *
put_hashed(char *to, const struct head_front *front)
{
	const struct access_style style = { .addresses = ADDRESS_HASHED,
	    .address_key = front->hash_key };
	char text[ADDR_TEXT_MAX];

	to = put(PUT(to, "Forwarded: for="), front->client->family ==
	    ADDR_NONE ? SLICE("unknown") : slice_of(access_address(
	    front->client, &style, text)));
	return put_host_and_proto(to, front);
}

/* RFC 7239 6: an IPv6 address stands in brackets, and so in quotes. */
static char *
put_forwarded(char *to, const struct head_front *front)
{
	bool ip6 = front->peer->family == ADDR_IP6;

	to = PUT(to, "Forwarded: ");
	if (front->trusted)
		to = put_joined(to, front->head, FIELD_FORWARDED);
	to = put(PUT(to, "for="), ip6 ? SLICE("\"[") : SLICE(""));
	to = put(put_peer(to, front->peer), ip6 ? SLICE("]\"") : SLICE(""));
	return put_host_and_proto(to, front);
}

static char *
put_forwarding(char *to, const struct head_front *front)
{
	if (front->hash_key == NULL)
		to = put_forwarded_for(to, front);
	to = PUT_FIELD(to, "X-Forwarded-Proto", front->proto);
	to = PUT_FIELD(to, "X-Forwarded-Host", front->host);
	to = PUT_FIELD(to, "X-Forwarded-Port", front->port);
	if (front->hash_key != NULL)
		return put_hashed(to, front);
	return front->forwarded ? put_forwarded(to, front) : to;
}

static char *
put_trace(char *to, const struct head_front *front)
{
	if (front->recorded || front->head->by[FIELD_TRACEPARENT] >= 0)
		return to;		/* said at the end; passed untouched */
	to = put_bytes(PUT(to, "traceparent: 00-"), front->trace_id, 32);
	to = put_bytes(PUT(to, "-"), front->span_id, 16);
	return PUT(to, "-00\r\n");	/* nobody records it yet */
}

static char *
put_request_line(char *to, const struct head_front *front)
{
	to = put(PUT(put(to, front->head->method_text), " "), front->path);
	if (front->query.p != NULL)
		to = put(PUT(to, "?"), front->query);
	return PUT(to, " HTTP/1.1\r\n");
}

/* Who answers may then end with trailers: they pass (gRPC lives by them). */
static char *
put_te(char *to, const struct h1_head *head)
{
	if (head->trailers && head->upgrade.len == 0)
		to = PUT(to, "TE: trailers\r\nConnection: TE\r\n");
	return to;
}

/* RFC 9110 7.6.2.  Who has none left is answered here. */
static char *
put_max_forwards(char *to, const struct h1_head *head)
{
	if (head->forwards < 2)
		return to;
	return PUT(put_u64(PUT(to, "Max-Forwards: "), head->forwards - 2u),
	    "\r\n");
}

/*
 * At least what a front comes to.  Each field of the client's is written once
 * at most, be it as it is or as a part of a list; its host twice more.
 */
enum { FRONT_LITERALS = 512 };		/* names, a number, and addresses in any
					   form */
_Static_assert(FRONT_LITERALS > 400 + 2 * ADDR_TEXT_MAX, "see above");

static size_t
front_room(const struct head_front *front)
{
	const struct h1_head *head = front->head;
	size_t room = FRONT_LITERALS + head->method_text.len +
	    front->path.len + front->query.len + 2 * head->host.len +
	    front->proto.len + front->host.len + front->port.len +
	    front->via.len + front->pseudonym.len + front->request_id.len +
	    front->certificate.len;

	for (size_t i = 0; i < head->nfields; i++)
		room += head->fields[i].name.len + head->fields[i].value.len +
		    FIELD_EXTRA;
	return room;
}

void
head_front_write(struct buf *out, const struct head_front *front)
{
	size_t room = front_room(front);
	char *begin = buf_reserve(out, room), *to = begin;

	to = put_request_line(to, front);
	to = PUT_FIELD(to, "Host", front->head->host);
	to = put_passing(to, front);
	to = put_te(to, front->head);
	to = put_max_forwards(to, front->head);
	if (!front->link)
		to = put_forwarding(to, front);
	if (!front->link && front->certificate.len > 0)
		to = PUT_FIELD(to, "Client-Cert", front->certificate);
	/* Lists may stand in several lines (RFC 9110 5.3): ours comes last. */
	to = PUT_FIELD(to, "Via", front->via);
	to = PUT_FIELD(to, "CDN-Loop", front->pseudonym);
	to = PUT_FIELD(to, "X-Request-Id", front->request_id);
	to = put_trace(to, front);
	must((size_t)(to - begin) <= room);
	out->len += (size_t)(to - begin);
}

/* --- what depends on where it goes ------------------------------------------ */

/* Absent where unknown: there is no address that says so. */
static char *
put_client(char *to, const struct addr *client)
{
	if (client == NULL || client->family == ADDR_NONE)
		return to;
	return PUT(addr_put(PUT(to, "X-Real-IP: "), client), "\r\n");
}

static char *
put_framing(char *to, const struct head_end *end)
{
	if (end->framing == H1_CHUNKED)
		return PUT(to, "Transfer-Encoding: chunked\r\n");
	if (end->framing != H1_LENGTH)
		return to;
	return PUT(put_u64(PUT(to, "Content-Length: "), end->length), "\r\n");
}

/* Always there, empty where unknown: an engine that finds none was not reached
 * through an edge. */
static char *
put_place(char *to, const struct place *place)
{
	to = put_text(PUT(to, "X-ManyWho-GeoLocation-Country: "),
	    country_code(place->country));
	to = put_text(PUT(to, "\r\nX-ManyWho-GeoLocation-Continent: "),
	    continent_code(place->continent));
	return PUT(to, "\r\n");
}

enum { END_LITERALS = 384 };		/* names, codes, a number, an address */
_Static_assert(END_LITERALS > 260 + PUT_U64_MAX + ADDR_TEXT_MAX, "see above");

void
head_end_write(struct buf *out, const struct head_end *end)
{
	size_t room = END_LITERALS + end->traceparent.len + end->upgrade.len;
	char *begin = buf_reserve(out, room), *to = put_framing(begin, end);

	if (end->expect)
		to = PUT(to, "Expect: 100-continue\r\n");
	if (end->traceparent.len > 0)
		to = PUT_FIELD(to, "traceparent", end->traceparent);
	if (end->upgrade.len > 0)
		to = PUT(PUT_FIELD(to, "Upgrade", end->upgrade),
		    "Connection: Upgrade\r\n");
	if (end->link == NULL)
		to = put_client(put_place(to, &end->place), end->client);
	must((size_t)(to - begin) <= room);
	out->len += (size_t)(to - begin);
	if (end->link != NULL)
		link_write(out, end->link);
	buf_add(out, "\r\n", 2);
}

bool
request_id_is_good(struct slice id)
{
	for (size_t i = 0; i < id.len; i++) {
		char c = id.p[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
		    !(c >= 'A' && c <= 'Z') && c != '-' && c != '_' &&
		    c != '.')
			return false;
	}
	return id.len > 0 && id.len <= LINK_ID_MAX;
}
