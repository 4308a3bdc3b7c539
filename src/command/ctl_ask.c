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

/* Of an entity tag ("...", RFC 9110 8.8.3). */
static void
read_revision(const struct h1_head *head, char revision[64])
{
	revision[0] = '\0';
	for (size_t i = 0; i < head->nfields; i++) {
		struct slice value = head->fields[i].value;

		if (slice_eq_nocase(head->fields[i].name, SLICE("ETag")) &&
		    value.len > 2 && value.len < 64)
			snprintf(revision, 64, "%.*s", (int)value.len - 2,
			    value.p + 1);
	}
}

static bool
read_answer(struct buf *bytes, struct ctl_answer *answer, struct err *err)
{
	static struct h1_head head;
	struct h1_end end;
	struct slice rest;
	size_t seen = 0;

	if (h1_read_response(&head, buf_all(bytes), &seen, METHOD_GET,
	    &end) != H1_DONE)
		return err_set(err, "the service's answer is not HTTP or was "
		    "cut short; its log says more");
	answer->status = head.status;
	read_revision(&head, answer->revision);
	rest = (struct slice){ bytes->p + end.consumed,
	    bytes->len - end.consumed };
	if (head.framing != H1_CHUNKED)
		buf_slice(&answer->body, rest);
	else if (!h1_chunked_all(rest, &answer->body))
		return err_set(err, "the service's answer was cut short");
	return true;
}

static bool
has_body(const struct ctl_question *q)
{
	return strcmp(q->method, "POST") == 0 || strcmp(q->method, "PUT") == 0;
}

/* An answer that comes before all was sent is one, too. */
bool
ctl_ask(const char *socket_path, const struct ctl_question *question,
    struct ctl_answer *answer, struct err *err)
{
	struct buf text = { 0 };
	int fd = connect_to(socket_path, err);
	bool good;

	if (fd < 0)
		return false;
	buf_printf(&text, "%s %s HTTP/1.1\r\nHost: admin\r\n"
	    "Connection: close\r\n%s", question->method, question->target,
	    question->fields == NULL ? "" : question->fields);
	if (has_body(question))
		buf_printf(&text, "Content-Length: %zu\r\n",
		    question->body.len);
	buf_text(&text, "\r\n");
	good = send_all(fd, buf_all(&text)) && send_all(fd, question->body);
	buf_clear(&text);
	good = (receive_all(fd, &text) && good) || text.len > 0;
	close(fd);
	good = good ? read_answer(&text, answer, err) :
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
