/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The console process: health, metrics and administration on a listener of
 * their own, so that they answer however busy, or dead, the edge is.  What
 * only the edge knows is asked of it through RUN_DIR/edge.sock.
 *
 * What changes something is for the admin UNIX socket, whose file mode says
 * who may, and for those certificates on the TCP listener that are named for
 * it (rights.c).
 */
#ifndef CONSOLE_CONSOLE_H
#define CONSOLE_CONSOLE_H

#include "conf/config.h"

struct console_options {
	const struct config *config;
	const char	*edge_socket;	/* path */
	int		 tcp_fd, admin_fd, reader_fd;	/* listening; -1: none */
	int		 notify_fd;	/* to the master, which gets "READY\n" and
					   is asked for upgrades (master/master.h);
					   -1: nobody */
};

/* Until TERM, QUIT or INT; returns the exit code. */
int console_main(const struct console_options *options);

#endif
