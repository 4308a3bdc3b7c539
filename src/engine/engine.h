/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * An engine worker: one process that runs flows.  It answers the Run API on
 * one socket (from the edge, or from whoever can reach it), holds no public
 * listener, and keeps states in the store of its region.
 *
 * One thread, one loop, and a fiber for each call, which waits while the store
 * works: a region that needs more starts more workers, which share the
 * store.
 *
 * Signals: HUP reads configuration and flows anew, QUIT and TERM drain and
 * end within timeouts.drain, a second TERM (or INT) ends at once.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "base/err.h"

struct engine_options {
	const char	*config_file;
	const char	*region;	/* the region it stands in; NULL: config's */
	unsigned	 number;	/* of this worker in its region; for logs */
	int		 listen_fd;	/* becomes the engine's; -1: bind socket */
	const char	*socket;	/* path of a UNIX socket, when listen_fd is -1 */
	const char	*listen;	/* or an address and port, with TLS */
	const char	*store_dir;	/* NULL: those of the configuration */
	const char	*flows_dir;
	int		 notify_fd;	/* gets the lines "READY", "RELOAD ok" and
					   "RELOAD failed"; -1: nobody asks */
};

/* Serves until told to end.  0: drained; 1: configuration, store or socket
 * are not good, which has been logged. */
int engine_main(const struct engine_options *options);

#endif
