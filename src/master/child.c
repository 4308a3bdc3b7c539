/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "master/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "master/keys.h"
#include "master/sandbox.h"
#include "net/handover.h"
#include "net/lent_files.h"

enum { BACKOFF_FIRST_MS = 100, BACKOFF_MOST_MS = 10000,
    LIFE_THAT_COUNTS_MS = 30000 };

struct child *
child_new(enum role_kind kind, unsigned number, const char *config_file,
    const struct generation *generation)
{
	struct child *c = xcalloc(1, sizeof(*c));

	c->role.kind = kind;
	c->role.number = number;
	c->role.config_file = config_file;
	c->role.generation = generation;
	c->role.sockets = &c->sockets;
	c->role.notify_fd = -1;
	c->notify_fd = -1;
	c->came_fd = -1;
	c->backoff_ms = BACKOFF_FIRST_MS;
	if (kind == ROLE_ENGINE)
		snprintf(c->role.name, sizeof(c->role.name), "engine %s/%u",
		    generation->config->region, number);
	else
		snprintf(c->role.name, sizeof(c->role.name), "%s",
		    kind == ROLE_EDGE ? "edge" : "console");
	return c;
}

void
child_free(struct child **child)
{
	if (*child == NULL)
		return;
	sockets_close(&(*child)->sockets);
	if ((*child)->notify_fd >= 0)
		close((*child)->notify_fd);
	if ((*child)->came_fd >= 0)
		close((*child)->came_fd);
	free(*child);
	*child = NULL;
}

/* From here on we are the child: signals as a fresh process has them, no
 * descriptor but its own, no more rights than it needs. */
static _Noreturn void
execute(const char *program, const struct role *role)
{
	int fd = sockets_find(role->sockets, "engine", 0);
	char worker[96], listen[16];

	snprintf(worker, sizeof(worker), "%u %d %s", role->number,
	    role->notify_fd, role->name);
	snprintf(listen, sizeof(listen), "%d", fd);
	setenv(CHILD_WORKER, worker, 1);
	if (fcntl(fd, F_SETFD, 0) == 0 &&
	    fcntl(role->notify_fd, F_SETFD, 0) == 0)
		execl(program, program, "engine", "-c", role->config_file,
		    "--region", role->generation->config->region, "--fd",
		    listen, (char *)NULL);
	log_error("%s: cannot be executed: %s", program, strerror(errno));
	_exit(EXIT_FAILURE);
}

static _Noreturn void
live(struct role role, int (*run)(const struct role *), const char *program,
    const struct identity *identity, pid_t master)
{
	char sandbox[SANDBOX_TEXT];
	struct err err;
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_IGN);
	/* Until it listens to them: they would end it. */
	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	/* Databases of states and logs are nobody else's. */
	umask(027);
	log_name(role.name);
	/* Ctrl-C is the master's to hear, who ends us in order; */
	setpgid(0, 0);
	/* and a master that is killed takes the service down. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != master)
		_exit(EXIT_FAILURE);
	/* The edge asks for its own: a reload may change them. */
	sockets_keep_only(role.kind == ROLE_EDGE ? NULL : role.sockets,
	    role.notify_fd);
	if (!identity_assume(identity, &err)) {
		log_error("%s", err.text);
		_exit(EXIT_FAILURE);
	}
	if (program != NULL)
		execute(program, &role);
	if (!sandbox_enter(&role, sandbox, &err)) {
		log_error("%s", err.text);
		_exit(EXIT_FAILURE);
	}
	role.sandbox = sandbox;
	log_info("sandbox: %s", sandbox);
	/* Changing identity clears it. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	exit(run(&role));
}

void
child_start(struct child *child, int (*run)(const struct role *),
    const struct identity *identity)
{
	pid_t master = getpid();
	int ends[2];

	must(child->pid == 0);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0, ends) != 0) {
		log_error("%s: no socket to it: %s; trying again",
		    child->role.name, strerror(errno));
		child->start_ms = clock_ms() + child->backoff_ms;
		return;
	}
	child->ready = child->hang_up = false;
	child->role.was_ready = child->was_ready;
	child->role.notify_fd = ends[1];
	/* They wait for it there; the edge asks for its own. */
	if (identity->change && child->role.kind != ROLE_EDGE)
		keys_give(ends[0], child->role.kind,
		    child->role.generation->config);
	child->pid = fork();
	if (child->pid == 0)
		live(child->role, run, child->program, identity, master);
	close(ends[1]);
	if (child->notify_fd >= 0)
		close(child->notify_fd);
	child->notify_fd = ends[0];
	child->start_ms = clock_ms();
	if (child->pid < 0) {
		log_error("%s: cannot be forked: %s; trying again",
		    child->role.name, strerror(errno));
		child->pid = 0;
		child->start_ms += child->backoff_ms;
		return;
	}
	child->state = CHILD_RUNNING;
	log_info("%s is process %ld", child->role.name, (long)child->pid);
}

void
child_signal(const struct child *child, int signo)
{
	if (child->pid > 0)
		kill(child->pid, signo);
}

void
child_hang_up(struct child *child)
{
	if (child->ready)
		child_signal(child, SIGHUP);
	else
		child->hang_up = true;
}

static enum child_word
understand(const char *line)
{
	if (strcmp(line, "SOCKETS\n") == 0)
		return WORD_SOCKETS;
	if (strcmp(line, "SOCKETS former\n") == 0)
		return WORD_SOCKETS_FORMER;
	if (strcmp(line, LENT_FILES_WORD) == 0)
		return WORD_KEYS;
	if (strcmp(line, "READY\n") == 0)
		return WORD_READY;
	if (strcmp(line, "UPGRADE\n") == 0)
		return WORD_UPGRADE;
	if (strncmp(line, "MAP ", 4) == 0)
		return WORD_MAP;
	if (strcmp(line, "RELOAD ok\n") == 0)
		return WORD_RELOADED;
	if (strcmp(line, "RELOAD failed\n") == 0)
		return WORD_RELOAD_FAILED;
	return WORD_NONE;
}

/* With at most one descriptor, and that of the console alone. */
static ssize_t
read_line(struct child *child)
{
	int fds[HANDOVER_FDS], count;
	ssize_t n = handover_read(child->notify_fd, child->line, fds, &count);

	if (child->came_fd >= 0)
		close(child->came_fd);
	child->came_fd = -1;
	if (n >= 0 && count == 1 && child->role.kind == ROLE_CONSOLE)
		child->came_fd = fds[--count];
	while (count > 0)
		close(fds[--count]);
	return n;
}

/* Each packet is one line. */
enum child_word
child_hear(struct child *child)
{
	enum child_word word;
	ssize_t n;

	while (child->notify_fd >= 0 && (n = read_line(child)) >= 0) {
		if (n == 0) {
			close(child->notify_fd);
			child->notify_fd = -1;
			return WORD_NONE;
		}
		word = understand(child->line);
		if (word == WORD_READY) {
			child->ready = child->was_ready = true;
			if (child->hang_up)
				child_signal(child, SIGHUP);
			child->hang_up = false;
		}
		if (word != WORD_NONE)
			return word;
	}
	return WORD_NONE;
}

static void
log_end(const struct child *child, int status)
{
	if (WIFSIGNALED(status))
		log_error("%s (process %ld) was ended by signal %d (%s)",
		    child->role.name, (long)child->pid, WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	else if (child->state == CHILD_RUNNING || WEXITSTATUS(status) != 0)
		log_error("%s (process %ld) ended with code %d",
		    child->role.name, (long)child->pid, WEXITSTATUS(status));
	else
		log_info("%s (process %ld) has ended", child->role.name,
		    (long)child->pid);
}

void
child_ended(struct child *child, int status)
{
	uint64_t now = clock_ms();

	log_end(child, status);
	child->pid = 0;
	if (child->state == CHILD_ENDING) {
		child->state = CHILD_GONE;
		return;
	}
	if (now - child->start_ms > LIFE_THAT_COUNTS_MS)
		child->backoff_ms = BACKOFF_FIRST_MS;
	child->state = CHILD_WAITING;
	child->start_ms = now + child->backoff_ms;
	child->restarts++;
	child->backoff_ms *= 2;
	if (child->backoff_ms > BACKOFF_MOST_MS)
		child->backoff_ms = BACKOFF_MOST_MS;
}

void
child_log_restart(const struct child *child)
{
	uint64_t now = clock_ms();

	log_info("%s starts again in %llu ms", child->role.name,
	    (unsigned long long)(child->start_ms > now ?
	    child->start_ms - now : 0));
}
