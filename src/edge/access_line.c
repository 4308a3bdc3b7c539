/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "edge/access_line.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/must.h"
#include "base/put.h"

enum {
	/* Escapes and quotes included; with all else as long as it may be,
	 * the line fits (unit test). */
	TEXTS_MAX = 1536,		/* of path and query together */
	OTHER_MAX = 160,
	CERTIFICATE_MAX = 640,		/* all of a certificate's, names and
					   keys included; at their expense */
	NAMES_MAX = 256,		/* of that, its alternative names */
	AGENT_MAX = 512,		/* of a line of `combined` */
};

/* --- addresses ---------------------------------------------------------------- */

static struct addr
truncated(const struct addr *addr)
{
	struct addr a = *addr;
	size_t keep = a.family == ADDR_IP4 ? 3 : 6;

	memset(a.bytes + keep, 0, sizeof(a.bytes) - keep);
	return a;
}

const char *
access_address(const struct addr *addr, const struct access_style *style,
    char text[ADDR_TEXT_MAX])
{
	static const char digits[16] = "0123456789abcdef";
	size_t len = addr->family == ADDR_IP4 ? 4 : 16;
	struct addr a;
	uint64_t hash;

	switch (style->addresses) {
	case ADDRESS_TRUNCATED:
		a = truncated(addr);
		return addr_text(&a, text);
	case ADDRESS_HASHED:
		hash = hash_keyed(style->address_key, (struct slice){
		    (const char *)addr->bytes, len });
		text[0] = '_';
		for (int i = 16; i > 0; i--, hash >>= 4)
			text[i] = digits[hash & 15];
		text[17] = '\0';
		return text;
	case ADDRESS_FULL:
		break;
	}
	return addr_text(addr, text);
}

/* --- the line -------------------------------------------------------------- */

/*
 * A line is written by a bare cursor into room that was made for the longest
 * one: with checks at each of its 200 pieces it was a third of a request's
 * instructions.  What is foreign is cut, so the room cannot run out:
 * TEXTS_MAX and OTHER_MAX count escapes, and all else is ours and bounded.
 */

/* key: with comma, quotes and colon, as it stands in the line. */
static inline char *
number(char *p, struct slice key, uint64_t n)
{
	return put_u64(put(p, key), n);
}

/* Texts that need no escapes: ours, or checked to be tokens. */
static inline char *
plain(char *p, struct slice key, struct slice value)
{
	if (value.len == 0)
		return p;
	if (value.len > OTHER_MAX)
		value.len = OTHER_MAX;
	p = put(p, key);
	*p++ = '"';
	p = put(p, value);
	*p++ = '"';
	return p;
}

static inline char *
word(char *p, struct slice key, const char *value)
{
	return value == NULL ? p : plain(p, key, slice_of(value));
}

static inline bool
byte_needs_escape(unsigned char c)
{
	return c < 0x20 || c >= 0x7f || c == '"' || c == '\\';
}

/* High bits of the bytes of x that are zero; right if any is (Mycroft). */
static inline uint64_t
zero_bytes(uint64_t x)
{
	return (x - 0x0101010101010101u) & ~x & 0x8080808080808080u;
}

/* Eight bytes at a time. */
static bool
needs_escape(struct slice s)
{
	const uint64_t ones = 0x0101010101010101u;
	size_t i = 0;
	uint64_t x;

	for (; i + 8 <= s.len; i += 8) {
		memcpy(&x, s.p + i, 8);
		/* above 0x7e; below 0x20; a quote; a backslash */
		if ((((x + ones) | x | ((x - ones * 0x20) & ~x)) &
		    ones * 0x80) != 0 || zero_bytes(x ^ ones * '"') != 0 ||
		    zero_bytes(x ^ ones * '\\') != 0)
			return true;
	}
	for (; i < s.len; i++)
		if (byte_needs_escape((unsigned char)s.p[i]))
			return true;
	return false;
}

/* An escape makes up to six bytes of one. */
static char *
escaped(char *p, struct slice value, size_t most)
{
	struct buf b = { 0 };
	struct slice s = value;

	do {
		buf_clear(&b);
		buf_json(&b, s);
		s.len -= s.len / 4;
	} while (b.len > most);
	p = put(p, buf_all(&b));
	buf_fini(&b);
	return p;
}

/* Foreign text, cut where it would make the line too long. */
static char *
text(char *p, struct slice key, struct slice value, size_t most)
{
	if (value.len == 0)
		return p;
	if (value.len > most - 2)
		value.len = most - 2;
	p = put(p, key);
	if (needs_escape(value))
		return escaped(p, value, most);
	*p++ = '"';
	p = put(p, value);
	*p++ = '"';
	return p;
}

static char *
address(char *p, struct slice key, const struct addr *addr,
    const struct access_style *style)
{
	char a[ADDR_TEXT_MAX];

	if (addr == NULL || addr->family == ADDR_NONE)
		return p;
	return word(p, key, access_address(addr, style, a));
}

enum { TIME_TEXT = 24 };		/* 2026-01-02T03:04:05.678Z */

/* The same second comes a thousand times: its text is kept. */
static char *
put_time(char *p, uint64_t unix_ms)
{
	static _Thread_local char kept[CLOCK_TEXT_MAX];
	static _Thread_local uint64_t kept_s;
	uint64_t ms = unix_ms % 1000;

	if (unix_ms / 1000 != kept_s) {
		clock_text(unix_ms - ms, kept);
		kept_s = unix_ms / 1000;
	}
	kept[20] = (char)('0' + ms / 100);
	kept[21] = (char)('0' + ms / 10 % 10);
	kept[22] = (char)('0' + ms % 10);
	return put(p, (struct slice){ kept, TIME_TEXT });
}

static char *
rule(char *p, const struct source_line *at)
{
	struct slice file;

	if (at == NULL || at->file == NULL || at->line == 0)
		return p;
	file = slice_of(at->file);
	if (file.len > OTHER_MAX)
		file.len = OTHER_MAX;
	if (needs_escape(file))
		return p;
	p = put(PUT(p, ",\"rule\":\""), file);
	*p++ = ':';
	p = put_u64(p, at->line);
	*p++ = '"';
	return p;
}

static inline char *
timer(char *p, struct slice key, uint64_t us)
{
	return us == UINT64_MAX ? p : number(p, key, us);
}

static char *
restrictions(char *p, const struct access_record *r)
{
	bool both = r->tenant_restriction != NULL &&
	    r->flow_restriction != NULL;

	if (r->tenant_restriction == NULL && r->flow_restriction == NULL)
		return p;
	p = PUT(p, ",\"restrictions\":[");
	p = text(p, SLICE(""), slice_of(r->tenant_restriction), OTHER_MAX);
	p = text(p, both ? SLICE(",") : SLICE(""),
	    slice_of(r->flow_restriction), OTHER_MAX);
	*p++ = ']';
	return p;
}

static char *
where(char *p, const struct access_record *r, const struct access_style *style)
{
	p = word(p, SLICE(",\"listener\":"), r->listener);
	p = address(p, SLICE(",\"peer\":"), r->peer, style);
	p = address(p, SLICE(",\"relay\":"), r->relay, style);
	p = word(p, SLICE(",\"vpc_endpoint\":"), r->vpc_endpoint);
	p = address(p, SLICE(",\"client\":"), r->client, style);
	p = word(p, SLICE(",\"client_source\":"), r->client_source);
	if (r->class == NULL)
		return p;
	p = word(p, SLICE(",\"class\":"), r->class);
	p = word(p, SLICE(",\"country\":"), country_code(r->place.country));
	return word(p, SLICE(",\"continent\":"),
	    continent_code(r->place.continent));
}

static char *
what(char *p, const struct access_record *r)
{
	size_t all = r->certificate.len == 0 ? TEXTS_MAX :
	    TEXTS_MAX - CERTIFICATE_MAX;
	size_t most = r->query.len == 0 ? all : all / 2;

	p = text(p, SLICE(",\"host\":"), r->host, OTHER_MAX);
	p = text(p, SLICE(",\"method\":"), r->method, 32);
	p = text(p, SLICE(",\"path\":"), r->path, most);
	p = text(p, SLICE(",\"query\":"), r->query, most);
	p = word(p, SLICE(",\"protocol\":"), r->protocol);
	p = plain(p, SLICE(",\"certificate\":"), r->certificate);
	p = text(p, SLICE(",\"certificate_subject\":"),
	    r->certificate_subject, OTHER_MAX);
	p = text(p, SLICE(",\"certificate_names\":"), r->certificate_names,
	    NAMES_MAX);
	p = word(p, SLICE(",\"path_class\":"), r->path_class);
	p = number(p, SLICE(",\"status\":"), r->status);
	p = number(p, SLICE(",\"bytes_in\":"), r->received_bytes);
	return number(p, SLICE(",\"bytes_out\":"), r->sent_bytes);
}

static char *
why(char *p, const struct access_record *r)
{
	p = plain(p, SLICE(",\"frontend\":"), r->frontend);
	p = plain(p, SLICE(",\"backend\":"), r->backend);
	p = text(p, SLICE(",\"engine\":"), slice_of(r->engine), OTHER_MAX);
	p = word(p, SLICE(",\"outcome\":"), r->outcome);
	p = word(p, SLICE(",\"reason\":"), r->reason);
	p = rule(p, r->rule);
	p = word(p, SLICE(",\"limit\":"), r->limit);
	p = word(p, SLICE(",\"flow\":"), r->flow_knowledge);
	p = restrictions(p, r);
	p = plain(p, SLICE(",\"tester\":"), r->tester);
	p = number(p, SLICE(",\"generation\":"), r->generation);
	if (r->db_epoch != 0)
		p = number(p, SLICE(",\"db_epoch\":"), r->db_epoch);
	p = number(p, SLICE(",\"attempts\":"), r->attempts);
	return word(p, SLICE(",\"termination\":"), r->termination);
}

static char *
times(char *p, const struct access_record *r)
{
	p = timer(p, SLICE(",\"head_us\":"), r->head_us);
	p = timer(p, SLICE(",\"hold_us\":"), r->hold_us);
	p = timer(p, SLICE(",\"queue_us\":"),
	    r->queue_us == 0 ? UINT64_MAX : r->queue_us);
	p = timer(p, SLICE(",\"connect_us\":"), r->connect_us);
	p = timer(p, SLICE(",\"response_us\":"), r->response_us);
	return timer(p, SLICE(",\"total_us\":"), r->total_us);
}

static char *
json_line(char *p, const struct access_record *r,
    const struct access_style *style)
{
	p = PUT(p, "{\"time\":\"");
	p = put_time(p, r->unix_ms);
	*p++ = '"';
	p = text(p, SLICE(",\"request_id\":"), r->request_id, 68);
	p = plain(p, SLICE(",\"trace_id\":"), r->trace_id);
	p = where(p, r, style);
	p = what(p, r);
	p = why(p, r);
	p = times(p, r);
	return PUT(p, "}\n");
}

/* --- combined -------------------------------------------------------------------- */

/* As nginx and Apache write it: what might end or forge a field is \xHH. */
static char *
quoted(char *p, struct slice value, size_t most)
{
	static const char digits[16] = "0123456789ABCDEF";
	const char *end = p + most - 4;

	if (value.len == 0)
		return PUT(p, "-");
	for (size_t i = 0; i < value.len && p < end; i++) {
		unsigned char c = (unsigned char)value.p[i];

		if (!byte_needs_escape(c)) {
			*p++ = (char)c;
			continue;
		}
		p = PUT(p, "\\x");
		*p++ = digits[c >> 4];
		*p++ = digits[c & 15];
	}
	return p;
}

/* [02/Jan/2026:03:04:05 +0000], out of 2026-01-02T03:04:05.678Z */
static char *
put_common_time(char *p, uint64_t unix_ms)
{
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May",
	    "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	char t[TIME_TEXT];
	int month;

	put_time(t, unix_ms);
	month = (t[5] - '0') * 10 + t[6] - '0' - 1;
	*p++ = '[';
	p = put(p, (struct slice){ t + 8, 2 });
	*p++ = '/';
	p = put(p, (struct slice){ months[month], 3 });
	*p++ = '/';
	p = put(p, (struct slice){ t, 4 });
	*p++ = ':';
	p = put(p, (struct slice){ t + 11, 8 });
	return PUT(p, " +0000]");
}

static char *
request_line(char *p, const struct access_record *r)
{
	if (r->method.len == 0)
		return PUT(p, "-");
	p = quoted(p, r->method, 36);
	*p++ = ' ';
	p = quoted(p, r->path, TEXTS_MAX / 2);
	if (r->query.len > 0) {
		*p++ = '?';
		p = quoted(p, r->query, TEXTS_MAX / 2);
	}
	return put(PUT(p, " "), slice_of(r->protocol));
}

static char *
combined_line(char *p, const struct access_record *r,
    const struct access_style *style)
{
	bool known = r->client != NULL && r->client->family != ADDR_NONE;
	char a[ADDR_TEXT_MAX];

	p = put(p, known ? slice_of(access_address(r->client, style, a)) :
	    SLICE("-"));
	p = PUT(p, " - - ");
	p = put_common_time(p, r->unix_ms);
	p = PUT(p, " \"");
	p = request_line(p, r);
	p = PUT(p, "\" ");
	p = put_u64(p, r->status);
	*p++ = ' ';
	p = put_u64(p, r->body_bytes);
	p = PUT(p, " \"");
	p = quoted(p, r->referer, AGENT_MAX);
	p = PUT(p, "\" \"");
	p = quoted(p, r->agent, AGENT_MAX);
	return PUT(p, "\"\n");
}

/* --- all forms ------------------------------------------------------------------- */

size_t
access_line(char *room, const struct access_record *r,
    const struct access_style *style)
{
	char *p = room;

	if (style->syslog_before.len > 0) {
		p = put(p, style->syslog_before);
		p = put_time(p, r->unix_ms);
		p = put(p, style->syslog_after);
	}
	p = style->format == LOG_COMBINED ? combined_line(p, r, style) :
	    json_line(p, r, style);
	must(p - room <= ACCESS_LINE_MAX + SYSLOG_HEAD_MAX);
	return (size_t)(p - room);
}
