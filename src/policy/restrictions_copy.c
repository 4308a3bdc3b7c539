/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A set of restrictions as a file, version 1.  Numbers are little-endian.
 *
 *	head	"PORTOLAN RESTRICTIONS 1\n", epoch (40 bytes), revision,
 *		confirmed_ms, bytes of the body, its hash, hash of the head so
 *		far (8 bytes each)
 *	body	number of whitelists (4); each: number of countries (2), of
 *		continents (1), of unions (1), and their codes of two letters
 *		number of entries (4); each: lengths of tenant and flow (1
 *		each; no flow: the tenant's own), whitelists of access and of
 *		execution (4 each, from 1; 0: everybody), and the two names
 *
 * Codes, not numbers: a later program may number its countries otherwise.
 * The hashes find what a disk spoils; whoever may write the file may write
 * restrictions.
 */
#include <stdlib.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/must.h"
#include "policy/restriction_lists.h"
#include "policy/restrictions_feed.h"

static const char magic[24] = "PORTOLAN RESTRICTIONS 1\n";
static const uint8_t hash_key[16] = "restrictions 1";

enum { HASH_AT = RESTRICTIONS_COPY_HEAD - 8 };

_Static_assert(sizeof(magic) + FEED_EPOCH_TEXT + (size_t)5 * 8 ==
    RESTRICTIONS_COPY_HEAD, "the head's parts");

/* --- writing --------------------------------------------------------------------- */

static void
put(uint8_t *to, uint64_t number, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		to[i] = (uint8_t)(number >> 8 * i);
}

static void
add(struct buf *out, uint64_t number, size_t bytes)
{
	put((uint8_t *)buf_reserve(out, bytes), number, bytes);
	out->len += bytes;
}

static void
add_code(struct buf *out, const char *code)
{
	must(strlen(code) == 2);
	buf_add(out, code, 2);
}

static bool
has(const struct restriction *r, uint16_t country)
{
	return (r->countries[country / 64] >> country % 64 & 1) != 0;
}

static void
add_rule(struct buf *out, const struct restriction *r)
{
	unsigned countries = 0;

	for (uint16_t c = 1; c <= COUNTRIES; c++)
		countries += has(r, c);
	add(out, countries, 2);
	add(out, (unsigned)__builtin_popcount(r->continents), 1);
	add(out, (unsigned)__builtin_popcount(r->unions), 1);
	for (uint16_t c = 1; c <= COUNTRIES; c++)
		if (has(r, c))
			add_code(out, country_code(c));
	for (unsigned c = 0; c < CONTINENTS; c++)
		if ((r->continents >> c & 1) != 0)
			add_code(out, continent_code((enum continent)c));
	for (unsigned u = 0; u < UNIONS; u++)
		if ((r->unions >> u & 1) != 0)
			add_code(out, union_code((enum union_id)u));
}

/* Each whitelist once, found by its bytes. */
struct rules {
	struct map	*numbers;
	struct buf	 text, one;
	uint64_t	 count;
};

static uint64_t
rule_number(struct rules *rules, const struct restriction *r)
{
	uintptr_t number;

	if (r == NULL)
		return 0;
	buf_clear(&rules->one);
	add_rule(&rules->one, r);
	number = (uintptr_t)map_get(rules->numbers, buf_all(&rules->one));
	if (number == 0) {
		number = ++rules->count;
		/* A number in the place of a pointer. */
		map_put(rules->numbers, buf_all(&rules->one),
		    (void *)number);	/* NOLINT(performance-no-int-to-ptr) */
		buf_slice(&rules->text, buf_all(&rules->one));
	}
	return number;
}

static size_t
entry_bytes(const struct restriction_entry *entry)
{
	return 10 + strlen(entry->tenant) +
	    (entry->flow == NULL ? 0 : strlen(entry->flow));
}

static void
add_entry(struct buf *out, struct rules *rules,
    const struct restriction_entry *entry)
{
	size_t tenant = strlen(entry->tenant);
	size_t flow = entry->flow == NULL ? 0 : strlen(entry->flow);

	add(out, tenant, 1);
	add(out, flow, 1);
	add(out, rule_number(rules, entry->pair.access), 4);
	add(out, rule_number(rules, entry->pair.execution), 4);
	buf_add(out, entry->tenant, tenant);
	buf_add(out, entry->flow, flow);
}

void
restrictions_copy_head(const struct restrictions_copy *head,
    uint64_t body_bytes, uint64_t body_hash,
    uint8_t out[RESTRICTIONS_COPY_HEAD])
{
	const uint64_t numbers[] = { head->revision, head->confirmed_ms,
	    body_bytes, body_hash };
	uint8_t *p = out + sizeof(magic) + FEED_EPOCH_TEXT;

	memset(out, 0, RESTRICTIONS_COPY_HEAD);
	memcpy(out, magic, sizeof(magic));
	memcpy(out + sizeof(magic), head->epoch, strlen(head->epoch));
	for (size_t i = 0; i < 4; i++)
		put(p + 8 * i, numbers[i], 8);
	put(out + HASH_AT, hash_keyed(hash_key,
	    (struct slice){ (const char *)out, HASH_AT }), 8);
}

void
restrictions_copy_body(struct slice file, uint64_t *body_bytes,
    uint64_t *body_hash)
{
	struct slice body = { file.p + RESTRICTIONS_COPY_HEAD,
	    file.len - RESTRICTIONS_COPY_HEAD };

	*body_bytes = body.len;
	*body_hash = hash_keyed(hash_key, body);
}

void
restrictions_copy_write(const struct restrictions *set,
    const struct restrictions_copy *head, struct buf *out)
{
	struct rules rules = { .numbers = map_new() };
	struct restriction_entry entry;
	uint64_t at = 0, count = 0, bytes, hash;
	size_t entries = 0;

	/* Twice, so that a large set is never in memory twice over. */
	while (restrictions_next_entry(set, &at, &entry)) {
		rule_number(&rules, entry.pair.access);
		rule_number(&rules, entry.pair.execution);
		entries += entry_bytes(&entry);
		count++;
	}
	buf_clear(out);
	buf_reserve(out, RESTRICTIONS_COPY_HEAD + 8 + rules.text.len +
	    entries);
	memset(buf_reserve(out, RESTRICTIONS_COPY_HEAD), 0,
	    RESTRICTIONS_COPY_HEAD);
	out->len = RESTRICTIONS_COPY_HEAD;
	add(out, rules.count, 4);
	buf_slice(out, buf_all(&rules.text));
	add(out, count, 4);
	for (at = 0; restrictions_next_entry(set, &at, &entry);)
		add_entry(out, &rules, &entry);
	restrictions_copy_body(buf_all(out), &bytes, &hash);
	restrictions_copy_head(head, bytes, hash, (uint8_t *)out->p);
	buf_fini(&rules.text);
	buf_fini(&rules.one);
	map_free(&rules.numbers);
}

/* --- reading --------------------------------------------------------------------- */

struct reading {
	struct slice	 rest;
	struct err	*err;
	struct restriction *rules;
	uint64_t	 nrules;
};

static bool
take(struct reading *r, uint64_t *number, size_t bytes)
{
	*number = 0;
	if (r->rest.len < bytes)
		return err_set(r->err, "cut short");
	for (size_t i = 0; i < bytes; i++)
		*number |= (uint64_t)(uint8_t)r->rest.p[i] << 8 * i;
	r->rest.p += bytes;
	r->rest.len -= bytes;
	return true;
}

static bool
take_text(struct reading *r, struct slice *text, size_t bytes)
{
	if (r->rest.len < bytes)
		return err_set(r->err, "cut short");
	*text = (struct slice){ r->rest.p, bytes };
	r->rest.p += bytes;
	r->rest.len -= bytes;
	return true;
}

static bool
take_rule(struct reading *r, struct restriction *rule)
{
	uint64_t counts[RESTRICTION_LISTS];
	struct slice code;

	if (!take(r, &counts[RESTRICTION_COUNTRIES], 2) ||
	    !take(r, &counts[RESTRICTION_CONTINENTS], 1) ||
	    !take(r, &counts[RESTRICTION_UNIONS], 1))
		return false;
	for (int l = 0; l < RESTRICTION_LISTS; l++)
		for (uint64_t i = 0; i < counts[l]; i++)
			if (!take_text(r, &code, 2) || !restriction_add_code(
			    rule, (enum restriction_list)l, code, r->err))
				return false;
	return true;
}

static bool
take_rules(struct reading *r)
{
	if (!take(r, &r->nrules, 4))
		return false;
	/* Four bytes at least each: no more are asked for than can be there. */
	if (r->nrules > r->rest.len / 4)
		return err_set(r->err, "more whitelists than bytes");
	r->rules = xcalloc(r->nrules + 1, sizeof(*r->rules));
	for (uint64_t i = 0; i < r->nrules; i++)
		if (!take_rule(r, &r->rules[i + 1]))
			return false;
	return true;
}

static bool
take_pair(struct reading *r, struct restriction_pair *pair)
{
	uint64_t access, execution;

	if (!take(r, &access, 4) || !take(r, &execution, 4))
		return false;
	if (access > r->nrules || execution > r->nrules)
		return err_set(r->err, "a whitelist that is not there");
	pair->access = access == 0 ? NULL : &r->rules[access];
	pair->execution = execution == 0 ? NULL : &r->rules[execution];
	return true;
}

static bool
take_entry(struct reading *r, struct restrictions_edit *edit)
{
	char tenant[256] = "", flow[256] = "";
	struct restriction_pair pair;
	uint64_t tenant_len, flow_len;
	struct slice text = { NULL, 0 };

	if (!take(r, &tenant_len, 1) || !take(r, &flow_len, 1) ||
	    !take_pair(r, &pair) || !take_text(r, &text, tenant_len))
		return false;
	memcpy(tenant, text.p, tenant_len);
	if (!take_text(r, &text, flow_len))
		return false;
	memcpy(flow, text.p, flow_len);
	return restrictions_put(edit, tenant, flow_len == 0 ? NULL : flow,
	    pair) || err_set(r->err, "a name that is none");
}

enum { AT_ONCE = 50000 };

/* In parts: an edit holds all its changes. */
static struct restrictions *
take_entries(struct reading *r, const uint8_t tag_key[16], uint64_t revision)
{
	struct restrictions *set = NULL;
	struct restrictions_edit *edit;
	uint64_t count;

	if (!take(r, &count, 4))
		return NULL;
	edit = restrictions_edit_only(&set, tag_key);
	for (uint64_t i = 0; i < count; i++) {
		if (!take_entry(r, edit)) {
			restrictions_edit_cancel(&edit);
			return NULL;
		}
		if (i % AT_ONCE != AT_ONCE - 1)
			continue;
		set = restrictions_edit_end(&edit, revision);
		edit = restrictions_edit_only(&set, tag_key);
	}
	if (r->rest.len > 0) {
		err_set(r->err, "bytes behind its end");
		restrictions_edit_cancel(&edit);
		return NULL;
	}
	return restrictions_edit_end(&edit, revision);
}

static bool
read_head(struct slice file, struct restrictions_copy *head,
    struct err *err)
{
	struct reading numbers = { .err = err };
	uint64_t bytes, hash, head_hash, there_bytes, there_hash;
	const char *epoch;

	if (file.len < RESTRICTIONS_COPY_HEAD ||
	    memcmp(file.p, magic, sizeof(magic)) != 0)
		return err_set(err, "not a copy of restrictions, version 1");
	epoch = file.p + sizeof(magic);
	numbers.rest = (struct slice){ epoch + FEED_EPOCH_TEXT,
	    (size_t)5 * 8 };
	take(&numbers, &head->revision, 8);
	take(&numbers, &head->confirmed_ms, 8);
	take(&numbers, &bytes, 8);
	take(&numbers, &hash, 8);
	take(&numbers, &head_hash, 8);
	restrictions_copy_body(file, &there_bytes, &there_hash);
	if (memchr(epoch, '\0', FEED_EPOCH_TEXT) == NULL ||
	    head_hash != hash_keyed(hash_key,
	    (struct slice){ file.p, HASH_AT }))
		return err_set(err, "its head is damaged");
	memcpy(head->epoch, epoch, FEED_EPOCH_TEXT);
	if (bytes != there_bytes || hash != there_hash)
		return err_set(err, "it is damaged");
	return true;
}

struct restrictions *
restrictions_copy_read(struct slice file, const uint8_t tag_key[16],
    struct restrictions_copy *head, struct err *err)
{
	struct reading r = { .err = err };
	struct restrictions *set = NULL;

	if (!read_head(file, head, err))
		return NULL;
	r.rest = (struct slice){ file.p + RESTRICTIONS_COPY_HEAD,
	    file.len - RESTRICTIONS_COPY_HEAD };
	if (take_rules(&r))
		set = take_entries(&r, tag_key, head->revision);
	free(r.rules);
	return set;
}
