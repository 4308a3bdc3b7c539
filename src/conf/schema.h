/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What a section of a file may say, as a table: a row per key with its type,
 * range and default.  schema_read() fills a struct by such a table and tells
 * every mistake: unknown keys, missing ones, wrong types, bad values.
 *
 *	static const struct schema_row probe[] = {
 *		{ "path", SCHEMA_URL_PATH, SCHEMA_AT(struct probe, path),
 *		    .fallback = "/health" },
 *		{ "interval", SCHEMA_DURATION, SCHEMA_AT(struct probe, ms),
 *		    .fallback = "2s", .least = 100 },
 *		{ 0 },
 *	};
 */
#ifndef CONF_SCHEMA_H
#define CONF_SCHEMA_H

#include "conf/yaml.h"

/* Names of files that were read, in an arena. */
struct file_names {
	const char	**list;
	size_t		 count, room;
};

/* What a reading of one set of files needs everywhere. */
struct schema_reader {
	struct arena	*arena;		/* what is read lives there */
	struct mistakes	*mistakes;
	const char	*dir;		/* file names are relative to it */
	struct file_names *files;	/* gets each that is named; may be NULL */
};

enum schema_type {
	SCHEMA_TEXT,			/* const char *, not empty */
	SCHEMA_FILE,			/* const char *, joined with dir */
	SCHEMA_URL_PATH,		/* const char * */
	SCHEMA_BOOL,			/* bool */
	SCHEMA_CHOICE,			/* an enum or bool: index in choices */
	SCHEMA_NUMBER,			/* unsigned, size_t, uint64_t */
	SCHEMA_SIZE,			/* the same, in bytes */
	SCHEMA_DURATION,		/* the same, in milliseconds */
	SCHEMA_SHARE,			/* double, 0 .. 1 */
	SCHEMA_REAL,			/* double */
	SCHEMA_ENDPOINT,		/* struct endpoint */
	SCHEMA_COUNTRY,			/* uint16_t */
	SCHEMA_SECTION,			/* rows of section, into the same struct */
	SCHEMA_CUSTOM,			/* whatever read() makes of it */
};

struct schema_row {
	const char	*key;		/* NULL ends a table */
	enum schema_type type;
	size_t		 offset, width;	/* of the field: SCHEMA_AT */
	const char	*fallback;	/* as the file would write it, or NULL:
					   the field stays as it is */
	bool		 required;
	uint64_t	 least, most;	/* most 0: no upper bound */
	double		 lowest, highest;	/* of SCHEMA_REAL */
	const char	*const *choices;	/* ends with NULL */
	const struct schema_row *section;
	/* Called only where the key is given; target is the whole struct. */
	void		(*read)(const struct schema_reader *reader,
	    const struct yaml_node *node, void *target);
	/* For schema_dump().  Of SCHEMA_CUSTOM, section may say the rows of a
	 * map that stands here, or, with each, of every one in a map of them;
	 * fallback what stands for a key that is not given; and is_file which
	 * texts name files.  hide takes secrets out of a text. */
	bool		 each;
	bool		(*is_file)(struct slice text);
	const char	*(*hide)(struct arena *arena, struct slice text);
};

#define SCHEMA_AT(type, field) \
	.offset = offsetof(type, field), .width = sizeof(((type *)NULL)->field)

/* Defaults into target, then what map says; map NULL: defaults alone. */
void schema_read(const struct schema_reader *reader,
    const struct schema_row *rows, const struct yaml_node *map, void *target);

/* A file that is named: relative to dir, and noted. */
const char *schema_file(const struct schema_reader *reader, const char *name);

/* A mistake, or a warning, at a node, with its path. */
void schema_mistake(const struct schema_reader *reader,
    const struct yaml_node *node, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void schema_warn(const struct schema_reader *reader,
    const struct yaml_node *node, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same at the node's key. */
void schema_key_mistake(const struct schema_reader *reader,
    const struct yaml_node *node, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

void schema_key_warn(const struct schema_reader *reader,
    const struct yaml_node *node, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same about a key that may not be there: at the nearest section above
 * it, or where the file's first key stands. */
void schema_mistake_at(const struct schema_reader *reader,
    const struct yaml_node *root, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void schema_warn_at(const struct schema_reader *reader,
    const struct yaml_node *root, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/*
 * Whether the node is of that kind; tells the mistake if not.  Nothing after
 * a key counts as an empty list or map.
 */
bool schema_is_text(const struct schema_reader *reader,
    const struct yaml_node *node);
bool schema_is_list(const struct schema_reader *reader,
    const struct yaml_node *node);
bool schema_is_map(const struct schema_reader *reader,
    const struct yaml_node *node);

/*
 * A list of texts, or one text alone, into *texts; those that are no text are
 * told and left out.  nodes (may be NULL) receives where each stood.
 */
size_t schema_texts(const struct schema_reader *reader,
    const struct yaml_node *node, const char *const **texts,
    const struct yaml_node *const **nodes);

/* "; did you mean 'x'?", or "; known are a, b and c" of a few, or "". */
const char *schema_hint(const struct schema_reader *reader,
    struct slice word, const char *const *names, size_t count);

/* version: 1, which every file but portolan.yaml begins with. */
void schema_read_version(const struct schema_reader *reader,
    const struct yaml_node *node, void *target);

#endif
