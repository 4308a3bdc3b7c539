/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "conf/mistakes.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"

/* A sentence that quotes long foreign text is cut, never refused. */
enum { SENTENCE_MAX = 1024 };

void
mistakes_init(struct mistakes *m)
{
	*m = (struct mistakes){ .arena = arena_new(4096) };
	m->list = arena_array(m->arena, MISTAKES_MAX + 1, sizeof(*m->list));
}

void
mistakes_fini(struct mistakes *m)
{
	arena_free(&m->arena);
	*m = (struct mistakes){ 0 };
}

/* The file's name as it is known already, or a copy: marks outlive trees. */
static const char *
file_name(struct mistakes *m, const char *file)
{
	if (file == NULL)
		return NULL;
	for (size_t i = 0; i < m->count; i++)
		if (m->list[i].mark.file != NULL &&
		    strcmp(m->list[i].mark.file, file) == 0)
			return m->list[i].mark.file;
	return arena_strdup(m->arena, file);
}

static bool
stands_after(struct mark a, struct mark b)
{
	return a.line != b.line ? a.line > b.line : a.column > b.column;
}

/*
 * Files in the order in which they are first complained about; within one by
 * line and column, and what came first first where both are equal.
 */
static size_t
place_of(const struct mistakes *m, struct mark mark)
{
	bool seen = false;

	for (size_t i = 0; i < m->count; i++) {
		bool same = m->list[i].mark.file == mark.file;

		if (same && stands_after(m->list[i].mark, mark))
			return i;
		if (seen && !same)
			return i;
		seen = seen || same;
	}
	return m->count;
}

static void
add(struct mistakes *m, struct mark mark, const char *path, bool warning,
    const char *sentence)
{
	size_t at;

	m->errors += !warning;
	if (m->count > MISTAKES_MAX)
		return;
	if (m->count == MISTAKES_MAX) {
		m->list[m->count++] = (struct mistake){ .path = "",
		    .sentence = "there are more; correct these first",
		    .warning = m->errors == 0 };
		return;
	}
	mark.file = file_name(m, mark.file);
	at = place_of(m, mark);
	memmove(m->list + at + 1, m->list + at,
	    (m->count - at) * sizeof(*m->list));
	m->list[at] = (struct mistake){ mark, arena_strdup(m->arena, path),
	    arena_strdup(m->arena, sentence), warning };
	m->count++;
}

void
mistakes_add(struct mistakes *m, struct mark mark, const char *path,
    const char *fmt, ...)
{
	char sentence[SENTENCE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	add(m, mark, path, false, sentence);
}

void
mistakes_warn(struct mistakes *m, struct mark mark, const char *path,
    const char *fmt, ...)
{
	char sentence[SENTENCE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	add(m, mark, path, true, sentence);
}

void
mistake_print(const struct mistake *mistake, struct buf *out)
{
	struct mark mark = mistake->mark;

	if (mark.file != NULL)
		buf_text(out, mark.file);
	if (mark.line != 0)
		buf_printf(out, ":%u", mark.line);
	if (mark.column != 0)
		buf_printf(out, ":%u", mark.column);
	if (mark.file != NULL)
		buf_text(out, ": ");
	if (mistake->path[0] != '\0')
		buf_printf(out, "%s: ", mistake->path);
	buf_printf(out, "%s%s", mistake->warning ? "warning: " : "",
	    mistake->sentence);
}

void
mistakes_print(const struct mistakes *m, struct buf *out)
{
	for (size_t i = 0; i < m->count; i++) {
		mistake_print(&m->list[i], out);
		buf_char(out, '\n');
	}
}

static void
member(struct buf *out, const char *name, const char *value)
{
	buf_json(out, slice_of(name));
	buf_char(out, ':');
	if (value != NULL)
		buf_json(out, slice_of(value));
	else
		buf_text(out, "null");
	buf_char(out, ',');
}

void
mistakes_json(const struct mistakes *m, struct buf *out)
{
	buf_char(out, '[');
	for (size_t i = 0; i < m->count; i++) {
		const struct mistake *mistake = &m->list[i];

		buf_text(out, i == 0 ? "{" : ",{");
		member(out, "file", mistake->mark.file);
		buf_printf(out, "\"line\":%u,\"column\":%u,",
		    mistake->mark.line, mistake->mark.column);
		member(out, "path", mistake->path);
		member(out, "sentence", mistake->sentence);
		buf_printf(out, "\"warning\":%s}",
		    mistake->warning ? "true" : "false");
	}
	buf_char(out, ']');
}
