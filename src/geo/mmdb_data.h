/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The data section of an MMDB file (format 2.0), read by ourselves and
 * strictly: nothing reaches libmaxminddb that has not passed here, since
 * crafted files have made older releases of it read out of bounds, recurse
 * without end, or expand a few hundred bytes into gigabytes.
 */
#ifndef GEO_MMDB_DATA_H
#define GEO_MMDB_DATA_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

enum mmdb_type {
	MMDB_TYPE_POINTER = 1, MMDB_TYPE_STRING, MMDB_TYPE_DOUBLE,
	MMDB_TYPE_BYTES, MMDB_TYPE_UINT16, MMDB_TYPE_UINT32, MMDB_TYPE_MAP,
	MMDB_TYPE_INT32, MMDB_TYPE_UINT64, MMDB_TYPE_UINT128, MMDB_TYPE_ARRAY,
	MMDB_TYPE_CONTAINER, MMDB_TYPE_END, MMDB_TYPE_BOOL, MMDB_TYPE_FLOAT,
};

/* One value without what is in it or behind it. */
struct mmdb_value {
	enum mmdb_type	 type;
	size_t		 size;		/* bytes, entries, or the pointer's target */
	size_t		 payload;	/* where its bytes or entries begin */
	size_t		 next;		/* after a scalar; else the payload */
};

struct mmdb_data {
	const uint8_t	*p;
	size_t		 len;
	uint64_t	*starts;	/* a bit for each byte where a value begins */
	uint64_t	 budget;	/* values that expanding may still visit */
};

/*
 * Reads the whole section, one value after the other from its first byte to
 * its last, and checks that each pointer leads to the beginning of one.
 * Afterwards mmdb_data_fini() must be called, also where it was not good.
 */
bool mmdb_data_scan(struct mmdb_data *data, const uint8_t *p, size_t len,
    struct err *err);
void mmdb_data_fini(struct mmdb_data *data);

/*
 * Whether a record begins at this offset of a scanned section, and following
 * its pointers ends within reasonable depth and number of values.
 */
bool mmdb_data_record(struct mmdb_data *data, size_t at, struct err *err);

/*
 * The value of a key in the map at an offset, pointers followed; false if the
 * key is not there.  The map must have passed mmdb_data_record().
 */
bool mmdb_data_get(const struct mmdb_data *data, size_t map,
    const char *key, struct mmdb_value *value);

/* Whether a map or array holds nothing but strings. */
bool mmdb_data_strings(const struct mmdb_data *data,
    const struct mmdb_value *value);

/* Of a string, or an unsigned integer up to 64 bits. */
bool mmdb_data_string(const struct mmdb_data *data,
    const struct mmdb_value *value, struct slice *text);
bool mmdb_data_uint(const struct mmdb_data *data,
    const struct mmdb_value *value, uint64_t *number);

#endif
