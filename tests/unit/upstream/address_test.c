/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Upstreams that are named: what their names lead to changes while they are
 * in use.  The resolver here is the test's own.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>

#include "base/clock.h"
#include "support/peer.h"
#include "upstream/upstream_private.h"

/* --- the resolver ------------------------------------------------------------ */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *const *leads_to;	/* NULL: no such name */
static unsigned asked;

static void
name_leads_to(const char *const *addresses)
{
	pthread_mutex_lock(&lock);
	leads_to = addresses;
	pthread_mutex_unlock(&lock);
}

static struct addrinfo *
info_of(const char *text)
{
	struct info {
		struct addrinfo	 info;
		struct sockaddr_in sin;
	} *i = calloc(1, sizeof(*i));

	must(i != NULL && inet_pton(AF_INET, text, &i->sin.sin_addr) == 1);
	i->sin.sin_family = AF_INET;
	i->info.ai_family = AF_INET;
	i->info.ai_addr = (struct sockaddr *)&i->sin;
	i->info.ai_addrlen = sizeof(i->sin);
	return &i->info;
}

int
getaddrinfo(const char *name, const char *service,
    const struct addrinfo *hints, struct addrinfo **found)
{
	struct addrinfo **next = found;

	(void)name, (void)service, (void)hints;
	pthread_mutex_lock(&lock);
	asked++;
	*found = NULL;
	for (const char *const *a = leads_to; a != NULL && *a != NULL; a++) {
		*next = info_of(*a);
		next = &(*next)->ai_next;
	}
	pthread_mutex_unlock(&lock);
	return *found == NULL ? EAI_NONAME : 0;
}

void
freeaddrinfo(struct addrinfo *info)
{
	for (struct addrinfo *next; info != NULL; info = next) {
		next = info->ai_next;
		free(info);
	}
}

/* --- engines, on one port of several addresses -------------------------------- */

#define A "127.0.0.1"
#define B "127.0.0.2"
#define NOBODY "127.0.0.3"

enum { CONNECTIONS = 16 };

struct engine {
	struct peer	 peer;
	const char	*name;
	int		 fd[CONNECTIONS];
	unsigned	 nfd;
	int		 held;		/* a request that is not answered yet */
	char		 got[4096];
};

static void
answer(const struct engine *e, int fd)
{
	char text[256];

	snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\n"
	    "X-ManyWho-Region-Backend: GB\r\nContent-Length: %zu\r\n\r\n%s",
	    strlen(e->name), e->name);
	peer_text(fd, text);
}

/* A request comes whole here. */
static bool
serve(struct engine *e, int fd)
{
	ssize_t n = read(fd, e->got, sizeof(e->got));

	if (n <= 0)
		return false;
	if (n > 9 && memcmp(e->got, "GET /hold", 9) == 0) {
		e->held = fd;
		sem_post(&e->peer.told);
		return true;
	}
	answer(e, fd);
	return true;
}

static void
look_at(struct engine *e, const struct pollfd *fds)
{
	unsigned kept = 0, n = e->nfd;

	for (unsigned i = 0; i < n; i++) {
		if (fds[i + 1].revents != 0 && !serve(e, e->fd[i]))
			close(e->fd[i]);
		else
			e->fd[kept++] = e->fd[i];
	}
	e->nfd = kept;
	if (e->held >= 0 && sem_trywait(&e->peer.go) == 0) {
		answer(e, e->held);
		e->held = -1;
	}
}

static void
engine_main(struct peer *p)
{
	struct engine *e = (struct engine *)p;
	struct pollfd fds[CONNECTIONS + 1];

	for (;;) {
		fds[0] = (struct pollfd){ p->listener, POLLIN, 0 };
		for (unsigned i = 0; i < e->nfd; i++)
			fds[i + 1] = (struct pollfd){ e->fd[i], POLLIN, 0 };
		poll(fds, e->nfd + 1, 10);
		look_at(e, fds);
		if (fds[0].revents == 0)
			continue;
		must(e->nfd < CONNECTIONS);
		if ((e->fd[e->nfd] = accept(p->listener, NULL, NULL)) < 0)
			break;
		e->nfd++;
	}
	while (e->nfd > 0)
		close(e->fd[--e->nfd]);
}

/* port 0: any. */
static void
engine_begin(struct engine *e, const char *address, uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
	    .sin_port = htons(port) };
	socklen_t len = sizeof(sin);

	memset(e, 0, sizeof(*e));
	e->name = address;
	e->held = -1;
	must(inet_pton(AF_INET, address, &sin.sin_addr) == 1);
	e->peer.listener = socket(AF_INET, SOCK_STREAM, 0);
	must(bind(e->peer.listener, (struct sockaddr *)&sin, len) == 0);
	must(listen(e->peer.listener, 16) == 0);
	must(getsockname(e->peer.listener, (struct sockaddr *)&sin, &len) == 0);
	endpoint_of_sockaddr(&e->peer.at, (struct sockaddr *)&sin);
	peer_play(&e->peer, engine_main);
}

static void
engine_end(struct engine *e)
{
	shutdown(e->peer.listener, SHUT_RDWR);
	peer_join(&e->peer);
}

/* --- what a name leads to ------------------------------------------------------- */

struct both {
	struct engine	 a, b;
	struct client	 c;
};

static void
begin(struct both *t, const char *const *addresses)
{
	struct endpoint at;
	char text[32];

	name_leads_to(addresses);
	engine_begin(&t->a, A, 0);
	engine_begin(&t->b, B, t->a.peer.at.port);
	snprintf(text, sizeof(text), "engine.test:%u", t->a.peer.at.port);
	must(endpoint_parse(&at, slice_of(text)));
	client_init(&t->c, &at);
}

static void
end(struct both *t)
{
	client_fini(&t->c);
	engine_end(&t->a);
	engine_end(&t->b);
}

/* Turns of the control loop until the upstream is so. */
static void
control_until(struct both *t, enum health health, const char *address)
{
	char text[ADDR_TEXT_MAX];
	struct endpoint at;

	while (atomic_load(&t->c.up->health) != health ||
	    !upstream_address(t->c.up, &at) ||
	    strcmp(addr_text(&at.addr, text), address) != 0)
		run_for(t->c.control, 10);
}

/* Whoever looks now finds what is known too old. */
static void
grow_old(struct both *t)
{
	t->c.up->private->resolved_ms = clock_ms() - 3600 * 1000;
}

static void
asked_again(struct both *t)
{
	unsigned before, now;

	pthread_mutex_lock(&lock);
	before = asked;
	pthread_mutex_unlock(&lock);
	grow_old(t);
	do {
		run_for(t->c.control, 10);
		pthread_mutex_lock(&lock);
		now = asked;
		pthread_mutex_unlock(&lock);
	} while (now == before || t->c.up->private->resolving);
}

static void
answered_by(struct both *t, const char *name)
{
	client_get(&t->c);
	assert_string_equal(buf_cstr(&t->c.body), name);
}

static void
a_name_that_leads_elsewhere_is_followed(void **state)
{
	static const char *const first[] = { A, NULL },
	    *const then[] = { B, NULL };
	struct exchange_request hold = a_request(METHOD_GET,
	    "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
	struct both t;

	(void)state;
	begin(&t, first);
	control_until(&t, HEALTH_UP, A);
	answered_by(&t, A);
	answered_by(&t, A);
	assert_true(t.c.reused);

	/* One is on its way, on the connection that is kept. */
	client_begin(&t.c, &hold);
	run_for(t.c.loop, 10);
	sem_wait(&t.a.peer.told);
	name_leads_to(then);
	grow_old(&t);
	control_until(&t, HEALTH_UP, B);
	sem_post(&t.a.peer.go);
	loop_run(t.c.loop);
	assert_string_equal(buf_cstr(&t.c.body), A);
	answered_by(&t, B);
	assert_false(t.c.reused);
	answered_by(&t, B);
	assert_true(t.c.reused);
	end(&t);
}

/* Kept connections that are idle at the time are not used, either. */
static void
what_is_kept_leads_nowhere_else(void **state)
{
	static const char *const first[] = { A, NULL },
	    *const then[] = { B, NULL };
	struct both t;

	(void)state;
	begin(&t, first);
	control_until(&t, HEALTH_UP, A);
	answered_by(&t, A);
	name_leads_to(then);
	grow_old(&t);
	control_until(&t, HEALTH_UP, B);
	answered_by(&t, B);
	/* Counted for the one upstream that both are. */
	run_for(t.c.loop, 600);
	assert_int_equal(atomic_load(&t.c.up->requests), 2);
	end(&t);
}

/* Resolvers tell addresses in any order. */
static void
an_address_that_works_is_kept(void **state)
{
	static const char *const first[] = { A, B, NULL },
	    *const turned[] = { B, A, NULL };
	struct both t;

	(void)state;
	begin(&t, first);
	control_until(&t, HEALTH_UP, A);
	answered_by(&t, A);
	name_leads_to(turned);
	asked_again(&t);
	control_until(&t, HEALTH_UP, A);
	answered_by(&t, A);
	assert_true(t.c.reused);
	name_leads_to(NULL);
	asked_again(&t);
	control_until(&t, HEALTH_UP, A);
	answered_by(&t, A);
	end(&t);
}

static void
another_is_tried_when_one_is_down(void **state)
{
	static const char *const several[] = { NOBODY, B, NULL };
	struct both t;

	(void)state;
	begin(&t, several);
	control_until(&t, HEALTH_UP, B);
	answered_by(&t, B);
	asked_again(&t);
	control_until(&t, HEALTH_UP, B);
	end(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_that_leads_elsewhere_is_followed),
		cmocka_unit_test(what_is_kept_leads_nowhere_else),
		cmocka_unit_test(an_address_that_works_is_kept),
		cmocka_unit_test(another_is_tried_when_one_is_down),
	};

	alarm(60);			/* a hang is a failure, too */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
