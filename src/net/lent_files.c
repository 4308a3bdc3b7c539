/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "net/lent_files.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/slice.h"
#include "net/handover.h"

enum { MASTER_MS = 20000 };		/* it reads the files first */

/* --- what is lent ------------------------------------------------------------ */

struct lent_file {
	char		*name;
	int		 fd;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct lent_file *files;		/* under lock */
static size_t nfiles;

static char *
duplicate(struct slice name)
{
	char *copy = xcalloc(1, name.len + 1);

	memcpy(copy, name.p, name.len);
	return copy;
}

/* The newest of a name is the one. */
static void
add(struct slice name, int fd)
{
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < nfiles; i++)
		if (slice_eq(slice_of(files[i].name), name)) {
			close(files[i].fd);
			files[i].fd = fd;
			pthread_mutex_unlock(&lock);
			return;
		}
	files = xrealloc(files, (nfiles + 1) * sizeof(*files));
	files[nfiles].name = duplicate(name);
	files[nfiles++].fd = fd;
	pthread_mutex_unlock(&lock);
}

void
lent_files_return(void)
{
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < nfiles; i++) {
		close(files[i].fd);
		free(files[i].name);
	}
	free(files);
	files = NULL;
	nfiles = 0;
	pthread_mutex_unlock(&lock);
}

/* The place in it is shared with the copy, so it begins anew. */
static int
copy_of(const char *path)
{
	int fd = -1;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < nfiles && fd < 0; i++)
		if (strcmp(files[i].name, path) == 0 &&
		    lseek(files[i].fd, 0, SEEK_SET) == 0)
			fd = fcntl(files[i].fd, F_DUPFD_CLOEXEC, 0);
	pthread_mutex_unlock(&lock);
	return fd;
}

int
lent_file_open(const char *path)
{
	int fd = copy_of(path);

	return fd >= 0 ? fd : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
}

/* --- asking ------------------------------------------------------------------- */

/* After the word a name a line, a descriptor a name. */
bool
lent_files_take(const char *text, const int *fds, int count)
{
	struct slice rest = slice_of(text), name;

	if (strncmp(text, LENT_FILES_WORD, strlen(LENT_FILES_WORD)) != 0)
		return false;
	slice_split(&rest, '\n', &name);
	for (int i = 0; i < count; i++)
		if (slice_split(&rest, '\n', &name) && name.len > 0)
			add(name, fds[i]);
		else
			close(fds[i]);
	return true;
}

/* One packet: how many files there were; -1: none came. */
static int
receive(int master_fd, int timeout_ms)
{
	char text[HANDOVER_TEXT];
	int fds[HANDOVER_FDS];
	int n = handover_receive(master_fd, text, fds, timeout_ms);

	if (n >= 0 && !lent_files_take(text, fds, n))
		for (int i = 0; i < n; i++)
			close(fds[i]);
	return n;
}

void
lent_files_receive(int master_fd)
{
	while (master_fd >= 0 && receive(master_fd, 0) >= 0)
		;
}

bool
lent_files_ask(int master_fd, struct err *err)
{
	int n;

	if (master_fd < 0)
		return true;
	/* What an earlier answer left, which came too late. */
	lent_files_receive(master_fd);
	lent_files_return();
	if (!handover_send(master_fd, LENT_FILES_WORD, NULL, 0))
		return err_set(err, "the master process does not listen any "
		    "more");
	while ((n = receive(master_fd, MASTER_MS)) > 0)
		;
	return n == 0 || err_set(err, "the master process lends no keys");
}

/* --- giving -------------------------------------------------------------------- */

struct parcel {
	int		 to;
	char		 text[HANDOVER_TEXT];
	size_t		 len;
	int		 fds[HANDOVER_FDS];
	size_t		 count;
};

static void
send_parcel(struct parcel *p)
{
	if (p->count > 0)
		handover_send(p->to, p->text, p->fds, p->count);
	while (p->count > 0)
		close(p->fds[--p->count]);
	p->len = strlen(LENT_FILES_WORD);
}

/* Nobody waits for a pipe's other end here, and devices are no keys. */
static int
open_regular(const char *name)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		return -1;
	}
	return fd;
}

static void
pack(struct parcel *p, const char *name)
{
	size_t len = strlen(name);
	int fd;

	if (len == 0 || strchr(name, '\n') != NULL ||
	    len + sizeof(LENT_FILES_WORD) + 2 > sizeof(p->text))
		return;			/* too odd to be lent */
	fd = open_regular(name);
	if (fd < 0)
		return;
	if (p->count == HANDOVER_FDS || p->len + len + 2 > sizeof(p->text))
		send_parcel(p);
	memcpy(p->text + p->len, name, len);
	p->len += len;
	p->text[p->len++] = '\n';
	p->text[p->len] = '\0';
	p->fds[p->count++] = fd;
}

void
lent_files_give(int child_fd, const char *const *names, size_t count)
{
	struct parcel parcel = { .to = child_fd, .text = LENT_FILES_WORD,
	    .len = strlen(LENT_FILES_WORD) };

	for (size_t i = 0; i < count; i++)
		if (names[i] != NULL)
			pack(&parcel, names[i]);
	send_parcel(&parcel);
	handover_send(child_fd, LENT_FILES_WORD, NULL, 0);
}
