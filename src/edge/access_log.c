/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "edge/access_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"

enum { KIND_FILE, KIND_PIPE, KIND_SOCKET };

enum {
	WAITING_MAX = 1024 * 1024,	/* then lines are dropped */
	/* Escapes and quotes included; with all else as long as it may be,
	 * the line fits (unit test). */
	TEXTS_MAX = 1536,		/* of path and query together */
	OTHER_MAX = 160,
};

/* --- the line -------------------------------------------------------------- */

/*
 * A line is written by a bare cursor into room that was made for the longest
 * one: with checks at each of its 200 pieces it was a third of a request's
 * instructions.  What is foreign is cut, so the room cannot run out:
 * TEXTS_MAX and OTHER_MAX count escapes, and all else is ours and bounded.
 */
#define PUT(p, literal)	put((p), SLICE(literal))

static inline char *
put(char *p, struct slice s)
{
	memcpy(p, s.p, s.len);
	return p + s.len;
}

static char *
put_number(char *p, uint64_t n)
{
	char digits[20];
	size_t i = sizeof(digits);

	do
		digits[--i] = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	memcpy(p, digits + i, sizeof(digits) - i);
	return p + sizeof(digits) - i;
}

/* key: with comma, quotes and colon, as it stands in the line. */
static inline char *
number(char *p, struct slice key, uint64_t n)
{
	return put_number(put(p, key), n);
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
address(char *p, struct slice key, const struct addr *addr)
{
	char a[ADDR_TEXT_MAX];

	if (addr == NULL || addr->family == ADDR_NONE)
		return p;
	return word(p, key, addr_text(addr, a));
}

/* The same second comes a thousand times: its text is kept. */
static char *
time_text(char *p, uint64_t unix_ms)
{
	static _Thread_local char kept[CLOCK_TEXT_MAX];
	static _Thread_local uint64_t kept_s;
	uint64_t ms = unix_ms % 1000;

	if (unix_ms / 1000 != kept_s) {
		clock_text(unix_ms - ms, kept);
		kept_s = unix_ms / 1000;
	}
	/* 2026-01-02T03:04:05.678Z */
	kept[20] = (char)('0' + ms / 100);
	kept[21] = (char)('0' + ms / 10 % 10);
	kept[22] = (char)('0' + ms % 10);
	p = PUT(p, "{\"time\":\"");
	p = put(p, (struct slice){ kept, 24 });
	*p++ = '"';
	return p;
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
	p = put_number(p, at->line);
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
where(char *p, const struct access_record *r)
{
	p = word(p, SLICE(",\"listener\":"), r->listener);
	p = address(p, SLICE(",\"peer\":"), r->peer);
	p = address(p, SLICE(",\"relay\":"), r->relay);
	p = word(p, SLICE(",\"vpc_endpoint\":"), r->vpc_endpoint);
	p = address(p, SLICE(",\"client\":"), r->client);
	p = word(p, SLICE(",\"client_source\":"), r->client_source);
	p = word(p, SLICE(",\"class\":"), place_class_name(r->place.class));
	p = word(p, SLICE(",\"country\":"), country_code(r->place.country));
	return word(p, SLICE(",\"continent\":"),
	    continent_code(r->place.continent));
}

static char *
what(char *p, const struct access_record *r)
{
	size_t most = r->query.len == 0 ? TEXTS_MAX : TEXTS_MAX / 2;

	p = text(p, SLICE(",\"host\":"), r->host, OTHER_MAX);
	p = text(p, SLICE(",\"method\":"), r->method, 32);
	p = text(p, SLICE(",\"path\":"), r->path, most);
	p = text(p, SLICE(",\"query\":"), r->query, most);
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
	p = timer(p, SLICE(",\"connect_us\":"), r->connect_us);
	p = timer(p, SLICE(",\"response_us\":"), r->response_us);
	return timer(p, SLICE(",\"total_us\":"), r->total_us);
}

void
access_line(struct buf *out, const struct access_record *r)
{
	char *begin = buf_reserve(out, ACCESS_LINE_MAX), *p = begin;

	p = time_text(p, r->unix_ms);
	p = text(p, SLICE(",\"request_id\":"), r->request_id, 68);
	p = plain(p, SLICE(",\"trace_id\":"), r->trace_id);
	p = where(p, r);
	p = what(p, r);
	p = why(p, r);
	p = times(p, r);
	p = PUT(p, "}\n");
	must(p - begin <= ACCESS_LINE_MAX);
	out->len += (size_t)(p - begin);
}

/* --- where it goes --------------------------------------------------------- */

/*
 * Standard output's open file is shared with others (a shell, the master), so
 * it must not be made non-blocking; a pipe or terminal is opened anew, a
 * socket has a flag for each call, and files do not block.
 */
static int
open_stdout(struct access_log *log)
{
	struct stat st;
	int fd = -1;

	log->kind = KIND_FILE;
	if (fstat(STDOUT_FILENO, &st) != 0)
		return -1;
	if (S_ISSOCK(st.st_mode))
		log->kind = KIND_SOCKET;
	else if (!S_ISREG(st.st_mode)) {
		log->kind = KIND_PIPE;
		fd = open("/proc/self/fd/1",
		    O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	}
	return fd >= 0 ? fd : fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
}

static int
open_path(struct access_log *log, const char *path)
{
	struct stat st;
	int fd;

	if (strcmp(path, "stdout") == 0)
		return open_stdout(log);
	/* O_NONBLOCK: a pipe without a reader fails instead of waiting. */
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC |
	    O_NOCTTY | O_NONBLOCK, 0640);
	log->kind = fd >= 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode) ?
	    KIND_PIPE : KIND_FILE;
	return fd;
}

bool
access_log_open(struct access_log *log, const char *path, struct err *err)
{
	struct access_log fresh = { .fd = -1 };

	if (path == NULL) {
		access_log_close(log);
		return true;
	}
	if (log->path != NULL && log->fd >= 0 && strcmp(log->path, path) == 0)
		return true;
	fresh.fd = open_path(&fresh, path);
	if (fresh.fd < 0)
		return err_set(err, "log.access: %s: %s", path,
		    strerror(errno));
	access_log_close(log);
	log->path = xstrdup(path);
	log->fd = fresh.fd;
	log->kind = fresh.kind;
	return true;
}

void
access_log_reopen(struct access_log *log)
{
	struct access_log fresh = { .fd = -1 };

	if (log->path == NULL)
		return;
	access_log_flush(log);
	fresh.fd = open_path(&fresh, log->path);
	if (fresh.fd < 0) {
		log_error("access log %s cannot be opened anew: %s; the old "
		    "file stays in use", log->path, strerror(errno));
		return;
	}
	close(log->fd);
	log->fd = fresh.fd;
	log->kind = fresh.kind;
}

void
access_log_add(struct access_log *log, const struct access_record *record)
{
	if (log->fd < 0)
		return;
	if (log->waiting.len > WAITING_MAX) {
		atomic_store_explicit(&log->dropped, atomic_load_explicit(
		    &log->dropped, memory_order_relaxed) + 1,
		    memory_order_relaxed);
		return;
	}
	access_line(&log->waiting, record);
	if (log->waiting.len >= ACCESS_FLUSH)
		access_log_flush(log);
}

/*
 * Several workers share a pipe, which keeps writes of up to PIPE_BUF bytes
 * whole: as many lines as fit into that, at least one.
 */
static size_t
lines_within(const struct buf *b, size_t at, size_t most)
{
	const char *end;

	if (b->len - at <= most)
		return b->len - at;
	end = memrchr(b->p + at, '\n', most);
	return end == NULL ? most : (size_t)(end + 1 - b->p) - at;
}

void
access_log_flush(struct access_log *log)
{
	size_t done = 0;

	while (log->fd >= 0 && done < log->waiting.len) {
		size_t len = log->kind == KIND_FILE ? log->waiting.len - done :
		    lines_within(&log->waiting, done, ACCESS_LINE_MAX);
		ssize_t n = log->kind == KIND_SOCKET ?
		    send(log->fd, log->waiting.p + done, len,
		    MSG_DONTWAIT | MSG_NOSIGNAL) :
		    write(log->fd, log->waiting.p + done, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;		/* full: the next flush goes on here */
		done += (size_t)n;
	}
	buf_consume(&log->waiting, done);
}

void
access_log_close(struct access_log *log)
{
	access_log_flush(log);
	if (log->fd >= 0)
		close(log->fd);
	log->fd = -1;
	free(log->path);
	log->path = NULL;
	buf_fini(&log->waiting);
}
