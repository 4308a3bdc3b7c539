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

enum { KIND_FILE, KIND_PIPE, KIND_SOCKET };

enum {
	WAITING_MAX = 1024 * 1024,	/* then lines are dropped */
	TEXT_MAX = 1024,		/* of a path; an escape may make it six */
	OTHER_MAX = 256,
};

/* --- the line -------------------------------------------------------------- */

static void
key(struct buf *out, const char *name)
{
	size_t len = strlen(name);
	char *p = buf_reserve(out, len + 4);

	*p++ = ',';
	*p++ = '"';
	memcpy(p, name, len);
	p[len] = '"';
	p[len + 1] = ':';
	out->len += len + 4;
}

/* Texts that need no escapes: ours, or checked to be tokens. */
static void
plain(struct buf *out, const char *name, struct slice value)
{
	if (value.len == 0)
		return;
	key(out, name);
	buf_char(out, '"');
	buf_slice(out, value);
	buf_char(out, '"');
}

static void
word(struct buf *out, const char *name, const char *value)
{
	if (value != NULL)
		plain(out, name, slice_of(value));
}

/* Foreign text, cut where it would make the line too long. */
static void
text(struct buf *out, const char *name, struct slice value, size_t most)
{
	size_t before = out->len;

	if (value.len == 0)
		return;
	key(out, name);
	if (value.len > most)
		value.len = most;
	buf_json(out, value);
	while (out->len - before > most + 32 && value.len > 0) {
		/* Escapes blew it up: try with half of it. */
		out->len = before;
		value.len /= 2;
		key(out, name);
		buf_json(out, value);
	}
}

static void
number(struct buf *out, const char *name, uint64_t n)
{
	key(out, name);
	buf_u64(out, n);
}

static void
address(struct buf *out, const char *name, const struct addr *addr)
{
	char a[ADDR_TEXT_MAX];

	if (addr != NULL && addr->family != ADDR_NONE)
		word(out, name, addr_text(addr, a));
}

/* The same second comes a thousand times: its text is kept. */
static void
time_text(struct buf *out, uint64_t unix_ms)
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
	buf_text(out, "{\"time\":\"");
	buf_add(out, kept, 24);
	buf_char(out, '"');
}

static void
rule(struct buf *out, const struct source_line *at)
{
	if (at == NULL || at->file == NULL || at->line == 0)
		return;
	key(out, "rule");
	buf_char(out, '"');
	buf_text(out, at->file);	/* a path of ours */
	buf_char(out, ':');
	buf_u64(out, at->line);
	buf_char(out, '"');
}

static void
timer(struct buf *out, const char *name, uint64_t us)
{
	if (us != UINT64_MAX)
		number(out, name, us);
}

static void
restrictions(struct buf *out, const struct access_record *r)
{
	if (r->tenant_restriction == NULL && r->flow_restriction == NULL)
		return;
	key(out, "restrictions");
	buf_char(out, '[');
	if (r->tenant_restriction != NULL)
		buf_json(out, slice_of(r->tenant_restriction));
	if (r->tenant_restriction != NULL && r->flow_restriction != NULL)
		buf_char(out, ',');
	if (r->flow_restriction != NULL)
		buf_json(out, slice_of(r->flow_restriction));
	buf_char(out, ']');
}

static void
where(struct buf *out, const struct access_record *r)
{
	word(out, "listener", r->listener);
	address(out, "peer", r->peer);
	address(out, "client", r->client);
	word(out, "client_source", r->client_source);
	word(out, "class", place_class_name(r->place.class));
	word(out, "country", country_code(r->place.country));
	word(out, "continent", continent_code(r->place.continent));
}

static void
what(struct buf *out, const struct access_record *r)
{
	text(out, "host", r->host, OTHER_MAX);
	text(out, "method", r->method, 32);
	text(out, "path", r->path, TEXT_MAX);
	text(out, "query", r->query, TEXT_MAX);
	word(out, "path_class", r->path_class);
	number(out, "status", r->status);
	number(out, "bytes_in", r->received_bytes);
	number(out, "bytes_out", r->sent_bytes);
}

static void
why(struct buf *out, const struct access_record *r)
{
	plain(out, "frontend", r->frontend);
	plain(out, "backend", r->backend);
	if (r->engine != NULL)
		text(out, "engine", slice_of(r->engine), OTHER_MAX);
	word(out, "outcome", r->outcome);
	word(out, "reason", r->reason);
	rule(out, r->rule);
	word(out, "flow", r->flow_knowledge);
	restrictions(out, r);
	number(out, "generation", r->generation);
	if (r->db_epoch != 0)
		number(out, "db_epoch", r->db_epoch);
	number(out, "attempts", r->attempts);
	word(out, "termination", r->termination);
}

void
access_line(struct buf *out, const struct access_record *r)
{
	buf_reserve(out, 1024);		/* most lines are shorter */
	time_text(out, r->unix_ms);
	text(out, "request_id", r->request_id, 64);
	plain(out, "trace_id", r->trace_id);
	where(out, r);
	what(out, r);
	why(out, r);
	timer(out, "head_us", r->head_us);
	timer(out, "hold_us", r->hold_us);
	timer(out, "connect_us", r->connect_us);
	timer(out, "response_us", r->response_us);
	timer(out, "total_us", r->total_us);
	buf_add(out, "}\n", 2);
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
