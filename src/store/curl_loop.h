/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * libcurl's multi interface on our loop: it says which sockets and which time
 * it waits for, and is told when they are there.
 *
 * One thread, the loop's.
 */
#ifndef STORE_CURL_LOOP_H
#define STORE_CURL_LOOP_H

#include <curl/curl.h>

#include "base/list.h"
#include "net/loop.h"

struct curl_loop {
	struct loop	*loop;
	CURLM		*multi;		/* handles are added and removed there */
	struct timer	 timer;
	struct task	 now;		/* instead of the timer: it has no time to lose */
	struct list	 sockets;	/* that curl wants watched */
	void		(*moved)(struct curl_loop *);
};

/* moved is called from the loop, whenever exchanges may have ended: it is to
 * ask for curl's messages. */
void curl_loop_init(struct curl_loop *c, struct loop *loop,
    void (*moved)(struct curl_loop *));
/* Its handles have been removed before. */
void curl_loop_fini(struct curl_loop *c);

#endif
