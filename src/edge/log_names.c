/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "edge/log_names.h"

#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/endpoint.h"
#include "base/log.h"
#include "base/must.h"

struct entry {
	char		 name[256];
	bool		 due, asked, found;
	struct addr	 addr;		/* if found: the last one that was */
	char		 why[128];	/* of the last answer; "": it was good */
	uint64_t	 answered_ms;
};

/* A question that hangs cannot be interrupted, so the thread is never joined:
 * it and the owner each hold this, and the last one frees it. */
struct log_names {
	pthread_mutex_t	 lock;
	pthread_cond_t	 wake;
	unsigned	 holders;
	bool		 dead, running;
	void		(*answered)(void *arg);
	void		*arg;
	bool		(*ask)(const char *, struct addr *, char why[128]);
	uint64_t	 again_ms;
	struct entry	*list[LOG_NAMES_MAX];
	size_t		 count;
};

bool
log_names_ask_system(const char *name, struct addr *addr, char why[128])
{
	static const struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG
	};
	struct addrinfo *found = NULL;
	struct endpoint e;
	int rc = getaddrinfo(name, NULL, &hints, &found);

	if (rc != 0) {
		snprintf(why, 128, "%s", gai_strerror(rc));
		return false;
	}
	endpoint_of_sockaddr(&e, found->ai_addr);
	freeaddrinfo(found);
	*addr = e.addr;
	if (e.kind != ENDPOINT_IP)
		snprintf(why, 128, "it has no IP address");
	return e.kind == ENDPOINT_IP;
}

/* With the lock held, which it gives up. */
static void
unhold(struct log_names *n)
{
	bool last = --n->holders == 0;

	pthread_mutex_unlock(&n->lock);
	if (!last)
		return;
	while (n->count > 0)
		free(n->list[--n->count]);
	pthread_cond_destroy(&n->wake);
	pthread_mutex_destroy(&n->lock);
	free(n);
}

/* --- the asking thread ------------------------------------------------------------ */

static struct entry *
next_due(struct log_names *n)
{
	for (size_t i = 0; i < n->count; i++)
		if (n->list[i]->due)
			return n->list[i];
	return NULL;
}

static void
take_answer(struct entry *e, bool found, const struct addr *addr,
    const char *why)
{
	bool was_good = e->why[0] == '\0';

	if (!found && was_good)
		log_warn("host %s of a log or collector is not found (%s); %s",
		    e->name, why, e->found ? "the last address stays in use" :
		    "it will be asked for again");
	if (found)
		e->addr = *addr;
	e->found |= found;
	snprintf(e->why, sizeof(e->why), "%s", found ? "" : why);
	e->asked = false;
	e->answered_ms = clock_ms();
}

/* Names are never forgotten, so e is good without the lock, too. */
static void
ask_for(struct log_names *n, struct entry *e)
{
	struct addr addr = { 0 };
	char why[128] = "no reason";
	bool found;

	e->due = false;
	pthread_mutex_unlock(&n->lock);
	found = n->ask(e->name, &addr, why);
	pthread_mutex_lock(&n->lock);
	take_answer(e, found, &addr, why);
	if (!n->dead)
		n->answered(n->arg);
}

static void *
run(void *arg)
{
	struct log_names *n = arg;
	struct entry *e;

	pthread_mutex_lock(&n->lock);
	while (!n->dead)
		if ((e = next_due(n)) != NULL)
			ask_for(n, e);
		else
			pthread_cond_wait(&n->wake, &n->lock);
	unhold(n);
	return NULL;
}

/* --- the owner's side ------------------------------------------------------------- */

struct log_names *
log_names_new(void (*answered)(void *arg), void *arg,
    bool (*ask)(const char *name, struct addr *addr, char why[128]),
    uint64_t again_ms)
{
	struct log_names *n = xcalloc(1, sizeof(*n));

	pthread_mutex_init(&n->lock, NULL);
	pthread_cond_init(&n->wake, NULL);
	n->holders = 1;
	n->answered = answered;
	n->arg = arg;
	n->ask = ask;
	n->again_ms = again_ms;
	return n;
}

void
log_names_free(struct log_names **names)
{
	struct log_names *n = *names;

	*names = NULL;
	if (n == NULL)
		return;
	pthread_mutex_lock(&n->lock);
	n->dead = true;
	pthread_cond_signal(&n->wake);
	unhold(n);
}

static struct entry *
entry_of(struct log_names *n, const char *name)
{
	struct entry *e;

	for (size_t i = 0; i < n->count; i++)
		if (strcmp(n->list[i]->name, name) == 0)
			return n->list[i];
	if (n->count == LOG_NAMES_MAX)
		return NULL;
	e = xcalloc(1, sizeof(*e));
	snprintf(e->name, sizeof(e->name), "%s", name);
	n->list[n->count++] = e;
	return e;
}

/* The first question starts the thread: most have no names to ask for. */
static void
ask_again(struct log_names *n, struct entry *e)
{
	pthread_t thread;

	e->due = e->asked = true;
	if (!n->running) {
		n->running = true;
		n->holders++;
		must(pthread_create(&thread, NULL, run, n) == 0);
		pthread_detach(thread);
	}
	pthread_cond_signal(&n->wake);
}

/* One that is not found is asked for more often than one that is. */
static bool
is_old(const struct log_names *n, const struct entry *e)
{
	uint64_t age = clock_ms() - e->answered_ms;

	return e->answered_ms == 0 ||
	    age >= (e->why[0] == '\0' ? n->again_ms : n->again_ms / 10);
}

enum log_name
log_names_find(struct log_names *n, const char *name, struct addr *addr,
    char why[128])
{
	enum log_name end;
	struct entry *e;

	why[0] = '\0';
	pthread_mutex_lock(&n->lock);
	e = entry_of(n, name);
	if (e == NULL) {
		snprintf(why, 128, "more than %d names", LOG_NAMES_MAX);
		end = LOG_NAME_UNKNOWN;
	} else {
		if (!e->asked && is_old(n, e))
			ask_again(n, e);
		end = e->found ? LOG_NAME_FOUND : e->answered_ms == 0 ?
		    LOG_NAME_ASKED : LOG_NAME_UNKNOWN;
		*addr = e->addr;
		snprintf(why, 128, "%s", e->why);
	}
	pthread_mutex_unlock(&n->lock);
	return end;
}
