/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Values in PostgreSQL's binary form: numbers in network order, a uuid and a
 * bytea as their bytes.
 */
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "store/postgres_private.h"

static void
add(struct pg_params *p, const char *value, size_t len)
{
	must(p->count < PG_PARAMS);
	p->values[p->count] = value;
	p->lengths[p->count] = (int)len;
	p->formats[p->count++] = 1;
}

static void
add_copy(struct pg_params *p, const void *bytes, size_t len)
{
	must(p->count < PG_PARAMS && len <= sizeof(p->room[0]));
	memcpy(p->room[p->count], bytes, len);
	add(p, p->room[p->count], len);
}

void
pg_add_id(struct pg_params *p, const uint8_t id[16])
{
	add(p, (const char *)id, 16);
}

void
pg_add_op(struct pg_params *p, const uint8_t op[16])
{
	static const uint8_t none[16];

	add(p, memcmp(op, none, 16) == 0 ? NULL : (const char *)op, 16);
}

void
pg_add_int(struct pg_params *p, int32_t n)
{
	uint32_t big = htobe32((uint32_t)n);

	add_copy(p, &big, sizeof(big));
}

void
pg_add_big(struct pg_params *p, int64_t n)
{
	uint64_t big = htobe64((uint64_t)n);

	add_copy(p, &big, sizeof(big));
}

void
pg_add_bool(struct pg_params *p, bool b)
{
	char byte = b ? 1 : 0;

	add_copy(p, &byte, 1);
}

void
pg_add_text(struct pg_params *p, const char *text)
{
	add(p, text, strlen(text));
}

void
pg_add_bytes(struct pg_params *p, struct slice bytes)
{
	add(p, bytes.len == 0 ? "" : bytes.p, bytes.len);
}

struct slice
pg_bytes(const PGresult *r, int row, int column)
{
	if (PQgetisnull(r, row, column))
		return (struct slice){ NULL, 0 };
	return (struct slice){ PQgetvalue(r, row, column),
	    (size_t)PQgetlength(r, row, column) };
}

int64_t
pg_number(const PGresult *r, int row, int column)
{
	struct slice s = pg_bytes(r, row, column);
	uint64_t big;
	uint32_t small;

	if (s.len == sizeof(big)) {
		memcpy(&big, s.p, sizeof(big));
		return (int64_t)be64toh(big);
	}
	if (s.len != sizeof(small))
		return 0;
	memcpy(&small, s.p, sizeof(small));
	return (int32_t)be32toh(small);
}

bool
pg_bool(const PGresult *r, int row, int column)
{
	struct slice s = pg_bytes(r, row, column);

	return s.len == 1 && s.p[0] != 0;
}

void
pg_id(const PGresult *r, int row, int column, uint8_t id[16])
{
	struct slice s = pg_bytes(r, row, column);

	memset(id, 0, 16);
	if (s.len == 16)
		memcpy(id, s.p, 16);
}

void
pg_text(const PGresult *r, int row, int column, char *text, size_t cap)
{
	struct slice s = pg_bytes(r, row, column);

	snprintf(text, cap, "%.*s", SLICE_ARG(s));
}
