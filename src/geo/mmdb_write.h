/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Makes MMDB files: both families in one tree, records nested as MaxMind's
 * country databases have them, so that any reader finds what it knows.
 */
#ifndef GEO_MMDB_WRITE_H
#define GEO_MMDB_WRITE_H

#include "base/buf.h"
#include "geo/range_text.h"

struct mmdb_source {
	const struct range *ranges;	/* disjoint, in order, all located */
	size_t		 count;
	const char	*type;		/* database_type of the metadata */
	const char	*description;	/* in English */
	uint64_t	 build_epoch;	/* seconds since 1970 */
};

/*
 * Adds the whole file to out: the same bytes for the same source.  There must
 * be at least one range.
 */
void mmdb_write(struct buf *out, const struct mmdb_source *source);

#endif
