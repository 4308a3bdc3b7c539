/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The edge of one region, as a process: a control thread, which loads
 * configurations, probes upstreams and answers the control socket, and a
 * worker thread per core, which serve.
 *
 * Signals: HUP reloads, USR1 reopens the access log, QUIT and TERM drain and
 * end within timeouts.drain, a second TERM (or INT) ends at once.
 */
#ifndef EDGE_EDGE_H
#define EDGE_EDGE_H

#include <stddef.h>

#include "conf/config.h"

struct edge_options {
	const char	*config_file;
	unsigned	 threads;	/* workers; 0: as many as it says */
	int		 notify_fd;	/* to the master, which holds the listening
					   sockets (handed.h) and gets the lines
					   "READY" once they accept, "RELOAD ok"
					   and "RELOAD failed"; -1: nobody, the
					   edge binds them itself */
	/* After a crash: where copies of the last good files are, if those of
	 * now are broken; else NULL. */
	const char	*state_dir;
	const char	*sandbox;	/* for the status: what was given up; NULL:
					   nothing */
	bool		 heir;		/* another edge serves on the same sockets:
					   nothing is accepted until it is known who
					   stands behind; the control socket is
					   EDGE_CONTROL_SOCKET ".new" */
};

/* Serves until told to end.  0: drained; 1: the configuration is not good
 * or a socket cannot be opened, which has been logged. */
int edge_main(const struct edge_options *options);

/* Where the control socket stands, below config->run_dir. */
#define EDGE_CONTROL_SOCKET "edge.sock"

#endif
