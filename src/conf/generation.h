/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * One immutable set of everything a decision reads, built from the files,
 * swapped whole and atomically.  A request finishes under the generation it
 * began with; the last holder gone, the control thread frees it.
 */
#ifndef CONF_GENERATION_H
#define CONF_GENERATION_H

#include <stdatomic.h>

#include "conf/config.h"
#include "conf/expectations.h"
#include "conf/last_good.h"
#include "conf/mistakes.h"
#include "conf/replace_file.h"
#include "net/tls.h"
#include "policy/decide.h"

struct generation {
	uint64_t	 id;		/* 1, 2, ... in this process */
	const struct config *config;
	struct policy	 policy;
	struct slice	 map_text;	/* the region map as it was read */
	char		 map_revision[REVISION_TEXT];	/* of that */
	const struct client_trust *trust;
	uint16_t	 tls_ports[REGIONS_MAX];	/* of edges, for clients of
					   policy.in_region that are passed on */
	struct tls_context *link_client;	/* NULL: no link */
	struct tls_context *engine_client;	/* to engines on other machines; NULL: as
					   over the link */
	struct tls_context *console_tls;	/* only looked at here; NULL: plain */
	struct tls_context *const *listener_tls;	/* by config->listeners; NULL: plain */
	uint64_t	 restrictions_read_ms;	/* monotonic: when last known good */
	uint64_t	 loaded_unix_ms;
	atomic_int	 holders;	/* one per worker that may read it, and
					   the control thread's own */
	struct arena	*arena;
	struct geo_table *geo;
	const struct expectations *expectations;	/* never NULL */
	struct database	*database;	/* shared by generations; NULL: none */
	const struct mmdb *db;		/* the one in it, for mmdb_info(); or NULL */
	struct files_read *files;	/* what it was read from */
	bool		 from_copies;	/* of the last good one's: files are broken */
	const char	*database_held;	/* why the file's newer database is not
					   in service; NULL: it is */
};

/* What to look at: --full of check, and every real start. */
enum load_depth {
	LOAD_PURE,			/* configuration files only: no database, no
					   certificates, no network, no root */
	LOAD_KEYS,			/* and the key of the flow tags: what an
					   engine needs, who mints state ids */
	LOAD_DECISIONS,			/* and the database; expected addresses are
					   not tried, so that they can be explained */
	LOAD_FULL,
};

/*
 * Reads everything the file names.  NULL with every mistake of every file in
 * *mistakes (warnings may be there beside a generation too).  before: the one
 * in service, for the database guard and for lost regions, whose
 * successors stay, or NULL.  Where only the database is
 * held back by the guard or unreadable, and before has one, the generation
 * keeps before's database and a warning says so.  Any one thread.
 */
struct generation *generation_load(const char *file, enum load_depth depth,
    const struct generation *before, struct mistakes *mistakes);

/* The same as a full load would be with these bytes as the region map: what
 * would come of writing them. */
struct generation *generation_load_candidate(const char *file,
    const struct generation *before, struct slice map,
    struct mistakes *mistakes);

/*
 * The same from the copies of the last generation that was in service
 * (conf/last_good.h), but for certificates and keys, which are those of now.
 * For an edge that crashed while the files are broken.
 */
struct generation *generation_load_copies(const char *file,
    const struct last_good *copies, struct mistakes *mistakes);

/* The key of the flow tags, from the file that policy.flow_tag_key names;
 * zeroes without one. */
bool config_read_tag_key(const struct config *config, uint8_t key[16],
    struct err *err);

/* Gives a reference back; true if it was the last (then generation_free). */
bool generation_release(struct generation *g);
void generation_free(struct generation **g);

#endif
