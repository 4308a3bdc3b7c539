/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The master process: opens the listening sockets, starts the edge, the
 * engine workers and the console as processes of their own, starts again what
 * crashes, and passes signals on.  It answers no requests and holds no rule;
 * what the roles do is handed in by the caller.
 *
 *	HUP	reload: the edge builds a new generation; engines follow when
 *		it is in service
 *	USR1	reopen logs
 *	USR2	start the program anew, hand it the sockets, and end when it
 *		serves (master/upgrade.h)
 *	QUIT	drain and end; TERM the same, a second one or INT at once
 */
#ifndef MASTER_MASTER_H
#define MASTER_MASTER_H

#include "conf/generation.h"
#include "master/sockets.h"

enum role_kind { ROLE_EDGE, ROLE_ENGINE, ROLE_CONSOLE, ROLES };

/* What a child is told; good for its whole life. */
struct role {
	enum role_kind	 kind;
	unsigned	 number;	/* of an engine worker */
	char		 name[48];	/* "edge", "engine GB/0", "console" */
	const char	*config_file;
	/* As the master read the files when it started this child. */
	const struct generation *generation;
	const struct sockets *sockets;	/* its own alone */
	const char	*sandbox;	/* what it has given up, in words */
	unsigned	 threads;	/* of the edge: so many sockets a listener */
	bool		 alone;		/* an engine without a master, with TLS */
	bool		 was_ready;	/* in an earlier life, which crashed */
	bool		 heir;		/* others serve on the same sockets until
					   this one is ready; its control socket
					   is NAME.new till then */
	/*
	 * Lines for the master, a packet each: "READY", "RELOAD ok", "RELOAD
	 * failed", and "SOCKETS" (or "SOCKETS former": of the files in service,
	 * whatever they are now), which is answered with a packet for each
	 * listener that the files name, its name and its sockets
	 * (net/handover.h), and last one without sockets: "ALL", or what is
	 * wrong.  "KEYS" is answered with the files that only root may read
	 * (net/lent_files.h); engines and the console get theirs unasked,
	 * when they are started and before each HUP.  The console's "UPGRADE"
	 * is answered with "UPGRADE ok" or "UPGRADE failed" and a sentence.
	 */
	int		 notify_fd;
};

struct master_options {
	const char	*config_file;
	const char	*control_socket;	/* the edge's, in run_dir */
	/* A child's whole life, by enum role_kind; returns the exit code. */
	int		(*roles[ROLES])(const struct role *role);
};

/* Until the service ends; returns the exit code.  Mistakes in the
 * configuration are printed on standard error. */
int master_run(const struct master_options *options);

#endif
