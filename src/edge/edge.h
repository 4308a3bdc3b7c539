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

/* A listening socket that was opened for us, by the name of its listener. */
struct edge_socket {
	const char	*name;
	int		 fd;		/* becomes the edge's */
};

struct edge_options {
	const char	*config_file;
	/* Several sockets of one name are dealt out to the workers; a listener
	 * without any is bound here. */
	const struct edge_socket *sockets;
	size_t		 nsockets;
	int		 notify_fd;	/* gets the lines "READY" once the listeners
					   accept, "RELOAD ok" and "RELOAD failed";
					   -1: nobody asks */
};

/* How many workers this configuration asks for: so many sockets a listener
 * make each worker have its own. */
unsigned edge_threads(const struct config *config);

/* Serves until told to end.  0: drained; 1: the configuration is not good
 * or a socket cannot be opened, which has been logged. */
int edge_main(const struct edge_options *options);

/* Where the control socket stands, below config->run_dir. */
#define EDGE_CONTROL_SOCKET "edge.sock"

#endif
