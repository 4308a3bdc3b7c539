/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"

enum { BLOCK_DEFAULT = 64 * 1024 };

struct block {
	struct block	*next;
	size_t		 size, used;
	alignas(max_align_t) char data[];
};

struct arena {
	struct block	*blocks;	/* the newest first */
	size_t		 block_bytes;
};

struct arena *
arena_new(size_t block_bytes)
{
	struct arena *arena = xcalloc(1, sizeof(*arena));

	arena->block_bytes = block_bytes == 0 ? BLOCK_DEFAULT : block_bytes;
	return arena;
}

void
arena_free(struct arena **arena)
{
	struct block *next;

	if (*arena == NULL)
		return;
	for (struct block *b = (*arena)->blocks; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	free(*arena);
	*arena = NULL;
}

/* A block for an outsized piece goes behind the newest, which stays in use. */
static struct block *
block_add(struct arena *arena, size_t bytes)
{
	size_t size = bytes > arena->block_bytes ? bytes : arena->block_bytes;
	struct block *b = xmalloc(sizeof(*b) + size);

	b->size = size;
	b->used = 0;
	if (bytes > arena->block_bytes && arena->blocks != NULL) {
		b->next = arena->blocks->next;
		arena->blocks->next = b;
	} else {
		b->next = arena->blocks;
		arena->blocks = b;
	}
	return b;
}

void *
arena_alloc(struct arena *arena, size_t bytes)
{
	const size_t align = alignof(max_align_t);
	struct block *b = arena->blocks;
	void *p;

	must(bytes < SIZE_MAX / 2);
	bytes = (bytes + align - 1) & ~(align - 1);
	if (b == NULL || b->size - b->used < bytes)
		b = block_add(arena, bytes);
	p = b->data + b->used;
	b->used += bytes;
	return memset(p, 0, bytes);
}

void *
arena_array(struct arena *arena, size_t count, size_t bytes_each)
{
	must(bytes_each == 0 || count <= SIZE_MAX / 4 / bytes_each);
	return arena_alloc(arena, count * bytes_each);
}

char *
arena_copy(struct arena *arena, struct slice text)
{
	char *copy = arena_alloc(arena, text.len + 1);

	if (text.len > 0)
		memcpy(copy, text.p, text.len);
	return copy;
}

char *
arena_strdup(struct arena *arena, const char *text)
{
	return arena_copy(arena, slice_of(text));
}

char *
arena_printf(struct arena *arena, const char *fmt, ...)
{
	va_list ap;
	char *text;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	must(len >= 0);
	text = arena_alloc(arena, (size_t)len + 1);
	va_start(ap, fmt);
	vsnprintf(text, (size_t)len + 1, fmt, ap);
	va_end(ap);
	return text;
}

size_t
arena_bytes(const struct arena *arena)
{
	size_t bytes = 0;

	for (const struct block *b = arena->blocks; b != NULL; b = b->next)
		bytes += b->used;
	return bytes;
}

void *
xmalloc(size_t bytes)
{
	void *p = malloc(bytes == 0 ? 1 : bytes);

	must(p != NULL);
	return p;
}

void *
xcalloc(size_t count, size_t bytes_each)
{
	void *p = calloc(count == 0 ? 1 : count, bytes_each == 0 ? 1 : bytes_each);

	must(p != NULL);
	return p;
}

void *
xrealloc(void *old, size_t bytes)
{
	void *p = realloc(old, bytes == 0 ? 1 : bytes);

	must(p != NULL);
	return p;
}

char *
xstrdup(const char *text)
{
	char *copy = strdup(text);

	must(copy != NULL);
	return copy;
}
