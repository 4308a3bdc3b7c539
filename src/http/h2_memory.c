/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Memory for nghttp2.
 *
 * Each session keeps a buffer for the largest frame that it may ever write,
 * 16 KiB, of which an ordinary one uses some hundred bytes.  On pages of its
 * own the rest of it is never touched, so it costs nothing; from the heap it
 * would be memory that somebody else has used before.
 *
 * A stream takes a dozen small blocks and gives them back at its end, and
 * streams end by the dozen: more than malloc() has at hand for a thread.  So
 * some are kept here.  Not under a sanitizer, which could not see any more who
 * uses a block that was given back.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "base/arena.h"
#include "http/h2_private.h"

enum {
	LARGE = 16 * 1024,
	STEP = 32,			/* small ones have a multiple of it */
	SMALL = STEP * H2_SPARE_SIZES,
#ifdef PORTOLAN_SANITIZED
	SPARE_MOST = 0,
#else
	SPARE_MOST = 256 * 1024,	/* bytes of all that are kept */
#endif
};

/* Before each block; as large as malloc's own alignment. */
struct h2_block {
	_Alignas(16) size_t len;
	struct h2_block	*next;		/* while it is kept */
};
_Static_assert(sizeof(struct h2_block) == 16, "blocks are aligned");

static struct h2_block *
take_small(struct h2_memory *m, size_t len)
{
	size_t which = len == 0 ? 0 : (len - 1) / STEP;
	struct h2_block *b = m->spare[which];

	if (b != NULL) {
		m->spare[which] = b->next;
		m->spare_bytes -= b->len;
		return b;
	}
	len = (which + 1) * STEP;
	b = xmalloc(len + sizeof(*b));
	b->len = len;
	return b;
}

static struct h2_block *
take_page(size_t len)
{
	struct h2_block *b = mmap(NULL, len + sizeof(*b),
	    PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(b != MAP_FAILED);
	b->len = len;
	return b;
}

static void *
take(size_t len, void *user)
{
	struct h2_block *b;

	if (len <= SMALL)
		return take_small(user, len) + 1;
	if (len >= LARGE)
		return take_page(len) + 1;
	b = xmalloc(len + sizeof(*b));
	b->len = len;
	return b + 1;
}

static void
give(void *p, void *user)
{
	struct h2_memory *m = user;
	struct h2_block *b = p;

	if (p == NULL)
		return;
	b--;
	if (b->len <= SMALL && m->spare_bytes + b->len <= SPARE_MOST) {
		m->spare_bytes += b->len;
		b->next = m->spare[b->len / STEP - 1];
		m->spare[b->len / STEP - 1] = b;
	} else if (b->len < LARGE) {
		free(b);
	} else {
		munmap(b, b->len + sizeof(*b));
	}
}

static void *
take_zeroed(size_t count, size_t each, void *user)
{
	void *p = take(count * each, user);

	return memset(p, 0, count * each);
}

static void *
take_more(void *p, size_t len, void *user)
{
	struct h2_block *b = p;
	void *other;

	if (p != NULL && len <= b[-1].len && b[-1].len < LARGE)
		return p;
	other = take(len, user);
	if (p != NULL) {
		memcpy(other, p, b[-1].len < len ? b[-1].len : len);
		give(p, user);
	}
	return other;
}

void
h2_memory_init(struct h2_memory *m)
{
	m->mem = (nghttp2_mem){ m, take, give, take_zeroed, take_more };
}

void
h2_memory_fini(struct h2_memory *m)
{
	for (size_t i = 0; i < H2_SPARE_SIZES; i++)
		while (m->spare[i] != NULL) {
			struct h2_block *b = m->spare[i];

			m->spare[i] = b->next;
			free(b);
		}
}
