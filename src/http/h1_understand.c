/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What the fields of a head say together: which belong to this hop, how long
 * the body is, for which host the request is.
 */

#include "http/chars.h"
#include "http/fields.h"
#include "http/h1_parse.h"
#include "http/target.h"

enum {
	CONNECTION_OPTIONS_MAX = 32,	/* each is sought among all fields */
	FORWARDS_MAX = 256,		/* Max-Forwards: 255 is passed on at most */
};

/* The second field with this id; there is one. */
static const struct h1_field *
second(const struct h1_parse *p, enum field_id id)
{
	const struct h1_field *field = h1_field(p->head, id);

	do
		field++;
	while (field->id != id);
	return field;
}

static bool
twice(const struct h1_parse *p, enum field_id id)
{
	return (p->twice >> id & 1) != 0;
}

/* --- length of the body (RFC 9112 6) --------------------------------------- */

static enum h1_progress
read_length(struct h1_parse *p, const struct h1_field *field)
{
	struct h1_head *head = p->head;

	if (twice(p, FIELD_CONTENT_LENGTH))
		return h1_refuse(p, H1_SEVERAL_LENGTHS,
		    second(p, FIELD_CONTENT_LENGTH)->name.p);
	/* Sums of two lengths must not wrap either. */
	if (!slice_to_u64(field->value, &head->content_length) ||
	    head->content_length > INT64_MAX)
		return h1_refuse(p, field->value.len > 0 &&
		    memchr(field->value.p, ',', field->value.len) != NULL ?
		    H1_SEVERAL_LENGTHS : H1_BAD_LENGTH, field->value.p);
	head->framing = H1_LENGTH;
	return H1_DONE;
}

/*
 * Why a Transfer-Encoding other than chunked alone is refused: a coding we do
 * not know (501), or a list that is wrong in itself or does not tell where
 * the body ends (400; RFC 9112 6.3).
 */
static enum h1_rule
why_not_chunked(struct slice value)
{
	static const struct slice chunked = SLICE("chunked");
	bool final = false;
	struct slice part;

	while (slice_split(&value, ',', &part)) {
		part = slice_trim(part);
		if (final || !chars_all_token(part))
			return H1_BAD_CODING;
		final = slice_eq_nocase(part, chunked);
	}
	return final ? H1_UNKNOWN_CODING : H1_BAD_CODING;
}

static enum h1_progress
read_coding(struct h1_parse *p, const struct h1_field *field)
{
	static const struct slice chunked = SLICE("chunked");

	if (p->head->by[FIELD_CONTENT_LENGTH] >= 0)
		return h1_refuse(p, H1_LENGTH_AND_CHUNKED, field->name.p);
	if (p->head->minor == 0)
		return h1_refuse(p, H1_CODING_IN_1_0, field->name.p);
	if (twice(p, FIELD_TRANSFER_ENCODING))
		return h1_refuse(p, H1_BAD_CODING,
		    second(p, FIELD_TRANSFER_ENCODING)->name.p);
	if (!slice_eq_nocase(field->value, chunked))
		return h1_refuse(p, why_not_chunked(field->value),
		    field->value.p);
	p->head->framing = H1_CHUNKED;
	return H1_DONE;
}

/* Of a response, after its fields: some have no body whatever they say. */
static enum h1_progress
frame_response(struct h1_parse *p)
{
	struct h1_head *head = p->head;
	bool bodiless = head->status < 200 || head->status == 204;

	/* RFC 9110 8.6 and RFC 9112 6.1: none may be sent here.  Nothing
	 * would follow by our reading, a body by another. */
	if (bodiless && head->framing == H1_CHUNKED)
		return h1_refuse(p, H1_BAD_CODING,
		    h1_field(head, FIELD_TRANSFER_ENCODING)->name.p);
	if (bodiless && head->content_length != 0)
		return h1_refuse(p, H1_BAD_LENGTH,
		    h1_field(head, FIELD_CONTENT_LENGTH)->value.p);
	if (bodiless || head->status == 304 || p->asked == METHOD_HEAD ||
	    (p->asked == METHOD_CONNECT && head->status < 300)) {
		head->framing = H1_NO_BODY;
	} else if (head->framing == H1_NO_BODY) {
		head->framing = H1_UNTIL_CLOSE;
		head->keep_alive = false;
	}
	return H1_DONE;
}

static enum h1_progress
read_framing(struct h1_parse *p)
{
	const struct h1_field *coding =
	    h1_field(p->head, FIELD_TRANSFER_ENCODING);
	const struct h1_field *length =
	    h1_field(p->head, FIELD_CONTENT_LENGTH);
	enum h1_progress progress = H1_DONE;

	if (coding != NULL)
		progress = read_coding(p, coding);
	else if (length != NULL)
		progress = read_length(p, length);
	if (progress == H1_DONE && p->response)
		progress = frame_response(p);
	return progress;
}

/* --- Connection and Upgrade (RFC 9110 7.6.1, 7.8) -------------------------- */

struct connection {
	bool		 close, keep_alive, upgrade, te;
	unsigned	 options;
};

static void
mark_hop(struct h1_head *head, struct slice name)
{
	for (size_t i = 0; i < head->nfields; i++)
		if (slice_eq_nocase(head->fields[i].name, name))
			head->fields[i].hop = true;
}

/* What proxies tell of the client. */
static bool
is_forwarding(enum field_id id, struct slice name)
{
	return id == FIELD_FORWARDED ||
	    slice_starts_nocase(name, SLICE("X-Forwarded-")) ||
	    slice_eq_nocase(name, SLICE("X-Real-IP"));
}

/*
 * An option may name a field of this hop or one that nobody knows.  To name
 * the others is to ask the next program to lose what this one decided by;
 * where a client wants its way here forgotten it asks in vain.
 */
static bool
read_option(struct h1_parse *p, struct connection *c, struct slice option)
{
	static const struct slice close_word = SLICE("close");
	enum field_id id;

	if (!chars_all_token(option) || ++c->options > CONNECTION_OPTIONS_MAX)
		return false;
	id = field_identify(option);
	if (id == FIELD_KEEP_ALIVE)
		c->keep_alive = true;
	else if (id == FIELD_UPGRADE)
		c->upgrade = true;
	else if (id == FIELD_TE)
		c->te = true;		/* of this hop in any case */
	else if (id == FIELD_TRANSFER_ENCODING)
		return false;
	else if (field_is_hop(id) || id == FIELD_TRAILER)
		mark_hop(p->head, option);
	else if (slice_eq_nocase(option, close_word))
		c->close = true;
	else if (is_forwarding(id, option))
		return true;
	else if (field_spoofs(option))
		return false;
	else
		mark_hop(p->head, option);
	return true;
}

static enum h1_progress
read_connection(struct h1_parse *p, struct connection *c)
{
	struct h1_head *head = p->head;
	struct slice rest, option;

	if (head->by[FIELD_CONNECTION] < 0)
		return H1_DONE;
	for (size_t i = (size_t)head->by[FIELD_CONNECTION];
	    i < head->nfields; i++) {
		if (head->fields[i].id != FIELD_CONNECTION)
			continue;
		rest = head->fields[i].value;
		while (slice_split(&rest, ',', &option)) {
			option = slice_trim(option);
			if (option.len > 0 && !read_option(p, c, option))
				return h1_refuse(p, H1_BAD_CONNECTION,
				    option.p);
		}
	}
	return H1_DONE;
}

/* protocol ["/" version], in a list of its own (RFC 9110 7.8). */
static bool
good_upgrade(struct slice value)
{
	struct slice part, name;
	unsigned parts = 0;

	while (slice_split(&value, ',', &part)) {
		part = slice_trim(part);
		if (part.len == 0)
			continue;
		parts++;
		if (!slice_split(&part, '/', &name) || !chars_all_token(name))
			return false;
		if (part.p != NULL && !chars_all_token(part))
			return false;
	}
	return parts > 0;
}

static enum h1_progress
read_upgrade(struct h1_parse *p, const struct connection *c)
{
	struct h1_head *head = p->head;
	const struct h1_field *field = h1_field(head, FIELD_UPGRADE);

	/* HTTP/1.0 has none (RFC 9110 7.8), nor has a hop that does not
	 * name it in Connection. */
	if (field != NULL && c->upgrade && head->minor == 1) {
		if (twice(p, FIELD_UPGRADE))
			return h1_refuse(p, H1_BAD_UPGRADE,
			    second(p, FIELD_UPGRADE)->name.p);
		if (!good_upgrade(field->value))
			return h1_refuse(p, H1_BAD_UPGRADE, field->name.p);
		head->upgrade = field->value;
	}
	if (p->response && head->status == 101 && head->upgrade.len == 0)
		return h1_refuse(p, H1_BAD_UPGRADE, p->bytes.p);
	return H1_DONE;
}

/* RFC 9110 10.1.4.  Of the codings that may stand beside it none is ours to
 * pass on. */
static bool
takes_trailers(const struct h1_head *head)
{
	struct slice rest, part, word;

	for (size_t i = 0; i < head->nfields; i++) {
		if (head->fields[i].id != FIELD_TE)
			continue;
		rest = head->fields[i].value;
		while (slice_split(&rest, ',', &part)) {
			word = slice_trim(part);
			if (slice_eq_nocase(word, SLICE("trailers")))
				return true;
		}
	}
	return false;
}

static enum h1_progress
read_hop(struct h1_parse *p)
{
	struct h1_head *head = p->head;
	struct connection c = { 0 };
	enum h1_progress progress = read_connection(p, &c);

	if (progress != H1_DONE)
		return progress;
	head->keep_alive = !c.close && (head->minor == 1 || c.keep_alive);
	head->trailers = c.te && head->minor == 1 && takes_trailers(head);
	return read_upgrade(p, &c);
}

/* --- what only requests have ------------------------------------------------- */

/* Whether Host says what the target said already (RFC 9112 3.2.2). */
static bool
agrees(const struct h1_parse *p, struct slice value)
{
	struct host a, b;

	if (!host_parse(&a, p->authority) || !host_parse(&b, value))
		return false;
	if (a.port == 0)
		a.port = p->authority_port;
	if (b.port == 0)
		b.port = p->authority_port;
	return a.port == b.port && slice_eq(a.name, b.name);
}

/*
 * The authority of the target wins over Host, says the RFC; programs that
 * look at Host all the same are the reason to refuse two that differ.
 */
static enum h1_progress
read_host(struct h1_parse *p)
{
	struct h1_head *head = p->head;
	const struct h1_field *field = h1_field(head, FIELD_HOST);
	struct host host;

	if (twice(p, FIELD_HOST))
		return h1_refuse(p, H1_SEVERAL_HOSTS,
		    second(p, FIELD_HOST)->name.p);
	if (field == NULL && head->minor == 1)
		return h1_refuse(p, H1_MISSING_HOST,
		    p->bytes.p + p->at - 2);
	/* As nearly all are. */
	if (field != NULL && p->authority.p == NULL &&
	    chars_plain_host(field->value)) {
		head->host = field->value;
		head->host_is_normal = true;
		return H1_DONE;
	}
	if (field != NULL && !(p->authority.p != NULL ?
	    agrees(p, field->value) : host_parse(&host, field->value)))
		return h1_refuse(p, H1_BAD_HOST, field->value.p);
	if (p->authority.p != NULL)
		head->host = p->authority;
	else if (field != NULL) {
		head->host = field->value;
		head->host_is_normal = slice_eq(host.name, field->value);
	}
	return H1_DONE;
}

/* RFC 9110 10.1.1: the one expectation there is, and not in HTTP/1.0. */
static enum h1_progress
read_expect(struct h1_parse *p)
{
	static const struct slice expected = SLICE("100-continue");
	struct h1_head *head = p->head;

	if (head->by[FIELD_EXPECT] < 0)
		return H1_DONE;
	for (size_t i = (size_t)head->by[FIELD_EXPECT]; i < head->nfields; i++)
		if (head->fields[i].id == FIELD_EXPECT &&
		    !slice_eq_nocase(head->fields[i].value, expected))
			return h1_refuse(p, H1_BAD_EXPECT,
			    head->fields[i].name.p);
	head->expect_continue = head->minor == 1 &&
	    (head->framing == H1_CHUNKED ||
	    (head->framing == H1_LENGTH && head->content_length > 0));
	return H1_DONE;
}

static bool
all_digits(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.len > 0;
}

/*
 * RFC 9110 7.6.2.  It binds OPTIONS; TRACE, which it binds as well, goes no
 * further here in any case.
 */
static enum h1_progress
read_max_forwards(struct h1_parse *p)
{
	static const struct slice name = SLICE("Max-Forwards");
	struct h1_head *head = p->head;
	uint64_t n;

	if (head->method != METHOD_OPTIONS)
		return H1_DONE;
	for (size_t i = 0; i < head->nfields; i++) {
		const struct h1_field *f = &head->fields[i];

		if (!slice_eq_nocase(f->name, name))
			continue;
		if (head->forwards != 0 || !all_digits(f->value))
			return h1_refuse(p, H1_BAD_MAX_FORWARDS, f->name.p);
		if (!slice_to_u64(f->value, &n) || n > FORWARDS_MAX)
			n = FORWARDS_MAX;
		head->forwards = (uint16_t)(n + 1);
	}
	return H1_DONE;
}

/* One reader takes the first, another the last. */
static enum h1_progress
read_singles(struct h1_parse *p)
{
	static const enum field_id singles[] = {
		FIELD_AUTHORIZATION, FIELD_CONTENT_TYPE, FIELD_MANYWHO_STATE,
		FIELD_MANYWHO_TENANT, FIELD_ORIGIN,
	};

	if (p->twice == 0)
		return H1_DONE;
	for (size_t i = 0; i < sizeof(singles) / sizeof(singles[0]); i++)
		if (twice(p, singles[i]))
			return h1_refuse(p, H1_REPEATED_FIELD,
			    second(p, singles[i])->name.p);
	return H1_DONE;
}

enum h1_progress
h1_understand(struct h1_parse *p)
{
	static enum h1_progress (*const request_steps[])(struct h1_parse *) = {
		read_hop, read_framing, read_host, read_expect,
		read_max_forwards, read_singles,
	};
	static enum h1_progress (*const response_steps[])(struct h1_parse *) = {
		read_hop, read_framing,
	};
	enum h1_progress (*const *step)(struct h1_parse *) =
	    p->response ? response_steps : request_steps;
	size_t count = p->response ? 2 : 6;
	enum h1_progress progress = H1_DONE;

	for (size_t i = 0; i < count && progress == H1_DONE; i++)
		progress = step[i](p);
	return progress;
}
