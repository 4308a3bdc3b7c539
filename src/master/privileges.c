/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "master/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
find_group(struct identity *id, const char *group, struct err *err)
{
	const struct group *gr = getgrnam(group);

	if (gr == NULL)
		return err_set(err, "group: there is no group \"%s\" on this "
		    "machine; make it (groupadd --system %s) or leave group out",
		    group, group);
	id->gid = gr->gr_gid;
	return true;
}

bool
identity_find(struct identity *id, const char *user, const char *group,
    struct err *err)
{
	const struct passwd *pw;

	*id = (struct identity){ .uid = geteuid(), .gid = getegid() };
	if (user == NULL)
		return true;
	pw = getpwnam(user);
	if (pw == NULL)
		return err_set(err, "user: there is no user \"%s\" on this "
		    "machine; make it (useradd --system %s) or leave user out",
		    user, user);
	id->change = pw->pw_uid != geteuid();
	id->uid = pw->pw_uid;
	id->gid = pw->pw_gid;
	if (id->change && geteuid() != 0)
		return err_set(err, "user: only root can become \"%s\"; start "
		    "as root or leave user out", user);
	return group == NULL || find_group(id, group, err);
}

bool
identity_own_dir(const struct identity *id, const char *dir, struct err *err)
{
	struct stat st;

	if (mkdir(dir, 0750) != 0 && errno != EEXIST)
		return err_set(err, "%s: cannot be made: %s; make the "
		    "directory above it, or name another", dir,
		    strerror(errno));
	if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode))
		return err_set(err, "%s: is not a directory", dir);
	if (id->change && chown(dir, id->uid, id->gid) != 0)
		return err_set(err, "%s: cannot be given to its user: %s", dir,
		    strerror(errno));
	if (!id->change && faccessat(AT_FDCWD, dir, W_OK | X_OK,
	    AT_EACCESS) != 0)
		return err_set(err, "%s: cannot be written: %s; give it to the "
		    "user that this is started as (chown), or name another",
		    dir, strerror(errno));
	return true;
}

void
identity_own_file(const struct identity *id, const char *path)
{
	/* It stands where the identity may put a link to what is root's. */
	if (id->change && lchown(path, id->uid, id->gid) != 0)
		return;			/* root can still use it */
}

bool
identity_assume(const struct identity *id, struct err *err)
{
	if (id->change && (setgroups(0, NULL) != 0 || setgid(id->gid) != 0 ||
	    setuid(id->uid) != 0))
		return err_set(err, "cannot become user %ld: %s", (long)id->uid,
		    strerror(errno));
	if (id->change && (setuid(0) == 0 || geteuid() != id->uid))
		return err_set(err, "could become root again");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return err_set(err, "PR_SET_NO_NEW_PRIVS: %s", strerror(errno));
	return true;
}

void
raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}
