/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "geo/mmdb_data.h"

#include <stdlib.h>

#include "base/arena.h"

enum {
	DEPTH_MAX = 24,			/* real databases nest five deep */
	VALUES_PER_BYTE = 16,		/* City records: two or three */
	BUDGET_LEAST = 1 << 16,
};

static bool
is_container(enum mmdb_type type)
{
	return type == MMDB_TYPE_MAP || type == MMDB_TYPE_ARRAY;
}

/* Big-endian, up to eight bytes. */
static uint64_t
read_uint(const uint8_t *p, size_t bytes)
{
	uint64_t n = 0;

	for (size_t i = 0; i < bytes; i++)
		n = n << 8 | p[i];
	return n;
}

/* Control bits SS VVV, then SS + 1 bytes; the ranges follow one another. */
static bool
read_pointer(const struct mmdb_data *data, size_t at, uint8_t control,
    struct mmdb_value *value)
{
	static const uint32_t base[] = { 0, 2048, 526336, 0 };
	unsigned ss = control >> 3 & 3;
	size_t bytes = ss + 1;
	uint64_t high = ss == 3 ? 0 : control & 7;

	if (data->len - at < bytes)
		return false;
	value->size = (high << (8 * bytes) | read_uint(data->p + at, bytes)) +
	    base[ss];
	value->payload = value->next = at + bytes;
	return value->size < data->len;
}

static bool
is_size_allowed(enum mmdb_type type, size_t size)
{
	switch (type) {
	case MMDB_TYPE_DOUBLE:
		return size == 8;
	case MMDB_TYPE_FLOAT:
	case MMDB_TYPE_INT32:
		return size <= 4 && (size == 4 || type == MMDB_TYPE_INT32);
	case MMDB_TYPE_UINT16:
		return size <= 2;
	case MMDB_TYPE_UINT32:
		return size <= 4;
	case MMDB_TYPE_UINT64:
		return size <= 8;
	case MMDB_TYPE_UINT128:
		return size <= 16;
	case MMDB_TYPE_BOOL:
		return size <= 1;
	case MMDB_TYPE_STRING:
	case MMDB_TYPE_BYTES:
	case MMDB_TYPE_MAP:
	case MMDB_TYPE_ARRAY:
		return true;
	default:
		return false;		/* cache container, end marker */
	}
}

/* Sizes from 29 on continue in the bytes that follow. */
static bool
read_size(const struct mmdb_data *data, size_t *at, size_t *size)
{
	static const uint32_t base[] = { 29, 285, 65821 };
	size_t bytes = *size < 29 ? 0 : *size - 28;

	if (bytes == 0)
		return true;
	if (data->len - *at < bytes)
		return false;
	*size = base[bytes - 1] + read_uint(data->p + *at, bytes);
	*at += bytes;
	return true;
}

/* False if no valid value begins at the offset. */
static bool
mmdb_value_read(const struct mmdb_data *data, size_t at,
    struct mmdb_value *value)
{
	uint8_t control;
	unsigned type;
	size_t left;

	if (at >= data->len)
		return false;
	control = data->p[at++];
	type = control >> 5;
	if (type == MMDB_TYPE_POINTER) {
		value->type = MMDB_TYPE_POINTER;
		return read_pointer(data, at, control, value);
	}
	if (type == 0) {
		if (at == data->len || data->p[at] < 1 || data->p[at] > 8)
			return false;
		type = data->p[at++] + 7u;
	}
	value->type = (enum mmdb_type)type;
	value->size = control & 31;
	if (!read_size(data, &at, &value->size) ||
	    !is_size_allowed(value->type, value->size))
		return false;
	value->payload = value->next = at;
	left = data->len - at;
	if (is_container(value->type))
		/* Each entry takes a byte at least: no count can make us loop
		 * for longer than the file is. */
		return value->size <= left;
	if (value->type == MMDB_TYPE_BOOL)
		return true;		/* the size is the value */
	value->next += value->size;
	return value->size <= left;
}

static void
mark(struct mmdb_data *data, size_t at)
{
	data->starts[at / 64] |= UINT64_C(1) << (at % 64);
}

static bool
is_start(const struct mmdb_data *data, size_t at)
{
	return at < data->len &&
	    (data->starts[at / 64] >> (at % 64) & 1) != 0;
}

/* The value at *at with everything in it, pointers not followed. */
static bool
scan_value(struct mmdb_data *data, size_t *at, unsigned depth)
{
	struct mmdb_value v, key;

	if (depth > DEPTH_MAX || !mmdb_value_read(data, *at, &v))
		return false;
	mark(data, *at);
	*at = v.next;
	if (!is_container(v.type))
		return true;
	for (size_t i = 0; i < v.size; i++) {
		if (v.type == MMDB_TYPE_MAP) {
			if (!mmdb_value_read(data, *at, &key) ||
			    (key.type != MMDB_TYPE_STRING &&
			    key.type != MMDB_TYPE_POINTER))
				return false;
			mark(data, *at);
			*at = key.next;
		}
		if (!scan_value(data, at, depth + 1))
			return false;
	}
	return true;
}

/* Second pass, when all beginnings are known. */
static bool
scan_pointers(const struct mmdb_data *data, size_t *where)
{
	struct mmdb_value v, target;

	for (size_t at = 0; at < data->len; at++) {
		if (data->starts[at / 64] == 0) {
			at |= 63;
			continue;
		}
		if (!is_start(data, at))
			continue;
		*where = at;
		if (!mmdb_value_read(data, at, &v))
			return false;
		if (v.type == MMDB_TYPE_POINTER && (!is_start(data, v.size) ||
		    !mmdb_value_read(data, v.size, &target) ||
		    target.type == MMDB_TYPE_POINTER))
			return false;
	}
	return true;
}

bool
mmdb_data_scan(struct mmdb_data *data, const uint8_t *p, size_t len,
    struct err *err)
{
	size_t at = 0, before;

	*data = (struct mmdb_data){ .p = p, .len = len };
	data->starts = xcalloc(len / 64 + 1, sizeof(*data->starts));
	data->budget = (uint64_t)len * VALUES_PER_BYTE + BUDGET_LEAST;
	while (at < len) {
		before = at;
		if (!scan_value(data, &at, 0))
			return err_set(err, "the data section is damaged: no "
			    "valid record at byte %zu of it, or in it", before);
	}
	if (!scan_pointers(data, &at))
		return err_set(err, "the data section is damaged: the pointer "
		    "at byte %zu of it leads into the middle of a value", at);
	return true;
}

void
mmdb_data_fini(struct mmdb_data *data)
{
	free(data->starts);
	data->starts = NULL;
}

/* The value at *at, *at moving over it; what it points to is visited too. */
static bool
expand(struct mmdb_data *data, size_t *at, unsigned depth, bool is_key)
{
	struct mmdb_value v;
	size_t target;

	if (depth > DEPTH_MAX || data->budget == 0 ||
	    !mmdb_value_read(data, *at, &v))
		return false;
	data->budget--;
	*at = v.next;
	if (v.type == MMDB_TYPE_POINTER) {
		target = v.size;
		return expand(data, &target, depth + 1, is_key);
	}
	if (is_key)
		return v.type == MMDB_TYPE_STRING &&
		    (v.size == 0 || memchr(data->p + v.payload, 0, v.size) == NULL);
	if (!is_container(v.type))
		return true;
	for (size_t i = 0; i < v.size; i++)
		if ((v.type == MMDB_TYPE_MAP &&
		    !expand(data, at, depth + 1, true)) ||
		    !expand(data, at, depth + 1, false))
			return false;
	return true;
}

bool
mmdb_data_record(struct mmdb_data *data, size_t at, struct err *err)
{
	size_t end = at;

	if (!is_start(data, at))
		return err_set(err, "damaged: the search tree leads to byte %zu "
		    "of the data section, where no record begins", at);
	if (expand(data, &end, 0, false))
		return true;
	if (data->budget == 0)
		return err_set(err, "the record at byte %zu of the data section "
		    "and those before it expand to more values than a real "
		    "database holds", at);
	return err_set(err, "the record at byte %zu of the data section cannot "
	    "be decoded, or nests deeper than %d levels", at, DEPTH_MAX);
}

/* Follows at most one pointer: pointers to pointers did not pass the scan. */
static bool
resolve(const struct mmdb_data *data, size_t at, struct mmdb_value *v)
{
	if (!mmdb_value_read(data, at, v))
		return false;
	return v->type != MMDB_TYPE_POINTER || mmdb_value_read(data, v->size, v);
}

/* Moves *at over a value and what is in it. */
static bool
skip(const struct mmdb_data *data, size_t *at, unsigned depth)
{
	struct mmdb_value v;
	size_t count;

	if (depth > DEPTH_MAX || !mmdb_value_read(data, *at, &v))
		return false;
	*at = v.next;
	count = !is_container(v.type) ? 0 :
	    v.type == MMDB_TYPE_MAP ? v.size * 2 : v.size;
	for (size_t i = 0; i < count; i++)
		if (!skip(data, at, depth + 1))
			return false;
	return true;
}

bool
mmdb_data_get(const struct mmdb_data *data, size_t map, const char *key,
    struct mmdb_value *value)
{
	struct mmdb_value v, name;
	struct slice text;
	size_t at;

	if (!resolve(data, map, &v) || v.type != MMDB_TYPE_MAP)
		return false;
	at = v.payload;
	for (size_t i = 0; i < v.size; i++) {
		if (!resolve(data, at, &name) ||
		    !mmdb_data_string(data, &name, &text) ||
		    !skip(data, &at, 0))
			return false;
		if (slice_is(text, key))
			return resolve(data, at, value);
		if (!skip(data, &at, 0))
			return false;
	}
	return false;
}

bool
mmdb_data_strings(const struct mmdb_data *data, const struct mmdb_value *value)
{
	size_t count = value->type == MMDB_TYPE_MAP ? value->size * 2 :
	    value->size, at = value->payload;
	struct mmdb_value v;

	if (!is_container(value->type))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!resolve(data, at, &v) || v.type != MMDB_TYPE_STRING ||
		    !skip(data, &at, 0))
			return false;
	return true;
}

bool
mmdb_data_string(const struct mmdb_data *data, const struct mmdb_value *value,
    struct slice *text)
{
	if (value->type != MMDB_TYPE_STRING)
		return false;
	*text = (struct slice){ (const char *)data->p + value->payload,
	    value->size };
	return true;
}

bool
mmdb_data_uint(const struct mmdb_data *data, const struct mmdb_value *value,
    uint64_t *number)
{
	if (value->type != MMDB_TYPE_UINT16 && value->type != MMDB_TYPE_UINT32 &&
	    value->type != MMDB_TYPE_UINT64)
		return false;
	*number = read_uint(data->p + value->payload, value->size);
	return true;
}
