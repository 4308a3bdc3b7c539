/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The control thread's view of the process.  Everything here belongs to that
 * thread; workers are told things by messages (worker.h).
 *
 *	edge.c		start, signals, drain, end
 *	reload.c	generations: loaded by a helper thread, published, freed
 *	keep.c		copies of its files, for a start when they are broken
 *	control.c	the control socket
 *	by_hand.c	what operators say of regions
 *	feed.c		restrictions, asked of the engines
 *	feed_copy.c	the same on disk, for a start without them
 *	try_map.c	what another region map would change
 *	gauge.c		how much memory and how many descriptors are left
 *	metrics.c, metrics_state.c, stores.c, status.c	what it tells
 */
#ifndef EDGE_PROCESS_H
#define EDGE_PROCESS_H

#include "conf/fixed.h"
#include "conf/watch.h"
#include "edge/edge.h"
#include "edge/feed.h"
#include "edge/worker.h"
#include "policy/overrides.h"

struct loading;
struct keeping;
struct control;

struct edge {
	struct loop	*loop;
	const char	*config_file;
	int		 notify_fd;	/* -1: nobody is told */
	struct upstreams *upstreams;
	struct listenings listenings;
	struct shared	*shared;	/* by the workers */
	struct worker	*workers[WORKERS_MAX];
	unsigned	 nworkers, running;
	struct control	*control;
	struct plan_writers writers;
	/* Workers that have to hand over their lines before files are opened
	 * anew; the last one of them says so. */
	_Atomic unsigned reopening;

	/* generations */
	struct plan	*plan;		/* in service; one holder is ours */
	struct plan	*plans;		/* all that are not freed yet */
	struct watch	*watch;
	struct file_identity restrictions;	/* as the plan's were read */
	struct loading	*loading;	/* one at a time ... */
	bool		 load_again;	/* ... and another after it */
	uint64_t	 rounds;	/* loads begun */
	struct fixed_settings started;	/* as they were then */
	bool		 last_good;
	uint64_t	 last_unix_ms;
	uint64_t	 reloads_good, reloads_bad, db_good, db_held;

	struct feed	*feed;		/* of restrictions, from engines */

	struct overrides overrides;	/* by_hand.c */
	struct file_identity overrides_seen;

	struct timer	 tick;		/* each second: files, currency */
	struct timer	 gauge;		/* more often: memory, descriptors */
	uint64_t	 count_at_us;	/* descriptors, next time */
	enum pressure	 memory_pressure, descriptor_pressure;
	struct timer	 deadline;	/* of the drain */
	struct timer	 hold;		/* an heir's: looks at who is known */
	uint64_t	 hold_until_ms;
	bool		 heir, serving;
	const char	*sandbox;
	struct trying	*trying;	/* another map is being looked at */
	struct keeping	*keeping;	/* copies of files are being written */
	bool		 keep_again;	/* ... and others are to be after that */
	uint64_t	 touch_ms;	/* when to say that they are current */
	bool		 draining, ending;
	uint64_t	 began_unix_ms;
};

/* --- reload.c ------------------------------------------------------------- */

/* The first one, in this thread; mistakes go to standard error. */
bool edge_load_first(struct edge *edge, const struct edge_options *options);

void edge_publish_first(struct edge *edge);

/* Begins to load, in a moment if one is being loaded.  The number of the
 * round that control_reloaded() will tell of. */
uint64_t edge_reload(struct edge *edge);

/* The feed's set, in the place of the one in service. */
void edge_publish_restrictions(struct edge *edge);

/* Each second. */
void edge_watch(struct edge *edge);

/* A health has changed: what is up, in all plans. */
void edge_count_up(struct edge *edge);

/* At the end; every worker has let go. */
void edge_unload(struct edge *edge);

/* A line for the master process, its end included. */
void edge_tell_master(const struct edge *edge, const char *line);

/* Asks the master for what only root may read; any thread but one at a time,
 * and lent_files_return() afterwards. */
void edge_borrow_keys(const struct edge *edge);

/* --- try_map.c ------------------------------------------------------------ */

/* Whether another thread begins to look at these bytes as the region map;
 * control_map_tried() tells.  Not while a generation is being loaded. */
bool edge_try_map(struct edge *edge, struct slice map);

/* At the end: waits for it. */
void edge_try_end(struct edge *edge);

/* --- keep.c --------------------------------------------------------------- */

/* The generation in service is good: its files are copied, by another thread. */
void edge_keep_files(struct edge *edge);

/* Each second. */
void edge_keep_look(struct edge *edge, bool current);

/* At the end: waits for what is being written. */
void edge_keep_end(struct edge *edge);

/* By the copies; NULL if there are none, or they are no good either. */
struct generation *edge_load_copies(const char *config_file,
    const char *state_dir);

/* --- by_hand.c ------------------------------------------------------------ */

/* What the file says. */
void edge_overrides_read(struct edge *edge);

/* Each second: what has expired, and what another edge wrote. */
void edge_overrides_look(struct edge *edge);

/* "region=GB&state=down&for=MS&reason=..."; what became of it, or why nothing
 * did, goes to out. */
bool edge_overrides_take(struct edge *edge, struct slice query,
    struct buf *out);

/* --- gauge.c -------------------------------------------------------------- */

/* Looks after memory and descriptors from now on. */
void edge_gauge_start(struct edge *edge);

/* --- edge.c --------------------------------------------------------------- */

/* Clients are asked to go elsewhere; nothing is closed. */
void edge_drain(struct edge *edge);

/* --- control.c ------------------------------------------------------------ */

struct control *control_new(struct edge *edge, struct err *err);
void control_free(struct control **control);

/* A round has ended: good or not, with all mistakes in words. */
void control_reloaded(struct control *control, uint64_t round, bool good,
    struct slice words);

/* Nothing is being loaded any more: edge_try_map() would begin. */
void control_idle(struct control *control);

/* What became of edge_try_map(): JSON of 200, mistakes in words of 422. */
void control_map_tried(struct control *control, unsigned status,
    struct slice answer);

/* --- status.c, metrics.c -------------------------------------------------- */

/* NULL when ready, else why not, in a few words. */
const char *edge_not_ready(const struct edge *edge);

void edge_status_write(const struct edge *edge, struct buf *out);
void edge_ready_write(const struct edge *edge, struct buf *out);
void edge_metrics_write(const struct edge *edge, struct buf *out);
/* The last bad requests of each listener, as JSON. */
void edge_errors_write(const struct edge *edge, struct buf *out);

#endif
