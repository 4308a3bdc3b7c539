/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "edge/otlp.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "http/h1.h"

enum {
	PATIENCE_MS = 2000,		/* for a request and its answer */
	ANSWER_MAX = 64 * 1024,		/* of which nobody reads the body */
};

/* --- what is sent ------------------------------------------------------------------ */

static void
write_body(struct buf *body, const struct log_out *out, struct slice lines)
{
	buf_text(body, "{\"resourceSpans\":[{\"resource\":{\"attributes\":["
	    "{\"key\":\"service.name\",\"value\":{\"stringValue\":"
	    "\"portolan\"}},{\"key\":\"service.version\",\"value\":"
	    "{\"stringValue\":\"" PORTOLAN_VERSION "\"}},"
	    "{\"key\":\"process.pid\",\"value\":{\"intValue\":\"");
	buf_u64(body, (uint64_t)getpid());
	buf_text(body, "\"}},{\"key\":\"cloud.region\",\"value\":"
	    "{\"stringValue\":");
	buf_json(body, slice_of(out->region));
	buf_text(body, "}}]},\"scopeSpans\":[{\"scope\":{\"name\":"
	    "\"portolan\",\"version\":\"" PORTOLAN_VERSION "\"},\"spans\":[");
	for (size_t i = 0; i + 1 < lines.len; i++)
		buf_char(body, lines.p[i] == '\n' ? ',' : lines.p[i]);
	buf_text(body, "]}]}]}");
}

static void
write_request(struct buf *request, const struct log_out *out,
    struct slice lines)
{
	char host[ENDPOINT_TEXT];
	struct buf body = { 0 };

	write_body(&body, out, lines);
	buf_printf(request, "POST /v1/traces HTTP/1.1\r\nHost: %s\r\n"
	    "User-Agent: portolan/" PORTOLAN_VERSION "\r\n"
	    "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
	    endpoint_text(&out->address, host), body.len);
	buf_slice(request, buf_all(&body));
	buf_fini(&body);
}

/* --- sockets, with patience ---------------------------------------------------------- */

static bool
wait_for(int fd, short events, uint64_t until_ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	uint64_t now = clock_ms();

	if (now < until_ms && poll(&p, 1, (int)(until_ms - now)) > 0)
		return true;
	errno = ETIMEDOUT;
	return false;
}

static bool
send_all(int fd, struct slice bytes, uint64_t until_ms)
{
	while (bytes.len > 0) {
		ssize_t n;

		if (!wait_for(fd, POLLOUT, until_ms))
			return false;
		n = send(fd, bytes.p, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		if (n > 0) {
			bytes.p += n;
			bytes.len -= (size_t)n;
		}
	}
	return true;
}

/* More of an answer, which must not end here. */
static bool
receive(int fd, struct buf *in, uint64_t until_ms)
{
	ssize_t n;

	if (in->len >= ANSWER_MAX) {
		errno = EMSGSIZE;
		return false;
	}
	if (!wait_for(fd, POLLIN, until_ms))
		return false;
	n = recv(fd, buf_reserve(in, 4096), 4096, MSG_DONTWAIT);
	if (n == 0)
		errno = ECONNRESET;
	else if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n > 0)
		in->len += (size_t)n;
	return n > 0;
}

/* --- the answer ---------------------------------------------------------------------- */

/* The status; 0 with errno if there is none.  *again: the connection is good
 * for another request. */
static unsigned
read_answer(int fd, struct h1_head *head, uint64_t until_ms, bool *again)
{
	struct buf in = { 0 };
	enum h1_progress result;
	struct h1_end end;
	unsigned status = 0;
	size_t seen = 0, whole;

	*again = false;
	do
		if (!receive(fd, &in, until_ms))
			goto out;
	while ((result = h1_read_response(head, buf_all(&in), &seen,
	    METHOD_POST, &end)) == H1_MORE);
	if (result != H1_DONE || head->status < 200) {
		errno = EPROTO;
		goto out;
	}
	status = head->status;
	whole = end.consumed + (head->framing == H1_LENGTH ?
	    head->content_length : 0);
	*again = head->keep_alive && whole <= ANSWER_MAX &&
	    (head->framing == H1_LENGTH || head->framing == H1_NO_BODY);
	while (*again && in.len < whole)
		*again = receive(fd, &in, until_ms);
	*again &= in.len == whole;
out:
	buf_fini(&in);
	return status;
}

static size_t
count_lines(struct slice lines)
{
	size_t n = 0;

	for (size_t i = 0; i < lines.len; i++)
		n += lines.p[i] == '\n';
	return n;
}

/* OTLP/HTTP, "Failures": these may be tried again, others never. */
static bool
may_try_again(unsigned status)
{
	return status == 429 || status == 502 || status == 503 ||
	    status == 504;
}

static enum log_out_end
judge(struct log_out *out, struct slice lines, unsigned status)
{
	if (may_try_again(status)) {
		errno = EBUSY;
		return LOG_OUT_BROKEN;
	}
	if (status < 200 || status >= 300)
		out->lost += count_lines(lines);
	else
		out->delivered += count_lines(lines);
	return LOG_OUT_DONE;
}

enum log_out_end
otlp_write(struct log_out *out, struct slice lines, size_t *done)
{
	struct h1_head *head = xmalloc(sizeof(*head));
	uint64_t until_ms = clock_ms() + PATIENCE_MS;
	enum log_out_end end = LOG_OUT_BROKEN;
	struct buf request = { 0 };
	unsigned status;
	bool again = false;
	int error;

	write_request(&request, out, lines);
	if (send_all(out->fd, buf_all(&request), until_ms) &&
	    (status = read_answer(out->fd, head, until_ms, &again)) != 0)
		end = judge(out, lines, status);
	error = errno;
	buf_fini(&request);
	free(head);
	if (!again)
		log_out_close(out);
	if (end == LOG_OUT_DONE)
		*done = lines.len;
	errno = error;
	return end;
}
