/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/must.h"

enum {
	BACKLOG = 4096,			/* the kernel cuts it to somaxconn */
	ACCEPTS_A_TURN = 64,
	PAUSE_MS = 100,			/* out of descriptors: first wait, ... */
	PAUSE_MOST_MS = 1000,		/* ... twice as long each time, up to
					   here; then it is no moment's lack */
};

struct listener {
	struct loop	*loop;
	const struct listener_ops *ops;
	void		*owner;
	struct event	 event;
	struct timer	 pause;		/* resumes after a lack of descriptors */
	uint64_t	 pause_ms;	/* of the next such lack */
	int		 fd;
	int		 reserve;	/* given up to refuse one connection */
	bool		 paused;	/* by the owner */
	bool		 accepting;	/* the owner is being called ... */
	bool		 freed;		/* ... and has freed us meanwhile */
	struct log_rate	 rate;
};

/* --- binding ------------------------------------------------------------- */

/*
 * A file left behind by a process that is gone refuses connections; one that
 * somebody listens on accepts them, and is not ours to take.
 */
static bool
remove_stale(const struct endpoint *at, const struct sockaddr *sa,
    socklen_t len, struct err *err)
{
	struct stat st;
	int fd, failed;

	if (lstat(at->name, &st) < 0)
		return errno == ENOENT ? true : err_set(err,
		    "unix:%s: %s", at->name, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, "unix:%s: there is a file of that name that "
		    "is no socket; remove it or choose another path", at->name);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(err, "unix:%s: %s", at->name, strerror(errno));
	failed = connect(fd, sa, len) < 0 ? errno : 0;
	close(fd);
	if (failed != ECONNREFUSED && failed != ENOENT)
		return err_set(err, "unix:%s: another process listens there",
		    at->name);
	if (unlink(at->name) < 0 && errno != ENOENT)
		return err_set(err, "unix:%s: the socket that a former process "
		    "left cannot be removed: %s", at->name, strerror(errno));
	return true;
}

static bool
set_options(int fd, const struct endpoint *at, bool reuse_port)
{
	const int on = 1;

	if (at->kind == ENDPOINT_UNIX)
		return true;
	return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    (!reuse_port || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on,
	    sizeof(on)) == 0) &&
	    (at->addr.family != ADDR_IP6 || setsockopt(fd, IPPROTO_IPV6,
	    IPV6_V6ONLY, &on, sizeof(on)) == 0);
}

/*
 * Whoever runs as the service's user may put a link there meanwhile, and we may
 * be root: what is opened is changed, and only if it is a socket.  Without
 * /proc what the umask has left of the mode stays.
 */
static bool
undo_umask(const char *path, unsigned mode)
{
	int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char name[32];
	struct stat st;
	bool good = false;

	if (fd < 0)
		return false;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	if (fstat(fd, &st) != 0)
		;			/* errno says why */
	else if (!S_ISSOCK(st.st_mode))
		errno = ENOTSOCK;
	else
		good = chmod(name, (mode_t)mode) == 0 || errno == ENOENT;
	close(fd);
	return good;
}

/* The mode is the socket's before its file appears. */
static bool
bind_and_listen(int fd, const struct endpoint *at, const struct sockaddr *sa,
    socklen_t len, unsigned mode)
{
	bool is_unix = at->kind == ENDPOINT_UNIX;

	return (!is_unix || fchmod(fd, (mode_t)mode) == 0) &&
	    bind(fd, sa, len) == 0 &&
	    (!is_unix || undo_umask(at->name, mode)) &&
	    listen(fd, BACKLOG) == 0;
}

static const char *
what_to_do(int error, enum endpoint_kind kind)
{
	switch (error) {
	case EADDRINUSE:
		return "; another process listens there (ss -ltnp shows "
		    "which): end it or choose another port";
	case EACCES:
		return kind == ENDPOINT_UNIX ? "; its directory has to be one "
		    "that may be written" : "; ports below 1024 are for root "
		    "or CAP_NET_BIND_SERVICE";
	case EADDRNOTAVAIL:
		return "; no interface of this machine has that address";
	default:
		return "";
	}
}

/* Bound without SO_REUSEPORT, which would let us join whoever is there. */
bool
listener_is_free(const struct endpoint *at, struct err *err)
{
	struct sockaddr_storage ss;
	char text[ENDPOINT_TEXT];
	socklen_t len = endpoint_sockaddr(at, &ss);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is_free = fd >= 0 && set_options(fd, at, false) &&
	    bind(fd, (struct sockaddr *)&ss, len) == 0;

	if (!is_free)
		err_set(err, "%s: cannot be listened on: %s%s",
		    endpoint_text(at, text), strerror(errno),
		    what_to_do(errno, at->kind));
	if (fd >= 0)
		close(fd);
	return is_free;
}

int
listener_bind(const struct endpoint *at, bool reuse_port, unsigned mode,
    struct err *err)
{
	struct sockaddr_storage ss;
	char text[ENDPOINT_TEXT];
	socklen_t len = endpoint_sockaddr(at, &ss);
	int fd;

	endpoint_text(at, text);
	if (at->kind == ENDPOINT_UNIX) {
		if (strlen(at->name) >= sizeof(((struct sockaddr_un *)0)->sun_path)) {
			err_set(err, "%s: the path of a UNIX socket has at most "
			    "107 bytes", text);
			return -1;
		}
		if (!remove_stale(at, (struct sockaddr *)&ss, len, err))
			return -1;
	}
	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || !set_options(fd, at, reuse_port) || !bind_and_listen(fd,
	    at, (struct sockaddr *)&ss, len, mode)) {
		err_set(err, "%s: cannot be listened on: %s%s", text,
		    strerror(errno), what_to_do(errno, at->kind));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

/* --- accepting ----------------------------------------------------------- */

static void
reserve_open(struct listener *l)
{
	if (l->reserve < 0)
		l->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Whoever waits would wait for long: with the reserve one connection is taken
 * and closed, so that its client knows. */
static void
turn_one_away(struct listener *l)
{
	int fd;

	if (l->reserve < 0)
		return;
	close(l->reserve);
	l->reserve = -1;
	fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	reserve_open(l);
}

/*
 * No descriptor left, and the listening socket would stay readable: nobody is
 * accepted for a while.  In a moment's lack who waits in the kernel's queue
 * loses nothing.
 */
static void
out_of_descriptors(struct listener *l, int error)
{
	uint32_t suppressed;

	if (log_rate_allows(&l->rate, 1, &suppressed))
		log_error("accept: %s: new connections wait %u ms; raise the "
		    "limit of open files (LimitNOFILE=) or lower the number of "
		    "connections", strerror(error), (unsigned)l->pause_ms);
	if (l->pause_ms >= PAUSE_MOST_MS)
		turn_one_away(l);
	event_del(&l->event);
	timer_set(l->loop, &l->pause, l->pause_ms);
	l->pause_ms = l->pause_ms * 2 > PAUSE_MOST_MS ? PAUSE_MOST_MS :
	    l->pause_ms * 2;
}

static void
on_pause_end(struct timer *timer)
{
	struct listener *l = list_entry(timer, struct listener, pause);

	reserve_open(l);
	if (!l->paused)
		must(event_add(&l->event, NULL) == 0);
}

/* Why accept4 failed; true if the next one may succeed. */
static bool
accept_failed(struct listener *l, int error)
{
	switch (error) {
	case EMFILE:
	case ENFILE:
		if (l->ops->scarce != NULL && l->ops->scarce(l->owner))
			return true;
		/* FALLTHROUGH */
	case ENOBUFS:
	case ENOMEM:
		out_of_descriptors(l, error);
		return false;
	case EAGAIN:
		return false;
	default:
		return true;		/* that connection's: gone before we came */
	}
}

/* False when there is nobody more, or no way to take them. */
static bool
accept_one(struct listener *l)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(ss);
	struct endpoint peer;
	int fd;

	fd = accept4(l->fd, (struct sockaddr *)&ss, &len,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return accept_failed(l, errno);
	l->pause_ms = PAUSE_MS;
	endpoint_of_sockaddr(&peer, (struct sockaddr *)&ss);
	l->ops->accepted(l->owner, fd, &peer);
	return true;
}

/* The owner may pause or free the listener in accepted(). */
static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;

	(void)fd;
	(void)what;
	loop_wake(l->loop);
	l->accepting = true;
	for (int i = 0; i < ACCEPTS_A_TURN; i++)
		if (!accept_one(l) || l->freed || l->paused)
			break;
	l->accepting = false;
	if (l->freed)
		free(l);
}

struct listener *
listener_new(struct loop *loop, int fd, const struct listener_ops *ops,
    void *owner)
{
	struct listener *l = xcalloc(1, sizeof(*l));
	const int on = 1;

	l->loop = loop;
	l->ops = ops;
	l->owner = owner;
	l->fd = fd;
	l->reserve = -1;
	l->pause_ms = PAUSE_MS;
	/* Accepted sockets inherit it, on Linux; UNIX sockets know no such. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	must(evutil_make_socket_nonblocking(fd) == 0);	/* handed over, maybe */
	reserve_open(l);
	timer_init(&l->pause, on_pause_end);
	must(event_assign(&l->event, loop->base, fd, EV_READ | EV_PERSIST,
	    on_readable, l) == 0);
	must(event_add(&l->event, NULL) == 0);
	return l;
}

void
listener_pause(struct listener *l)
{
	l->paused = true;
	event_del(&l->event);
}

void
listener_resume(struct listener *l)
{
	l->paused = false;
	if (!timer_is_set(&l->pause))
		must(event_add(&l->event, NULL) == 0);
}

void
listener_free(struct listener **l)
{
	if (*l == NULL)
		return;
	event_del(&(*l)->event);
	timer_cancel(&(*l)->pause);
	close((*l)->fd);
	if ((*l)->reserve >= 0)
		close((*l)->reserve);
	(*l)->freed = true;
	if (!(*l)->accepting)
		free(*l);
	*l = NULL;
}

void
listener_address(const struct listener *l, struct endpoint *at)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(ss);

	must(getsockname(l->fd, (struct sockaddr *)&ss, &len) == 0);
	endpoint_of_sockaddr(at, (struct sockaddr *)&ss);
	if (ss.ss_family == AF_UNIX)
		memcpy(at->name, ((struct sockaddr_un *)&ss)->sun_path,
		    sizeof(((struct sockaddr_un *)&ss)->sun_path));
}
