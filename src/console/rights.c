/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Who may ask what: by the socket that a question comes in at and, on the TCP
 * listener, by the name of the certificate that was shown there.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "console/private.h"
#include "net/tls_peer.h"

/* --- names ------------------------------------------------------------------ */

static void
forget(struct console_names *names)
{
	while (names->count > 0)
		free(names->list[--names->count]);
}

static void
add(struct console_names *names, const char *name)
{
	if (names->count < CONFIG_CONSOLE_NAMES_MAX)
		names->list[names->count++] = xstrdup(name);
}

void
rights_begin(struct console *console)
{
	const struct config_console *config = &console->config->console;

	for (const char *const *n = config->readers; n != NULL && *n != NULL;
	    n++)
		add(&console->readers, *n);
	for (const char *const *n = config->writers; n != NULL && *n != NULL;
	    n++)
		add(&console->writers, *n);
}

void
rights_end(struct console *console)
{
	forget(&console->readers);
	forget(&console->writers);
	forget(&console->next_readers);
	forget(&console->next_writers);
}

bool
rights_hear(struct console *console, const char *text)
{
	if (strncmp(text, "READER ", 7) == 0)
		add(&console->next_readers, text + 7);
	else if (strncmp(text, "WRITER ", 7) == 0)
		add(&console->next_writers, text + 7);
	else
		return false;
	return true;
}

void
rights_settle(struct console *console)
{
	forget(&console->readers);
	forget(&console->writers);
	console->readers = console->next_readers;
	console->writers = console->next_writers;
	console->next_readers.count = console->next_writers.count = 0;
}

static bool
names_one(const struct console_names *names, const struct tls_peer *peer)
{
	for (size_t i = 0; i < names->count; i++)
		if (tls_peer_is(peer, names->list[i]))
			return true;
	return false;
}

/* --- a request --------------------------------------------------------------- */

static enum rights
rights_of(const struct console *console, struct request *r)
{
	const void *listener = request_listener(r);
	const struct tls_peer *peer;

	if (listener == &console->admin)
		return RIGHTS_WRITE;
	if (listener == &console->reader)
		return RIGHTS_READ;
	peer = stream_peer_certificate(request_stream(r));
	if (peer == NULL)
		return RIGHTS_PUBLIC;
	return names_one(&console->writers, peer) ? RIGHTS_WRITE :
	    names_one(&console->readers, peer) ? RIGHTS_READ : RIGHTS_PUBLIC;
}

/*
 * A page of a stranger's can have its visitor's browser send a request here,
 * with the visitor's certificate.  It says where from, then (Fetch, 3.2).
 */
static bool
is_from_elsewhere(const struct request *r)
{
	const struct h1_field *origin = h1_field(r->head, FIELD_ORIGIN);
	const struct h1_field *host = h1_field(r->head, FIELD_HOST);
	struct slice rest;

	if (origin == NULL)
		return false;
	rest = origin->value;
	if (host == NULL || !slice_starts_nocase(rest, SLICE("https://")))
		return true;
	rest.p += strlen("https://");
	rest.len -= strlen("https://");
	return !slice_eq_nocase(rest, host->value);
}

const char *
rights_refuse(const struct console *console, struct request *r,
    enum rights needs)
{
	enum rights has = rights_of(console, r);

	if (has >= needs)
		return needs < RIGHTS_WRITE ||
		    request_listener(r) == &console->admin ||
		    !is_from_elsewhere(r) ? NULL :
		    "A page of another site asks for that.\n";
	if (has == RIGHTS_READ)
		return "Who asks here may look, but change nothing: that is "
		    "for the admin socket (console.socket; portolan ctl uses "
		    "it), or for a certificate in console.tls.writers.\n";
	return needs == RIGHTS_READ ? "That is for the admin socket "
	    "(console.socket; portolan ctl uses it), for console.read_socket, "
	    "or for a certificate in console.tls.readers.\n" :
	    "That is for the admin socket (console.socket; portolan ctl uses "
	    "it), or for a certificate in console.tls.writers.\n";
}
