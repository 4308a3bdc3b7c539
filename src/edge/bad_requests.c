/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "edge/bad_requests.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "http/chars.h"

enum {
	ID_BYTES = 65,
	/* What is longer is no method, no version and no field's name. */
	METHOD_SHOWN = 32, VERSION_SHOWN = 11, NAME_SHOWN = 64,
};

struct kept {
	struct bad_request is;		/* its head points nowhere any more */
	char		 id[ID_BYTES];
	size_t		 head_bytes, from, len;
	char		 excerpt[BAD_EXCERPT];
};

struct bad_requests {
	pthread_mutex_t	 lock;
	uint64_t	 total;		/* the next stands at total % BAD_REQUESTS */
	struct kept	 ring[BAD_REQUESTS];
};

struct bad_requests *
bad_requests_new(void)
{
	struct bad_requests *all = xcalloc(1, sizeof(*all));

	pthread_mutex_init(&all->lock, NULL);
	return all;
}

void
bad_requests_free(struct bad_requests **all)
{
	if (*all == NULL)
		return;
	pthread_mutex_destroy(&(*all)->lock);
	free(*all);
	*all = NULL;
}

/* --- what may be shown -------------------------------------------------------- */

/* The part of a head that is copied, and where to. */
struct window {
	struct slice	 head;
	size_t		 from, end;
	char		*out;
};

static bool
is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

static void
copy(struct window *w, size_t from, size_t end, bool shown)
{
	size_t i = from > w->from ? from : w->from;

	for (; i < end && i < w->end; i++) {
		char c = w->head.p[i];
		bool plain = shown && (unsigned char)c < 0x80;

		w->out[i - w->from] = plain || is_control(c) ? c : '*';
	}
}

/* Where the line that begins there ends: at a CR, a LF or the last byte.  Who
 * sends bare ones may have two lines in mind where we see one. */
static size_t
line_end(struct slice head, size_t at)
{
	while (at < head.len && head.p[at] != '\r' && head.p[at] != '\n')
		at++;
	return at;
}

static size_t
next_line(struct slice head, size_t end)
{
	if (end + 1 < head.len && head.p[end] == '\r' &&
	    head.p[end + 1] == '\n')
		return end + 2;
	return end < head.len ? end + 1 : end;
}

/* Up to the first empty line: what comes then is a body, whatever the parser
 * took it for. */
static size_t
head_end(struct slice head)
{
	size_t at = 0, end;
	bool begun = false;

	while (at < head.len) {
		end = line_end(head, at);
		if (end == at && begun)
			return at;
		begun |= end > at;
		at = next_line(head, end);
	}
	return at;
}

/* Where a target begins, if this is a method and a target; else 0. */
static size_t
target_at(struct slice line)
{
	size_t n = chars_in_token(line), at = n;

	while (at < line.len && (line.p[at] == ' ' || line.p[at] == '\t'))
		at++;
	if (n == 0 || n > METHOD_SHOWN || at == n || at == line.len)
		return 0;
	line.p += at;
	line.len -= at;
	return line.p[0] == '/' || line.p[0] == '*' ||
	    slice_starts_nocase(line, SLICE("http")) ? at : 0;
}

/* Where " HTTP/1.1" or the like ends the line, else the line's end. */
static size_t
version_at(struct slice line)
{
	const char *space = memrchr(line.p, ' ', line.len);
	struct slice last = { space, 0 };

	if (space == NULL)
		return line.len;
	last.len = (size_t)(line.p + line.len - space);
	return last.len <= VERSION_SHOWN &&
	    slice_starts_nocase(last, SLICE(" HTTP/")) ?
	    line.len - last.len : line.len;
}

/* The query is the flow's data; before an "@" a password may stand. */
static void
show_start(struct window *w, size_t from, size_t end)
{
	struct slice line = { w->head.p + from, end - from };
	size_t target = target_at(line), query = target, version;

	if (target == 0) {
		copy(w, from, end, false);
		return;
	}
	version = version_at(line);
	while (query < version && strchr("?#; \t", line.p[query]) == NULL)
		query++;
	copy(w, from, from + target, true);
	copy(w, from + target, from + query,
	    memchr(line.p + target, '@', query - target) == NULL);
	copy(w, from + query, from + version, false);
	copy(w, from + version, end, true);
}

static bool
may_be_shown(struct slice name)
{
	static const char *const names[] = {
		"host", "connection", "content-length", "transfer-encoding",
		"expect", "upgrade", "te", "trailer", "accept",
		"accept-encoding", "content-type", "user-agent", "via",
		"keep-alive", "proxy-connection",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (slice_eq_nocase(name, slice_of(names[i])))
			return true;
	return false;
}

/* A value is shown to its first control character: what comes behind one may
 * be meant to be another field. */
static void
show_field(struct window *w, size_t from, size_t end)
{
	struct slice line = { w->head.p + from, end - from }, name = line;
	size_t at;

	name.len = chars_in_token(line);
	at = name.len;
	while (at < line.len && (line.p[at] == ' ' || line.p[at] == '\t'))
		at++;
	if (name.len == 0 || name.len > NAME_SHOWN || at == line.len ||
	    line.p[at] != ':') {
		copy(w, from, end, false);
		return;
	}
	copy(w, from, from + ++at, true);
	if (may_be_shown(name)) {
		name.len = at;
		while (at < line.len && (!is_control(line.p[at]) ||
		    line.p[at] == '\t'))
			at++;
		copy(w, from + name.len, from + at, true);
	}
	copy(w, from + at, end, false);
}

size_t
bad_excerpt(struct slice head, uint64_t at, char out[BAD_EXCERPT],
    size_t *from)
{
	struct window w = { .head = head, .out = out };
	size_t begin = 0, end, most = head_end(head);
	bool first = true;

	w.from = at < BAD_EXCERPT * 3 / 4 ? 0 : (size_t)at - BAD_EXCERPT / 2;
	if (w.from > 0 && (most < BAD_EXCERPT || w.from > most - BAD_EXCERPT))
		w.from = most < BAD_EXCERPT ? 0 : most - BAD_EXCERPT;
	w.end = most - w.from < BAD_EXCERPT ? most : w.from + BAD_EXCERPT;
	for (; begin < w.end; begin = next_line(head, end)) {
		end = line_end(head, begin);
		if (end > begin && end >= w.from)
			(first ? show_start : show_field)(&w, begin, end);
		first &= end == begin;
		copy(&w, end, next_line(head, end), true);
	}
	*from = w.from;
	return w.end - w.from;
}

/* --- the ring ----------------------------------------------------------------- */

void
bad_requests_add(struct bad_requests *all, const struct bad_request *bad)
{
	struct kept kept = { .is = *bad, .head_bytes = bad->head.len };

	if (bad->head.len > 0)
		kept.len = bad_excerpt(bad->head, bad->at, kept.excerpt,
		    &kept.from);
	snprintf(kept.id, sizeof(kept.id), "%s", bad->request_id);
	pthread_mutex_lock(&all->lock);
	all->ring[all->total++ % BAD_REQUESTS] = kept;
	pthread_mutex_unlock(&all->lock);
}

static void
write_one(const struct kept *k, struct buf *out)
{
	char time[CLOCK_TEXT_MAX], peer[ADDR_TEXT_MAX];

	buf_printf(out, "{\"time\":\"%s\",\"peer\":\"%s\",\"port\":%u,"
	    "\"request_id\":", clock_text(k->is.unix_ms, time),
	    addr_text(&k->is.peer, peer), k->is.peer_port);
	buf_json(out, slice_of(k->id));
	buf_printf(out, ",\"status\":%u,\"rule\":\"%s\"", k->is.status,
	    k->is.rule);
	if (k->is.sentence != NULL) {
		buf_text(out, ",\"sentence\":");
		buf_json(out, slice_of(k->is.sentence));
	}
	buf_printf(out, ",\"part\":\"%s\",\"offset\":%llu",
	    k->is.part != NULL ? k->is.part : k->head_bytes > 0 ? "head" : "body",
	    (unsigned long long)k->is.at);
	if (k->head_bytes > 0) {
		buf_printf(out, ",\"head_bytes\":%zu,\"excerpt_offset\":%zu,"
		    "\"excerpt\":", k->head_bytes, k->from);
		buf_json(out, (struct slice){ k->excerpt, k->len });
	}
	buf_char(out, '}');
}

void
bad_requests_write(struct bad_requests *all, struct buf *out)
{
	uint64_t count;

	pthread_mutex_lock(&all->lock);
	count = all->total < BAD_REQUESTS ? all->total : BAD_REQUESTS;
	buf_printf(out, "\"total\":%llu,\"requests\":[",
	    (unsigned long long)all->total);
	for (uint64_t i = 0; i < count; i++) {
		buf_text(out, i > 0 ? "," : "");
		write_one(&all->ring[(all->total - 1 - i) % BAD_REQUESTS],
		    out);
	}
	buf_char(out, ']');
	pthread_mutex_unlock(&all->lock);
}
