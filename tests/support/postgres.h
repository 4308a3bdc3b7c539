/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A PostgreSQL server for tests: made in a directory of its own, reached over
 * a UNIX socket in there, run by somebody unprivileged, gone at the end.
 */
#ifndef SUPPORT_POSTGRES_H
#define SUPPORT_POSTGRES_H

#include <ftw.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PG_BIN "/usr/lib/postgresql/15/bin/"

struct pg_server {
	char		 dir[64];
	char		 conninfo[160];	/* of its superuser */
	pid_t		 pid;
};

/* A server does not run as root. */
static inline void
become_unprivileged(void)
{
	const struct passwd *who = getpwnam("postgres");

	if (geteuid() != 0)
		return;
	if (who == NULL || setgroups(0, NULL) < 0 ||
	    setgid(who->pw_gid) < 0 || setuid(who->pw_uid) < 0)
		_exit(126);
}

static inline pid_t
pg_start(const struct pg_server *s, const char *const *argv)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	become_unprivileged();
	if (chdir(s->dir) < 0 || freopen("log", "a", stdout) == NULL ||
	    freopen("log", "a", stderr) == NULL)
		_exit(125);
	execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

static inline bool
pg_server_run(struct pg_server *s)
{
	const char *const argv[] = { PG_BIN "postgres", "-D", "data", "-k",
	    s->dir, "-c", "listen_addresses=", "-c", "fsync=off", "-c",
	    "wal_level=logical", "-c", "shared_buffers=16MB",
	    "-c", "max_slot_wal_keep_size=1GB", NULL };

	s->pid = pg_start(s, argv);
	for (int i = 0; i < 3000; i++) {
		if (PQping(s->conninfo) == PQPING_OK)
			return true;
		if (waitpid(s->pid, NULL, WNOHANG) == s->pid)
			return false;
		usleep(20000);		/* between two looks */
	}
	return false;
}

static inline bool
pg_server_start(struct pg_server *s)
{
	const char *const argv[] = { PG_BIN "initdb", "--no-sync", "-D",
	    "data", "-U", "postgres", "-A", "trust", "-E", "UTF8",
	    "--locale=C.UTF-8", NULL };
	const struct passwd *who = getpwnam("postgres");
	int status;

	snprintf(s->dir, sizeof(s->dir), "/tmp/portolan-pg-XXXXXX");
	if (mkdtemp(s->dir) == NULL || (geteuid() == 0 && (who == NULL ||
	    chown(s->dir, who->pw_uid, who->pw_gid) < 0)))
		return false;
	snprintf(s->conninfo, sizeof(s->conninfo),
	    "host=%s user=postgres dbname=postgres", s->dir);
	if (waitpid(pg_start(s, argv), &status, 0) < 0 || status != 0)
		return false;
	return pg_server_run(s);
}

static inline void
pg_server_end(struct pg_server *s, int signo)
{
	kill(s->pid, signo);
	waitpid(s->pid, NULL, 0);
}

static inline int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *at)
{
	(void)st;
	(void)flag;
	(void)at;
	return remove(path);
}

static inline void
pg_server_stop(struct pg_server *s)
{
	pg_server_end(s, SIGQUIT);	/* nothing is to be kept */
	nftw(s->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* --- the one server of a test program, as cmocka wants it for its group --- */

static struct pg_server server;

static inline int
pg_group_begin(void **state)
{
	(void)state;
	return pg_server_start(&server) ? 0 : -1;
}

static inline int
pg_group_end(void **state)
{
	(void)state;
	pg_server_stop(&server);
	return 0;
}

/* --- asking --- */

/* The first value, or NULL; good until the next. */
static inline const char *
pg_ask(const char *conninfo, const char *sql)
{
	static char text[256];
	PGconn *conn = PQconnectdb(conninfo);
	ExecStatusType status;
	const char *value = NULL;
	PGresult *r;

	PQclear(PQexec(conn, "set client_min_messages = warning"));
	r = PQexec(conn, sql);
	status = PQresultStatus(r);

	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
		snprintf(text, sizeof(text), "%s", PQntuples(r) > 0 ?
		    PQgetvalue(r, 0, 0) : "");
		value = text;
	} else {
		fprintf(stderr, "%s: %s", sql, PQerrorMessage(conn));
	}
	PQclear(r);
	PQfinish(conn);
	return value;
}

#endif
