/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What only the master process can do: it is asked for an upgrade, and gives
 * the console other sockets when a reload has changed their addresses.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "console/private.h"
#include "net/handover.h"
#include "net/lent_files.h"

/* --- upgrades --------------------------------------------------------------- */

void
master_upgrade(struct console *console, struct request *r)
{
	struct console_request *cr = (struct console_request *)r->user;

	if (console->master_fd < 0 || !handover_send(console->master_fd,
	    "UPGRADE\n", NULL, 0)) {
		console_answer(r, 503, "text/plain; charset=utf-8",
		    SLICE("The master process does not listen.\n"));
		return;
	}
	cr->request = r;
	list_append(&console->upgrading, &cr->node);
}

void
master_gone(struct request *r)
{
	struct console_request *cr = (struct console_request *)r->user;

	if (cr->request != NULL)
		list_remove(&cr->node);
	cr->request = NULL;
}

static void
upgraded(struct console *console, bool good, struct slice sentence)
{
	struct buf text = { 0 };

	buf_printf(&text, "%s: %.*s%s", good ? "upgraded" : "upgrade failed",
	    SLICE_ARG(sentence), sentence.len > 0 &&
	    sentence.p[sentence.len - 1] == '\n' ? "" : "\n");
	while (!list_empty(&console->upgrading)) {
		struct console_request *cr = list_entry(
		    console->upgrading.next, struct console_request, node);
		struct request *r = cr->request;

		master_gone(r);
		console_answer(r, good ? 200 : 422,
		    "text/plain; charset=utf-8", buf_all(&text));
	}
	buf_fini(&text);
}

/* --- sockets ------------------------------------------------------------------ */

enum { KINDS = 3 };

/* A kind of listener, by the name that the master calls its socket by. */
struct kind {
	const char	*name;
	struct listener	**listener;
	bool		*named;
	const struct listener_ops *ops;
};

static void
kinds_of(struct console *c, struct kind kinds[KINDS])
{
	kinds[0] = (struct kind){ "console", &c->tcp, &c->tcp_named,
	    &console_tcp_ops };
	kinds[1] = (struct kind){ "admin", &c->admin, &c->admin_named,
	    &console_admin_ops };
	kinds[2] = (struct kind){ "reader", &c->reader, &c->reader_named,
	    &console_reader_ops };
}

/* A round of sockets has ended; who was not named in it goes. */
static void
listen_round(struct console *console)
{
	struct kind kinds[KINDS];

	kinds_of(console, kinds);
	for (size_t i = 0; i < KINDS; i++) {
		if (!*kinds[i].named)
			listener_free(kinds[i].listener);
		*kinds[i].named = false;
	}
	rights_settle(console);
}

/* Without a socket: the one that it has is good. */
static void
listen_at(struct console *console, const char *name, const int *fd)
{
	struct kind kinds[KINDS];

	kinds_of(console, kinds);
	for (size_t i = 0; i < KINDS; i++) {
		if (strcmp(kinds[i].name, name) != 0)
			continue;
		*kinds[i].named = true;
		if (fd == NULL)
			return;
		listener_free(kinds[i].listener);
		*kinds[i].listener = listener_new(console->loop, *fd,
		    kinds[i].ops, console);
		return;
	}
	if (fd != NULL)
		close(*fd);
}

/* --- packets -------------------------------------------------------------------- */

static void
understand(struct console *console, const char *text, const int *fds, int n)
{
	if (strncmp(text, "LISTEN ", 7) == 0 && n <= 1 &&
	    !console->draining) {
		listen_at(console, text + 7, n == 1 ? fds : NULL);
		return;
	}
	if (lent_files_take(text, fds, n))
		return;
	if (n == 0 && (rights_hear(console, text) || new_map_heard(console, text)))
		return;
	while (n > 0)
		close(fds[--n]);
	if (strcmp(text, "LISTENING") == 0 && !console->draining)
		listen_round(console);
	else if (strncmp(text, "UPGRADE ok\n", 11) == 0)
		upgraded(console, true, slice_of(text + 11));
	else if (strncmp(text, "UPGRADE failed\n", 15) == 0)
		upgraded(console, false, slice_of(text + 15));
}

static bool
on_packet(void *arg)
{
	struct console *console = arg;
	char text[HANDOVER_TEXT];
	int fds[HANDOVER_FDS];
	int n = handover_receive(console->master_fd, text, fds, 0);

	/* Its end is ours, by a signal. */
	if (n < 0)
		return false;
	understand(console, text, fds, n);
	return true;
}

void
master_listen(struct console *console, int fd)
{
	list_init(&console->upgrading);
	console->master_fd = fd;
	if (fd >= 0)
		loop_on_readable(console->loop, fd, on_packet, console);
}

void
master_hear(struct console *console)
{
	while (console->master_fd >= 0 && on_packet(console))
		;
}
