/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * `portolan ctl`: talks to a running service over its admin socket.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/endpoint.h"
#include "base/err.h"
#include "command/command.h"
#include "command/options.h"
#include "conf/generation.h"
#include "http/h1.h"

enum { ANSWER_MAX = 16 * 1024 * 1024 };

struct ctl {
	const char	*config, *socket;
	char		 path[256];	/* of the socket, as the file names it */
	bool		 json;
};

/* --- the admin socket ------------------------------------------------------------ */

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
	err_set(err, "%s: %s; is the service running, and may you use its "
	    "admin socket?", path, strerror(errno));
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

/* One question on a connection of its own. */
static bool
ask(const struct ctl *ctl, const char *method, const char *path,
    unsigned *status, struct buf *body, struct err *err)
{
	struct buf text = { 0 };
	int fd = connect_to(ctl->socket, err);
	bool good;

	if (fd < 0)
		return false;
	buf_printf(&text, "%s %s HTTP/1.1\r\nHost: admin\r\n"
	    "Connection: close\r\n%s\r\n", method, path,
	    strcmp(method, "POST") == 0 ? "Content-Length: 0\r\n" : "");
	good = send_all(fd, buf_all(&text));
	buf_clear(&text);
	good = good && receive_all(fd, &text);
	close(fd);
	good = good ? read_answer(&text, status, body, err) :
	    err_set(err, "%s: the connection broke: %s", ctl->socket,
	    strerror(errno));
	buf_fini(&text);
	return good;
}

/* --- which socket ------------------------------------------------------------------- */

static bool
socket_of_config(struct ctl *ctl, struct err *err)
{
	const char *file = ctl->config;
	struct mistakes mistakes;
	struct generation *g;

	mistakes_init(&mistakes);
	g = generation_load(file, LOAD_PURE, NULL, &mistakes);
	if (g == NULL)
		err_set(err, "%s does not load (portolan check -c %s tells "
		    "why); name the socket with --socket", file, file);
	else if (g->config->console.socket == NULL)
		err_set(err, "%s names no console.socket", file);
	else
		snprintf(ctl->path, sizeof(ctl->path), "%s",
		    g->config->console.socket);
	mistakes_fini(&mistakes);
	if (g != NULL)
		generation_free(&g);
	ctl->socket = ctl->path;
	return ctl->path[0] != '\0';
}

static int
talk(struct ctl *ctl, const char *method, const char *path)
{
	struct buf body = { 0 };
	struct err err;
	unsigned status = 0;
	int code = EXIT_USAGE;

	if ((ctl->socket == NULL && !socket_of_config(ctl, &err)) ||
	    !ask(ctl, method, path, &status, &body, &err))
		fprintf(stderr, "portolan ctl: %s\n", err.text);
	else {
		fputs(buf_cstr(&body), status < 400 ? stdout : stderr);
		code = status < 400 ? EXIT_GOOD : EXIT_FOUND;
	}
	buf_fini(&body);
	return code;
}

/* --- the words ------------------------------------------------------------------------ */

static int
run_word(const char *word, const char *about, const char *method,
    const char *path, int argc, char **argv)
{
	struct ctl ctl = { .config = "/etc/portolan/portolan.yaml" };
	const char *config = NULL;
	const struct option_spec specs[] = {
		{ "config", 'c', "FILE", "the service's configuration "
		    "(/etc/portolan/portolan.yaml)", .value = &config },
		{ "socket", 's', "PATH", "its admin socket, instead of "
		    "looking it up there", .value = &ctl.socket },
		{ "json", 0, NULL, "answer as JSON (always)",
		    .flag = &ctl.json },
		{ 0 },
	};
	const struct usage usage = { .command = word, .about = about,
	    .options = specs };
	struct operands none;
	int end = options_parse(&usage, argc, argv, &none);

	if (end != OPTIONS_GO_ON)
		return end;
	if (config != NULL)
		ctl.config = config;
	return talk(&ctl, method, path);
}

static int
run_status(int argc, char **argv)
{
	return run_word("ctl status", "Generation, regions, engines and their "
	    "health, as JSON.", "GET", "/status", argc, argv);
}

static int
run_ready(int argc, char **argv)
{
	return run_word("ctl ready", "Whether the service is ready, check by "
	    "check; exit code 1 if it is not.", "GET", "/readyz?verbose", argc,
	    argv);
}

static int
run_reload(int argc, char **argv)
{
	return run_word("ctl reload", "Reads all files again and swaps the "
	    "generation. On any mistake nothing changes, all of them are told, "
	    "and the exit code is 1.", "POST", "/reload", argc, argv);
}

static int
run_drain(int argc, char **argv)
{
	return run_word("ctl drain", "Turns unready and closes connections as "
	    "they fall idle; the process stays.", "POST", "/drain", argc, argv);
}

static const struct command words[] = {
	{ "status", "what is in service and how it is", run_status },
	{ "ready", "whether it is ready, and what is missing", run_ready },
	{ "reload", "read all files again", run_reload },
	{ "drain", "stop taking new work", run_drain },
};

static int
run_ctl(int argc, char **argv)
{
	return command_group("ctl", words, sizeof(words) / sizeof(*words),
	    argc, argv);
}

const struct command command_ctl = { "ctl", "talk to the running service",
    run_ctl };
