/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Inside the master: what its files share.
 */
#ifndef MASTER_PRIVATE_H
#define MASTER_PRIVATE_H

#include "master/child.h"
#include "master/map_file.h"
#include "master/upgrade.h"

enum {
	CHILDREN_MAX = 2 + CONFIG_EMBEDDED_MAX,	/* edge, console, engines */
	KILL_GRACE_MS = 5000,		/* after drain_ms, before SIGKILL */
};

enum stage {
	STAGE_STARTING,			/* the edge was never ready yet */
	STAGE_SERVING,
	STAGE_DRAINING,			/* the edge drains; the rest still serves */
	STAGE_ENDING,			/* the rest was asked to end */
};

struct master {
	const struct master_options *options;
	struct generation *generation;
	struct identity	 identity;
	struct child	*children[CHILDREN_MAX];
	size_t		 nchildren;
	enum stage	 stage;
	int		 signal_fd;
	char		*program;	/* what an upgrade executes */
	struct file_identity image;	/* of that file when we were started */
	char		*pid_file;	/* as written; NULL: none */
	uint64_t	 kill_ms;	/* monotonic; 0: nobody is to be killed */
	uint64_t	 watchdog_ms, watchdog_due_ms;
	bool		 adjust;	/* engines may be too many or too few; done
					   between two turns, when nobody walks
					   through the children */
	struct inheritance heir;	/* of the master before us, until we serve */
	struct successor successor;	/* of the master after us, until it serves */
	bool		 succeeded;	/* it does */
	struct replaced	 map;		/* written, but not known to be good yet */
	int		 exit_code;
};

/* --- master.c ------------------------------------------------------------- */

/* Only what the master itself needs; the edge reads everything, and judges.
 * NULL, with *why unless that is NULL, which is also written to stderr: at
 * the start nobody else tells what is wrong. */
struct generation *read_config(const char *file, struct err *why);
void end_child(struct child *c);
bool write_pid(struct master *m, struct err *err);

/* --- children.c ----------------------------------------------------------- */

/* All that the configuration wants, with their sockets; nobody runs yet. */
bool children_add(struct master *m, struct err *err);
/* As many engine workers as it wants now: more are started, the ones too many
 * drain, and who is gone is forgotten. */
void children_adjust(struct master *m);
bool children_gone(const struct master *m);
/* What was opened for a reload that did not come about. */
void children_forget_fresh(struct master *m);
/* NULL: there is none. */
struct child *child_by_pid(struct master *m, pid_t pid);
struct child *child_of_role(const struct master *m, enum role_kind kind);
/* Sockets that the file system shows, and the directory where the embedded
 * workers keep states, belong to whom the children become. */
void own_socket_files(struct master *m, const struct config *config,
    const struct child *c);
bool own_store(struct master *m, struct err *err);

/* --- words.c -------------------------------------------------------------- */

/* It can be heard: does what it asks for. */
void child_speaks(struct master *m, struct child *c);
/* Who asks the console meanwhile waits in its socket's queue. */
void start_console(struct master *m);

/* --- rolling.c ------------------------------------------------------------ */

/* A reload is in service: who has changed is to be replaced. */
void rolling_begin(struct master *m);

/* Between two turns: takes the next step, if it is time. */
void rolling_look(struct master *m);

/* It has just been started. */
void rolling_started(const struct master *m, struct child *c);

/* It has ended: whether it was to replace another, and is not tried again. */
bool rolling_failed(struct child *c);

/* When to look at the latest; 0: nothing is under way. */
uint64_t rolling_due_ms(const struct master *m);

/* --- succession.c --------------------------------------------------------- */

/* USR2, or the console asks. */
void upgrade_begin(struct master *m);

/* When the successor's, or the predecessor's, socket is readable. */
void upgrade_hear(struct master *m);
void upgrade_inherit(struct master *m);

/* The successor's process has ended; its time is up. */
void upgrade_ended(struct master *m, int status);
void upgrade_too_late(struct master *m);

/* While the service ends: there is to be no successor. */
void upgrade_cancel(struct master *m);

/* Tells the predecessor as soon as edge and engines are ready. */
void upgrade_look(struct master *m);

/* We shall not serve; why goes to whoever wanted the upgrade. */
void upgrade_refuse(struct master *m, const char *why);

/* The edge's control socket gets its name, once nobody else needs that. */
void upgrade_take_control(const struct master *m);

#endif
