/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * One question to a running service over its admin socket.
 */
#include "command/ctl.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/endpoint.h"
#include "http/h1.h"

enum { ANSWER_MAX = 16 * 1024 * 1024 };

static const char *
what_to_do(int error)
{
	switch (error) {
	case ENOENT:
		return "is the service running, with this console.socket?";
	case ECONNREFUSED:
		return "the service has ended; its log says why";
	case EACCES:
		return "the socket is for the service's user and root alone: "
		    "try sudo";
	default:
		return "is it the admin socket (console.socket) of a service?";
	}
}

static int
connect_to(const char *path, struct err *err)
{
	struct endpoint at = { .kind = ENDPOINT_UNIX };
	struct sockaddr_storage ss;
	socklen_t len;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.name, sizeof(at.name), "%s", path);
	len = endpoint_sockaddr(&at, &ss);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&ss, len) == 0)
		return fd;
	err_set(err, "%s: %s; %s", path, strerror(errno), what_to_do(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool
send_all(int fd, struct slice bytes)
{
	while (bytes.len > 0) {
		ssize_t n = send(fd, bytes.p, bytes.len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		bytes.p += n;
		bytes.len -= (size_t)n;
	}
	return true;
}

static bool
receive_all(int fd, struct buf *answer)
{
	ssize_t n;

	while ((n = recv(fd, buf_reserve(answer, 65536), 65536, 0)) > 0) {
		answer->len += (size_t)n;
		if (answer->len > ANSWER_MAX)
			return false;
	}
	return n == 0;
}

/* The body of a chunked answer, in place of the whole. */
static bool
unchunk(struct slice bytes, struct buf *body)
{
	struct h1_chunked chunks;
	struct buf trailers = { 0 };
	enum h1_piece piece;
	enum h1_rule rule;
	struct slice data;

	h1_chunked_init(&chunks);
	while ((piece = h1_chunked_read(&chunks, &bytes, &data, &trailers,
	    &rule)) == H1_PIECE_DATA)
		buf_slice(body, data);
	buf_fini(&trailers);
	return piece == H1_PIECE_END;
}

static bool
read_answer(struct buf *answer, unsigned *status, struct buf *body,
    struct err *err)
{
	static struct h1_head head;
	struct h1_end end;
	struct slice rest;
	size_t seen = 0;

	if (h1_read_response(&head, buf_all(answer), &seen, METHOD_GET,
	    &end) != H1_DONE)
		return err_set(err, "the service's answer is not HTTP or was "
		    "cut short; its log says more");
	*status = head.status;
	rest = (struct slice){ answer->p + end.consumed,
	    answer->len - end.consumed };
	if (head.framing != H1_CHUNKED)
		buf_slice(body, rest);
	else if (!unchunk(rest, body))
		return err_set(err, "the service's answer was cut short");
	return true;
}

bool
ctl_ask(const char *socket_path, const char *method, const char *target,
    unsigned *status, struct buf *body, struct err *err)
{
	struct buf text = { 0 };
	int fd = connect_to(socket_path, err);
	bool good;

	if (fd < 0)
		return false;
	buf_printf(&text, "%s %s HTTP/1.1\r\nHost: admin\r\n"
	    "Connection: close\r\n%s\r\n", method, target,
	    strcmp(method, "POST") == 0 ? "Content-Length: 0\r\n" : "");
	good = send_all(fd, buf_all(&text));
	buf_clear(&text);
	good = good && receive_all(fd, &text);
	close(fd);
	good = good ? read_answer(&text, status, body, err) :
	    err_set(err, "%s: the connection broke: %s", socket_path,
	    strerror(errno));
	buf_fini(&text);
	return good;
}

void
ctl_encode(struct buf *target, const char *value)
{
	for (const char *p = value; *p != '\0'; p++)
		if (isalnum((unsigned char)*p) || strchr("-._~", *p) != NULL)
			buf_char(target, *p);
		else
			buf_printf(target, "%%%02X", (unsigned char)*p);
}
