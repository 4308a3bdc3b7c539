/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Addresses of hosts that logs and spans go to by name.  The system's resolver
 * blocks, and one name that hangs must not hold up the lines of others: a
 * thread of its own asks, one name after the other.  What was found last stays
 * good until something else is.
 */
#ifndef EDGE_LOG_NAMES_H
#define EDGE_LOG_NAMES_H

#include <stdint.h>

#include "base/addr.h"

enum { LOG_NAMES_MAX = 64, LOG_NAMES_AGAIN_MS = 30000 };

enum log_name {
	LOG_NAME_ASKED,			/* an answer will come */
	LOG_NAME_FOUND,
	LOG_NAME_UNKNOWN,		/* and is asked for again in a while */
};

struct log_names;

/* answered is called by the asking thread, whenever something is known anew;
 * ask is getaddrinfo(3), or a test's: false with a reason. */
struct log_names *log_names_new(void (*answered)(void *arg), void *arg,
    bool (*ask)(const char *name, struct addr *addr, char why[128]),
    uint64_t again_ms);

/* Silence from now on; a question that hangs is left to itself. */
void log_names_free(struct log_names **names);

/* Never waits.  An answer that is older than again_ms is good, but asked for
 * again.  why: of UNKNOWN. */
enum log_name log_names_find(struct log_names *names, const char *name,
    struct addr *addr, char why[128]);

bool log_names_ask_system(const char *name, struct addr *addr, char why[128]);

#endif
