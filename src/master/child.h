/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * One child process: started, watched, started again after a crash, ended.
 */
#ifndef MASTER_CHILD_H
#define MASTER_CHILD_H

#include <sys/types.h>

#include "conf/watch.h"
#include "master/master.h"
#include "master/privileges.h"
#include "net/handover.h"

enum child_state {
	CHILD_WAITING,			/* to be started at start_ms */
	CHILD_RUNNING,
	CHILD_ENDING,			/* was asked to drain */
	CHILD_GONE,			/* and is to stay so */
};

/* Of all its lines, what the master needs to know. */
enum child_word {
	WORD_NONE,
	WORD_READY,
	WORD_SOCKETS,			/* the edge asks for its listeners ... */
	WORD_SOCKETS_FORMER,		/* ... of the files that were in service */
	WORD_KEYS,			/* it asks for what only root may read */
	WORD_RELOADED,
	WORD_RELOAD_FAILED,
	WORD_UPGRADE,			/* the console was asked for it */
	WORD_MAP,			/* or for another region map: its line */
};

struct child {
	struct role	 role;
	struct sockets	 sockets;
	enum child_state state;
	bool		 ready;		/* has said so since it was started */
	bool		 was_ready;	/* ... or in an earlier life */
	bool		 hang_up;	/* HUP came before it was ready */
	pid_t		 pid;		/* 0: none */
	int		 notify_fd;	/* our end, -1: none */
	char		 line[HANDOVER_TEXT];	/* the last one */
	int		 came_fd;	/* with it; -1: none */
	uint64_t	 start_ms;	/* monotonic: when to start, or started */
	uint64_t	 backoff_ms;
	unsigned	 restarts;

	/* An engine worker's (rolling.c). */
	const char	*program;	/* to be executed; NULL: this one goes on */
	struct file_identity image;	/* of its program, when it was started */
	uint64_t	 setup;		/* of what it was started with */
	bool		 to_replace;	/* as soon as it is its turn */
	struct child	*replaces;	/* until it is ready; NULL: nobody */
	uint64_t	 ready_by_ms;
};

struct child *child_new(enum role_kind kind, unsigned number,
    const char *config_file, const struct generation *generation);
void child_free(struct child **child);

/* Forks; the child runs run(role) as identity and exits with its value.  An
 * engine worker with a program executes that instead (CHILD_WORKER). */
#define CHILD_WORKER "PORTOLAN_WORKER"	/* its number, notify_fd and name */

void child_start(struct child *child, int (*run)(const struct role *),
    const struct identity *identity);

void child_signal(const struct child *child, int signo);

/* HUP, now or as soon as it is ready: while it reads its files for the first
 * time it cannot tell whether they were changed before or after. */
void child_hang_up(struct child *child);

/* The next word that it wrote; WORD_NONE when there is no more. */
enum child_word child_hear(struct child *child);

/*
 * It has ended with this wait status: logs it, and plans the next start with
 * back-off (100 ms, doubling to 10 s, forgotten after 30 s of life).  Whether
 * there is to be one the caller knows, who logs that.
 */
void child_ended(struct child *child, int status);
void child_log_restart(const struct child *child);

#endif
