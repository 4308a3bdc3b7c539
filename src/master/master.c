/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "master/private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "conf/fixed.h"
#include "master/keys.h"
#include "master/notify.h"
#include "master/sandbox.h"
#include "net/handover.h"
#include "net/lent_files.h"

enum {
	CONSOLE_LATEST_MS = 2000,	/* it starts when the edge is ready, or so
					   late: it must tell of a slow start */
};

/* --- reading the files ------------------------------------------------------- */

/* Only what the master itself needs; the edge reads everything, and judges,
 * so what is wrong is told here at the start alone (why not NULL). */
static struct generation *
read_config(const char *file, struct err *why)
{
	struct mistakes mistakes;
	struct generation *g;
	struct buf text = { 0 };

	mistakes_init(&mistakes);
	g = generation_load(file, LOAD_PURE, NULL, &mistakes);
	if (g == NULL && why != NULL) {
		mistakes_print(&mistakes, &text);
		err_set(why, "%s", buf_cstr(&text));
		fputs(buf_cstr(&text), stderr);
	}
	buf_fini(&text);
	mistakes_fini(&mistakes);
	return g;
}

/* --- children ------------------------------------------------------------------ */

static bool
open_sockets(struct master *m, struct child *c, struct err *err)
{
	const struct config *config = m->generation->config;
	struct sockets *lent = &m->heir.sockets[c->role.kind];

	switch (c->role.kind) {
	case ROLE_EDGE:
		/* A queue that no thread looks at would be lost. */
		c->role.threads = m->heir.threads > 0 ? m->heir.threads :
		    config_threads(config);
		return sockets_open_edge(&c->sockets, config, c->role.threads,
		    lent, err);
	case ROLE_ENGINE:
		return sockets_open_engine(&c->sockets, config,
		    c->role.number, lent, err);
	default:
		return sockets_open_console(&c->sockets, config, lent, err);
	}
}

/* Sockets that the file system shows belong to whom the children become. */
static void
own_socket_files(struct master *m, const struct config *config,
    const struct child *c)
{
	char path[256];

	for (size_t i = 0; c->role.kind == ROLE_EDGE &&
	    i < config->nlisteners; i++)
		if (config->listeners[i].address.kind == ENDPOINT_UNIX)
			identity_own_file(&m->identity,
			    config->listeners[i].address.name);
	if (c->role.kind == ROLE_ENGINE) {
		snprintf(path, sizeof(path), "%s/engine-%s-%u.sock",
		    config->run_dir, config->region, c->role.number);
		identity_own_file(&m->identity, path);
	}
	if (c->role.kind == ROLE_CONSOLE && config->console.socket != NULL)
		identity_own_file(&m->identity, config->console.socket);
	if (c->role.kind == ROLE_CONSOLE && config->console.read_socket != NULL)
		identity_own_file(&m->identity, config->console.read_socket);
}

static bool
add_child(struct master *m, enum role_kind kind, unsigned number,
    struct err *err)
{
	struct child *c;

	if (m->nchildren == CHILDREN_MAX)
		return err_set(err, "engines.embedded: more than %d workers",
		    CHILDREN_MAX - 2);
	c = child_new(kind, number, m->options->config_file, m->generation);
	c->role.heir = m->heir.fd >= 0;
	if (!open_sockets(m, c, err)) {
		child_free(&c);
		return false;
	}
	own_socket_files(m, m->generation->config, c);
	c->state = CHILD_WAITING;
	/* An heir's waits until all is ours. */
	if (kind == ROLE_CONSOLE)
		c->start_ms = c->role.heir ? UINT64_MAX :
		    clock_ms() + CONSOLE_LATEST_MS;
	m->children[m->nchildren++] = c;
	return true;
}

/* Engines first: the edge should find them. */
static bool
add_children(struct master *m, struct err *err)
{
	const struct config *config = m->generation->config;

	for (unsigned i = 0; i < config->engines.embedded; i++)
		if (!add_child(m, ROLE_ENGINE, i, err))
			return false;
	if (!add_child(m, ROLE_EDGE, 0, err))
		return false;
	if (!config->console.enabled && config->console.socket == NULL)
		return true;
	return add_child(m, ROLE_CONSOLE, 0, err);
}

static struct child *
child_by_pid(struct master *m, pid_t pid)
{
	for (size_t i = 0; i < m->nchildren; i++)
		if (m->children[i]->pid == pid)
			return m->children[i];
	return NULL;
}

struct child *
child_of_role(const struct master *m, enum role_kind kind)
{
	for (size_t i = 0; i < m->nchildren; i++)
		if (m->children[i]->role.kind == kind)
			return m->children[i];
	return NULL;
}

static bool
all_gone(const struct master *m)
{
	for (size_t i = 0; i < m->nchildren; i++)
		if (m->children[i]->state != CHILD_GONE)
			return false;
	return true;
}

/* --- ending ---------------------------------------------------------------------- */

/* Our copies of its sockets go too: while one is open the kernel takes
 * connections that nobody will accept. */
void
end_child(struct child *c)
{
	if (c->state == CHILD_WAITING)
		c->state = CHILD_GONE;
	if (c->state == CHILD_RUNNING) {
		c->state = CHILD_ENDING;
		child_signal(c, SIGTERM);
	}
	sockets_close(&c->sockets);
}

static void
end_the_rest(struct master *m)
{
	m->stage = STAGE_ENDING;
	m->kill_ms = clock_ms() + KILL_GRACE_MS;
	for (size_t i = 0; i < m->nchildren; i++)
		end_child(m->children[i]);
}

/* The edge first: engines and console serve it until its last request. */
static void
begin_drain(struct master *m)
{
	const struct config *config = m->generation->config;

	if (m->stage >= STAGE_DRAINING)
		return;
	upgrade_cancel(m);
	m->stage = STAGE_DRAINING;
	m->kill_ms = clock_ms() + config->timeouts.drain_ms + KILL_GRACE_MS;
	notify_manager("STOPPING=1\nSTATUS=Draining");
	log_info("draining for at most %llu s",
	    (unsigned long long)config->timeouts.drain_ms / 1000);
	for (size_t i = 0; i < m->nchildren; i++) {
		struct child *c = m->children[i];

		if (c->role.kind != ROLE_EDGE)
			continue;
		end_child(c);
		/* It had crashed and was to be started again: nobody's last
		 * request is to be waited for. */
		if (c->state == CHILD_GONE)
			end_the_rest(m);
	}
}

static void
end_at_once(struct master *m)
{
	begin_drain(m);
	end_the_rest(m);
	for (size_t i = 0; i < m->nchildren; i++)
		child_signal(m->children[i], SIGINT);
	m->kill_ms = clock_ms() + 1000;
}

static void
kill_who_stayed(struct master *m)
{
	m->kill_ms = clock_ms() + KILL_GRACE_MS;
	for (size_t i = 0; i < m->nchildren; i++) {
		struct child *c = m->children[i];

		if (c->state != CHILD_ENDING)
			continue;
		log_warn("%s did not end in time and is killed", c->role.name);
		child_signal(c, SIGKILL);
	}
}

/* --- what happens ------------------------------------------------------------------ */

/* A first start that the edge refuses (exit code, no crash) is a mistake in
 * the files, which it has told; trying again would not mend it. */
static bool
start_was_refused(const struct master *m, const struct child *c, int status)
{
	/* While another master serves, nothing is tried twice. */
	if (m->heir.fd >= 0)
		return !c->was_ready;
	return m->stage == STAGE_STARTING && c->role.kind == ROLE_EDGE &&
	    !c->was_ready && WIFEXITED(status);
}

static void
refuse_upgrade(struct master *m, const struct child *c)
{
	char why[160];

	snprintf(why, sizeof(why), "its %s did not start; what it wrote to "
	    "the log says why", c->role.name);
	upgrade_refuse(m, why);
}

/* What was opened for a reload that did not come about. */
static void
forget_fresh(struct master *m)
{
	for (size_t i = 0; i < m->nchildren; i++)
		sockets_forget_fresh(&m->children[i]->sockets);
}

static void
on_child_end(struct master *m, struct child *c, int status)
{
	bool refused = start_was_refused(m, c, status);
	bool edge = c->role.kind == ROLE_EDGE;

	child_ended(c, status);
	if (rolling_failed(c))
		c->state = CHILD_GONE;
	if (edge)
		forget_fresh(m);
	if (refused) {
		m->exit_code = WEXITSTATUS(status) == 0 ? EXIT_FAILURE :
		    WEXITSTATUS(status);	/* 0 after a signal */
		c->state = CHILD_GONE;
		refuse_upgrade(m, c);
		end_the_rest(m);
	} else if (edge && m->stage == STAGE_DRAINING) {
		end_the_rest(m);
	}
	/* Whoever ends well by itself while all are to end has heard of it. */
	if (c->state == CHILD_WAITING && (m->stage == STAGE_ENDING ||
	    (m->stage == STAGE_DRAINING && WIFEXITED(status) &&
	    WEXITSTATUS(status) == 0)))
		c->state = CHILD_GONE;
	/* One that was too many may be wanted again by now. */
	m->adjust |= m->stage == STAGE_SERVING && c->state == CHILD_GONE;
}

static void
reap(struct master *m)
{
	struct child *c;
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		c = child_by_pid(m, pid);
		if (c != NULL)
			on_child_end(m, c, status);
		else if (pid == m->successor.pid)
			upgrade_ended(m, status);
	}
}

static void
forget_gone(struct master *m)
{
	size_t kept = 0;

	/* Nobody is left that it could replace. */
	for (size_t i = 0; i < m->nchildren; i++)
		if (m->children[i]->replaces != NULL &&
		    m->children[i]->replaces->state == CHILD_GONE)
			m->children[i]->replaces = NULL;
	for (size_t i = 0; i < m->nchildren; i++)
		if (m->children[i]->state == CHILD_GONE)
			child_free(&m->children[i]);
		else
			m->children[kept++] = m->children[i];
	m->nchildren = kept;
}

static bool
has_engine(const struct master *m, unsigned number)
{
	for (size_t i = 0; i < m->nchildren; i++)
		if (m->children[i]->role.kind == ROLE_ENGINE &&
		    m->children[i]->role.number == number)
			return true;
	return false;
}

/* Where the embedded workers keep states. */
static bool
own_store(struct master *m, struct err *err)
{
	const struct config *config = m->generation->config;

	return config->engines.embedded == 0 ||
	    config->engines.store_dir == NULL ||
	    identity_own_dir(&m->identity, config->engines.store_dir, err) ||
	    err_wrap(err, "%s: engines.store", config->file);
}

/* As many engine workers as the new configuration wants: more are started,
 * the ones too many drain. */
static void
adjust_engines(struct master *m)
{
	unsigned wanted = m->generation->config->engines.embedded;
	struct err err;

	m->adjust = false;
	forget_gone(m);
	if (!own_store(m, &err))
		log_error("%s", err.text);
	for (size_t i = 0; i < m->nchildren; i++)
		if (m->children[i]->role.kind == ROLE_ENGINE &&
		    m->children[i]->role.number >= wanted)
			end_child(m->children[i]);
	for (unsigned i = 0; i < wanted; i++)
		if (!has_engine(m, i) &&
		    !add_child(m, ROLE_ENGINE, i, &err)) {
			log_error("engine worker %u cannot start: %s", i,
			    err.text);
			return;
		}
}

static void
tell_names(const struct child *c, const char *word, const char *const *names)
{
	char text[CONFIG_CONSOLE_NAME_BYTES + 16];

	for (; names != NULL && *names != NULL; names++) {
		snprintf(text, sizeof(text), "%s %s", word, *names);
		handover_send(c->notify_fd, text, NULL, 0);
	}
}

/* The last reload has its way: the console gets what was opened for it, and
 * closes what is not named any more. */
static void
settle_console(struct master *m, const struct config *config)
{
	struct child *c = child_of_role(m, ROLE_CONSOLE);
	char text[SOCKET_NAME_MAX + 8];

	if (c == NULL)
		return;
	sockets_settle_console(&c->sockets, config);
	for (size_t i = 0; i < c->sockets.count; i++) {
		struct socket_entry *e = &c->sockets.list[i];

		snprintf(text, sizeof(text), "LISTEN %s", e->name);
		handover_send(c->notify_fd, text, &e->fd, e->fresh ? 1 : 0);
		e->fresh = false;
	}
	tell_names(c, "READER", config->console.readers);
	tell_names(c, "WRITER", config->console.writers);
	handover_send(c->notify_fd, "LISTENING", NULL, 0);
}

/* The edge has a new generation in service: the others follow. */
static void
on_reloaded(struct master *m, struct child *edge)
{
	struct generation *g = read_config(m->options->config_file, NULL);

	notify_manager("READY=1\nSTATUS=Serving; reloaded");
	if (g == NULL)
		return;			/* changed again meanwhile; the next
					   reload tells */
	for (size_t i = 0; i < m->nchildren; i++)
		m->children[i]->role.generation = g;
	generation_free(&m->generation);
	m->generation = g;
	m->adjust = true;
	log_level((enum log_level)g->config->log.level);
	sockets_settle(&edge->sockets, g->config);
	settle_console(m, g->config);
	rolling_begin(m);
	for (size_t i = 0; i < m->nchildren; i++)
		if (m->children[i]->role.kind != ROLE_EDGE &&
		    !m->children[i]->to_replace) {
			if (m->identity.change)
				keys_give(m->children[i]->notify_fd,
				    m->children[i]->role.kind, g->config);
			child_hang_up(m->children[i]);
		}
}

/*
 * What the edge is about to take into service, as the files say now, with the
 * rights that only we have.  It asks for nothing in particular: whoever
 * should break into it cannot have us open what no file names.
 */
static bool
follow_files(struct master *m, struct child *edge, struct generation **files,
    struct err *err)
{
	struct child *console = child_of_role(m, ROLE_CONSOLE);

	if (m->successor.pid != 0)
		return err_set(err, "the service is being upgraded: reload "
		    "when that is done");
	*files = read_config(m->options->config_file, NULL);
	if (*files == NULL)
		return err_set(err, "the files have changed while they were "
		    "read: reload again");
	if (!sockets_follow(&edge->sockets, (*files)->config,
	    edge->role.threads, err))
		return false;
	own_socket_files(m, (*files)->config, edge);
	if (console == NULL)
		return true;
	if (!sockets_follow_console(&console->sockets, (*files)->config,
	    err)) {
		sockets_forget_fresh(&edge->sockets);
		return false;
	}
	own_socket_files(m, (*files)->config, console);
	return true;
}

static bool
give_listener(const struct child *edge, const struct config_listener *l)
{
	int fds[HANDOVER_FDS];
	size_t n = sockets_of(&edge->sockets, l, fds, HANDOVER_FDS);

	return handover_send(edge->notify_fd, l->name, fds, n);
}

static void
give_sockets(const struct child *edge, const struct config *config)
{
	struct err err;
	bool good = true;

	for (size_t i = 0; good && i < config->nlisteners; i++)
		if (!give_listener(edge, &config->listeners[i]))
			good = err_set(&err, "a socket cannot be handed to the "
			    "edge: %s", strerror(errno));
	/* That is all, or why there is none. */
	handover_send(edge->notify_fd, good ? "ALL\n" : err.text, NULL, 0);
}

static void
give_new_sockets(struct master *m, struct child *edge)
{
	struct generation *files = NULL;
	struct err err;

	if (follow_files(m, edge, &files, &err))
		give_sockets(edge, files->config);
	else
		handover_send(edge->notify_fd, err.text, NULL, 0);
	if (files != NULL)
		generation_free(&files);
}

/* Before the edge reads the files, as they are now or, where they are broken,
 * were: it may start from copies of those.  Who is what we are reads them
 * itself. */
static void
give_keys(const struct master *m, const struct child *edge)
{
	struct generation *files = m->identity.change ?
	    read_config(m->options->config_file, NULL) : NULL;

	if (m->identity.change)
		keys_give(edge->notify_fd, ROLE_EDGE, files != NULL ?
		    files->config : m->generation->config);
	else
		lent_files_give(edge->notify_fd, NULL, 0);
	if (files != NULL)
		generation_free(&files);
}

/* Who asks the console meanwhile waits in its socket's queue. */
void
start_console(struct master *m)
{
	struct child *c = child_of_role(m, ROLE_CONSOLE);

	if (c != NULL && m->heir.fd < 0 && c->state == CHILD_WAITING &&
	    c->restarts == 0)
		c->start_ms = 0;
}

/* Not while another master reads the files: two would write one. */
static void
write_map(struct master *m, struct child *console)
{
	char answer[MAP_FILE_ANSWER];

	if (!m->map.pending && (m->successor.pid != 0 || m->heir.fd >= 0)) {
		handover_send(console->notify_fd, "MAP failed\nthe service is "
		    "being upgraded: try again when that is done", NULL, 0);
		return;
	}
	map_file_do(&m->map, m->generation->config->region_map,
	    console->line, console->came_fd, answer);
	console->came_fd = -1;
	handover_send(console->notify_fd, answer, NULL, 0);
}

static void
on_word(struct master *m, struct child *c, enum child_word word)
{
	if (c->role.kind == ROLE_CONSOLE && word == WORD_MAP)
		write_map(m, c);
	if (c->role.kind == ROLE_CONSOLE && word == WORD_UPGRADE)
		upgrade_begin(m);
	if (c->role.kind != ROLE_EDGE)
		return;
	switch (word) {
	case WORD_READY:
		if (m->stage == STAGE_STARTING)
			m->stage = STAGE_SERVING;
		start_console(m);
		upgrade_take_control(m);
		/* An heir's word is not believed yet. */
		if (m->heir.fd < 0)
			notify_manager("READY=1\nSTATUS=Serving");
		break;
	case WORD_KEYS:
		give_keys(m, c);
		break;
	case WORD_SOCKETS:
		give_new_sockets(m, c);
		break;
	case WORD_SOCKETS_FORMER:
		give_sockets(c, m->generation->config);
		break;
	case WORD_RELOADED:
		on_reloaded(m, c);
		break;
	case WORD_RELOAD_FAILED:
		/* The manager's protocol cannot say that a reload failed. */
		forget_fresh(m);
		notify_manager("READY=1\nSTATUS=Reload failed; the former "
		    "configuration is in service");
		break;
	case WORD_UPGRADE:
	case WORD_MAP:
	case WORD_NONE:
		break;
	}
}

static void
reload(struct master *m)
{
	if (m->stage >= STAGE_DRAINING) {
		log_warn("HUP: nothing is reloaded while the service ends");
		return;
	}
	notify_reloading();
	for (size_t i = 0; i < m->nchildren; i++)
		if (m->children[i]->role.kind == ROLE_EDGE)
			child_hang_up(m->children[i]);
}

static void
on_signal(struct master *m, uint32_t signo)
{
	switch (signo) {
	case SIGCHLD:
		reap(m);
		break;
	case SIGHUP:
		reload(m);
		break;
	case SIGUSR2:
		upgrade_begin(m);
		break;
	case SIGUSR1:
		for (size_t i = 0; i < m->nchildren; i++)
			child_signal(m->children[i], SIGUSR1);
		break;
	case SIGINT:
		end_at_once(m);
		break;
	case SIGTERM:
		if (m->stage >= STAGE_DRAINING)
			end_at_once(m);
		else
			begin_drain(m);
		break;
	case SIGQUIT:
		begin_drain(m);
		break;
	}
}

/* --- the loop ------------------------------------------------------------------------ */

static void
start_who_is_due(struct master *m)
{
	uint64_t now = clock_ms();

	for (size_t i = 0; i < m->nchildren; i++) {
		struct child *c = m->children[i];

		if (c->state != CHILD_WAITING || c->start_ms > now)
			continue;
		child_start(c, m->options->roles[c->role.kind],
		    &m->identity);
		rolling_started(m, c);
	}
}

static int
sooner(int wait_ms, uint64_t due_ms, uint64_t now)
{
	uint64_t left = due_ms > now ? due_ms - now : 0;

	return wait_ms < 0 || left < (uint64_t)wait_ms ? (int)left : wait_ms;
}

static int
time_to_wait(const struct master *m)
{
	uint64_t now = clock_ms();
	int wait_ms = -1;

	if (m->successor.pid != 0)
		wait_ms = sooner(wait_ms, m->successor.deadline_ms, now);
	if (rolling_due_ms(m) != 0)
		wait_ms = sooner(wait_ms, rolling_due_ms(m), now);
	if (m->kill_ms != 0)
		wait_ms = sooner(wait_ms, m->kill_ms, now);
	if (m->watchdog_ms != 0)
		wait_ms = sooner(wait_ms, m->watchdog_due_ms, now);
	for (size_t i = 0; i < m->nchildren; i++)
		if (m->children[i]->state == CHILD_WAITING)
			wait_ms = sooner(wait_ms, m->children[i]->start_ms,
			    now);
	return wait_ms;
}

static void
hear(struct master *m, struct child *c)
{
	enum child_word word;

	while ((word = child_hear(c)) != WORD_NONE)
		on_word(m, c, word);
}

static void
read_signals(struct master *m)
{
	struct signalfd_siginfo info;

	while (read(m->signal_fd, &info, sizeof(info)) == sizeof(info))
		on_signal(m, info.ssi_signo);
}

static void
wait_and_handle(struct master *m)
{
	struct pollfd fds[3 + CHILDREN_MAX] = { { .fd = m->signal_fd,
	    .events = POLLIN } };
	size_t n = m->nchildren;

	for (size_t i = 0; i < n; i++)
		fds[1 + i] = (struct pollfd){ .fd = m->children[i]->notify_fd,
		    .events = POLLIN };
	fds[1 + n] = (struct pollfd){ .fd = m->successor.fd,
	    .events = POLLIN };
	fds[2 + n] = (struct pollfd){ .fd = m->heir.fd, .events = POLLIN };
	if (poll(fds, 3 + n, time_to_wait(m)) < 0 && errno != EINTR)
		log_error("poll: %s", strerror(errno));
	for (size_t i = 0; i < n; i++)
		if (fds[1 + i].revents != 0)
			hear(m, m->children[i]);
	upgrade_look(m);
	if (fds[2 + n].revents != 0)
		upgrade_inherit(m);
	if (fds[1 + n].revents != 0)
		upgrade_hear(m);
	if (fds[0].revents != 0)
		read_signals(m);
	if (m->successor.pid != 0 && clock_ms() >= m->successor.deadline_ms)
		upgrade_too_late(m);
	if (m->kill_ms != 0 && clock_ms() >= m->kill_ms)
		kill_who_stayed(m);
	if (m->watchdog_ms != 0 && clock_ms() >= m->watchdog_due_ms) {
		m->watchdog_due_ms = clock_ms() + m->watchdog_ms;
		notify_manager("WATCHDOG=1");
	}
}

static int
open_signals(void)
{
	static const int wanted[] = { SIGCHLD, SIGHUP, SIGUSR1, SIGUSR2,
	    SIGQUIT, SIGTERM, SIGINT };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
		sigaddset(&set, wanted[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

bool
write_pid(struct master *m, struct err *err)
{
	const char *file = m->generation->config->pid_file;
	FILE *f;

	/* Another's file until all is ours. */
	if (file == NULL || m->heir.fd >= 0)
		return true;
	f = fopen(file, "we");
	if (f == NULL)
		return err_set(err, "pid_file: %s: %s", file, strerror(errno));
	m->pid_file = xstrdup(file);
	if (fprintf(f, "%ld\n", (long)getpid()) < 0 || fclose(f) != 0)
		return err_set(err, "pid_file: %s: %s", file, strerror(errno));
	return true;
}

static bool
prepare(struct master *m, struct err *err)
{
	const struct config *config = m->generation->config;

	raise_descriptor_limit();
	if (!identity_find(&m->identity, config->user, config->group, err))
		return err_wrap(err, "%s", config->file);
	if (!identity_own_dir(&m->identity, config->run_dir, err))
		return err_wrap(err, "%s: run_dir", config->file);
	if (!identity_own_dir(&m->identity, config->state_dir, err))
		return err_wrap(err, "%s: state_dir", config->file);
	if (!own_store(m, err) || !add_children(m, err))
		return false;
	inheritance_drop_rest(&m->heir);
	return write_pid(m, err);
}

static void
clean_up(struct master *m)
{
	/* Ours alone: one that stands there may be another instance's. */
	if (m->pid_file != NULL && !m->succeeded)
		unlink(m->pid_file);
	free(m->pid_file);
	free(m->program);
	successor_forget(&m->successor, true);
	inheritance_drop_rest(&m->heir);
	file_replace_keep(&m->map);
	for (size_t i = 0; i < m->nchildren; i++)
		child_free(&m->children[i]);
	generation_free(&m->generation);
	close(m->signal_fd);
}

/* Who wanted an upgrade is told, too. */
static int
fail(struct master *m, const struct err *err, int code)
{
	upgrade_refuse(m, err->text);
	if (m->generation != NULL)
		clean_up(m);
	return code;
}

int
master_run(const struct master_options *options)
{
	static struct master m;		/* large */
	struct err err;

	m = (struct master){ .options = options, .signal_fd = open_signals(),
	    .watchdog_ms = notify_watchdog_ms(), .successor = { .fd = -1 },
	    .program = upgrade_program() };
	log_name("master");
	if (!inheritance_receive(&m.heir, &err)) {
		log_error("%s", err.text);
		return fail(&m, &err, 2);
	}
	m.image = file_identity(m.program);
	m.generation = read_config(options->config_file, &err);
	if (m.generation == NULL)
		return fail(&m, &err, EXIT_FAILURE);
	log_level((enum log_level)m.generation->config->log.level);
	if (!prepare(&m, &err)) {
		log_error("%s", err.text);
		return fail(&m, &err, 2);
	}
	sandbox_enter_master(m.generation->config);
	while (!all_gone(&m)) {
		start_who_is_due(&m);
		wait_and_handle(&m);
		rolling_look(&m);
		if (m.adjust)
			adjust_engines(&m);
	}
	log_info("all ended");
	clean_up(&m);
	return m.exit_code;
}
