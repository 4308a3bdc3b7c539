/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "geo/mmdb.h"

#include <maxminddb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/must.h"
#include "base/utf8.h"
#include "geo/country.h"
#include "geo/mmdb_data.h"
#include "geo/mmdb_metadata.h"

enum {
	FILE_LIMIT = 512 << 20,		/* City databases have some 130 MiB */
	WORLD_NODES = 100000,		/* no smaller file covers the world */
};

static const double WORLD_SHARE = 0.25;

/* Where in the data section a record stands, and what it says. */
struct record {
	uint32_t	 offset;
	struct place	 place;
};

/* Distinct records by offset: open addressing, at most half full. */
struct records {
	struct record	*slots;		/* offset NO_RECORD: free */
	size_t		 size;		/* a power of two */
	size_t		 count;
};

enum { RECORDS_FIRST = 256 };
static const uint32_t NO_RECORD = UINT32_MAX;

struct mmdb {
	struct sealed	 bytes;
	MMDB_s		 lib;
	bool		 lib_open;
	struct mmdb_metadata meta;
	struct mmdb_data data;
	struct records	 records;
	bool		 has_country[COUNTRIES + 1];
};

/* --- distinct records ------------------------------------------------------ */

static void
records_init(struct records *r, size_t size)
{
	r->slots = xmalloc(size * sizeof(*r->slots));
	r->size = size;
	r->count = 0;
	for (size_t i = 0; i < size; i++)
		r->slots[i] = (struct record){ .offset = NO_RECORD };
}

/* The slot of an offset, or the free one where it belongs. */
static struct record *
records_slot(const struct records *r, uint32_t offset)
{
	size_t at = offset * UINT32_C(2654435769);

	for (at = (at >> 7 ^ at) & (r->size - 1);
	    r->slots[at].offset != NO_RECORD && r->slots[at].offset != offset;)
		at = (at + 1) & (r->size - 1);
	return &r->slots[at];
}

static void
records_grow(struct records *r)
{
	struct records old = *r;

	records_init(r, old.size * 2);
	for (size_t i = 0; i < old.size; i++)
		if (old.slots[i].offset != NO_RECORD)
			*records_slot(r, old.slots[i].offset) = old.slots[i];
	r->count = old.count;
	free(old.slots);
}

static struct place
records_place(const struct records *r, size_t offset)
{
	const struct record *slot = records_slot(r, (uint32_t)offset);

	must(slot->offset == offset);
	return slot->place;
}

/* --- one record, through libmaxminddb --------------------------------------- */

/* The text at a path of keys; empty if there is none. */
static struct slice
text_at(const struct mmdb *db, uint32_t offset, const char *const *path)
{
	MMDB_entry_s entry = { .mmdb = &db->lib, .offset = offset };
	MMDB_entry_data_s data;

	if (MMDB_aget_value(&entry, &data, path) != MMDB_SUCCESS ||
	    !data.has_data || data.type != MMDB_DATA_TYPE_UTF8_STRING)
		return (struct slice){ NULL, 0 };
	return (struct slice){ data.utf8_string, data.data_size };
}

/*
 * The layouts there are: nested (MaxMind, DB-IP), flat (community builds),
 * codes as plain strings (ipinfo); a plain string may also be a name, with
 * the code beside it, so it comes last.
 */
static const char *const country_paths[][3] = {
	{ "country", "iso_code", NULL },
	{ "country_code", NULL },
	{ "country", NULL },
	{ NULL },
};

static const char *const continent_paths[][3] = {
	{ "continent", "code", NULL },
	{ "continent_code", NULL },
	{ "continent", NULL },
	{ NULL },
};

static struct slice
first_text(const struct mmdb *db, uint32_t offset,
    const char *const (*paths)[3])
{
	struct slice text = { NULL, 0 };

	for (; text.len == 0 && (*paths)[0] != NULL; paths++)
		text = text_at(db, offset, *paths);
	return text;
}

static struct place
record_place(const struct mmdb *db, uint32_t offset)
{
	return place_from_codes(first_text(db, offset, country_paths),
	    first_text(db, offset, continent_paths));
}

/* Whether libmaxminddb, too, decodes all of it. */
static bool
record_decodes(const struct mmdb *db, uint32_t offset, struct err *err)
{
	MMDB_entry_s entry = { .mmdb = &db->lib, .offset = offset };
	MMDB_entry_data_list_s *list = NULL;
	int status = MMDB_get_entry_data_list(&entry, &list);

	MMDB_free_entry_data_list(list);
	if (status == MMDB_SUCCESS)
		return true;
	return err_set(err, "the record at byte %u of the data section cannot "
	    "be decoded: %s", offset, MMDB_strerror(status));
}

/* --- the whole ------------------------------------------------------------------ */

static bool
open_library(struct mmdb *db, struct err *err)
{
	char path[SEALED_PATH_MAX];
	int status = MMDB_open(sealed_path(&db->bytes, path), MMDB_MODE_MMAP,
	    &db->lib);

	if (status != MMDB_SUCCESS)
		return err_set(err, "libmaxminddb refuses it: %s%s",
		    MMDB_strerror(status), status == MMDB_FILE_OPEN_ERROR ?
		    " (is /proc mounted?)" : "");
	db->lib_open = true;
	return true;
}

/* Each record is checked and decoded when it is met for the first time. */
static bool
on_record(void *arg, size_t offset, struct err *err)
{
	struct mmdb *db = arg;
	uint32_t at = (uint32_t)offset;
	struct record *slot = records_slot(&db->records, at);

	if (slot->offset != NO_RECORD)
		return true;
	if (!mmdb_data_record(&db->data, offset, err) ||
	    !record_decodes(db, at, err))
		return false;
	slot->offset = at;
	slot->place = record_place(db, at);
	db->has_country[slot->place.country] = true;
	if (++db->records.count * 2 > db->records.size)
		records_grow(&db->records);
	return true;
}

static bool
add_located(void *arg, const struct cidr *net, size_t offset)
{
	struct mmdb *db = arg;
	struct mmdb_info *info = &db->meta.info;

	if (net->base.family != ADDR_IP4)
		return false;		/* IPv4 comes first */
	if (records_place(&db->records, offset).class == PLACE_LOCATED)
		info->ip4_located += 1.0 / (double)(UINT64_C(1) << net->bits);
	return true;
}

/*
 * Networks of universities, which have had them since the eighties and stay
 * where they are.
 */
static const struct {
	struct addr	 addr;
	char		 country[3];
} well_known[] = {
	{ { ADDR_IP4, { 18, 9, 22, 69 } },	"US" },	/* MIT */
	{ { ADDR_IP4, { 128, 100, 96, 19 } },	"CA" },	/* Toronto */
	{ { ADDR_IP4, { 131, 111, 150, 25 } },	"GB" },	/* Cambridge */
	{ { ADDR_IP4, { 141, 20, 5, 188 } },	"DE" },	/* Humboldt, Berlin */
	{ { ADDR_IP4, { 130, 237, 28, 40 } },	"SE" },	/* KTH, Stockholm */
	{ { ADDR_IP4, { 130, 88, 101, 49 } },	"GB" },	/* Manchester */
	{ { ADDR_IP4, { 133, 11, 0, 1 } },	"JP" },	/* Tokyo */
	{ { ADDR_IP4, { 128, 250, 1, 1 } },	"AU" },	/* Melbourne */
	{ { ADDR_IP4, { 130, 216, 1, 1 } },	"NZ" },	/* Auckland */
	{ { ADDR_IP4, { 143, 107, 1, 1 } },	"BR" },	/* Sao Paulo */
	{ { ADDR_IP4, { 137, 158, 1, 1 } },	"ZA" },	/* Cape Town */
	{ { ADDR_IP4, { 129, 132, 1, 1 } },	"CH" },	/* ETH, Zurich */
};

enum { WELL_KNOWN = sizeof(well_known) / sizeof(well_known[0]) };

/* One in four may be wrong: networks do get sold. */
static bool
is_world_right(const struct mmdb *db, struct err *err)
{
	unsigned wrong = 0;
	char text[ADDR_TEXT_MAX], first[ADDR_TEXT_MAX + 80] = "";

	for (size_t i = 0; i < WELL_KNOWN; i++) {
		const char *want = well_known[i].country;
		struct place place = mmdb_lookup(db, &well_known[i].addr);

		if (strcmp(country_code(place.country), want) != 0 &&
		    wrong++ == 0)
			snprintf(first, sizeof(first), "%s is in %s, not in %s",
			    addr_text(&well_known[i].addr, text), want,
			    place.country == 0 ? "no country" :
			    country_code(place.country));
	}
	if (wrong * 4 <= WELL_KNOWN)
		return true;
	return err_set(err, "it covers the world, but %u of %d well-known "
	    "addresses are not where they should be (%s): damaged, or a "
	    "faulty build", wrong, WELL_KNOWN, first);
}

static bool
check_content(struct mmdb *db, struct err *err)
{
	struct mmdb_info *info = &db->meta.info;

	for (unsigned i = 1; i <= COUNTRIES; i++)
		info->usable_countries += db->has_country[i];
	db->has_country[0] = false;
	if (info->usable_countries == 0)
		return err_set(err, "none of its %zu records names a country "
		    "(type %s): this is no country or city database",
		    db->records.count, db->meta.type);
	mmdb_tree_walk(&db->meta.tree, add_located, db);
	if (info->ip4_located == 0 && info->nodes >= WORLD_NODES)
		return err_set(err, "it locates no IPv4 address at all: damaged, "
		    "or an IPv6-only build? use the one with both families");
	if (info->ip4_located < WORLD_SHARE && info->nodes < WORLD_NODES)
		return true;
	return is_world_right(db, err);
}

static bool
verify(struct mmdb *db, struct err *err)
{
	size_t tree = (size_t)mmdb_tree_bytes(db->meta.tree.nodes,
	    db->meta.tree.record_bits);

	records_init(&db->records, RECORDS_FIRST);
	if (!mmdb_data_scan(&db->data, db->bytes.p + tree + MMDB_SEPARATOR,
	    db->meta.tree.data_len, err) || !open_library(db, err) ||
	    !mmdb_tree_verify(&db->meta.tree, on_record, db, err))
		return false;
	mmdb_data_fini(&db->data);
	db->meta.info.records = db->records.count;
	return check_content(db, err);
}

/* Takes db over. */
static struct mmdb *
finish_open(struct mmdb *db, struct err *err)
{
	if (!mmdb_metadata_read(&db->meta, &db->bytes, err) ||
	    !verify(db, err))
		mmdb_close(&db);
	return db;
}

struct mmdb *
mmdb_open(const char *path, struct err *err)
{
	struct mmdb *db = xcalloc(1, sizeof(*db));

	if (sealed_read(&db->bytes, path, FILE_LIMIT, err))
		db = finish_open(db, err);
	else
		mmdb_close(&db);
	if (db == NULL)
		err_wrap(err, "%s", path);
	return db;
}

struct mmdb *
mmdb_open_bytes(const void *bytes, size_t len, struct err *err)
{
	struct mmdb *db = xcalloc(1, sizeof(*db));

	if (len == 0)
		err_set(err, "the file is empty");
	else if (len > FILE_LIMIT)
		err_set(err, "%zu bytes are more than the limit of %d", len,
		    FILE_LIMIT);
	else if (sealed_copy(&db->bytes, bytes, len, err))
		return finish_open(db, err);
	db->bytes.fd = -1;
	mmdb_close(&db);
	return NULL;
}

void
mmdb_close(struct mmdb **db)
{
	if (*db == NULL)
		return;
	if ((*db)->lib_open)
		MMDB_close(&(*db)->lib);
	mmdb_data_fini(&(*db)->data);
	free((*db)->records.slots);
	sealed_free(&(*db)->bytes);
	free(*db);
	*db = NULL;
}

const struct mmdb_info *
mmdb_info(const struct mmdb *db)
{
	return &db->meta.info;
}

static MMDB_lookup_result_s
library_lookup(const struct mmdb *db, const struct addr *addr, int *status)
{
	union {
		struct sockaddr	any;
		struct sockaddr_in ip4;
		struct sockaddr_in6 ip6;
	} sa = { .any = { .sa_family = AF_INET } };

	if (addr->family == ADDR_IP4) {
		memcpy(&sa.ip4.sin_addr, addr->bytes, 4);
	} else {
		sa.ip6.sin6_family = AF_INET6;
		memcpy(&sa.ip6.sin6_addr, addr->bytes, 16);
	}
	return MMDB_lookup_sockaddr(&db->lib, &sa.any, status);
}

struct place
mmdb_lookup(const struct mmdb *db, const struct addr *addr)
{
	struct addr canonical = addr_canonical(addr);
	MMDB_lookup_result_s found;
	int status;

	if (canonical.family == ADDR_NONE)
		return (struct place){ .class = PLACE_UNKNOWN };
	found = library_lookup(db, &canonical, &status);
	if (status != MMDB_SUCCESS || !found.found_entry)
		return (struct place){ .class = PLACE_UNKNOWN };
	return record_place(db, found.entry.offset);
}

struct walk_places {
	const struct mmdb *db;
	bool		(*on_network)(void *arg, const struct cidr *net,
	    struct place place);
	void		*arg;
};

static bool
with_place(void *arg, const struct cidr *net, size_t offset)
{
	const struct walk_places *w = arg;

	return w->on_network(w->arg, net,
	    records_place(&w->db->records, offset));
}

void
mmdb_walk(const struct mmdb *db,
    bool (*on_network)(void *arg, const struct cidr *net, struct place place),
    void *arg)
{
	struct walk_places w = { db, on_network, arg };

	mmdb_tree_walk(&db->meta.tree, with_place, &w);
}
