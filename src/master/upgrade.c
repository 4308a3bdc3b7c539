/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "master/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "base/slice.h"
#include "net/handover.h"

enum { RECEIVE_MS = 10000 };		/* the old one sends at once */

static const char *const role_names[ROLES] = { [ROLE_EDGE] = "edge",
    [ROLE_ENGINE] = "engine", [ROLE_CONSOLE] = "console" };

/* --- the old one's side --------------------------------------------------- */

char *
upgrade_program(void)
{
	const char *called = program_invocation_name;
	char path[4096], cwd[4096];
	ssize_t n;

	if (called[0] == '/')
		return xstrdup(called);
	if (strchr(called, '/') != NULL && getcwd(cwd, sizeof(cwd)) != NULL &&
	    snprintf(path, sizeof(path), "%s/%s", cwd, called) <
	    (int)sizeof(path))
		return xstrdup(path);
	n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	return xstrdup(n > 0 ? path : called);
}

/* In the new process: nothing of ours but its end of the socket. */
static _Noreturn void
become(const char *program, const char *config_file, int fd)
{
	char number[16], pid[16], text[HANDOVER_TEXT];
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	snprintf(number, sizeof(number), "%d", fd);
	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	setenv(UPGRADE_VARIABLE, number, 1);
	/* The service manager's watchdog is the new one's to feed. */
	if (getenv("WATCHDOG_PID") != NULL)
		setenv("WATCHDOG_PID", pid, 1);
	sockets_keep_only(NULL, fd);
	if (fcntl(fd, F_SETFD, 0) == 0)
		execl(program, program, "run", "-c", config_file,
		    (char *)NULL);
	snprintf(text, sizeof(text), "FAILED\n%s: cannot be executed: %s",
	    program, strerror(errno));
	handover_send(fd, text, NULL, 0);
	_exit(126);
}

bool
successor_start(struct successor *s, const char *program,
    const char *config_file, struct err *err)
{
	int ends[2];

	must(s->pid == 0);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0, ends) != 0)
		return err_set(err, "no socket to a new process: %s",
		    strerror(errno));
	s->pid = fork();
	if (s->pid == 0)
		become(program, config_file, ends[1]);
	close(ends[1]);
	if (s->pid < 0) {
		s->pid = 0;
		close(ends[0]);
		return err_set(err, "no new process: %s", strerror(errno));
	}
	s->fd = ends[0];
	s->why.text[0] = '\0';
	s->deadline_ms = clock_ms() + UPGRADE_MS;
	return true;
}

static bool
same_listener(const struct socket_entry *a, const struct socket_entry *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->at, b->at) == 0 &&
	    a->handed == b->handed;
}

/* Those from first on that are one listener's, in one packet. */
static bool
give_listener(const struct successor *s, enum role_kind kind,
    const struct sockets *all, size_t first, size_t *count)
{
	const struct socket_entry *e = &all->list[first];
	char text[HANDOVER_TEXT];
	int fds[HANDOVER_FDS];
	size_t n = 0;

	while (n < HANDOVER_FDS && first + n < all->count &&
	    same_listener(e, &all->list[first + n])) {
		fds[n] = all->list[first + n].fd;
		n++;
	}
	*count = n;
	snprintf(text, sizeof(text), "%s\n%u\n%s\n%s", role_names[kind],
	    e->handed, e->name, e->at);
	return handover_send(s->fd, text, fds, n);
}

bool
successor_give(const struct successor *s, enum role_kind kind,
    const struct sockets *sockets)
{
	size_t n;

	for (size_t i = 0; i < sockets->count; i += n)
		if (!give_listener(s, kind, sockets, i, &n))
			return false;
	return true;
}

bool
successor_give_end(const struct successor *s, unsigned threads)
{
	char text[32];

	snprintf(text, sizeof(text), "END\n%u", threads);
	return handover_send(s->fd, text, NULL, 0);
}

enum successor_word
successor_hear(struct successor *s)
{
	char text[HANDOVER_TEXT];
	int fds[HANDOVER_FDS];
	int n = handover_receive(s->fd, text, fds, 0);

	/* Its end: how it ended, its status tells. */
	if (n < 0) {
		close(s->fd);
		s->fd = -1;
		return SUCCESSOR_NOTHING;
	}
	while (n > 0)
		close(fds[--n]);
	if (strcmp(text, "SERVING") == 0)
		return SUCCESSOR_SERVES;
	if (strncmp(text, "FAILED\n", 7) != 0)
		return SUCCESSOR_NOTHING;
	err_set(&s->why, "%s", text + 7);
	return SUCCESSOR_FAILED;
}

bool
successor_leave_all(const struct successor *s)
{
	return handover_send(s->fd, "YOURS", NULL, 0);
}

void
successor_forget(struct successor *s, bool kill_it)
{
	if (kill_it && s->pid > 0)
		kill(s->pid, SIGKILL);
	if (s->fd >= 0)
		close(s->fd);
	*s = (struct successor){ .fd = -1 };
}

/* --- the new one's side --------------------------------------------------- */

static bool
next_line(struct slice *text, char *line, size_t size)
{
	struct slice part;

	if (!slice_split(text, '\n', &part) || part.len >= size)
		return false;
	memcpy(line, part.p, part.len);
	line[part.len] = '\0';
	return true;
}

static bool
take_listener(struct inheritance *in, struct slice text, const int *fds,
    int count)
{
	char role[16], handed[4], name[SOCKET_NAME_MAX], at[ENDPOINT_TEXT];

	if (!next_line(&text, role, sizeof(role)) ||
	    !next_line(&text, handed, sizeof(handed)) ||
	    !next_line(&text, name, sizeof(name)) ||
	    !next_line(&text, at, sizeof(at)))
		return false;
	for (size_t kind = 0; kind < ROLES; kind++)
		if (strcmp(role, role_names[kind]) == 0)
			return sockets_lend(&in->sockets[kind], name, at, fds,
			    (size_t)count, handed[0] == '1');
	return false;
}

static bool
receive_all(struct inheritance *in, struct err *err)
{
	char text[HANDOVER_TEXT];
	int fds[HANDOVER_FDS], n;
	uint64_t threads;

	while ((n = handover_receive(in->fd, text, fds, RECEIVE_MS)) > 0)
		if (!take_listener(in, slice_of(text), fds, n))
			return err_set(err, "the running master gives sockets "
			    "that this program does not understand");
	if (n < 0 || strncmp(text, "END\n", 4) != 0 ||
	    !slice_to_u64(slice_of(text + 4), &threads) ||
	    threads > CONFIG_THREADS_MAX)
		return err_set(err, "the running master did not give all of "
		    "its sockets");
	in->threads = (unsigned)threads;
	return true;
}

bool
inheritance_receive(struct inheritance *in, struct err *err)
{
	const char *number = getenv(UPGRADE_VARIABLE);
	uint64_t fd;

	in->fd = -1;
	if (number == NULL)
		return true;
	if (!slice_to_u64(slice_of(number), &fd) || fd > INT32_MAX ||
	    fcntl((int)fd, F_SETFD, FD_CLOEXEC) != 0)
		return err_set(err, UPGRADE_VARIABLE "=%s is not a socket of a "
		    "running master; it is set by an upgrade alone", number);
	in->fd = (int)fd;
	unsetenv(UPGRADE_VARIABLE);
	return receive_all(in, err);
}

void
inheritance_tell(const struct inheritance *in, const char *word,
    const char *why)
{
	char text[HANDOVER_TEXT];

	if (in->fd < 0)
		return;
	snprintf(text, sizeof(text), "%s%s%s", word, why == NULL ? "" : "\n",
	    why == NULL ? "" : why);
	if (!handover_send(in->fd, text, NULL, 0))
		log_warn("the master before this one does not listen");
}

bool
inheritance_is_ours(struct inheritance *in)
{
	char text[HANDOVER_TEXT];
	int fds[HANDOVER_FDS];
	int n = handover_receive(in->fd, text, fds, 0);

	if (n >= 0 && strcmp(text, "YOURS") != 0)
		return false;
	if (n < 0)
		log_warn("the master before this one has ended without a word; "
		    "this one goes on");
	close(in->fd);
	in->fd = -1;
	return true;
}

void
inheritance_drop_rest(struct inheritance *in)
{
	for (size_t kind = 0; kind < ROLES; kind++)
		sockets_close(&in->sockets[kind]);
}
