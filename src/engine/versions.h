/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Snapshots of flows in memory: read when somebody runs them, and kept for
 * whoever comes next.
 *
 * One thread, that of the engine's loop.
 */
#ifndef ENGINE_VERSIONS_H
#define ENGINE_VERSIONS_H

#include "base/hash.h"
#include "base/list.h"
#include "engine/metadata.h"

struct versions {
	struct store	*store;
	struct map	*all;		/* by key: those that may be taken */
	struct list	 idle;		/* that nobody holds, oldest first */
	size_t		 nidle, idle_bytes;
};

void versions_init(struct versions *versions, struct store *store);
/* With what is held still, too. */
void versions_fini(struct versions *versions);

/* Held until it is given back; NULL with *err if it is not there or cannot be
 * had.  May wait. */
struct stored_version *versions_take(struct versions *versions,
    const char *key, struct err *err);
void versions_give(struct versions *versions, struct stored_version *v);

/* Its document has changed: who holds it goes on with what it was, and who
 * wants it next has it read anew. */
void versions_forget(struct versions *versions, const char *key);

#endif
