/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "command/check_places.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "conf/file.h"

struct telling {
	struct arena	*arena;
	void		(*tell)(void *arg, const char *key,
	    const char *sentence);
	void		*arg;
};

static bool
may(const char *path, int what)
{
	return faccessat(AT_FDCWD, path, what, AT_EACCESS) == 0;
}

/* Whether something of another kind has that name. */
static bool
is_taken(const struct telling *t, const char *key, const char *path, bool dir)
{
	struct stat there;

	if (stat(path, &there) != 0 || S_ISDIR(there.st_mode) == dir)
		return false;
	t->tell(t->arg, key, arena_printf(t->arena, dir ?
	    "%s: is no directory; name another, or move it away" :
	    "%s: is a directory; name a file, in it perhaps", path));
	return true;
}

/* A file that is there is written, another made in its directory. */
static void
check_file(const struct telling *t, const char *key, const char *file)
{
	const char *dir = file_dir(t->arena, file);

	if (is_taken(t, key, file, false))
		return;
	if (may(file, F_OK) ? !may(file, W_OK) : !may(dir, W_OK | X_OK))
		t->tell(t->arg, key, arena_printf(t->arena,
		    "%s: cannot be written: %s; make %s, and let the "
		    "service's user write there", file, strerror(errno), dir));
}

static void
check_logs(const struct telling *t, const struct config_log *log)
{
	for (size_t i = 0; i < log->naccess; i++)
		if (log->access[i].target == LOG_TO_FILE)
			check_file(t, "log.access", log->access[i].to);
	if (log->audit.to != NULL && log->audit.target == LOG_TO_FILE)
		check_file(t, "log.audit", log->audit.to);
}

static void
check_user(const struct telling *t, const struct config *config)
{
	if (config->user != NULL && getpwnam(config->user) == NULL)
		t->tell(t->arg, "user", arena_printf(t->arena, "there is no "
		    "user \"%s\" on this machine; make it (useradd --system "
		    "%s) or leave user out", config->user, config->user));
	if (config->group != NULL && getgrnam(config->group) == NULL)
		t->tell(t->arg, "group", arena_printf(t->arena, "there is no "
		    "group \"%s\" on this machine; make it (groupadd --system "
		    "%s) or leave group out", config->group, config->group));
}

static void
check_run_dir(const struct telling *t, const struct config *config)
{
	is_taken(t, "run_dir", config->run_dir, true);
	if (strcmp(config->state_dir, config->run_dir) != 0)
		is_taken(t, "state_dir", config->state_dir, true);
	is_taken(t, "console.socket", config->console.socket, false);
}

/* What is not there is made by the start, with the right owner. */
static void
check_store(const struct telling *t, const struct config *config)
{
	const char *dir = config->engines.store_dir;

	if (config->engines.embedded == 0 || config->store.postgres != NULL ||
	    is_taken(t, "engines.store", dir, true))
		return;
	if (may(dir, F_OK) && !may(dir, W_OK | X_OK))
		t->tell(t->arg, "engines.store", arena_printf(t->arena,
		    "%s: cannot be written: %s; give it to the service's user",
		    dir, strerror(errno)));
}

void
check_places(const struct config *config, void (*tell)(void *arg,
    const char *key, const char *sentence), void *arg)
{
	struct telling t = { arena_new(0), tell, arg };

	check_user(&t, config);
	check_logs(&t, &config->log);
	check_run_dir(&t, config);
	check_store(&t, config);
	if (config->pid_file != NULL)
		check_file(&t, "pid_file", config->pid_file);
	arena_free(&t.arena);
}
