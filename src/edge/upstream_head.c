/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "edge/upstream_head.h"

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
	static const struct slice family = SLICE("X-ManyWho-");
	struct slice rest = { name.p + family.len, name.len - family.len };

	return name.len > family.len &&
	    (slice_starts_nocase(rest, SLICE("Region")) ||
	    slice_starts_nocase(rest, SLICE("GeoLocation"))) &&
	    slice_starts_nocase(name, family);
}

/*
 * Other spellings of "the client is": a program behind us might believe one
 * that an untrusted client made up.
 */
static bool
is_alias(struct slice name)
{
	static const struct slice aliases[] = {
		SLICE("X-Forwarded-"), SLICE("X-Client-IP"), SLICE("X-Cluster-Client-IP"),
		SLICE("X-Original-"), SLICE("True-Client-IP"),
	};
	char first = ascii_lower(name.p[0]);

	if (first != 'x' && first != 't')
		return false;
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (slice_starts_nocase(name, aliases[i]))
			return true;
	return false;
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

static void
pass_fields(struct buf *out, const struct head_front *front)
{
	for (size_t i = 0; i < front->head->nfields; i++) {
		const struct h1_field *f = &front->head->fields[i];

		if (passes(front, f))
			field_add(out, f->name, f->value);
	}
}

/* --- forwarding fields ------------------------------------------------------ */

/* The values of all fields with this id, joined, and a comma behind them. */
static void
join_values(struct buf *out, const struct h1_head *head, enum field_id id)
{
	if (head->by[id] < 0)
		return;
	for (size_t i = (size_t)head->by[id]; i < head->nfields; i++) {
		const struct h1_field *f = &head->fields[i];

		if (f->id != id || f->value.len == 0)
			continue;
		buf_slice(out, f->value);
		buf_add(out, ", ", 2);
	}
}

static struct slice
peer_text(const struct addr *peer, char text[ADDR_TEXT_MAX])
{
	if (peer->family == ADDR_NONE)
		return SLICE("unknown");
	return slice_of(addr_text(peer, text));
}

static void
write_forwarded_for(struct buf *out, const struct head_front *front)
{
	char text[ADDR_TEXT_MAX];

	buf_slice(out, SLICE("X-Forwarded-For: "));
	if (front->trusted)
		join_values(out, front->head, FIELD_X_FORWARDED_FOR);
	buf_slice(out, peer_text(front->peer, text));
	buf_add(out, "\r\n", 2);
}

static void
write_host_and_proto(struct buf *out, const struct head_front *front)
{
	buf_slice(out, SLICE(";host=\""));
	buf_slice(out, front->head->host);
	buf_slice(out, SLICE("\";proto="));
	buf_slice(out, front->tls ? SLICE("https") : SLICE("http"));
	buf_add(out, "\r\n", 2);
}

/* RFC 7239 6.3: an obfuscated node.  What proxies before us said is left out:
 * it holds addresses. */
static void
write_hashed(struct buf *out, const struct head_front *front)
{
	const struct access_style style = { .addresses = ADDRESS_HASHED,
	    .address_key = front->hash_key };
	char text[ADDR_TEXT_MAX];

	buf_slice(out, SLICE("Forwarded: for="));
	buf_text(out, front->client->family == ADDR_NONE ? "unknown" :
	    access_address(front->client, &style, text));
	write_host_and_proto(out, front);
}

/* RFC 7239 6: an IPv6 address stands in brackets, and so in quotes. */
static void
write_forwarded(struct buf *out, const struct head_front *front)
{
	char text[ADDR_TEXT_MAX];
	struct slice peer = peer_text(front->peer, text);
	bool ip6 = front->peer->family == ADDR_IP6;

	buf_slice(out, SLICE("Forwarded: "));
	if (front->trusted)
		join_values(out, front->head, FIELD_FORWARDED);
	buf_slice(out, SLICE("for="));
	buf_slice(out, ip6 ? SLICE("\"[") : SLICE(""));
	buf_slice(out, peer);
	buf_slice(out, ip6 ? SLICE("]\"") : SLICE(""));
	write_host_and_proto(out, front);
}

static void
write_forwarding(struct buf *out, const struct head_front *front)
{
	if (front->hash_key == NULL)
		write_forwarded_for(out, front);
	FIELD_ADD(out, "X-Forwarded-Proto", front->proto);
	FIELD_ADD(out, "X-Forwarded-Host", front->host);
	FIELD_ADD(out, "X-Forwarded-Port", front->port);
	if (front->hash_key != NULL)
		write_hashed(out, front);
	else if (front->forwarded)
		write_forwarded(out, front);
}

static void
write_trace(struct buf *out, const struct head_front *front)
{
	if (front->recorded || front->head->by[FIELD_TRACEPARENT] >= 0)
		return;			/* said at the end; passed untouched */
	buf_slice(out, SLICE("traceparent: 00-"));
	buf_add(out, front->trace_id, 32);
	buf_char(out, '-');
	buf_add(out, front->span_id, 16);
	buf_slice(out, SLICE("-00\r\n"));	/* nobody records it yet */
}

static void
write_request_line(struct buf *out, const struct head_front *front)
{
	buf_slice(out, front->head->method_text);
	buf_char(out, ' ');
	buf_slice(out, front->path);
	if (front->query.p != NULL) {
		buf_char(out, '?');
		buf_slice(out, front->query);
	}
	buf_slice(out, SLICE(" HTTP/1.1\r\n"));
}

/* Who answers may then end with trailers: they pass (gRPC lives by them). */
static void
write_te(struct buf *out, const struct h1_head *head)
{
	if (head->trailers && head->upgrade.len == 0)
		buf_slice(out, SLICE("TE: trailers\r\nConnection: TE\r\n"));
}

/* RFC 9110 7.6.2.  Who has none left is answered here. */
static void
write_max_forwards(struct buf *out, const struct h1_head *head)
{
	if (head->forwards < 2)
		return;
	buf_slice(out, SLICE("Max-Forwards: "));
	buf_u64(out, head->forwards - 2u);
	buf_add(out, "\r\n", 2);
}

void
head_front_write(struct buf *out, const struct head_front *front)
{
	write_request_line(out, front);
	FIELD_ADD(out, "Host", front->head->host);
	pass_fields(out, front);
	write_te(out, front->head);
	write_max_forwards(out, front->head);
	if (!front->link)
		write_forwarding(out, front);
	/* Lists may stand in several lines (RFC 9110 5.3): ours comes last. */
	FIELD_ADD(out, "Via", front->via);
	FIELD_ADD(out, "CDN-Loop", front->pseudonym);
	FIELD_ADD(out, "X-Request-Id", front->request_id);
	write_trace(out, front);
}

/* --- what depends on where it goes ------------------------------------------ */

/* Absent where unknown: there is no address that says so. */
static void
write_client(struct buf *out, const struct addr *client)
{
	char text[ADDR_TEXT_MAX];

	if (client == NULL || client->family == ADDR_NONE)
		return;
	FIELD_ADD(out, "X-Real-IP", slice_of(addr_text(client, text)));
}

static void
write_framing(struct buf *out, const struct head_end *end)
{
	if (end->framing == H1_CHUNKED) {
		buf_slice(out, SLICE("Transfer-Encoding: chunked\r\n"));
		return;
	}
	if (end->framing != H1_LENGTH)
		return;
	buf_slice(out, SLICE("Content-Length: "));
	buf_u64(out, end->length);
	buf_add(out, "\r\n", 2);
}

void
head_end_write(struct buf *out, const struct head_end *end)
{
	write_framing(out, end);
	if (end->expect)
		buf_slice(out, SLICE("Expect: 100-continue\r\n"));
	if (end->traceparent.len > 0)
		FIELD_ADD(out, "traceparent", end->traceparent);
	if (end->upgrade.len > 0) {
		FIELD_ADD(out, "Upgrade", end->upgrade);
		buf_slice(out, SLICE("Connection: Upgrade\r\n"));
	}
	if (end->link != NULL)
		link_write(out, end->link);
	else {
		/* Always there, empty where unknown: an engine that finds
		 * none was not reached through an edge. */
		FIELD_ADD(out, "X-ManyWho-GeoLocation-Country",
		    slice_of(country_code(end->place.country)));
		FIELD_ADD(out, "X-ManyWho-GeoLocation-Continent",
		    slice_of(continent_code(end->place.continent)));
		write_client(out, end->client);
	}
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
