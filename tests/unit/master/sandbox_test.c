/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The sandbox that a child gets, in a child: what it needs works, what it
 * does not need fails.  Each row is a question to such a process, which
 * answers with its exit code.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "master/sandbox.h"

static char dir[64];			/* with conf/, run/, log/, store/, other/ */

/* --- questions: 0 if it can be done, else errno ------------------------------- */

static int
open_there(const char *name, int flags)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, flags | O_CLOEXEC, 0600);
	return fd < 0 ? errno : 0;
}

static int
read_configuration(void)
{
	return open_there("conf/portolan.yaml", O_RDONLY);
}

/* As an editor or certbot leaves it. */
static int
read_replaced_file(void)
{
	return open_there("conf/new.yaml", O_RDONLY);
}

static int
write_configuration(void)
{
	return open_there("conf/portolan.yaml", O_WRONLY);
}

static int
write_log(void)
{
	return open_there("log/access.log.1", O_WRONLY | O_CREAT | O_APPEND);
}

static int
read_flow(void)
{
	return open_there("flows/flow.json", O_RDONLY);
}

static int
read_store(void)
{
	return open_there("store/there.sqlite", O_RDONLY);
}

static int
write_store(void)
{
	return open_there("store/state.sqlite", O_RDWR | O_CREAT);
}

static int
read_other_file(void)
{
	return open_there("other/secret", O_RDONLY);
}

static int
make_other_file(void)
{
	return open_there("other/mine", O_WRONLY | O_CREAT);
}

static int
read_system_file(void)
{
	return open("/etc/hosts", O_RDONLY | O_CLOEXEC) < 0 ? errno : 0;
}

static int
make_socket_file(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s/run/%ld.sock", dir,
	    (long)getpid());
	return fd < 0 || bind(fd, (struct sockaddr *)&un, sizeof(un)) != 0 ?
	    errno : 0;
}

static int
execute(void)
{
	char *const argv[] = { NULL }, *const none[] = { NULL };

	execve("/bin/true", argv, none);
	return errno;
}

static int
make_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid < 0 ? errno : 0;
}

static void *
nothing(void *arg)
{
	return arg;
}

static int
make_thread(void)
{
	pthread_t thread;
	int error = pthread_create(&thread, NULL, nothing, NULL);

	return error != 0 ? error : pthread_join(thread, NULL);
}

static int
resolve_name(void)
{
	struct addrinfo *found;

	return getaddrinfo("localhost", "80", NULL, &found) == 0 ? 0 : EIO;
}

static int
open_internet_socket(void)
{
	return socket(AF_INET6, SOCK_STREAM, 0) < 0 ? errno : 0;
}

static int
open_packet_socket(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0) < 0 ? errno : 0;
}

static int
write_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0;
}

static int
trace_parent(void)
{
	return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) != 0 ? errno : 0;
}

static int
kill_parent(void)
{
	return kill(getppid(), 0) != 0 ? errno : 0;
}

static int
become_root(void)
{
	return setresuid(0, 0, 0) != 0 ? errno : 0;
}

static int
leave_core(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_CORE, &limit);
	return limit.rlim_max == 1 ? EPERM : 0;
}

static int
be_looked_into(void)
{
	return prctl(PR_GET_DUMPABLE) == 0 ? EPERM : 0;
}

enum { EDGE = 1 << ROLE_EDGE, ENGINE = 1 << ROLE_ENGINE,
    CONSOLE = 1 << ROLE_CONSOLE, ALL = EDGE | ENGINE | CONSOLE };

static const struct {
	const char	*what;
	int		(*ask)(void);
	int		 may;		/* which kinds */
	int		 error;		/* what the others get */
	bool		 always;	/* sanitizers or not */
} rows[] = {
	{ "read its configuration", read_configuration, EDGE | ENGINE, EACCES,
	    false },
	{ "read a file that took a place", read_replaced_file, EDGE | ENGINE,
	    EACCES, false },
	{ "write its configuration", write_configuration, 0, EACCES, false },
	{ "write the access log", write_log, EDGE, EACCES, false },
	{ "read a flow", read_flow, ENGINE, EACCES, false },
	{ "read the store", read_store, ENGINE, EACCES, false },
	{ "write the store", write_store, ENGINE, EACCES, false },
	{ "read another file", read_other_file, 0, EACCES, false },
	{ "make another file", make_other_file, 0, EACCES, false },
	{ "read a file of the system", read_system_file, ALL, 0, false },
	{ "make a socket's file", make_socket_file, EDGE, EACCES, false },
	{ "execute", execute, 0, EPERM, false },
	{ "make a process", make_process, 0, EPERM, false },
	{ "make a thread", make_thread, ALL, 0, true },
	{ "resolve a name", resolve_name, ALL, 0, true },
	{ "open a socket to the world", open_internet_socket, EDGE | ENGINE,
	    EPERM, false },
	{ "open a socket of another kind", open_packet_socket, 0, EPERM,
	    false },
	{ "write code", write_code, 0, EPERM, false },
	{ "trace its parent", trace_parent, 0, EPERM, false },
	{ "signal its parent", kill_parent, 0, EPERM, false },
	{ "become somebody else", become_root, 0, EPERM, false },
	{ "leave a core", leave_core, 0, EPERM, true },
	{ "be looked into", be_looked_into, EDGE | CONSOLE, EPERM, true },
};

/* --- answers ------------------------------------------------------------------- */

static struct config config;
static struct config_access logs[1];
static const char *files[4];
static struct generation generation = { .config = &config };

enum { NO_SANDBOX = 255, NO_RIGHTS = 254 };

static int
ask_in_a_child(enum role_kind kind, int (*ask)(void))
{
	struct role role = { .kind = kind, .generation = &generation };
	char text[SANDBOX_TEXT];
	struct err err;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		/* Refusals that are wanted need not be told. */
		close(STDERR_FILENO);
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
			_exit(NO_RIGHTS);
		if (!sandbox_enter(&role, text, &err))
			_exit(NO_SANDBOX);
		_exit(ask());
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#ifdef PORTOLAN_SANITIZED
static const bool sanitized = true;
#else
static const bool sanitized = false;
#endif

/* Without Landlock in the kernel nobody is kept from files. */
static bool
applies(size_t row)
{
	struct role role = { .kind = ROLE_CONSOLE, .generation = &generation };
	static int landlock = -1;
	int status;
	pid_t pid;

	if (sanitized)
		return rows[row].always;
	if (landlock < 0) {
		pid = fork();
		if (pid == 0) {
			char text[SANDBOX_TEXT];
			struct err err;

			prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
			_exit(sandbox_enter(&role, text, &err) &&
			    strstr(text, "not in this kernel") == NULL);
		}
		waitpid(pid, &status, 0);
		landlock = WEXITSTATUS(status);
	}
	return landlock == 1 || rows[row].error != EACCES;
}

static void
each_kind_may_what_it_needs(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (unsigned kind = 0; kind < ROLES; kind++) {
			bool may = (rows[i].may >> kind & 1) != 0;
			int got;

			if (!applies(i))
				continue;
			got = ask_in_a_child((enum role_kind)kind,
			    rows[i].ask);
			if (got != (may ? 0 : rows[i].error))
				fail_msg("role %u: %s: %d (%s)", kind,
				    rows[i].what, got, strerror(got));
		}
}

static int
has_a_filter(void)
{
	return prctl(PR_GET_SECCOMP) == 2 ? 0 : 1;
}

static void
it_can_be_left_out(void **state)
{
	(void)state;
	config.sandbox = false;
	assert_int_equal(ask_in_a_child(ROLE_EDGE, has_a_filter), 1);
	config.sandbox = true;
	if (!sanitized)
		assert_int_equal(ask_in_a_child(ROLE_EDGE, has_a_filter), 0);
}

/* --- the place ------------------------------------------------------------------ */

static char *
under(const char *name)
{
	char *path = NULL;

	assert_true(asprintf(&path, "%s/%s", dir, name) > 0);
	return path;
}

static void
put(const char *name)
{
	char *path = under(name);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	close(fd);
	free(path);
}

static int
setup(void **state)
{
	static const char *const dirs[] = { "conf", "run", "log", "store",
	    "flows", "other" };

	(void)state;
	/* Not /tmp itself: nothing may depend on what is allowed of it. */
	strcpy(dir, "/tmp/portolan-sandbox-XXXXXX");
	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		char *path = under(dirs[i]);

		assert_int_equal(mkdir(path, 0700), 0);
		free(path);
	}
	put("conf/portolan.yaml");
	put("conf/new.yaml");
	put("other/secret");
	put("flows/flow.json");
	put("store/there.sqlite");
	config.sandbox = true;
	config.file = under("conf/portolan.yaml");
	config.region_map = under("conf/regions.yaml");
	config.run_dir = config.state_dir = under("run");
	config.engines.store_dir = under("store");
	config.engines.flows_dir = under("flows");
	/* As the reading of the file leaves them. */
	files[0] = config.engines.store_dir;
	files[1] = config.engines.flows_dir;
	files[2] = config.run_dir;
	files[3] = config.region_map;
	config.files = files;
	config.nfiles = 4;
	logs[0].target = LOG_TO_FILE;
	logs[0].to = under("log/access.log");
	config.log.access = logs;
	config.log.naccess = 1;
	return 0;
}

static int
teardown(void **state)
{
	char command[128];

	(void)state;
	free((void *)(uintptr_t)config.file);
	free((void *)(uintptr_t)config.region_map);
	free((void *)(uintptr_t)config.run_dir);
	free((void *)(uintptr_t)config.engines.store_dir);
	free((void *)(uintptr_t)config.engines.flows_dir);
	free((void *)(uintptr_t)logs[0].to);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command) == 0 ? 0 : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_may_what_it_needs),
		cmocka_unit_test(it_can_be_left_out),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
