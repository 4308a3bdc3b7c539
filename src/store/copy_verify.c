/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Both sides are read whole, in the same order, and all that is in a row goes
 * into a hash: one of each row, to find what differs, and one of each side.
 */
#include <endian.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/must.h"
#include "policy/guid.h"
#include "store/copy_private.h"

enum { HASH = 32 };

struct side {
	struct copy_end	*end;
	EVP_MD_CTX	*all;
	uint64_t	*count;
};

struct verifying {
	struct side	 from, to;
	bool		 docs;
	struct store_copy_report *report;
	struct err	*err;
	struct buf	 text;
};

/* --- one row ------------------------------------------------------------------------ */

static void
add_number(struct buf *text, uint64_t n)
{
	uint64_t big = htobe64(n);

	buf_add(text, &big, sizeof(big));
}

/* Lengths go before what has no fixed one, so that no two rows are the same
 * bytes. */
static void
add_bytes(struct buf *text, struct slice bytes)
{
	add_number(text, bytes.len);
	buf_slice(text, bytes);
}

static void
add_state(struct buf *text, const struct store_row *row)
{
	buf_add(text, row->id, 16);
	buf_add(text, row->tenant, 16);
	buf_add(text, row->flow, 16);
	buf_add(text, row->op, 16);
	add_number(text, row->allowed);
	add_number(text, row->token.epoch);
	add_number(text, row->token.version);
	add_number(text, (uint64_t)row->created_ms);
	add_number(text, (uint64_t)row->updated_ms);
	add_number(text, (uint64_t)row->expires_ms);
	add_number(text, row->done);
	add_bytes(text, row->body);
}

static void
add_doc(struct buf *text, const struct store_doc *doc)
{
	add_bytes(text, slice_of(doc->kind));
	add_bytes(text, slice_of(doc->key));
	add_number(text, doc->revision);
	add_number(text, doc->deleted);
	add_bytes(text, doc->body);
}

/* *there: false also for a document that has been written anew. */
static bool
read_row(struct verifying *v, struct side *side, const struct copy_head *head,
    bool *there)
{
	const struct copy_ops *ops = side->end->ops;
	struct arena *arena = arena_new(0);
	struct store_row row;
	struct store_doc doc;
	bool good;

	buf_clear(&v->text);
	if (v->docs)
		good = ops->read_doc(side->end, arena, head, &doc, there,
		    v->err);
	else
		good = ops->read_state(side->end, arena, head->id, &row,
		    there, v->err);
	if (good && *there && v->docs)
		add_doc(&v->text, &doc);
	else if (good && *there)
		add_state(&v->text, &row);
	arena_free(&arena);
	return good;
}

/* Zeros for none. */
static bool
hash_row(struct verifying *v, struct side *side, const struct copy_head *head,
    uint8_t hash[HASH])
{
	bool there = false;

	memset(hash, 0, HASH);
	if (head == NULL)
		return true;
	if (!read_row(v, side, head, &there))
		return false;
	if (there) {
		(*side->count)++;
		must(EVP_Digest(v->text.p, v->text.len, hash, NULL,
		    EVP_sha256(), NULL) == 1);
		must(EVP_DigestUpdate(side->all, hash, HASH) == 1);
	}
	return true;
}

/* --- all ------------------------------------------------------------------------------- */

static void
note_differs(struct verifying *v, const struct copy_head *head)
{
	char guid[GUID_TEXT], *name;

	if (v->report->differ++ >= COPY_NAMES)
		return;
	name = v->report->names[v->report->differ - 1];
	if (v->docs)
		snprintf(name, sizeof(v->report->names[0]), "%s %.30s",
		    head->kind, head->key);
	else
		snprintf(name, sizeof(v->report->names[0]), "state %s",
		    guid_text(head->id, guid));
}

static bool
verify_pair(struct verifying *v, const struct copy_pair *pair)
{
	uint8_t from[HASH], to[HASH];

	/* The target's copies of other regions' states are not from here. */
	if (pair->from == NULL && pair->to->elsewhere)
		return true;
	if (!hash_row(v, &v->from, pair->from, from) ||
	    !hash_row(v, &v->to, pair->to, to))
		return false;
	if (memcmp(from, to, HASH) != 0)
		note_differs(v, pair->from != NULL ? pair->from : pair->to);
	return true;
}

static bool
verify_kind(struct verifying *v, bool docs)
{
	struct copy_merge merge;
	struct copy_pair pair;
	bool good;

	v->docs = docs;
	copy_merge_init(&merge, v->from.end, v->to.end, docs);
	while ((good = copy_merge_next(&merge, &pair, v->err)) &&
	    (pair.from != NULL || pair.to != NULL))
		if (!(good = verify_pair(v, &pair)))
			break;
	copy_merge_fini(&merge);
	return good;
}

static void
finish(struct side *side, char text[COPY_HASH_TEXT])
{
	uint8_t hash[HASH];

	must(EVP_DigestFinal_ex(side->all, hash, NULL) == 1);
	for (int i = 0; i < HASH; i++)
		snprintf(text + 2 * i, 3, "%02x", hash[i]);
	EVP_MD_CTX_free(side->all);
}

static struct side
side_of(struct copy_end *end, uint64_t *count)
{
	struct side side = { end, EVP_MD_CTX_new(), count };

	must(side.all != NULL &&
	    EVP_DigestInit_ex(side.all, EVP_sha256(), NULL) == 1);
	return side;
}

bool
copy_verify(struct copy_end *from, struct copy_end *to,
    struct store_copy_report *report, struct err *err)
{
	struct verifying v = { side_of(from, &report->from_count),
	    side_of(to, &report->to_count), false, report, err,
	    { .p = NULL } };
	bool good;

	good = (report->docs_replicated || verify_kind(&v, true)) &&
	    verify_kind(&v, false);
	finish(&v.from, report->from_hash);
	finish(&v.to, report->to_hash);
	buf_fini(&v.text);
	return good;
}
