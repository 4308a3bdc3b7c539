/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "engine/reader.h"

#include <stdio.h>

#include "base/buf.h"

static void
write_where(struct buf *out, const struct where *at)
{
	if (at == NULL)
		return;
	write_where(out, at->up);
	if (at->key == NULL)
		buf_printf(out, "[%zu]", at->index);
	else
		buf_printf(out, "%s%s", at->up == NULL ? "" : ".", at->key);
}

bool
reader_fail(struct reader *r, const struct where *at, const char *fmt, ...)
{
	struct buf where = { 0 };
	char sentence[512];
	va_list ap;

	if (r->failed)
		return false;
	r->failed = true;
	va_start(ap, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	write_where(&where, at);
	if (at == NULL)
		err_set(r->err, "%s: %s", r->name, sentence);
	else
		err_set(r->err, "%s: %s: %s", r->name, buf_cstr(&where),
		    sentence);
	buf_fini(&where);
	return false;
}

bool
reader_goes_on(struct reader *r)
{
	if (!r->failed)
		return true;
	if (r->faults == NULL)
		return false;
	r->failed = false;
	buf_printf(&r->faults->text, "%s%s", r->faults->count > 0 ? "; " : "",
	    r->err->text);
	return ++r->faults->count < FAULTS_MAX;
}

static const json_t *
get(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_null(value) ? NULL : value;
}

const char *
read_text(struct reader *r, const struct where *at, const json_t *object,
    const char *key)
{
	const struct where here = { at, key, 0 };
	const json_t *value = get(object, key);

	if (value == NULL)
		return NULL;
	if (!json_is_string(value)) {
		reader_fail(r, &here, "must be a string");
		return NULL;
	}
	return json_string_value(value);
}

const char *
need_text(struct reader *r, const struct where *at, const json_t *object,
    const char *key)
{
	const struct where here = { at, key, 0 };
	const char *text = read_text(r, at, object, key);

	if (text == NULL)
		reader_fail(r, &here, "is missing");
	return text;
}

bool
read_bool(struct reader *r, const struct where *at, const json_t *object,
    const char *key, bool fallback)
{
	const struct where here = { at, key, 0 };
	const json_t *value = get(object, key);

	if (value == NULL)
		return fallback;
	if (!json_is_boolean(value))
		return reader_fail(r, &here, "must be true or false");
	return json_is_true(value);
}

int64_t
read_integer(struct reader *r, const struct where *at, const json_t *object,
    const char *key, int64_t fallback)
{
	const struct where here = { at, key, 0 };
	const json_t *value = get(object, key);

	if (value == NULL)
		return fallback;
	if (!json_is_integer(value)) {
		reader_fail(r, &here, "must be a whole number");
		return fallback;
	}
	return json_integer_value(value);
}

const char *
need_guid(struct reader *r, const struct where *at, const json_t *object,
    const char *key, struct guid *guid)
{
	const struct where here = { at, key, 0 };
	const char *text = need_text(r, at, object, key);

	if (text != NULL && !guid_of(guid, text))
		reader_fail(r, &here, "\"%s\" is not a GUID", text);
	return text;
}

const json_t *
read_list(struct reader *r, const struct where *at, const json_t *object,
    const char *key, size_t most)
{
	const struct where here = { at, key, 0 };
	const json_t *value = get(object, key);

	if (value == NULL)
		return NULL;
	if (!json_is_array(value)) {
		reader_fail(r, &here, "must be a list");
		return NULL;
	}
	if (json_array_size(value) > most) {
		reader_fail(r, &here, "%zu are too many, at most %zu",
		    json_array_size(value), most);
		return NULL;
	}
	for (size_t i = 0; i < json_array_size(value); i++) {
		const struct where item = { &here, NULL, i };

		if (!json_is_object(json_array_get(value, i))) {
			reader_fail(r, &item, "must be an object");
			return NULL;
		}
	}
	return json_array_size(value) == 0 ? NULL : value;
}

const json_t *
read_object(struct reader *r, const struct where *at, const json_t *object,
    const char *key)
{
	const struct where here = { at, key, 0 };
	const json_t *value = get(object, key);

	if (value != NULL && !json_is_object(value)) {
		reader_fail(r, &here, "must be an object");
		return NULL;
	}
	return value;
}
