/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Calls of a store that wait for the answer by running its loop: for tests,
 * which have nothing else to do meanwhile.
 */
#ifndef STORE_ASKING_H
#define STORE_ASKING_H

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/must.h"
#include "store/store.h"

struct heard {
	struct loop	*loop;
	unsigned	 times;
	enum store_end	 end;
	bool		 has_row;
	struct store_row row;		/* body: in bytes */
	struct store_doc doc;
	struct buf	 bytes;
	struct store_row rows[STORE_LIST_MAX];
	struct store_doc docs[64];
	size_t		 count;
	char		 next[160];
	uint64_t	 number;
};

/* Of the last question; bodies are good until the next. */
static struct heard heard;

static inline void
heard_it(enum store_end end)
{
	heard.end = end;
	heard.times++;
	loop_stop(heard.loop);
}

static inline void
heard_row(void *arg, enum store_end end, const struct store_row *row)
{
	(void)arg;
	heard.has_row = row != NULL;
	if (row != NULL) {
		heard.row = *row;
		if (row->body.len > 0)
			buf_clear(&heard.bytes);
		buf_slice(&heard.bytes, row->body);
		if (row->body.len > 0)
			heard.row.body = buf_all(&heard.bytes);
	}
	heard_it(end);
}

static inline void
heard_list(void *arg, enum store_end end, const struct store_row *rows,
    size_t count, const char *next)
{
	(void)arg;
	heard.count = count;
	if (count > 0)
		memcpy(heard.rows, rows, count * sizeof(*rows));
	snprintf(heard.next, sizeof(heard.next), "%s", next);
	heard_it(end);
}

static inline void
heard_count(void *arg, enum store_end end, uint64_t count)
{
	(void)arg;
	heard.number = count;
	heard_it(end);
}

static inline void
heard_doc(void *arg, enum store_end end, const struct store_doc *doc)
{
	(void)arg;
	heard.has_row = doc != NULL;
	if (doc != NULL) {
		heard.doc = *doc;
		buf_clear(&heard.bytes);
		buf_slice(&heard.bytes, doc->body);
		heard.doc.body = buf_all(&heard.bytes);
	}
	heard_it(end);
}

static inline void
heard_docs(void *arg, enum store_end end, const struct store_doc *docs,
    size_t count, uint64_t newest)
{
	(void)arg;
	must(count <= sizeof(heard.docs) / sizeof(heard.docs[0]));
	heard.count = count;
	heard.number = newest;
	buf_clear(&heard.bytes);
	for (size_t i = 0; i < count; i++) {
		heard.docs[i] = docs[i];
		buf_slice(&heard.bytes, docs[i].body);	/* all in a row */
	}
	heard_it(end);
}

static inline enum store_end
wait_for_it(struct store *store)
{
	unsigned times = heard.times;

	heard.loop = store->loop;
	while (heard.times == times)
		loop_run(store->loop);
	return heard.end;
}

static inline enum store_end
ask_create(struct store *store, struct store_row *row)
{
	enum store_end end;

	store->ops->create(store, row, heard_row, NULL);
	end = wait_for_it(store);
	if (end == STORE_OK)
		row->token = heard.row.token;
	return end;
}

static inline enum store_end
ask_save(struct store *store, struct store_row *row)
{
	enum store_end end;

	store->ops->save(store, row, heard_row, NULL);
	end = wait_for_it(store);
	if (end == STORE_OK)
		row->token = heard.row.token;
	return end;
}

static inline enum store_end
ask_load(struct store *store, const uint8_t id[16], int64_t now_ms,
    struct store_row *row)
{
	enum store_end end;

	store->ops->load(store, id, now_ms, STORE_ALL_REGIONS, heard_row, NULL);
	end = wait_for_it(store);
	*row = heard.has_row ? heard.row : (struct store_row){ .done = 0 };
	return end;
}

static inline enum store_end
ask_remove(struct store *store, const uint8_t id[16],
    struct store_token token)
{
	store->ops->remove(store, id, token, STORE_ALL_REGIONS, heard_row, NULL);
	return wait_for_it(store);
}

static inline enum store_end
ask_expire(struct store *store, int64_t now_ms, unsigned limit,
    uint64_t *removed)
{
	enum store_end end;

	store->ops->expire(store, now_ms, limit, heard_count, NULL);
	end = wait_for_it(store);
	*removed = heard.number;
	return end;
}

#endif
