/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "conf/watch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/must.h"

enum { WATCHED_MAX = 16 };

struct watched {
	char		*path;
	struct file_identity seen;	/* when last looked at */
	struct file_identity told;	/* when last said to be due, or added */
};

struct watch {
	struct watched	 files[WATCHED_MAX];
	size_t		 count;
	uint64_t	 settle_ms;
	uint64_t	 quiet_since_ms;
	const char	*changed;
};

static uint64_t
nanoseconds(struct timespec t)
{
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

struct file_identity
file_identity(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return (struct file_identity){ 0 };
	return (struct file_identity){ true, st.st_dev, st.st_ino,
	    (uint64_t)st.st_size, nanoseconds(st.st_mtim),
	    nanoseconds(st.st_ctim) };
}

bool
file_identity_eq(const struct file_identity *a, const struct file_identity *b)
{
	return a->exists == b->exists && a->device == b->device &&
	    a->inode == b->inode && a->size == b->size &&
	    a->modified_ns == b->modified_ns && a->changed_ns == b->changed_ns;
}

struct watch *
watch_new(uint64_t settle_ms)
{
	struct watch *watch = xcalloc(1, sizeof(*watch));

	watch->settle_ms = settle_ms;
	return watch;
}

void
watch_free(struct watch **watch)
{
	if (*watch == NULL)
		return;
	for (size_t i = 0; i < (*watch)->count; i++)
		free((*watch)->files[i].path);
	free(*watch);
	*watch = NULL;
}

void
watch_add(struct watch *watch, const char *path)
{
	struct watched *file = &watch->files[watch->count];

	must(watch->count < WATCHED_MAX);
	file->path = xstrdup(path);
	file->seen = file->told = file_identity(path);
	watch->count++;
}

static bool
is_listed(const char *const *paths, size_t count, const char *path)
{
	for (size_t i = 0; i < count; i++)
		if (paths[i] != NULL && strcmp(paths[i], path) == 0)
			return true;
	return false;
}

static void
drop(struct watch *watch, size_t at)
{
	if (watch->changed == watch->files[at].path)
		watch->changed = NULL;
	free(watch->files[at].path);
	watch->files[at] = watch->files[--watch->count];
}

static bool
is_watched(const struct watch *watch, const char *path)
{
	for (size_t i = 0; i < watch->count; i++)
		if (strcmp(watch->files[i].path, path) == 0)
			return true;
	return false;
}

void
watch_config(struct watch *watch, const struct config *config)
{
	const char *const paths[] = { config->region_map,
	    config->policy.restrictions, config->geo.expectations,
	    config->geo.database };
	const size_t count = sizeof(paths) / sizeof(paths[0]);

	watch->settle_ms = config->geo.settle_ms;
	for (size_t i = watch->count; i-- > 0;)
		if (!is_listed(paths, count, watch->files[i].path))
			drop(watch, i);
	for (size_t i = 0; i < count; i++)
		if (paths[i] != NULL && !is_watched(watch, paths[i]))
			watch_add(watch, paths[i]);
}

/* Looks at every file; true if one moved since it was last looked at. */
static bool
look(struct watch *watch)
{
	bool moved = false;

	for (size_t i = 0; i < watch->count; i++) {
		struct watched *file = &watch->files[i];
		struct file_identity now = file_identity(file->path);

		if (file_identity_eq(&now, &file->seen))
			continue;
		file->seen = now;
		moved = true;
	}
	return moved;
}

bool
watch_due(struct watch *watch, uint64_t now_ms)
{
	struct watched *changed = NULL;

	if (look(watch))
		watch->quiet_since_ms = now_ms;
	for (size_t i = 0; i < watch->count; i++) {
		struct watched *file = &watch->files[i];

		if (file->seen.exists &&
		    !file_identity_eq(&file->seen, &file->told))
			changed = file;
	}
	if (changed == NULL ||
	    now_ms < watch->quiet_since_ms + watch->settle_ms)
		return false;
	for (size_t i = 0; i < watch->count; i++)
		watch->files[i].told = watch->files[i].seen;
	watch->changed = changed->path;
	return true;
}

const char *
watch_changed(const struct watch *watch)
{
	return watch->changed;
}
