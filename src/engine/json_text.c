/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What every invoke writes: its answer and its state.  jansson's own writer
 * looks for circles, with a name in a table for each object that it comes to,
 * and was a fifth of an invoke's work; ours have none.
 */
#include "engine/json_text.h"

#include "base/must.h"

enum { REAL_TEXT = 64 };

static void
put_real(struct buf *out, const json_t *json)
{
	char text[REAL_TEXT];
	size_t len = json_dumpb(json, text, sizeof(text), JSON_ENCODE_ANY);

	must(len <= sizeof(text));
	buf_add(out, text, len);
}

static void
put_integer(struct buf *out, json_int_t n)
{
	if (n < 0)
		buf_char(out, '-');
	buf_u64(out, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
}

static void
put_array(struct buf *out, const json_t *json)
{
	buf_char(out, '[');
	for (size_t i = 0; i < json_array_size(json); i++) {
		if (i > 0)
			buf_char(out, ',');
		json_put(out, json_array_get(json, i));
	}
	buf_char(out, ']');
}

/* Its functions that walk take no const. */
static void
put_object(struct buf *out, const json_t *json)
{
	json_t *object = (json_t *)(uintptr_t)json;
	void *first = json_object_iter(object);

	buf_char(out, '{');
	for (void *at = first; at != NULL;
	    at = json_object_iter_next(object, at)) {
		if (at != first)
			buf_char(out, ',');
		buf_json(out, slice_of(json_object_iter_key(at)));
		buf_char(out, ':');
		json_put(out, json_object_iter_value(at));
	}
	buf_char(out, '}');
}

void
json_put(struct buf *out, const json_t *json)
{
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		put_object(out, json);
		break;
	case JSON_ARRAY:
		put_array(out, json);
		break;
	case JSON_STRING:
		buf_json(out, (struct slice){ json_string_value(json),
		    json_string_length(json) });
		break;
	case JSON_INTEGER:
		put_integer(out, json_integer_value(json));
		break;
	case JSON_REAL:
		put_real(out, json);
		break;
	case JSON_TRUE:
		buf_text(out, "true");
		break;
	case JSON_FALSE:
		buf_text(out, "false");
		break;
	case JSON_NULL:
		buf_text(out, "null");
		break;
	}
}

/* To the quote that ends the string, or to the end of all. */
static size_t
end_of_string(struct slice text, size_t at)
{
	while (at < text.len && text.p[at] != '"')
		at += text.p[at] == '\\' ? 2 : 1;
	return at;
}

/* Each value but the first stands behind one of these. */
bool
json_is_too_much(struct slice text)
{
	size_t values = 1;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.p[i];

		if (c == '"')
			i = end_of_string(text, i + 1);
		else
			values += c == ',' || c == '[' || c == '{';
	}
	return values > JSON_VALUES_MAX;
}

/* jansson names its own flag. */
const char *
json_mistake(const json_error_t *error)
{
	switch (json_error_code(error)) {
	case json_error_null_character:
	case json_error_null_byte_in_key:
		return "a text may hold no \\u0000";
	default:
		return error->text;
	}
}
