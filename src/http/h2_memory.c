/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Memory for nghttp2.  Each session keeps a buffer for the largest frame that
 * it may ever write, 16 KiB, of which an ordinary one uses some hundred bytes.
 * On pages of its own the rest of it is never touched, so it costs nothing; from
 * the heap it would be memory that somebody else has used before.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "base/arena.h"
#include "http/h2_private.h"

enum { LARGE = 16 * 1024 };

/* Before each block; as large as malloc's own alignment. */
struct before {
	_Alignas(16) size_t len;
};

static void *
take(size_t len, void *user)
{
	size_t all = len + sizeof(struct before);
	struct before *b;

	(void)user;
	if (len < LARGE) {
		b = xmalloc(all);
	} else {
		b = mmap(NULL, all, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		must(b != MAP_FAILED);
	}
	b->len = len;
	return b + 1;
}

static void
give(void *p, void *user)
{
	struct before *b = p;

	(void)user;
	if (p == NULL)
		return;
	b--;
	if (b->len < LARGE)
		free(b);
	else
		munmap(b, b->len + sizeof(*b));
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
	struct before *b = p;
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

nghttp2_mem h2_memory = { NULL, take, give, take_zeroed, take_more };
