/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * An upgrade as both masters live it.  The old one starts the new, gives it
 * the sockets and waits; the new one starts an edge and engines of its own on
 * them, and says so when all serve.  From then on all is the new one's, and
 * what the old one has still finishes what it has begun.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "master/notify.h"
#include "master/private.h"
#include "net/handover.h"

/* --- the old one's side --------------------------------------------------- */

/* Whoever asked by way of the console is waiting. */
static void
tell_console(const struct master *m, const char *word, const char *sentence)
{
	const struct child *console = child_of_role(m, ROLE_CONSOLE);
	char text[HANDOVER_TEXT];

	if (console == NULL || console->notify_fd < 0)
		return;
	snprintf(text, sizeof(text), "%s\n%s", word, sentence);
	handover_send(console->notify_fd, text, NULL, 0);
}

static void
give_up(struct master *m, const char *why)
{
	log_error("upgrade failed: %s; this process goes on serving", why);
	notify_manager("READY=1\nSTATUS=Upgrade failed; the former program "
	    "serves");
	tell_console(m, "UPGRADE failed", why);
	successor_forget(&m->successor, true);
}

static bool
give_all(struct master *m)
{
	unsigned threads = 0;

	for (size_t i = 0; i < m->nchildren; i++) {
		const struct child *c = m->children[i];

		if (!successor_give(&m->successor, c->role.kind, &c->sockets))
			return false;
		if (c->role.kind == ROLE_EDGE)
			threads = c->role.threads;
	}
	return successor_give_end(&m->successor, threads);
}

void
upgrade_begin(struct master *m)
{
	struct err err;

	if (m->stage != STAGE_SERVING || m->successor.pid != 0 ||
	    m->heir.fd >= 0) {
		log_warn("no upgrade now: the service starts, ends, or is "
		    "being upgraded already");
		tell_console(m, "UPGRADE failed", "the service starts, ends, "
		    "or is being upgraded already");
		return;
	}
	log_info("upgrading: %s is started anew", m->program);
	if (!successor_start(&m->successor, m->program,
	    m->options->config_file, &err)) {
		give_up(m, err.text);
		return;
	}
	/* If it has ended already, how it ended says more. */
	if (!give_all(m) && errno != EPIPE && errno != ECONNRESET)
		give_up(m, "the sockets cannot be handed over");
}

/*
 * All at once: what our edge still sends to engines goes over new connections
 * to the new ones, since the sockets are the same.
 */
static void
step_aside(struct master *m)
{
	const struct config *config = m->generation->config;

	m->stage = STAGE_DRAINING;
	m->kill_ms = clock_ms() + config->timeouts.drain_ms + KILL_GRACE_MS;
	for (size_t i = 0; i < m->nchildren; i++) {
		sockets_are_lent(&m->children[i]->sockets);
		end_child(m->children[i]);
	}
}

static void
hand_over(struct master *m)
{
	char text[128];
	long pid = m->successor.pid;

	/* While we are the one whom the manager believes. */
	notify_manager("MAINPID=%ld\nREADY=1\nSTATUS=Upgraded", pid);
	if (!successor_leave_all(&m->successor)) {
		notify_manager("MAINPID=%ld", (long)getpid());
		give_up(m, "the new process does not listen any more");
		return;
	}
	log_info("upgraded: process %ld serves, this one finishes what it "
	    "has begun", pid);
	snprintf(text, sizeof(text), "process %ld serves\n", pid);
	tell_console(m, "UPGRADE ok", text);
	successor_forget(&m->successor, false);
	m->succeeded = true;
	m->watchdog_ms = 0;
	step_aside(m);
}

void
upgrade_hear(struct master *m)
{
	switch (successor_hear(&m->successor)) {
	case SUCCESSOR_SERVES:
		hand_over(m);
		break;
	case SUCCESSOR_FAILED:		/* its end is about to come */
	case SUCCESSOR_NOTHING:
		break;
	}
}

void
upgrade_ended(struct master *m, int status)
{
	char why[sizeof(m->successor.why.text) + 64];

	/* It may have said why, and we not read it yet. */
	if (m->successor.fd >= 0 && m->successor.why.text[0] == '\0')
		successor_hear(&m->successor);
	if (m->successor.why.text[0] != '\0')
		snprintf(why, sizeof(why), "%s", m->successor.why.text);
	else if (WIFSIGNALED(status))
		snprintf(why, sizeof(why), "%.400s was ended by signal %d "
		    "before it served", m->program, WTERMSIG(status));
	else
		snprintf(why, sizeof(why), "%.400s ended with code %d before "
		    "it served", m->program, WEXITSTATUS(status));
	m->successor.pid = 0;
	give_up(m, why);
}

void
upgrade_too_late(struct master *m)
{
	char why[640];

	snprintf(why, sizeof(why), "%.400s did not serve within %d s and is "
	    "killed", m->program, UPGRADE_MS / 1000);
	give_up(m, why);
}

void
upgrade_cancel(struct master *m)
{
	if (m->successor.pid != 0)
		give_up(m, "the service is to end");
}

/* --- the new one's side --------------------------------------------------- */

void
upgrade_look(struct master *m)
{
	if (m->heir.fd < 0 || m->heir.told)
		return;
	for (size_t i = 0; i < m->nchildren; i++)
		if (m->children[i]->role.kind != ROLE_CONSOLE &&
		    !m->children[i]->ready)
			return;
	m->heir.told = true;
	inheritance_tell(&m->heir, "SERVING", NULL);
}

/* It would have taken the place of the one that serves. */
void
upgrade_take_control(const struct master *m)
{
	const char *dir = m->generation->config->run_dir;
	char from[300], to[300];

	snprintf(from, sizeof(from), "%s/%s.new", dir,
	    m->options->control_socket);
	snprintf(to, sizeof(to), "%s/%s", dir, m->options->control_socket);
	if (m->heir.fd < 0 && rename(from, to) != 0 && errno != ENOENT)
		log_error("%s: cannot become %s: %m", from, to);
}

void
upgrade_inherit(struct master *m)
{
	struct err err;

	if (!inheritance_is_ours(&m->heir))
		return;
	for (size_t i = 0; i < m->nchildren; i++) {
		sockets_are_ours(&m->children[i]->sockets);
		m->children[i]->role.heir = false;
	}
	upgrade_take_control(m);
	if (!write_pid(m, &err))
		log_error("%s", err.text);
	m->watchdog_ms = notify_watchdog_ms();
	start_console(m);
	notify_manager("READY=1\nSTATUS=Serving; upgraded");
	log_info("this process serves now");
}

void
upgrade_refuse(struct master *m, const char *why)
{
	if (m->heir.fd < 0)
		return;
	inheritance_tell(&m->heir, "FAILED", why);
}
