/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A geo database, read whole into private sealed memory and verified: what
 * happens to the file afterwards (truncated, overwritten in place) cannot
 * touch it.  The only user of libmaxminddb.
 */
#ifndef GEO_MMDB_H
#define GEO_MMDB_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "geo/place.h"

struct mmdb;

struct mmdb_info {
	const char	*type;		/* "DBIP-Country-Lite"; lives in the db */
	uint64_t	 build_epoch;	/* seconds since 1970 */
	unsigned	 ip_version;	/* 4 or 6 */
	size_t		 nodes, records, bytes;
	unsigned	 usable_countries;	/* distinct */
	double		 ip4_located;	/* share of all 2^32 addresses */
};

/*
 * Reads, opens and verifies everything: metadata, every node of the tree,
 * every distinct record, that records name countries at all, and that some
 * well-known addresses are where they should be if the file covers the world
 * (by its size, or by locating a quarter of IPv4).  NULL with *err saying what
 * is wrong with the file and what to do.  Any thread.
 */
struct mmdb *mmdb_open(const char *path, struct err *err);

/* The same from bytes, which are copied. */
struct mmdb *mmdb_open_bytes(const void *bytes, size_t len, struct err *err);

void mmdb_close(struct mmdb **db);

const struct mmdb_info *mmdb_info(const struct mmdb *db);

/*
 * The reference look-up through libmaxminddb: slow, for tests and showing.
 * What the database says, also of special-purpose addresses; IPv4-mapped and
 * NAT64 addresses count as the IPv4 address in them.
 */
struct place mmdb_lookup(const struct mmdb *db, const struct addr *addr);

/*
 * Every network of the database once, in order of address; IPv4 as IPv4.
 * Aliases of the IPv4 tree inside the IPv6 one (6to4, Teredo, mapped) are
 * left out.  The callback returns false to stop.
 */
void mmdb_walk(const struct mmdb *db,
    bool (*on_network)(void *arg, const struct cidr *net, struct place place),
    void *arg);

#endif
