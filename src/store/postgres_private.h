/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The PostgreSQL store from inside.
 *
 * A call becomes a job, a job goes to a link, which is one connection in
 * pipeline mode on the loop.  Loads and saves do not share links: a load would
 * wait for the disk.  A link that writes has one transaction under way at a
 * time; what comes meanwhile gathers, and goes together in the next.  States
 * are spread over writing links by their ids, so that two transactions of
 * ours never wait for each other's rows.
 *
 * A connection is made (names, TLS, log in, prepared statements) by a thread
 * of its own, which hands it over when it is ready: the one thing in libpq
 * that may block.
 */
#ifndef STORE_POSTGRES_PRIVATE_H
#define STORE_POSTGRES_PRIVATE_H

#include <libpq-fe.h>
#include <pthread.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "net/watch.h"
#include "store/cursor.h"
#include "store/postgres.h"

enum {
	PG_READERS = 2, PG_WRITERS = 2,
	/* The version that this program makes.  It works with the next one as
	 * well: servers are brought up to date before programs. */
	PG_SCHEMA = 8,
	PG_SCHEMA_SETS = 6,	/* the first with databases of sets */
	PG_SERVER_LEAST = 150000,	/* row filters of publications */
	PG_BATCH_MAX = 256,		/* writes in one transaction */
	PG_BATCH_BYTES = 32 * 1024 * 1024,
	PG_QUEUE_MAX = 4096,		/* jobs of a link; then UNAVAILABLE */
	PG_ANSWER_MS = 5000,		/* a call's most, with what it waits */
	PG_STATEMENT_MS = 4000,		/* the server's own limit */
	PG_BYTES_MS = 1024,		/* bytes that get a ms more of both */
	PG_PATIENCE_MS = 1000,		/* from here on the server is told */
	PG_LOOK_MS = 250,
	PG_RETRY_LEAST_MS = 100, PG_RETRY_MOST_MS = 5000,
	PG_WATCH_MS = 1000,		/* a notice may be lost: a look as well */
	PG_GUARD_MS = 2000,
	PG_ADOPT = 200,			/* states, in one transaction */
	/* How an epoch is made up, in data/postgres-5.sql: turns, each of which
	 * a state is taken over in, how many back that began, and steps. */
	PG_TURN_STEPS = 100000, PG_TURN = 100 * PG_TURN_STEPS,
	PG_TURNS_MAX = 213,
	PG_HOPS_MAX = 12,		/* regions asked for one call */
	PG_DOCS_BYTES = 8 * 1024 * 1024,
	PG_GONE_MS = 5000,		/* a lost region that does not answer for so
					   long has nothing to say any more */
	PG_PARAMS = 17,
};

/* --- parameters and columns, all binary (postgres_value.c) --- */

struct pg_params {
	int		 count;
	const char	*values[PG_PARAMS];
	int		 lengths[PG_PARAMS], formats[PG_PARAMS];
	char		 room[PG_PARAMS][8];
};

void pg_add_id(struct pg_params *p, const uint8_t id[16]);
/* NULL where it is all zero. */
void pg_add_op(struct pg_params *p, const uint8_t op[16]);
void pg_add_int(struct pg_params *p, int32_t n);
void pg_add_big(struct pg_params *p, int64_t n);
void pg_add_bool(struct pg_params *p, bool b);
void pg_add_text(struct pg_params *p, const char *text);
void pg_add_bytes(struct pg_params *p, struct slice bytes);

/* NULL reads as zero and nothing. */
int64_t pg_number(const PGresult *r, int row, int column);
bool pg_bool(const PGresult *r, int row, int column);
void pg_id(const PGresult *r, int row, int column, uint8_t id[16]);
void pg_text(const PGresult *r, int row, int column, char *text, size_t cap);
struct slice pg_bytes(const PGresult *r, int row, int column);

/* --- jobs --- */

enum pg_statement {
	PG_CREATE, PG_LOAD, PG_SAVE, PG_REMOVE, PG_RESTRICT,
	PG_RESTRICT_FLOW, PG_STRAYS, PG_NEXT_FLOW,
	PG_FREEZE, PG_ARRIVE, PG_DEPART, PG_YIELD, PG_TEND, PG_FENCE, PG_LOSE, PG_ADOPT_SOME,
	PG_LOST_TO, PG_CLEAR,
	PG_LIST, PG_LIST_FLOW, PG_EXPIRE,
	PG_DOC_GET, PG_DOC_PUT, PG_DOCS_SINCE, PG_NEWEST, PG_GUARD,
	PG_PAIRS, PG_TRY, PG_PATIENCE,
	PG_STATEMENTS
};

struct pg_store;
struct pg_side;
struct pg_job;

/* Where a state goes: a region, "GB", or a region's place in another database,
 * "GB/eu_gb/6", with the regions that may have it there in hexadecimal. */
enum { PG_WORD_MAX = STORE_HOME_MAX + STORE_SET_NAME + 20 };

/* What a region knows of a state beside the row. */
struct pg_found {
	char		 moving_to[PG_WORD_MAX];
	uint32_t	 left_epoch;	/* 0: was never at home there */
	char		 left_to[PG_WORD_MAX];	/* "": removed */
	char		 successor[STORE_NAMES_MAX];	/* given over */
	uint64_t	 base;		/* of the row */
};

/* A row on its way to another home. */
struct pg_move {
	bool		 known;
	struct pg_side	*from, *to;
	char		 word[PG_WORD_MAX];	/* of to, as the frozen row has it */
	struct store_row row;		/* as it arrives; token: the new one */
	uint64_t	 base;		/* version at the old home */
	int32_t		 moves;
	int64_t		 moves_since_ms;
	struct buf	 body;		/* where the row was read from a copy */
	bool		 stands;	/* where it goes, and never left */
	uint32_t	 turn;		/* the epoch as of a lost home's; 0: it
					   is not */
};

struct pg_kind {
	enum pg_statement statement;
	bool		 writes;
	void		(*bind)(struct pg_job *, struct pg_params *);
	/* A result without error; sets end.  What was written is not committed
	 * yet: what follows from that is for answer. */
	void		(*take)(struct pg_job *, const PGresult *);
	void		(*answer)(struct pg_job *);
};

struct pg_job {
	struct list	 node;
	struct pg_store	*store;
	const struct pg_kind *kind;
	union {
		store_row_fn	*row;
		store_list_fn	*list;
		store_count_fn	*count;
		store_doc_fn	*doc;
		store_docs_fn	*docs;
	}		 fn;
	void		*arg;
	uint64_t	 due_ms;	/* when whoever asked gives up */

	/* asked and answered */
	struct store_row row;
	struct store_doc doc;
	struct store_token token;
	struct store_query query;
	int64_t		 now_ms;
	uint64_t	 revision;
	unsigned	 limit;
	store_regions	 regions;	/* that the caller permits, or restrict_to()
					   gives it; adoption: not those */
	char		 names[2 * STORE_NAMES_MAX];	/* of a fence, an adoption,
						   a departure */
	bool		 known;		/* of pg_clear, with began: to this run of
					   the server; then of which it was.  Of
					   pg_lose, pg_fence: all has been heard */
	int64_t		 began;
	unsigned	 round;		/* of pg_lost_to and pg_clear */

	/* which region's word counts (postgres_route.c) */
	const struct pg_kind *goal;	/* what the caller asked for */
	struct pg_side	*asked;
	unsigned	 hops;
	uint32_t	 tried, born;	/* databases: here, where it was made */
	bool		 whatever;	/* restrict_to() without a token */
	bool		 with_lost;	/* a lost region has it, for all we know */
	struct pg_found	 found;
	struct pg_move	 move;

	bool		 ends_batch, was_read, alone;
	enum store_end	 end;
	bool		 has_row;
	struct buf	 body;
	struct arena	*arena;
	struct store_row *rows;
	struct store_doc *docs;
	size_t		 count;
	uint64_t	 number;
	char		 next[CURSOR_TEXT];
};

extern const struct pg_kind pg_create, pg_load, pg_save, pg_remove,
    pg_restrict, pg_restrict_flow, pg_strays, pg_next_flow, pg_list,
    pg_list_flow,
    pg_expire, pg_doc_get, pg_doc_put, pg_docs_since, pg_newest, pg_guard,
    pg_freeze, pg_arrive, pg_depart, pg_yield, pg_tend, pg_fence, pg_lose, pg_adopt,
    pg_lost_to, pg_began, pg_clear, pg_pairs, pg_try, pg_patience;

/* SQL of a statement for the states at home in this region; of nothing else
 * does it depend.  text: at least PG_SQL_MAX bytes. */
enum { PG_SQL_MAX = 2400 };
void pg_statement_sql(enum pg_statement statement, const char *home,
    char text[PG_SQL_MAX]);
const char *pg_statement_name(enum pg_statement statement);
#define PG_PAIRS_SQL	"select v.version, p.* from (select max(version) as " \
			"version from flow.schema_version) v left join " \
			"flow.pairs($1::text) p on true"

/* --- connecting, on a thread (postgres_connect.c) --- */

enum pg_role { PG_READS, PG_WRITES, PG_LISTENS };

struct pg_connect {
	/* in */
	char		*conninfo;
	const char	*home;		/* of whom the server must be */
	const char	*set;		/* and of which set the database */
	enum pg_role	 role;
	/* out: conn, or what is wrong */
	PGconn		*conn;
	struct err	 err;
	/* Of a listener: what is not as it was made, though it may be worked
	 * with; or "". */
	struct err	 strange;
};

/* Blocks; c->conn NULL with c->err. */
void pg_connect(struct pg_connect *c);
/* Whether the server is one that we can work with. */
bool pg_server_is_good(PGconn *conn, const char *home, struct err *err);
/* Whether the database is that of the set (NULL: that for all regions). */
bool pg_set_is_good(PGconn *conn, const char *set, struct err *err);
/* Whether it can filter what it replicates. */
bool pg_server_version_is_good(PGconn *conn, struct err *err);
/* libpq's words for the last failure, in one line. */
const char *pg_words(PGconn *conn, char text[256]);
/* False, with those in *err. */
bool pg_failed(PGconn *conn, struct err *err);
/* r, if it is rows; else it is freed, and NULL with *err. */
PGresult *pg_rows(PGconn *conn, PGresult *r, struct err *err);

/* --- links (postgres_link.c) --- */

struct pg_side;

struct pg_link {
	struct pg_side	*side;
	enum pg_role	 role;
	PGconn		*conn;		/* NULL: down, or being made */
	struct watch	 watch;
	bool		 wants_write;
	struct list	 waiting, sent;
	unsigned	 nwaiting;
	unsigned	 batches;	/* sent, not answered whole */
	bool		 failed;	/* the batch at hand */
	struct timer	 look, retry;
	uint64_t	 retry_ms;
	/* the thread that connects */
	bool		 connecting, down;	/* down: so it was the last time */
	pthread_t	 thread;
	struct pg_connect connect;
};

/* How one region's server is reached. */
struct pg_side {
	struct pg_store	*store;
	char		 home[STORE_HOME_MAX];
	char		*conninfo;
	store_regions	 bit;
	char		 successors[STORE_NAMES_MAX];	/* "": not lost */
	/* Of a lost one, as its successor has it (postgres_tend.c): who has been
	 * told and heard; whether it writes nothing more and all of it is here;
	 * when it was last there, or the map first said that it is not. */
	store_regions	 heard;
	bool		 given, waits_told;
	bool		 taken;		/* all that was there has been taken over */
	uint64_t	 there_ms, lost_ms;
	char		 said[STORE_NAMES_MAX];	/* another successor, somewhere */
	struct pg_link	 readers[PG_READERS], writers[PG_WRITERS], listener;
	unsigned	 turn;
};

void pg_link_init(struct pg_link *link, struct pg_side *side,
    enum pg_role role);
/* Makes the connection, if it is not there. */
void pg_link_begin(struct pg_link *link);
/* Sent when its turn comes; ended by pg_job_done(), later. */
void pg_link_submit(struct pg_link *link, struct pg_job *job);
/* Who asks now is refused at once. */
bool pg_link_is_down(const struct pg_link *link);
/* By another connection, without need: one that listens. */
void pg_link_again(struct pg_link *link);
/* Everything is given to pg_job_done() first, done if it can be had in the time
 * that anybody would wait.  Blocks. */
void pg_link_close(struct pg_link *link);
/* Whether it leads to this region's server. */
bool pg_link_is_here(const struct pg_link *link);
/* How that server is; another region's has no say in it. */
void pg_link_tell(struct pg_link *link, bool good, const char *trouble);

/* --- what goes over them (postgres_pipeline.c) --- */

/* What waits, as far as it may go now; false: the connection is broken. */
bool pg_pipeline_send(struct pg_link *link);
/* What has come; a job that has got its end may bring others to be sent. */
void pg_pipeline_take(struct pg_link *link);
/* There is no connection any more: what was sent has its end. */
void pg_pipeline_end(struct pg_link *link);

/* --- the store (postgres.c) --- */

struct pg_watcher {
	struct pg_watcher *next;
	store_count_fn	*fn;
	void		*arg;
};

struct pg_sets;

struct pg_store {
	struct store	 base;
	struct pg_sets	*sets;		/* that it is one of; NULL: it is alone */
	unsigned	 number;	/* among them */
	char		 set[STORE_SET_NAME];	/* "": for all regions */
	store_regions	 members;
	struct pg_side	*here;
	struct pg_side	*sides;
	size_t		 nsides;
	bool		 closing;
	bool		 good;
	char		 trouble[256];
	struct list	 done;		/* jobs to be answered */
	struct task	 answering;
	struct timer	 look;		/* at the newest revision */
	bool		 looking;
	/* postgres_watch.c: */
	struct timer	 watch;		/* at replication */
	unsigned	 watching;	/* questions under way */
	char		*others;	/* "US,AU": the other regions */
	struct store_pair pairs[STORE_PAIRS_MAX];
	size_t		 npairs;
	uint64_t	 pairs_ms;	/* when they were told; 0: never */
	uint64_t	 cut;		/* who asked for more than is meant for him */
	struct timer	 try;		/* to write, while full */
	bool		 full, trying;	/* writes are refused for want of room */
	bool		 outdated;	/* the schema is not one that we know */
	char		 strange[256];	/* what is not as we made it; "": nothing */
	struct timer	 look_again;	/* at that */
	/* postgres_tend.c: */
	bool		 tending, adopting;
	int64_t		 taken;		/* how often, as last told; -1: never */
	/* postgres_clear.c: */
	bool		 sure;		/* whether this region is lost is known */
	bool		 was_sure;
	int64_t		 began;		/* the server, in microseconds since 1970:
					   what the others say is about that */
	bool		 unsure_told;	/* nobody could be asked */
	bool		 answered_sure;
	unsigned	 round, asking, answered, asked;
	char		 lost_to[STORE_NAMES_MAX];	/* as a peer says */
	struct list	 held;		/* until then */
	struct timer	 hold, ask_again;
	/* as last seen */
	uint64_t	 conflicts, waiting;
	char		 given_to[STORE_NAMES_MAX];
	char		 held_for_lost[STORE_NAMES_MAX];
	uint64_t	 claims, forwards;
	uint64_t	 newest, told;
	struct pg_watcher *watchers;
};

static inline struct pg_store *
pg_store_of(struct store *base)
{
	return list_entry(base, struct pg_store, base);
}

/* Opens one database's. */
struct pg_store *pg_store_open(struct loop *loop,
    const struct store_postgres_config *config);
/* store_postgres_lost(), of one. */
void pg_store_lost(struct pg_store *store,
    const struct store_postgres_config *config);
/* The three steps of an end: nothing is begun any more; the links are closed;
 * it is freed when nothing was left to be answered. */
void pg_store_stop(struct pg_store *store);
void pg_store_close_links(struct pg_store *store);
bool pg_store_answer(struct pg_store *store);
void pg_store_free(struct pg_store *store);

/* Of store_ops; end: all three steps, of one that is alone. */
void pg_store_end(struct store *base);
void pg_store_tell_health(struct store *base, struct store_health *health);
void pg_store_watch_docs(struct store *base, store_count_fn *fn, void *arg);

/* From a link: the job has its end. */
void pg_job_done(struct pg_job *job);
/* It goes nowhere. */
void pg_job_refuse(struct pg_job *job, enum store_end end);
/* A link that writes says how it stands. */
void pg_store_health(struct pg_store *store, bool good, const char *trouble);
struct pg_job *pg_job_new(struct store *base, const struct pg_kind *kind,
    void *arg);
/* To the right link of the side. */
void pg_send(struct pg_side *side, struct pg_job *job);
struct pg_side *pg_side_of(struct pg_store *store, const char *home);

/* --- what it is asked (postgres_calls.c) --- */

extern const struct store_ops pg_ops;

/* Asks this region's server; fn's number means nothing. */
void pg_store_ask(struct pg_store *store, const struct pg_kind *kind,
    store_count_fn *fn);
/* A job that was held goes its way. */
void pg_begin(struct pg_job *job);

/* --- ownership ---------------------------------------------------------------- */

/* postgres_route.c.  True: the job is under way again, to another region. */
bool pg_route(struct pg_job *job);
/* A load on behalf of another call, which ends it. */
void pg_route_restrict(struct pg_job *job);
/* postgres_claim.c: the first statement of a save. */
void pg_route_save(struct pg_job *job);

/* --- a database for each set of regions (postgres_sets.c) ------------------------- */

/* One region's databases; the first is that for all regions. */
struct pg_sets {
	struct store	 base;
	struct pg_store	*dbs[STORE_SETS_MAX + 1];
	size_t		 count;
	/* As they are asked for a state: those of fewer regions come first.
	 * Whoever may come into a database may put a row of any id there, so
	 * none must hide what is in one that he may not come into.  Of two
	 * neither of which holds all regions of the other the flow's regions
	 * say which comes first (pg_next_here). */
	struct pg_store	*order[STORE_SETS_MAX + 1];
	struct store_pair pairs[STORE_PAIRS_MAX];
};

/* Where states belong that these regions may have. */
struct pg_store *pg_sets_place(const struct pg_sets *sets,
    store_regions allowed);
/* The side that a frozen row of asked's, or what is left of it, speaks of; NULL
 * where it is none of ours. */
struct pg_side *pg_word_side(const struct pg_side *asked, const char *word);
/* The regions that it names, if it names another database. */
bool pg_word_regions(const char *word, store_regions *allowed);
void pg_word_write(char word[PG_WORD_MAX], const struct pg_side *from,
    const struct pg_side *to, store_regions allowed);

/* postgres_tend.c: every few seconds. */
void pg_tend_all(struct pg_store *store);
/* The first of these that lives and may have it; NULL: none. */
struct pg_side *pg_successor(struct pg_store *store, const char *names,
    store_regions allowed);

/* postgres_clear.c: before states are served it has to be known that this
 * region was not given over; now, and after its server was away, or says that
 * it was. */
void pg_clear_begin(struct pg_store *store);
void pg_clear_again(struct pg_store *store);
void pg_clear_end(struct pg_store *store);
/* What is asked of states waits for that. */
void pg_clear_hold(struct pg_store *store, struct pg_job *job);
/* Somebody changed metadata. */
void pg_store_noted(struct pg_store *store);

/* --- what it looks at by itself (postgres_watch.c) --- */

void pg_watch_begin(struct pg_store *store);
void pg_watch_end(struct pg_store *store);
void pg_watch_health(const struct pg_store *store,
    struct store_health *health);
/* Its disk is full, or it only reads: not good until a write is taken. */
void pg_store_full(struct pg_store *store);
/* The schema is not what the files make, says text, or "". */
void pg_store_strange(struct pg_store *store, const char *text);
/* A job that was done may have shown it. */
void pg_store_note_room(struct pg_store *store, const struct pg_job *job);
/* Of a row that flow.pairs() answered, behind the schema's version. */
void pg_take_pair(const PGresult *r, int row, struct store_pair *pair);

#endif
