/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The search tree of an MMDB file: nodes of two records each; a record leads
 * to another node, to nothing, or to a place in the data section.
 */
#ifndef GEO_MMDB_TREE_H
#define GEO_MMDB_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"

enum { MMDB_SEPARATOR = 16 };		/* zero bytes between tree and data */

struct mmdb_tree {
	const uint8_t	*p;
	uint32_t	 nodes;
	unsigned	 record_bits;	/* 24, 28 or 32 */
	unsigned	 ip_version;	/* 4 or 6 */
	size_t		 data_len;
};

/* Bytes that so many nodes take. */
uint64_t mmdb_tree_bytes(uint64_t nodes, unsigned record_bits);

/*
 * Visits every node: records in range, no cycle, no deeper than an address is
 * long, each node with exactly one record that leads to it (but for aliases
 * of IPv4).  on_record gets each offset into the data section, often more than
 * once; returning false, with *err set, ends the visit.
 */
bool mmdb_tree_verify(const struct mmdb_tree *tree,
    bool (*on_record)(void *arg, size_t offset, struct err *err), void *arg,
    struct err *err);

/*
 * Every network with a record, in order of address, IPv4 first and as IPv4,
 * once: other ways to the IPv4 tree are not taken.  The tree must have been
 * verified.  False if the callback has stopped it.
 */
bool mmdb_tree_walk(const struct mmdb_tree *tree,
    bool (*on_network)(void *arg, const struct cidr *net, size_t offset),
    void *arg);

#endif
