/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * {![Value]} and {![Value].[Property]} in texts.  The player puts texts into
 * the page as HTML, so what a user typed must arrive escaped.
 */
#include "base/buf.h"
#include "engine/run.h"

/* "[Name]" off the front. */
static bool
take_name(struct slice *s, struct slice *name)
{
	const char *end;

	if (s->len == 0 || s->p[0] != '[' ||
	    (end = memchr(s->p, ']', s->len)) == NULL)
		return false;
	*name = (struct slice){ s->p + 1, (size_t)(end - s->p) - 1 };
	s->len -= (size_t)(end + 1 - s->p);
	s->p = end + 1;
	return true;
}

/* What stands between "{!" and "}".  Unknown names hold nothing. */
static void
merge_one(struct run *run, struct buf *out, struct slice what)
{
	const struct flow_value *value;
	struct slice name, property;
	struct value_ref ref;

	/* It is sought among all. */
	if (!take_name(&what, &name) || !run_spend(run, run->flow->nvalues))
		return;
	value = flow_value_named(run->flow, name);
	if (value == NULL)
		return;
	ref = ref_to(value);
	if (what.len > 0 && what.p[0] == '.') {
		what.p++;
		what.len--;
		if (take_name(&what, &property))
			buf_markup(out, slice_of(json_string_value(
			    json_object_get(object_property_named(
			    json_array_get(run_objects(run, &ref), 0),
			    property), "contentValue"))));
	} else {
		buf_markup(out, run_text(run, &ref));
	}
}

const char *
run_merge(struct run *run, const char *text)
{
	struct buf out = { 0 };
	const char *open, *close, *merged;

	if (text == NULL)
		return NULL;
	while ((open = strstr(text, "{!")) != NULL &&
	    (close = strchr(open, '}')) != NULL) {
		buf_add(&out, text, (size_t)(open - text));
		if (out.len < MERGED_BYTES_MAX)
			merge_one(run, &out, (struct slice){ open + 2,
			    (size_t)(close - open) - 2 });
		text = close + 1;
	}
	buf_text(&out, text);
	merged = arena_copy(run->arena, buf_all(&out));
	buf_fini(&out);
	return merged;
}
