/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "conf/yaml.h"

#include <string.h>
#include <yaml.h>

#include "base/hash.h"
#include "base/must.h"
#include "base/utf8.h"
#include "conf/file.h"
#include "conf/yaml_words.h"

/* An open list or map. */
struct level {
	struct yaml_node *node;
	struct yaml_node *last;		/* child */
	struct map	*keys;		/* of a map: key -> child */
	const char	*key;		/* read, its value not yet */
	struct mark	 key_mark;
	bool		 has_key;	/* true with key NULL: a key not usable */
};

struct reading {
	yaml_parser_t	 parser;
	struct arena	*arena;
	struct mistakes	*mistakes;
	const char	*file;
	struct slice	 bytes;
	struct yaml_node *root;
	struct level	 levels[YAML_DEPTH_MAX];
	size_t		 depth, nodes;
	unsigned	 documents;
};

static struct mark
mark_of(const struct reading *r, yaml_mark_t m)
{
	return (struct mark){ r->file, (unsigned)m.line + 1,
	    (unsigned)m.column + 1 };
}

static struct level *
top(struct reading *r)
{
	return r->depth == 0 ? NULL : &r->levels[r->depth - 1];
}

/* The path that a mistake in or at the value just met has. */
static const char *
path_here(struct reading *r)
{
	struct level *level = top(r);
	struct yaml_node here = { 0 };
	struct buf path = { 0 };
	const char *text;

	if (level == NULL)
		return "";
	here.parent = level->node;
	here.key = level->key != NULL ? level->key : "";
	here.index = level->node->count;
	yaml_path(level->has_key || level->node->kind == YAML_LIST ? &here :
	    level->node, &path);
	text = arena_strdup(r->arena, buf_cstr(&path));
	buf_fini(&path);
	return text;
}

/* --- bytes ----------------------------------------------------------------- */

static bool
is_control(const char *p, size_t width)
{
	unsigned char c = (unsigned char)p[0];

	if (width == 2 && c == 0xc2)	/* U+0080 .. U+009F */
		return (unsigned char)p[1] < 0xa0;
	return c < 0x20 || c == 0x7f;
}

/*
 * libyaml says where a bad byte is only by its offset, and reads UTF-16 where
 * a byte order mark says so; so what we do not want is sorted out before.
 */
static bool
bytes_are_text(struct reading *r)
{
	struct mark mark = { r->file, 1, 1 };

	for (size_t i = 0, width; i < r->bytes.len; i += width) {
		const char *p = r->bytes.p + i;

		width = utf8_width(p, r->bytes.len - i);
		if (width == 0) {
			mistakes_add(r->mistakes, mark, "",
			    "byte 0x%02X is not UTF-8; save the file as UTF-8",
			    (unsigned char)*p);
			return false;
		}
		if (is_control(p, width) && strchr("\t\n\r", *p) == NULL) {
			mistakes_add(r->mistakes, mark, "",
			    "control character 0x%02X; take it out",
			    (unsigned char)p[width - 1]);
			return false;
		}
		if (*p == '\0') {
			mistakes_add(r->mistakes, mark, "", "a NUL byte; "
			    "take it out");
			return false;
		}
		mark.column++;
		if (*p == '\n') {
			mark.line++;
			mark.column = 1;
		}
	}
	return true;
}

/* --- what libyaml complains about ------------------------------------------ */

/* libyaml's index counts characters. */
static char
character_at(const struct reading *r, size_t index)
{
	struct slice rest = r->bytes;

	while (rest.len > 0 && index-- > 0) {
		size_t width = utf8_width(rest.p, rest.len);

		rest.p += width;
		rest.len -= width;
	}
	return rest.len > 0 ? *rest.p : '\0';
}

static void
syntax_mistake(struct reading *r)
{
	const yaml_parser_t *p = &r->parser;
	const char *text = yaml_problem_words(r->arena, p->problem,
	    character_at(r, p->problem_mark.index));
	struct mark mark = mark_of(r, p->problem_mark);

	must(p->error != YAML_MEMORY_ERROR);
	if (p->context != NULL && p->context_mark.line != p->problem_mark.line)
		mistakes_add(r->mistakes, mark, "",
		    "not YAML: %s (%s that begins in line %zu)", text,
		    yaml_context_words(p->context), p->context_mark.line + 1);
	else
		mistakes_add(r->mistakes, mark, "", "not YAML: %s", text);
}

/* --- nodes -------------------------------------------------------------------- */

static struct yaml_node *
node_new(struct reading *r, enum yaml_kind kind, yaml_mark_t mark)
{
	struct yaml_node *node = arena_alloc(r->arena, sizeof(*node));

	node->kind = kind;
	node->mark = mark_of(r, mark);
	return node;
}

static void
append(struct level *level, struct yaml_node *node)
{
	node->index = level->node->count++;
	if (level->last == NULL)
		level->node->first = node;
	else
		level->last->next = node;
	level->last = node;
}

static void
attach_to_map(struct reading *r, struct level *level, struct yaml_node *node)
{
	const struct yaml_node *twin;
	const char *key = level->key;

	must(level->has_key);
	level->has_key = false;
	level->key = NULL;
	node->key = key != NULL ? key : "";
	node->key_mark = level->key_mark;
	if (key == NULL)
		return;
	twin = map_get(level->keys, slice_of(key));
	if (twin == NULL) {
		map_put(level->keys, slice_of(key), node);
		append(level, node);
	} else if (strcmp(key, "<<") != 0) {
		struct buf path = { 0 };

		yaml_path(node, &path);
		mistakes_add(r->mistakes, node->key_mark, buf_cstr(&path),
		    "given twice; it stands in line %u already",
		    twin->key_mark.line);
		buf_fini(&path);
	}
}

static void
attach(struct reading *r, struct yaml_node *node)
{
	struct level *level = top(r);

	if (level == NULL) {
		r->root = node;
		return;
	}
	node->parent = level->node;
	if (level->node->kind == YAML_MAP)
		attach_to_map(r, level, node);
	else
		append(level, node);
}

static bool
awaits_key(const struct level *level)
{
	return level != NULL && level->node->kind == YAML_MAP &&
	    !level->has_key;
}

/* --- events -------------------------------------------------------------------- */

static void
refuse_decoration(struct reading *r, yaml_mark_t mark, const char *anchor,
    const char *tag)
{
	if (anchor != NULL)
		mistakes_add(r->mistakes, mark_of(r, mark), path_here(r),
		    "anchors (&%.60s) are not read; write the value out",
		    anchor);
	if (tag != NULL)
		mistakes_add(r->mistakes, mark_of(r, mark), path_here(r),
		    "tags (!...) are not read; every value is text");
}

/* NULL if the scalar cannot be used, which has then been told. */
static const char *
scalar_text(struct reading *r, const yaml_event_t *e)
{
	const char *text = (const char *)e->data.scalar.value;
	size_t len = e->data.scalar.length;

	if (len > YAML_TEXT_MAX) {
		mistakes_add(r->mistakes, mark_of(r, e->start_mark),
		    path_here(r), "longer than %d bytes", YAML_TEXT_MAX);
		return NULL;
	}
	for (size_t i = 0, width; i < len; i += width) {
		width = utf8_width(text + i, len - i);
		if (width != 0 && !is_control(text + i, width))
			continue;
		mistakes_add(r->mistakes, mark_of(r, e->start_mark),
		    path_here(r), "holds a line break or another control "
		    "character; take it out");
		return NULL;
	}
	return arena_copy(r->arena, (struct slice){ text, len });
}

static void
on_key(struct reading *r, const yaml_event_t *e)
{
	struct level *level = top(r);
	const char *text = scalar_text(r, e);

	level->has_key = true;
	level->key = text;
	level->key_mark = mark_of(r, e->start_mark);
	if (text == NULL || strcmp(text, "<<") != 0)
		return;
	mistakes_add(r->mistakes, level->key_mark, path_here(r),
	    "merge keys are not read; write the keys out");
	level->key = NULL;
}

static bool
on_scalar(struct reading *r, const yaml_event_t *e)
{
	struct yaml_node *node;
	const char *text;

	refuse_decoration(r, e->start_mark, (const char *)e->data.scalar.anchor,
	    (const char *)e->data.scalar.tag);
	if (awaits_key(top(r))) {
		on_key(r, e);
		return true;
	}
	text = scalar_text(r, e);
	node = node_new(r, text == NULL ? YAML_BAD : YAML_TEXT, e->start_mark);
	node->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	if (text != NULL)
		node->text = (struct slice){ text, e->data.scalar.length };
	attach(r, node);
	return true;
}

static bool
on_alias(struct reading *r, const yaml_event_t *e)
{
	struct level *level = top(r);

	mistakes_add(r->mistakes, mark_of(r, e->start_mark), path_here(r),
	    "aliases (*%.60s) are not read; write the value out",
	    (const char *)e->data.alias.anchor);
	if (awaits_key(level)) {
		level->has_key = true;
		level->key = NULL;
	} else {
		attach(r, node_new(r, YAML_BAD, e->start_mark));
	}
	return true;
}

/* A list or map begins.  As a key it is refused, and read into nowhere. */
static bool
on_open(struct reading *r, const yaml_event_t *e, enum yaml_kind kind)
{
	struct yaml_node *node = node_new(r, kind, e->start_mark);
	struct level *level = top(r);

	if (r->depth == YAML_DEPTH_MAX) {
		mistakes_add(r->mistakes, node->mark, "",
		    "nested deeper than %d levels", YAML_DEPTH_MAX);
		return false;
	}
	if (awaits_key(level)) {
		mistakes_add(r->mistakes, node->mark, path_here(r),
		    "a key must be text; {...} and [...] need quotes");
		level->has_key = true;
		level->key = NULL;
		node->parent = level->node;
	} else {
		attach(r, node);
	}
	r->levels[r->depth++] = (struct level){ .node = node,
	    .keys = kind == YAML_MAP ? map_new() : NULL };
	return true;
}

static void
close_level(struct reading *r)
{
	must(r->depth > 0);
	map_free(&r->levels[--r->depth].keys);
}

static bool
on_document(struct reading *r, const yaml_event_t *e)
{
	if (++r->documents == 1)
		return true;
	mistakes_add(r->mistakes, mark_of(r, e->start_mark), "",
	    "a second document (---); a file holds one");
	return false;
}

static bool
count_node(struct reading *r, const yaml_event_t *e)
{
	if (++r->nodes <= YAML_NODES_MAX)
		return true;
	mistakes_add(r->mistakes, mark_of(r, e->start_mark), "",
	    "more than %d values", YAML_NODES_MAX);
	return false;
}

/* False ends the reading, and there is no tree. */
static bool
on_event(struct reading *r, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		return on_document(r, e);
	case YAML_SCALAR_EVENT:
		return count_node(r, e) && on_scalar(r, e);
	case YAML_ALIAS_EVENT:
		return count_node(r, e) && on_alias(r, e);
	case YAML_SEQUENCE_START_EVENT:
		refuse_decoration(r, e->start_mark,
		    (const char *)e->data.sequence_start.anchor,
		    (const char *)e->data.sequence_start.tag);
		return count_node(r, e) && on_open(r, e, YAML_LIST);
	case YAML_MAPPING_START_EVENT:
		refuse_decoration(r, e->start_mark,
		    (const char *)e->data.mapping_start.anchor,
		    (const char *)e->data.mapping_start.tag);
		return count_node(r, e) && on_open(r, e, YAML_MAP);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		close_level(r);
		return true;
	default:
		return true;
	}
}

static bool
read_events(struct reading *r)
{
	for (;;) {
		yaml_event_t e;
		bool go_on, end;

		if (!yaml_parser_parse(&r->parser, &e)) {
			syntax_mistake(r);
			return false;
		}
		end = e.type == YAML_STREAM_END_EVENT;
		go_on = on_event(r, &e);
		yaml_event_delete(&e);
		if (end || !go_on)
			return go_on;
	}
}

static const struct yaml_node *
checked_root(struct reading *r)
{
	struct mark whole = { r->file, 0, 0 };

	if (r->root == NULL || yaml_is_nothing(r->root)) {
		mistakes_add(r->mistakes, whole, "", "is empty");
		return NULL;
	}
	if (r->root->kind == YAML_MAP)
		return r->root;
	if (r->root->kind != YAML_BAD)
		mistakes_add(r->mistakes, r->root->mark, "",
		    "expected lines of 'key: value'");
	return NULL;
}

/* To libyaml it would be a first column, so that the keys of the lines below
 * stood further left. */
static struct slice
without_mark(struct slice bytes)
{
	size_t mark = bytes.len >= 3 &&
	    memcmp(bytes.p, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

	return (struct slice){ bytes.p + mark, bytes.len - mark };
}

const struct yaml_node *
yaml_parse(struct arena *arena, const char *file, struct slice bytes,
    struct mistakes *mistakes)
{
	struct reading *r = arena_alloc(arena, sizeof(*r));
	bool whole;

	*r = (struct reading){ .arena = arena, .mistakes = mistakes,
	    .file = arena_strdup(arena, file),
	    .bytes = without_mark(bytes) };
	if (bytes.len > YAML_FILE_BYTES) {
		mistakes_add(mistakes, (struct mark){ r->file, 0, 0 }, "",
		    "has more than %d KiB", YAML_FILE_BYTES / 1024);
		return NULL;
	}
	if (!bytes_are_text(r))
		return NULL;
	must(yaml_parser_initialize(&r->parser));
	yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r->parser,
	    (const unsigned char *)r->bytes.p, r->bytes.len);
	whole = read_events(r);
	while (r->depth > 0)
		close_level(r);
	yaml_parser_delete(&r->parser);
	return whole ? checked_root(r) : NULL;
}

const struct yaml_node *
yaml_read(struct arena *arena, const char *file, struct mistakes *mistakes)
{
	const struct yaml_node *root = NULL;
	struct buf bytes = { 0 };
	struct err err;

	if (file_read(&bytes, file, YAML_FILE_BYTES, &err))
		root = yaml_parse(arena, file, buf_all(&bytes), mistakes);
	else
		mistakes_add(mistakes, (struct mark){ file, 0, 0 }, "", "%s",
		    err.text);
	buf_fini(&bytes);
	return root;
}
