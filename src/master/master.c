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
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/gentle.h"
#include "base/log.h"
#include "master/notify.h"
#include "master/sandbox.h"

/* --- reading the files ------------------------------------------------------- */

struct reading {
	const char	*file;
	struct generation *generation;
	struct mistakes	 mistakes;
};

static void
read_pure(void *arg)
{
	struct reading *r = arg;

	r->generation = generation_load(r->file, LOAD_PURE, NULL,
	    &r->mistakes);
}

struct generation *
read_config(const char *file, struct err *why)
{
	struct reading r = { .file = file };
	struct buf text = { 0 };

	mistakes_init(&r.mistakes);
	gentle_do(read_pure, &r);
	if (r.generation == NULL && why != NULL) {
		mistakes_print(&r.mistakes, &text);
		err_set(why, "%s", buf_cstr(&text));
		fputs(buf_cstr(&text), stderr);
	}
	buf_fini(&text);
	mistakes_fini(&r.mistakes);
	return r.generation;
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

static void
give_up_start(struct master *m, struct child *c, int status)
{
	m->exit_code = WEXITSTATUS(status) == 0 ? EXIT_FAILURE :
	    WEXITSTATUS(status);	/* 0 after a signal */
	c->state = CHILD_GONE;
	/* Of an heir this is told where it is refused. */
	if (m->heir.fd < 0)
		log_error("%s could not begin, so the service ends; what it "
		    "wrote before this says why", c->role.name);
	refuse_upgrade(m, c);
	end_the_rest(m);
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
		children_forget_fresh(m);
	if (refused) {
		give_up_start(m, c, status);
	} else if (edge && m->stage == STAGE_DRAINING) {
		end_the_rest(m);
	}
	/* Whoever ends well by itself while all are to end has heard of it. */
	if (c->state == CHILD_WAITING && (m->stage == STAGE_ENDING ||
	    (m->stage == STAGE_DRAINING && WIFEXITED(status) &&
	    WEXITSTATUS(status) == 0)))
		c->state = CHILD_GONE;
	if (c->state == CHILD_WAITING)
		child_log_restart(c);
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
			child_speaks(m, m->children[i]);
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

/*
 * It may stand in run_dir, where whoever runs as the service's user can put a
 * link to a file of root's, and we are root: that would be emptied.
 */
static int
open_pid_file(const char *file, struct err *err)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW |
	    O_NONBLOCK, 0644);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_nlink == 1 && ftruncate(fd, 0) == 0)
		return fd;
	if (fd >= 0 || errno == ELOOP || errno == ENXIO)
		err_set(err, "pid_file: %s: is a link, or no plain file; it "
		    "is not written to: remove it", file);
	else
		err_set(err, "pid_file: %s: %s", file, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

bool
write_pid(struct master *m, struct err *err)
{
	const char *file = m->generation->config->pid_file;
	int fd;

	/* Another's file until all is ours. */
	if (file == NULL || m->heir.fd >= 0)
		return true;
	fd = open_pid_file(file, err);
	if (fd < 0)
		return false;
	m->pid_file = xstrdup(file);
	if (dprintf(fd, "%ld\n", (long)getpid()) < 0 || close(fd) != 0)
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
	if (!own_store(m, err) || !children_add(m, err))
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
	while (!children_gone(&m)) {
		start_who_is_due(&m);
		wait_and_handle(&m);
		rolling_look(&m);
		if (m.adjust)
			children_adjust(&m);
	}
	log_info("all ended");
	clean_up(&m);
	return m.exit_code;
}
