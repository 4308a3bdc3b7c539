/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What an MMDB file says of itself: its metadata, behind a marker near the
 * end, and where by these its search tree is.
 */
#ifndef GEO_MMDB_METADATA_H
#define GEO_MMDB_METADATA_H

#include "geo/mmdb.h"
#include "geo/mmdb_tree.h"
#include "geo/sealed.h"

enum { MMDB_TYPE_LIMIT = 256 };		/* bytes of its name */

struct mmdb_metadata {
	struct mmdb_tree tree;		/* points into the file */
	struct mmdb_info info;		/* what the metadata says of it */
	char		 type[MMDB_TYPE_LIMIT + 1];
};

/* True: its sizes agree with one another and with the file.  Else *err says
 * what is wrong with the file and what to do. */
bool mmdb_metadata_read(struct mmdb_metadata *out, const struct sealed *file,
    struct err *err);

#endif
