/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Chunked bodies (RFC 9112 7.1), a byte at a time except for the data.  A
 * chunk's extensions have to be well formed, for that is where decoders
 * disagree about the end of a line; then they are dropped.
 */

#include "base/buf.h"
#include "http/chars.h"
#include "http/h1_parse.h"

enum state {
	SIZE,				/* hex digits */
	SPACE_BEFORE_EXT,		/* bad whitespace, ; must follow */
	EXT_NAME_START, EXT_NAME,
	EXT_AFTER_NAME,			/* bad whitespace; = or ; */
	EXT_VALUE_START, EXT_TOKEN, EXT_QUOTED, EXT_ESCAPE,
	EXT_AFTER_VALUE,		/* ; or the end */
	EXT_SPACE,			/* bad whitespace; only ; */
	SIZE_LF,
	DATA, DATA_CR, DATA_LF,
	TRAILER,			/* until the LF of an empty line */
	END, BAD,
};

enum {
	SIZE_DIGITS_MAX = 16,
	/* A sender of one byte a chunk spends five on framing, which is his
	 * right; extensions in each of them are not (CVE-2023-39326). */
	FRAMING_FREE = 16,		/* bytes a chunk */
	EXCESS_MAX = 16 * 1024,		/* bytes a body */
};

void
h1_chunked_init(struct h1_chunked *c)
{
	*c = (struct h1_chunked){ .state = SIZE };
}

size_t
h1_chunk_head(char *out, uint64_t len)
{
	static const char digits[] = "0123456789abcdef";
	unsigned shift = 60;
	size_t n = 0;

	while (shift > 0 && len >> shift == 0)
		shift -= 4;
	for (;; shift -= 4) {
		out[n++] = digits[len >> shift & 15];
		if (shift == 0)
			break;
	}
	out[n++] = '\r';
	out[n++] = '\n';
	return n;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The state after byte c of the extensions in this state. */
static enum state
step_extension(enum state state, char c)
{
	switch (state) {
	case SPACE_BEFORE_EXT:
	case EXT_SPACE:
		return is_blank(c) ? state : c == ';' ? EXT_NAME_START : BAD;
	case EXT_NAME_START:
		return is_blank(c) ? state :
		    chars_is_token(c) ? EXT_NAME : BAD;
	case EXT_NAME:
		if (chars_is_token(c))
			return EXT_NAME;
		if (c == '\r')
			return SIZE_LF;
		/* FALLTHROUGH */
	case EXT_AFTER_NAME:
		return is_blank(c) ? EXT_AFTER_NAME :
		    c == '=' ? EXT_VALUE_START :
		    c == ';' ? EXT_NAME_START : BAD;
	case EXT_VALUE_START:
		return is_blank(c) ? state : c == '"' ? EXT_QUOTED :
		    chars_is_token(c) ? EXT_TOKEN : BAD;
	case EXT_TOKEN:
		if (chars_is_token(c))
			return EXT_TOKEN;
		/* FALLTHROUGH */
	case EXT_AFTER_VALUE:
		return c == '\r' ? SIZE_LF : is_blank(c) ? EXT_SPACE :
		    c == ';' ? EXT_NAME_START : BAD;
	case EXT_QUOTED:
		if (c == '"' || c == '\\')
			return c == '"' ? EXT_AFTER_VALUE : EXT_ESCAPE;
		/* FALLTHROUGH */
	default:			/* EXT_ESCAPE */
		return chars_in_value((struct slice){ &c, 1 }) == 1 ?
		    EXT_QUOTED : BAD;
	}
}

static enum h1_rule
step_size(struct h1_chunked *c, char byte)
{
	int digit = chars_hex(byte);

	if (digit >= 0) {
		if (c->line > SIZE_DIGITS_MAX)
			return H1_BAD_CHUNK;
		if (c->left >> 59 != 0)		/* stays below 2^63 */
			return H1_CHUNK_TOO_LONG;
		c->left = c->left << 4 | (unsigned)digit;
		return H1_OK;
	}
	if (c->line == 1)
		return H1_BAD_CHUNK;
	c->state = byte == '\r' ? SIZE_LF : byte == ';' ? EXT_NAME_START :
	    is_blank(byte) ? SPACE_BEFORE_EXT : BAD;
	return c->state == BAD ? H1_BAD_CHUNK : H1_OK;
}

/* The LF of a size line: what follows, and whether it was worth its bytes. */
static enum h1_rule
end_size(struct h1_chunked *c, char byte)
{
	uint64_t excused = FRAMING_FREE;

	if (byte != '\n')
		return H1_BAD_CHUNK;
	excused += c->left < EXCESS_MAX ? 2 * c->left : 2 * EXCESS_MAX;
	c->excess += c->line;
	c->excess = c->excess > excused ? c->excess - (uint32_t)excused : 0;
	if (c->excess > EXCESS_MAX)
		return H1_CHUNK_TOO_LONG;
	c->state = c->left > 0 ? DATA : TRAILER;
	c->line = c->ext = 0;
	return H1_OK;
}

static enum h1_rule
step_line(struct h1_chunked *c, char byte)
{
	c->line++;
	if (c->state == SIZE)
		return step_size(c, byte);
	if (c->state == SIZE_LF)
		return end_size(c, byte);
	if (++c->ext > H1_CHUNK_EXT_MAX)
		return H1_CHUNK_TOO_LONG;
	c->state = (uint8_t)step_extension(c->state, byte);
	return c->state == BAD ? H1_BAD_CHUNK : H1_OK;
}

static enum h1_rule
step_data_end(struct h1_chunked *c, char byte)
{
	if (byte != (c->state == DATA_CR ? '\r' : '\n'))
		return H1_BAD_CHUNK;
	c->state = c->state == DATA_CR ? DATA_LF : SIZE;
	return H1_OK;
}

/*
 * RFC 9110 6.5.1: a recipient that has acted on the head must not learn
 * afterwards that it should have acted otherwise.
 */
bool
h1_may_trail(struct slice name)
{
	static const char *const forbidden[] = {
		"age", "cache-control", "cookie", "expires", "if-", "location",
		"max-forwards", "pragma", "range", "set-cookie", "vary",
		"warning", "www-authenticate", "content-",
	};

	if (field_spoofs(name) || (name.len > 0 &&
	    memchr(name.p, '_', name.len) != NULL))
		return false;
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
		struct slice word = slice_of(forbidden[i]);

		if (slice_starts_nocase(name, word) &&
		    (name.len == word.len || word.p[word.len - 1] == '-'))
			return false;
	}
	return true;
}

/* Written anew, as a head's fields are: no odd spaces go on. */
static void
rewrite_trailer(struct buf *trailers, size_t start,
    const struct h1_field *field)
{
	size_t from = (size_t)(field->value.p - trailers->p);
	size_t to = start + field->name.len + 2, len = field->value.len;

	trailers->len = start;
	buf_reserve(trailers, field->name.len + len + 4);
	memmove(trailers->p + to, trailers->p + from, len);
	memcpy(trailers->p + to - 2, ": ", 2);
	memcpy(trailers->p + to + len, "\r\n", 2);
	trailers->len = to + len + 2;
}

/* The line that ends the buffer is whole: keep it, drop it or refuse it. */
static enum h1_rule
end_trailer(struct h1_chunked *c, struct buf *trailers)
{
	size_t start = trailers->len - c->line, at;
	struct slice line = { trailers->p + start, c->line - 2 };
	struct h1_field field;
	bool underscore;

	if (c->line < 2 || trailers->p[trailers->len - 2] != '\r')
		return H1_BAD_TRAILER;
	c->line = 0;
	if (line.len == 0) {
		trailers->len = start;
		c->state = END;
		return H1_OK;
	}
	if (h1_field_line(&field, line, &underscore, &at) != H1_OK)
		return H1_BAD_TRAILER;
	if (h1_may_trail(field.name))
		rewrite_trailer(trailers, start, &field);
	else
		trailers->len = start;
	return H1_OK;
}

/* As much of the current trailer line as is there. */
static enum h1_rule
take_trailer(struct h1_chunked *c, struct slice *bytes, struct buf *trailers)
{
	const char *lf = memchr(bytes->p, '\n', bytes->len);
	size_t n = lf == NULL ? bytes->len : (size_t)(lf - bytes->p) + 1;

	if (n > H1_TRAILERS_MAX - c->trailers)
		return H1_TRAILER_TOO_LONG;
	buf_add(trailers, bytes->p, n);
	c->trailers += (uint32_t)n;
	c->line += (uint32_t)n;
	bytes->p += n;
	bytes->len -= n;
	return lf == NULL ? H1_OK : end_trailer(c, trailers);
}

static void
take_data(struct h1_chunked *c, struct slice *bytes, struct slice *data)
{
	size_t n = bytes->len < c->left ? bytes->len : (size_t)c->left;

	*data = (struct slice){ bytes->p, n };
	bytes->p += n;
	bytes->len -= n;
	c->left -= n;
	if (c->left == 0)
		c->state = DATA_CR;
}

enum h1_piece
h1_chunked_read(struct h1_chunked *c, struct slice *bytes, struct slice *data,
    struct buf *trailers, enum h1_rule *rule)
{
	*rule = H1_OK;
	while (bytes->len > 0 && *rule == H1_OK && c->state < END) {
		if (c->state == DATA) {
			take_data(c, bytes, data);
			return H1_PIECE_DATA;
		}
		if (c->state == TRAILER) {
			*rule = take_trailer(c, bytes, trailers);
			continue;
		}
		*rule = c->state == DATA_CR || c->state == DATA_LF ?
		    step_data_end(c, *bytes->p) : step_line(c, *bytes->p);
		bytes->p++;
		bytes->len--;
	}
	if (*rule != H1_OK)
		c->state = BAD;
	if (c->state == BAD) {
		if (*rule == H1_OK)
			*rule = H1_BAD_CHUNK;
		return H1_PIECE_BAD;
	}
	return c->state == END ? H1_PIECE_END : H1_PIECE_MORE;
}

bool
h1_chunked_all(struct slice bytes, struct buf *data)
{
	struct buf trailers = { 0 };
	struct h1_chunked chunks;
	enum h1_piece piece;
	enum h1_rule rule;
	struct slice one;

	h1_chunked_init(&chunks);
	while ((piece = h1_chunked_read(&chunks, &bytes, &one, &trailers,
	    &rule)) == H1_PIECE_DATA)
		buf_slice(data, one);
	buf_fini(&trailers);
	return piece == H1_PIECE_END;
}
