/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "edge/feed_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/must.h"
#include "conf/file.h"

enum {
	COPY_MAX = 1 << 30,
	COPY_PATH = 512,
	RETRY_MS = 5000,		/* after one that could not be written */
};

struct feed_copy {
	struct loop	*loop;
	struct writing	*writing;	/* NULL: nobody writes */
	/* What stands on disk. */
	uint64_t	 serial;	/* of its set; 0: nothing of ours */
	uint64_t	 body_bytes, body_hash;
	uint64_t	 due_ms;	/* before that no set is written */
	uint64_t	 count;		/* written so far */
};

/* What the thread has; it looks at nothing else but the loop. */
struct writing {
	struct feed_copy *copy;
	pthread_t	 thread;
	struct feed_kept kept;		/* its set is held */
	char		 path[COPY_PATH], temporary[COPY_PATH + 32];
	uint64_t	 began_ms;
	uint64_t	 body_bytes, body_hash;
	int		 error;		/* errno, or 0 */
};

static void
copy_path(const struct config *config, char path[COPY_PATH])
{
	snprintf(path, COPY_PATH, "%s/restrictions.copy", config->state_dir);
}

/* --- a whole set ------------------------------------------------------------ */

static int
write_whole(const struct writing *w, struct slice bytes)
{
	int fd = open(w->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
	    0600), error = 0;

	if (fd < 0)
		return errno;
	while (bytes.len > 0 && error == 0) {
		ssize_t n = write(fd, bytes.p, bytes.len);

		if (n < 0 && errno != EINTR)
			error = errno;
		else if (n > 0)
			bytes = (struct slice){ bytes.p + n,
			    bytes.len - (size_t)n };
	}
	if (error == 0 && fsync(fd) != 0)
		error = errno;
	close(fd);
	if (error == 0 && rename(w->temporary, w->path) != 0)
		error = errno;
	if (error != 0)
		unlink(w->temporary);
	return error;
}

static void
on_written(void *arg)
{
	struct writing *w = arg;
	struct feed_copy *c = w->copy;
	uint64_t now = c->loop->now_ms;

	must(pthread_join(w->thread, NULL) == 0);
	c->writing = NULL;
	/* A large set takes a while to write: not all the time. */
	c->due_ms = now + 9 * (now - w->began_ms);
	if (w->error != 0) {
		log_error("%s: the copy of the restrictions cannot be "
		    "written: %s", w->path, strerror(w->error));
		c->due_ms += RETRY_MS;
	} else {
		c->count++;
		c->serial = w->kept.serial;
		c->body_bytes = w->body_bytes;
		c->body_hash = w->body_hash;
	}
	restrictions_release(&w->kept.set);
	free(w);
}

static void *
write_set(void *arg)
{
	struct writing *w = arg;
	struct buf file = { 0 };

	restrictions_copy_write(w->kept.set, &w->kept.head, &file);
	restrictions_copy_body(buf_all(&file), &w->body_bytes, &w->body_hash);
	w->error = write_whole(w, buf_all(&file));
	buf_fini(&file);
	loop_post(w->copy->loop, on_written, w);
	return NULL;
}

static void
begin_writing(struct feed_copy *c, const struct config *config,
    const struct feed_kept *kept)
{
	struct writing *w = xcalloc(1, sizeof(*w));

	w->copy = c;
	w->kept = *kept;
	restrictions_hold(kept->set);
	w->began_ms = c->loop->now_ms;
	copy_path(config, w->path);
	snprintf(w->temporary, sizeof(w->temporary), "%s.%ld", w->path,
	    (long)getpid());
	c->writing = w;
	must(pthread_create(&w->thread, NULL, write_set, w) == 0);
}

/* --- its head alone --------------------------------------------------------- */

/* If the machine stops in between the head is damaged or old, and the copy is
 * not used: closed, not open. */
static void
write_head(struct feed_copy *c, const struct config *config,
    const struct restrictions_copy *head)
{
	uint8_t bytes[RESTRICTIONS_COPY_HEAD];
	char path[COPY_PATH];
	int fd;

	copy_path(config, path);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0) {
		c->serial = 0;		/* somebody took it away */
		return;
	}
	restrictions_copy_head(head, c->body_bytes, c->body_hash, bytes);
	if (pwrite(fd, bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		log_error("%s: %s", path, strerror(errno));
	close(fd);
}

void
feed_copy_keep(struct feed_copy *c, const struct config *config,
    const struct feed_kept *kept)
{
	if (c->writing != NULL)
		return;
	if (c->serial == kept->serial)
		write_head(c, config, &kept->head);
	else if (c->loop->now_ms >= c->due_ms)
		begin_writing(c, config, kept);
}

/* --- and back --------------------------------------------------------------- */

bool
feed_copy_read(struct feed_copy *c, const struct config *config,
    struct feed_kept *kept, struct err *err)
{
	struct buf file = { 0 };
	char path[COPY_PATH];

	kept->set = NULL;
	copy_path(config, path);
	if (access(path, F_OK) != 0 && errno == ENOENT)
		return true;
	if (file_read(&file, path, COPY_MAX, err))
		kept->set = restrictions_copy_read(buf_all(&file),
		    config->policy.tag_key, &kept->head, err);
	if (kept->set == NULL) {
		buf_fini(&file);
		return err_wrap(err, "%s", path);
	}
	restrictions_copy_body(buf_all(&file), &c->body_bytes, &c->body_hash);
	buf_fini(&file);
	c->serial = kept->serial;
	return true;
}

uint64_t
feed_copy_count(const struct feed_copy *c)
{
	return c->count;
}

struct feed_copy *
feed_copy_new(struct loop *loop)
{
	struct feed_copy *c = xcalloc(1, sizeof(*c));

	c->loop = loop;
	return c;
}

void
feed_copy_free(struct feed_copy **copy)
{
	struct feed_copy *c = *copy;

	*copy = NULL;
	if (c == NULL)
		return;
	if (c->writing != NULL) {
		must(pthread_join(c->writing->thread, NULL) == 0);
		restrictions_release(&c->writing->kept.set);
		free(c->writing);
	}
	free(c);
}
