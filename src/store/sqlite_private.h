/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The store of one machine from inside.
 *
 * The loop's thread makes jobs and hands them to one of two threads: the
 * writer, who does many in one transaction, and the reader, so that neither
 * a commit nor a cold page holds up the loop.  Each thread has a connection
 * of its own.  Answered jobs come back to the loop in one batch.
 *
 * Workers of a region open the same file; SQLite's locks keep them apart,
 * and the token in each row notices when two saved the same state.
 */
#ifndef STORE_SQLITE_PRIVATE_H
#define STORE_SQLITE_PRIVATE_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "store/cursor.h"
#include "store/store.h"

enum {
	BUSY_MS = 2000,			/* another worker's commit, at most */
	OPEN_BUSY_MS = 30000,		/* the same while opening: nobody waits
					   for an answer yet */
	BATCH_MAX = 256,		/* writes in one transaction */
	QUEUE_MAX = 4096,		/* jobs of a thread; then UNAVAILABLE */
	QUEUE_BYTES_MAX = 256 * 1024 * 1024,	/* of their bodies */
	DOCS_BYTES_MAX = 8 * 1024 * 1024,	/* of one docs_since(), about */
	WATCH_EVERY_MS = 250,		/* looks for others' changes */
};

/* --- one connection, used by one thread at a time (sqlite_open.c) --- */

enum statement {
	STATEMENT_CREATE, STATEMENT_LOAD, STATEMENT_SAVE, STATEMENT_TOKEN,
	STATEMENT_REMOVE, STATEMENT_RESTRICT, STATEMENT_RESTRICT_FLOW,
	STATEMENT_NEXT_FLOW, STATEMENT_EXPIRE,
	STATEMENT_LIST, STATEMENT_LIST_FLOW,
	STATEMENT_DOC_GET, STATEMENT_DOC_PUT, STATEMENT_DOCS_SINCE,
	STATEMENT_NEWEST, STATEMENT_DATA_VERSION,
	STATEMENT_BEGIN_READ, STATEMENT_BEGIN_WRITE, STATEMENT_COMMIT,
	STATEMENT_ROLLBACK,
	STATEMENTS
};

struct connection {
	sqlite3		*db;
	sqlite3_stmt	*statements[STATEMENTS];
	uint64_t	 busy_until_ms;	/* of the wait that goes on */
	char		 trouble[256];	/* of the last call that failed */
};

/* NULL with *err if it cannot be had.  The schema is made, or brought up to
 * this program's. */
struct connection *connection_open(const char *path, const char *home,
    struct err *err);
void connection_close(struct connection **connection);

/* A statement that gives no rows, and has no arguments left to bind; it is
 * ready for the next use afterwards.  The result code. */
int connection_run(struct connection *c, enum statement which);
/* Keeps what SQLite says of the last call. */
void connection_complain(struct connection *c);

/* Ready for its next use, with nothing bound. */
void done_with(sqlite3_stmt *s);

/* After a statement that was not done. */
static inline bool
connection_failed(struct connection *c, sqlite3_stmt *s)
{
	connection_complain(c);
	done_with(s);
	return false;
}

/* --- what statements take and give (sqlite_value.c) --- */

/* What is bound has to stay until the statement is done. */
void bind_id(sqlite3_stmt *s, int at, const uint8_t id[16]);
/* All zero: NULL. */
void bind_op(sqlite3_stmt *s, int at, const uint8_t op[16]);
void bind_integer(sqlite3_stmt *s, int at, int64_t n);
void bind_text(sqlite3_stmt *s, int at, const char *text);
void bind_bytes(sqlite3_stmt *s, int at, struct slice bytes);

/* False, and id as it was, where the column holds something else. */
bool column_id(sqlite3_stmt *s, int at, uint8_t id[16]);
/* Of two columns, from there on. */
struct store_token column_token(sqlite3_stmt *s, int at);
void column_text(sqlite3_stmt *s, int at, char *to, size_t cap);
/* Good until the statement is stepped or done. */
struct slice column_bytes(sqlite3_stmt *s, int at);

/* All but the body: home, allowed, epoch, version, last_op, done, tenant,
 * flow, created_at, updated_at, expires_at, id.  False: an id is none. */
bool column_row(sqlite3_stmt *s, struct store_row *row);
/* All but the body: revision, deleted, kind, key. */
void column_doc(sqlite3_stmt *s, struct store_doc *doc);

/* --- jobs --- */

struct job {
	struct list	 node;
	const struct job_kind *kind;
	union {
		store_row_fn	*row;
		store_list_fn	*list;
		store_count_fn	*count;
		store_doc_fn	*doc;
		store_docs_fn	*docs;
	}		 fn;
	void		*arg;

	/* What is asked, and what is answered: a kind uses some of them. */
	struct store_row row;
	struct store_doc doc;
	struct store_token token;	/* that must be there */
	struct store_query query;
	int64_t		 now_ms;
	uint64_t	 revision;
	unsigned	 limit;

	enum store_end	 end;
	bool		 has_row;	/* row or doc is an answer */
	struct buf	 body;		/* what row.body or doc.body points into */
	struct arena	*arena;		/* of lists; or NULL */
	struct store_row *rows;
	struct store_doc *docs;
	size_t		 count;
	uint64_t	 number;
	char		 next[CURSOR_TEXT];
};

struct sqlite;

struct job_kind {
	bool		 writes;
	/* On a thread, within a transaction.  False: the connection failed
	 * and has complained, and nothing is known of the transaction. */
	bool		(*run)(struct sqlite *, struct connection *,
			    struct job *);
	void		(*answer)(struct job *);	/* on the loop */
};

/* sqlite_state.c, sqlite_doc.c */
extern const struct job_kind job_create, job_load, job_save, job_remove,
    job_restrict, job_restrict_flow, job_strays, job_next_flow, job_list,
    job_expire,
    job_doc_get, job_doc_put, job_docs_since;

/* The newest revision there is; false as job_kind.run. */
bool newest_revision(struct connection *c, uint64_t *newest);

/* --- the store --- */

struct sqlite_thread {
	struct sqlite	*store;
	struct connection *connection;
	pthread_t	 thread;
	bool		 started;
	pthread_mutex_t	 lock;		/* guards the rest; loop and thread */
	pthread_cond_t	 wake;
	struct list	 waiting;
	unsigned	 nwaiting;
	size_t		 bytes;		/* of their bodies */
	bool		 stop;		/* once all is done */
};

struct watcher {
	struct watcher	*next;
	store_count_fn	*fn;
	void		*arg;
};

struct sqlite {
	struct store	 base;
	char		 home[STORE_HOME_MAX];
	bool		 closing;	/* the loop's own */
	struct sqlite_thread writer, reader;

	/* Threads to loop. */
	pthread_mutex_t	 lock;		/* guards what follows */
	struct list	 answers;
	bool		 posted;	/* the loop will look */
	bool		 good;		/* the last write was done */
	char		 trouble[256];
	uint64_t	 newest;	/* revision of the metadata */

	struct watcher	*watchers;	/* the loop's own */
	uint64_t	 told;		/* to them */
};

/* --- threads (sqlite_thread.c) --- */

void thread_init(struct sqlite_thread *t, struct sqlite *store,
    struct connection *connection);
bool thread_start(struct sqlite_thread *t, void *(*run)(void *),
    struct err *err);
void *writer_run(void *thread);
void *reader_run(void *thread);
/* False: the queue is full. */
bool thread_submit(struct sqlite_thread *t, struct job *job);
/* Does what waits, and ends. */
void thread_stop(struct sqlite_thread *t);
void thread_fini(struct sqlite_thread *t);

/* Any thread: answered jobs, to be told by the loop. */
void sqlite_answer(struct sqlite *store, struct list *jobs);
void sqlite_newest(struct sqlite *store, uint64_t newest);

#endif
