/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "edge/log_out.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/must.h"
#include "edge/log_names.h"
#include "edge/otlp.h"

enum { KIND_FILE, KIND_PIPE, KIND_SOCKET };

enum {
	PIPE_WHOLE = 4096,		/* PIPE_BUF */
	TCP_PATIENCE_MS = 10000,	/* for a peer that says nothing */
};

/* --- opening ------------------------------------------------------------------- */

/*
 * Standard output's open file is shared with others (a shell, the master), so
 * it must not be made non-blocking; a pipe or terminal is opened anew, a
 * socket has a flag for each call, and files do not block.
 */
static int
open_stdout(struct log_out *out)
{
	struct stat st;
	int fd = -1;

	out->kind = KIND_FILE;
	if (fstat(STDOUT_FILENO, &st) != 0)
		return -1;
	if (S_ISSOCK(st.st_mode))
		out->kind = KIND_SOCKET;
	else if (!S_ISREG(st.st_mode)) {
		out->kind = KIND_PIPE;
		fd = open("/proc/self/fd/1",
		    O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	}
	return fd >= 0 ? fd : fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
}

static int
open_path(struct log_out *out)
{
	struct stat st;
	/* O_NONBLOCK: a pipe without a reader fails instead of waiting. */
	int fd = open(out->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC |
	    O_NOCTTY | O_NONBLOCK, 0640);

	out->kind = fd >= 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode) ?
	    KIND_PIPE : KIND_FILE;
	return fd;
}

static int
open_socket(struct log_out *out, const struct endpoint *at)
{
	struct sockaddr_storage ss;
	socklen_t len = endpoint_sockaddr(at, &ss);
	int patience = TCP_PATIENCE_MS, fd = socket(ss.ss_family,
	    (out->target >= LOG_TO_TCP ? SOCK_STREAM : SOCK_DGRAM) |
	    SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error;

	if (fd < 0)
		return -1;
	if (out->target >= LOG_TO_TCP)
		setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience,
		    sizeof(patience));
	if (connect(fd, (struct sockaddr *)&ss, len) == 0 ||
	    errno == EINPROGRESS)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* The address of a name; what is not known yet is no failure. */
static bool
find_name(struct log_out *out, struct endpoint *at, struct err *err)
{
	char why[128] = "";
	enum log_name end = LOG_NAME_FOUND;

	*at = out->address;
	out->looking = false;
	if (at->kind != ENDPOINT_NAME)
		return true;
	end = log_names_find(out->names, at->name, &at->addr, why);
	at->kind = ENDPOINT_IP;
	out->at = at->addr;
	out->looking = end == LOG_NAME_ASKED;
	return end == LOG_NAME_FOUND || err_set(err, "the name %s is not "
	    "found: %s", out->address.name, why);
}

void
log_out_follow(struct log_out *out)
{
	char why[128];
	struct addr now;

	if (out->fd >= 0 && out->address.kind == ENDPOINT_NAME &&
	    out->target == LOG_TO_UDP && log_names_find(out->names,
	    out->address.name, &now, why) == LOG_NAME_FOUND &&
	    !addr_eq(&now, &out->at))
		log_out_close(out);
}

bool
log_out_open(struct log_out *out, struct err *err)
{
	struct endpoint at;

	switch (out->target) {
	case LOG_TO_STDOUT:
		out->fd = open_stdout(out);
		break;
	case LOG_TO_FILE:
		out->fd = open_path(out);
		break;
	case LOG_TO_UNIX:
	case LOG_TO_UDP:
	case LOG_TO_TCP:
	case LOG_TO_OTLP:
		if (!find_name(out, &at, err))
			return false;
		out->fd = open_socket(out, &at);
		break;
	}
	/* A message that was cut begins anew. */
	out->frame_done = 0;
	return out->fd >= 0 || err_set(err, "%s", strerror(errno));
}

void
log_out_close(struct log_out *out)
{
	if (out->fd >= 0)
		close(out->fd);
	out->fd = -1;
}

/* --- bytes --------------------------------------------------------------------- */

static enum log_out_end
end_of_error(struct log_out *out)
{
	int error;

	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return LOG_OUT_FULL;
	error = errno;
	log_out_close(out);
	errno = error;
	return LOG_OUT_BROKEN;
}

/*
 * Several writers may share a pipe, which keeps writes of up to PIPE_BUF
 * bytes whole: as many lines as fit into that, at least one.
 */
static size_t
lines_within(struct slice lines, size_t most)
{
	const char *end;

	if (lines.len <= most)
		return lines.len;
	end = memrchr(lines.p, '\n', most);
	return end == NULL ? most : (size_t)(end + 1 - lines.p);
}

static enum log_out_end
write_bytes(struct log_out *out, struct slice lines, size_t *done)
{
	while (*done < lines.len) {
		struct slice rest = { lines.p + *done, lines.len - *done };
		ssize_t n;

		if (out->kind != KIND_FILE)
			rest.len = lines_within(rest, PIPE_WHOLE);
		n = out->kind == KIND_SOCKET ? send(out->fd, rest.p, rest.len,
		    MSG_DONTWAIT | MSG_NOSIGNAL) :
		    write(out->fd, rest.p, rest.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return end_of_error(out);
		*done += (size_t)n;
	}
	return LOG_OUT_DONE;
}

/* --- messages ------------------------------------------------------------------ */

/* The line at *done, without its end. */
static struct slice
line_at(struct slice lines, size_t done)
{
	const char *from = lines.p + done;
	const char *end = memchr(from, '\n', lines.len - done);

	must(end != NULL);
	return (struct slice){ from, (size_t)(end - from) };
}

/*
 * A refusal tells of the message before, which is lost; this one may be
 * taken.  One that is too long for the socket never will be, and who is told
 * that there is no memory for it is not told when there is.
 */
static enum log_out_end
send_message(struct log_out *out, struct slice message)
{
	for (int tries = 0; tries < 3; tries++) {
		if (send(out->fd, message.p, message.len, MSG_DONTWAIT |
		    MSG_NOSIGNAL) >= 0)
			return LOG_OUT_DONE;
		if (errno == EMSGSIZE || errno == ENOBUFS) {
			out->lost++;
			return LOG_OUT_DONE;
		}
		if (out->target == LOG_TO_UDP && errno == ECONNREFUSED)
			out->lost++;
		else if (errno != EINTR)
			break;
	}
	return end_of_error(out);
}

static enum log_out_end
write_messages(struct log_out *out, struct slice lines, size_t *done)
{
	while (*done < lines.len) {
		struct slice line = line_at(lines, *done);
		enum log_out_end end = send_message(out, line);

		if (end != LOG_OUT_DONE)
			return end;
		*done += line.len + 1;
	}
	return LOG_OUT_DONE;
}

/* Whoever has closed takes nothing more, though the first send succeeds. */
static bool
has_closed(const struct log_out *out)
{
	char c;

	return recv(out->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static enum log_out_end
send_frame(struct log_out *out)
{
	while (out->frame_done < out->frame_len) {
		ssize_t n = send(out->fd, out->frame + out->frame_done,
		    out->frame_len - out->frame_done, MSG_DONTWAIT |
		    MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return end_of_error(out);
		out->frame_done += (size_t)n;
	}
	out->frame_len = out->frame_done = 0;
	return LOG_OUT_DONE;
}

/* RFC 6587 3.4.1: the length, a space, the message. */
static enum log_out_end
write_frames(struct log_out *out, struct slice lines, size_t *done)
{
	if (has_closed(out)) {
		log_out_close(out);
		errno = ECONNRESET;
		return LOG_OUT_BROKEN;
	}
	for (;;) {
		enum log_out_end end = send_frame(out);
		struct slice line;
		int n;

		if (end != LOG_OUT_DONE || *done == lines.len)
			return end;
		line = line_at(lines, *done);
		n = snprintf(out->frame, sizeof(out->frame), "%zu ",
		    line.len);
		must(n > 0 && (size_t)n + line.len <= sizeof(out->frame));
		memcpy(out->frame + n, line.p, line.len);
		out->frame_len = (size_t)n + line.len;
		*done += line.len + 1;
	}
}

enum log_out_end
log_out_write(struct log_out *out, struct slice lines, size_t *done)
{
	if (out->fd < 0)
		return LOG_OUT_BROKEN;
	switch (out->target) {
	case LOG_TO_UNIX:
	case LOG_TO_UDP:
		return write_messages(out, lines, done);
	case LOG_TO_TCP:
		return write_frames(out, lines, done);
	case LOG_TO_OTLP:
		return otlp_write(out, lines, done);
	case LOG_TO_FILE:
	case LOG_TO_STDOUT:
		break;
	}
	return write_bytes(out, lines, done);
}
