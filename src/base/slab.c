/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "base/slab.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

#include "base/list.h"
#include "base/must.h"

enum {
	SLAB_BYTES = 2 * 1024 * 1024,
	STEPS_LOG2 = 3,			/* sizes from one power of two to the next:
					   an eighth is wasted at most */
	LEAST_LOG2 = 12, MOST_LOG2 = 18,
	CLASSES = ((MOST_LOG2 - LEAST_LOG2) << STEPS_LOG2) + 1,
};

_Static_assert(SLAB_LEAST == 1 << LEAST_LOG2 && SLAB_MOST == 1 << MOST_LOG2,
    "the sizes of the header");

/* At the front of the memory that it hands out. */
struct slab {
	_Alignas(SLAB_ALIGNED)
	struct list	 node;		/* of its class, while it has room */
	void		*given_back;	/* a list through the blocks themselves */
	char		*fresh;		/* from here on none was ever used */
	unsigned	 used;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list with_room[CLASSES];
static size_t nslabs;

/* --- sizes ------------------------------------------------------------------------ */

static size_t
rounded(size_t bytes)
{
	int log2 = 63 - __builtin_clzl(bytes);
	size_t step = (size_t)1 << (log2 - STEPS_LOG2);

	return (bytes + step - 1) & ~(step - 1);
}

/* size: as rounded. */
static size_t
class_of(size_t size)
{
	int log2 = 63 - __builtin_clzl(size);

	return (((size_t)log2 - LEAST_LOG2) << STEPS_LOG2) +
	    (size >> (log2 - STEPS_LOG2)) - ((size_t)1 << STEPS_LOG2);
}

static bool
is_ours(size_t bytes)
{
	return bytes >= SLAB_LEAST && bytes <= SLAB_MOST;
}

/* --- slabs ------------------------------------------------------------------------ */

/* Twice as much is asked for, so that an aligned part can be kept. */
static struct slab *
slab_new(size_t class)
{
	char *p = mmap(NULL, (size_t)2 * SLAB_BYTES, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t before;
	struct slab *s;

	must(p != MAP_FAILED);
	before = (SLAB_BYTES - (uintptr_t)p % SLAB_BYTES) % SLAB_BYTES;
	if (before > 0)
		munmap(p, before);
	munmap(p + before + SLAB_BYTES, SLAB_BYTES - before);
	s = (struct slab *)(void *)(p + before);
	/* Where there are no huge pages it is memory as any. */
	(void)madvise(s, SLAB_BYTES, MADV_HUGEPAGE);
	s->fresh = (char *)(s + 1);
	list_append(&with_room[class], &s->node);
	nslabs++;
	return s;
}

static bool
has_room(const struct slab *s, size_t size)
{
	return s->given_back != NULL ||
	    s->fresh + size <= (const char *)s + SLAB_BYTES;
}

static void *
take(struct slab *s, size_t size)
{
	char *block = s->given_back;

	if (block != NULL) {
		ASAN_UNPOISON_MEMORY_REGION(block, size);
		memcpy(&s->given_back, block, sizeof(s->given_back));
	} else {
		block = s->fresh;
		s->fresh += size;
	}
	s->used++;
	if (!has_room(s, size))
		list_remove(&s->node);
	return block;
}

static void
give(struct slab *s, void *block, size_t size)
{
	if (!has_room(s, size))
		list_append(&with_room[class_of(size)], &s->node);
	memcpy(block, &s->given_back, sizeof(s->given_back));
	s->given_back = block;
	ASAN_POISON_MEMORY_REGION((char *)block + sizeof(void *),
	    size - sizeof(void *));
	if (--s->used > 0)
		return;
	list_remove(&s->node);
	ASAN_UNPOISON_MEMORY_REGION(s, SLAB_BYTES);
	munmap(s, SLAB_BYTES);
	nslabs--;
}

/* --- blocks ----------------------------------------------------------------------- */

static void *
take_block(size_t size)
{
	struct list *of = &with_room[class_of(size)];
	struct slab *s;
	void *block;

	pthread_mutex_lock(&lock);
	if (of->next == NULL)
		list_init(of);
	s = list_empty(of) ? slab_new(class_of(size)) :
	    list_entry(of->next, struct slab, node);
	block = take(s, size);
	pthread_mutex_unlock(&lock);
	return block;
}

void *
slab_alloc(size_t bytes)
{
	void *block;

	if (is_ours(bytes))
		block = take_block(rounded(bytes));
	else
		block = aligned_alloc(SLAB_ALIGNED, (bytes + SLAB_ALIGNED - 1) /
		    SLAB_ALIGNED * SLAB_ALIGNED);
	must(block != NULL);
	return memset(block, 0, bytes);
}

void
slab_free(void *block, size_t bytes)
{
	struct slab *s = (struct slab *)(void *)((char *)block -
	    (uintptr_t)block % SLAB_BYTES);

	if (!is_ours(bytes)) {
		free(block);
		return;
	}
	if (block == NULL)
		return;
	pthread_mutex_lock(&lock);
	give(s, block, rounded(bytes));
	pthread_mutex_unlock(&lock);
}

size_t
slab_bytes(void)
{
	size_t bytes;

	pthread_mutex_lock(&lock);
	bytes = nslabs * SLAB_BYTES;
	pthread_mutex_unlock(&lock);
	return bytes;
}
