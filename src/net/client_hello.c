/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "net/client_hello.h"

enum {
	RECORD_HANDSHAKE = 22,
	RECORD_HEAD = 5,
	RECORD_MOST = 16 * 1024,
	MESSAGE_CLIENT_HELLO = 1,
	MESSAGE_HEAD = 4,
	EXTENSION_SERVER_NAME = 0,
	NAME_TYPE_HOST = 0,
	RANDOM = 32,
	SESSION_ID_MOST = 32,
};

/* --- numbers and vectors (RFC 8446 3) -------------------------------------------- */

/* What is left, and whether all that was asked for was there. */
struct reader {
	const uint8_t	*p, *end;
	bool		 bad;
};

static struct reader
reader_of(struct slice s)
{
	const uint8_t *p = (const uint8_t *)s.p;

	return (struct reader){ p, p + s.len, false };
}

static size_t
left(const struct reader *r)
{
	return (size_t)(r->end - r->p);
}

static unsigned
number(struct reader *r, unsigned bytes)
{
	unsigned n = 0;

	if (left(r) < bytes) {
		r->bad = true;
		r->p = r->end;
		return 0;
	}
	while (bytes-- > 0)
		n = n << 8 | *r->p++;
	return n;
}

static struct slice
take(struct reader *r, size_t len)
{
	struct slice s = { (const char *)r->p, len };

	if (left(r) < len) {
		r->bad = true;
		r->p = r->end;
		return (struct slice){ NULL, 0 };
	}
	r->p += len;
	return s;
}

/* With its length, a number of so many bytes, before it. */
static struct slice
vector(struct reader *r, unsigned bytes)
{
	return take(r, number(r, bytes));
}

/* --- the name ---------------------------------------------------------------------- */

static bool
is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
	    c == '.' || c == '_';
}

static size_t
copy_name(struct slice text, char name[CLIENT_HELLO_NAME])
{
	if (text.len == 0 || text.len >= CLIENT_HELLO_NAME)
		return 0;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.p[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (!is_name_char(c))
			return 0;
		name[i] = c;
	}
	name[text.len] = '\0';
	return text.len;
}

/* One name, of a host: no other kind was ever defined, and no second one may
 * be there (RFC 6066 3). */
size_t
client_hello_server_name(struct slice data, char name[CLIENT_HELLO_NAME])
{
	struct reader r = reader_of(data), list;
	struct slice host;
	unsigned type;

	list = reader_of(vector(&r, 2));
	type = number(&list, 1);
	host = vector(&list, 2);
	if (r.bad || list.bad || left(&r) > 0 || left(&list) > 0 ||
	    type != NAME_TYPE_HOST)
		return 0;
	return copy_name(host, name);
}

/* --- the message ------------------------------------------------------------------- */

static bool
read_extension(struct client_hello *hello, unsigned type, struct slice data,
    const char **reason)
{
	if (type != EXTENSION_SERVER_NAME)
		return true;
	*reason = "names two hosts";
	if (hello->name_len > 0)
		return false;
	*reason = "names its host in a way that is not allowed";
	hello->name_len = client_hello_server_name(data, hello->name);
	return hello->name_len > 0;
}

static bool
read_extensions(struct client_hello *hello, struct slice all,
    const char **reason)
{
	struct reader r = reader_of(all);

	while (left(&r) > 0) {
		unsigned type = number(&r, 2);
		struct slice data = vector(&r, 2);

		*reason = "has an extension that is cut off";
		if (r.bad || !read_extension(hello, type, data, reason))
			return false;
	}
	return true;
}

static bool
read_message(struct client_hello *hello, struct slice message,
    const char **reason)
{
	struct reader r = reader_of(message);
	struct slice session, suites, compressions, extensions;

	number(&r, 2);			/* legacy_version */
	take(&r, RANDOM);
	session = vector(&r, 1);
	suites = vector(&r, 2);
	compressions = vector(&r, 1);
	*reason = "is not well formed";
	if (r.bad || session.len > SESSION_ID_MOST || suites.len < 2 ||
	    suites.len % 2 != 0 || compressions.len < 1)
		return false;
	if (left(&r) == 0)
		return true;		/* as TLS 1.2 permits */
	extensions = vector(&r, 2);
	if (r.bad || left(&r) > 0)
		return false;
	return read_extensions(hello, extensions, reason);
}

/* --- records ----------------------------------------------------------------------- */

/* The message's bytes, put together from the records that they came in. */
struct gathering {
	char		 bytes[CLIENT_HELLO_MAX];
	size_t		 len;
};

static bool
is_record(struct slice head, const char **reason)
{
	const uint8_t *p = (const uint8_t *)head.p;

	*reason = "is none: this is not TLS";
	if (head.len > 0 && p[0] != RECORD_HANDSHAKE)
		return false;
	/* 3.1 or 3.3 in fact; what it says means nothing any more. */
	if (head.len > 1 && p[1] != 3)
		return false;
	*reason = "comes in a record of a size that is not allowed";
	return head.len < RECORD_HEAD || ((p[3] | p[4]) != 0 &&
	    (p[3] << 8 | p[4]) <= RECORD_MOST);
}

/* How long the message is with its head; 0: not known yet. */
static size_t
message_len(const struct gathering *g)
{
	const uint8_t *p = (const uint8_t *)g->bytes;

	if (g->len < MESSAGE_HEAD)
		return 0;
	return MESSAGE_HEAD + (size_t)(p[1] << 16 | p[2] << 8 | p[3]);
}

static enum hello_end
gather_record(struct gathering *g, struct slice *rest, const char **reason)
{
	const uint8_t *p = (const uint8_t *)rest->p;
	size_t len, here, want;

	if (!is_record(*rest, reason))
		return HELLO_REFUSED;
	if (rest->len < RECORD_HEAD)
		return HELLO_MORE;
	len = (size_t)(p[3] << 8 | p[4]);
	here = rest->len - RECORD_HEAD < len ? rest->len - RECORD_HEAD : len;
	*reason = "is too large";
	if (g->len + len > sizeof(g->bytes))
		return HELLO_REFUSED;
	memcpy(g->bytes + g->len, rest->p + RECORD_HEAD, here);
	g->len += here;
	*reason = "is another message";
	if (g->len > 0 && g->bytes[0] != MESSAGE_CLIENT_HELLO)
		return HELLO_REFUSED;
	want = message_len(g);
	*reason = "is too large";
	if (want > sizeof(g->bytes))
		return HELLO_REFUSED;
	/* Nothing may follow it in its record (RFC 8446 5.1). */
	*reason = "is followed by something else";
	if (want > 0 && g->len > want)
		return HELLO_REFUSED;
	if (here < len)
		return HELLO_MORE;
	rest->p += RECORD_HEAD + len;
	rest->len -= RECORD_HEAD + len;
	return want > 0 && g->len == want ? HELLO_DONE : HELLO_MORE;
}

enum hello_end
client_hello_read(struct client_hello *hello, struct slice bytes,
    const char **reason)
{
	struct gathering g = { .len = 0 };
	enum hello_end end = HELLO_MORE;

	hello->name_len = 0;
	hello->name[0] = '\0';
	for (unsigned n = 0; end == HELLO_MORE && bytes.len > 0; n++) {
		size_t before = bytes.len;

		if (n == CLIENT_HELLO_RECORDS) {
			*reason = "comes in too many records";
			return HELLO_REFUSED;
		}
		end = gather_record(&g, &bytes, reason);
		if (bytes.len == before)
			break;		/* the record is not all here */
	}
	if (end != HELLO_DONE)
		return end;
	return read_message(hello, (struct slice){ g.bytes + MESSAGE_HEAD,
	    g.len - MESSAGE_HEAD }, reason) ? HELLO_DONE : HELLO_REFUSED;
}
