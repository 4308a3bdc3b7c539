/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "master/sandbox.h"

#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "master/landlock.h"
#include "master/seccomp.h"

/* Why this build has no Landlock and seccomp; NULL: it has. */
static const char *
left_out(void)
{
#if !defined(__x86_64__) && !defined(__aarch64__)
	return "not for this machine";
#elif defined(PORTOLAN_SANITIZED)
	return "not with sanitizers";
#else
	return NULL;
#endif
}

/* --- capabilities --------------------------------------------------------- */

static bool
drop_capabilities(struct err *err)
{
	struct __user_cap_header_struct head = {
	    .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { { 0 } };

	/* Of the bounding set only who has the right to may drop any. */
	for (int i = 0; prctl(PR_CAPBSET_READ, i) >= 0; i++)
		prctl(PR_CAPBSET_DROP, i);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capset, &head, none) != 0)
		return err_set(err, "capabilities cannot be given up: %s",
		    strerror(errno));
	return true;
}

/* --- files ---------------------------------------------------------------- */

/* Name resolution, certificates of the world, time zones, libraries that the
 * C library loads when it is asked for a name. */
static const char *const of_the_system[] = {
	"/etc", "/usr", "/lib", "/lib64", "/proc", "/sys",
	"/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager",
	"/dev/urandom", "/dev/random",
};

/* Of a file's path, in place. */
static void
cut_to_folder(char path[PATH_MAX])
{
	char *slash = strrchr(path, '/');

	if (slash == NULL)
		strcpy(path, ".");
	else
		slash[slash == path] = '\0';
}

/* Files are replaced by others of their name, so the directory counts: the
 * one where the name stands, and the one that links lead to. */
static void
read_beside(const struct landlock *l, const char *file)
{
	char path[PATH_MAX], real[PATH_MAX];

	if (file == NULL)
		return;
	snprintf(path, sizeof(path), "%s", file);
	cut_to_folder(path);
	landlock_read(l, path);
	if (realpath(file, real) == NULL)
		return;
	landlock_read(l, real);		/* it may be a directory itself */
	cut_to_folder(real);
	landlock_read(l, real);
}

static void
write_beside(const struct landlock *l, const char *file)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s", file);
	cut_to_folder(path);
	landlock_write(l, path);
}

static bool
is_same(const char *a, const char *b)
{
	return b != NULL && strcmp(a, b) == 0;
}

/* States, flows and what engines keep secret are nothing to the edge; and
 * what stands beside a directory of ours is not ours. */
static bool
is_not_of_edge(const struct config *c, const char *file)
{
	for (size_t i = 0; i < c->engines.nkey_files; i++)
		if (is_same(file, c->engines.key_files[i]))
			return true;
	return is_same(file, c->engines.store_dir) ||
	    is_same(file, c->engines.flows_dir) ||
	    is_same(file, c->engines.external_ca) ||
	    is_same(file, c->services.ca) || is_same(file, c->pid_file) ||
	    is_same(file, c->run_dir) || is_same(file, c->state_dir) ||
	    is_same(file, c->console.socket) ||
	    is_same(file, c->console.read_socket);
}

static void
files_of_edge(const struct landlock *l, const struct config *c)
{
	read_beside(l, c->file);
	for (size_t i = 0; i < c->nfiles; i++)
		if (!is_not_of_edge(c, c->files[i]))
			read_beside(l, c->files[i]);
	landlock_write(l, c->run_dir);
	landlock_write(l, c->state_dir);
	for (size_t i = 0; i < c->log.naccess; i++)
		if (c->log.access[i].target == LOG_TO_FILE)
			write_beside(l, c->log.access[i].to);
	if (c->log.audit.to != NULL)
		write_beside(l, c->log.audit.to);
}

static void
files_of_engine(const struct landlock *l, const struct config *c, bool alone)
{
	read_beside(l, c->file);
	read_beside(l, c->region_map);
	read_beside(l, c->policy.restrictions);
	read_beside(l, c->policy.tag_key_file);
	read_beside(l, c->engines.follow_key);
	read_beside(l, c->services.ca);
	for (size_t i = 0; i < c->engines.nkey_files; i++)
		read_beside(l, c->engines.key_files[i]);
	read_beside(l, c->engines.external_ca);
	/* HUP reads them anew. */
	if (alone) {
		read_beside(l, c->link.certificate);
		read_beside(l, c->link.key);
		read_beside(l, c->link.ca);
		read_beside(l, c->engines.tls.certificate);
		read_beside(l, c->engines.tls.key);
		read_beside(l, c->engines.tls.ca);
	}
	if (c->engines.flows_dir != NULL)
		landlock_read(l, c->engines.flows_dir);
	if (c->engines.store_dir != NULL)
		landlock_write(l, c->engines.store_dir);
}

/* For a reload, which reads these anew. */
static void
files_of_console(const struct landlock *l, const struct config *c)
{
	read_beside(l, c->console.tls.certificate);
	read_beside(l, c->console.tls.key);
	read_beside(l, c->console.client_ca);
}

static bool
close_files(const struct role *role, int *version, struct err *err)
{
	const struct config *config = role->generation->config;
	struct landlock l;

	landlock_begin(&l);
	*version = l.version;
	for (size_t i = 0; i < sizeof(of_the_system) /
	    sizeof(of_the_system[0]); i++)
		landlock_read(&l, of_the_system[i]);
	landlock_write(&l, "/dev/null");
	switch (role->kind) {
	case ROLE_EDGE:
		files_of_edge(&l, config);
		break;
	case ROLE_ENGINE:
		files_of_engine(&l, config, role->alone);
		break;
	case ROLE_CONSOLE:
		files_of_console(&l, config);
		break;
	default:
		break;
	}
	return landlock_enter(&l, err);
}

/* --- all together ----------------------------------------------------------- */

/*
 * States are their owners', and so is what passes an edge on its way to them:
 * not even a crash writes it to a disk.  A limit of one byte leaves no room for
 * a core, and the kernel starts no program for it either, which it does where
 * the limit is none.  An engine cannot be looked into by others of its user,
 * besides.
 */
static bool
never_dump(enum role_kind kind, struct err *err)
{
	const struct rlimit byte = { 1, 1 };

	if (setrlimit(RLIMIT_CORE, &byte) != 0 ||
	    (kind == ROLE_ENGINE && prctl(PR_SET_DUMPABLE, 0) != 0))
		return err_set(err, "core dumps cannot be given up: %s",
		    strerror(errno));
	return true;
}

bool
sandbox_enter(const struct role *role, char text[SANDBOX_TEXT],
    struct err *err)
{
	const char *without = role->generation->config->sandbox ? left_out() :
	    "off by `sandbox: false`";
	unsigned calls;
	int version;

	if (!never_dump(role->kind, err))
		return false;
	if (!drop_capabilities(err))
		return false;
	if (without != NULL) {
		snprintf(text, SANDBOX_TEXT, "no capabilities; Landlock and "
		    "seccomp: %s", without);
		return true;
	}
	if (!close_files(role, &version, err) ||
	    !seccomp_enter(role->kind, &calls, err))
		return false;
	if (version > 0)
		snprintf(text, SANDBOX_TEXT, "no capabilities; Landlock "
		    "version %d; seccomp, %u calls", version, calls);
	else
		snprintf(text, SANDBOX_TEXT, "no capabilities; Landlock: not in "
		    "this kernel; seccomp, %u calls", calls);
	return true;
}

/* Whoever may install a filter without giving up what an upgrade needs:
 * NoNewPrivileges would take a new binary's file capabilities away. */
void
sandbox_enter_master(const struct config *config)
{
	struct err err;

	if (left_out() != NULL || !config->sandbox)
		return;
	if (geteuid() != 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return;
	if (!seccomp_enter_master(&err))
		log_warn("sandbox: %s", err.text);
}
