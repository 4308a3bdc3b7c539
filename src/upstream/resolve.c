/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/endpoint.h"
#include "base/list.h"
#include "base/must.h"
#include "upstream/resolve.h"

/*
 * A look-up that hangs cannot be interrupted, so the thread is never joined:
 * it and the owner each hold the struct, and the last one frees it.  Answers
 * that are posted but not yet delivered hold it as well.
 */
struct resolver {
	pthread_mutex_t	 lock;
	pthread_cond_t	 wake;
	unsigned	 holders;
	bool		 dead;		/* the owner is gone */
	struct list	 questions;
	struct loop	*loop;
	void		(*answer)(const struct resolved *);
};

struct question {
	struct list	 node;
	struct resolver	*resolver;
	struct resolver_question asked;
	struct resolved	 result;
	char		 name[256];
};

/* With the lock held, which it gives up. */
static void
resolver_unhold(struct resolver *r)
{
	bool last = --r->holders == 0;

	pthread_mutex_unlock(&r->lock);
	if (!last)
		return;
	for (struct list *node; (node = list_pop(&r->questions)) != NULL;)
		free(list_entry(node, struct question, node));
	pthread_cond_destroy(&r->wake);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

static bool
addr_of_info(struct addr *addr, const struct addrinfo *info)
{
	struct endpoint e;

	endpoint_of_sockaddr(&e, info->ai_addr);
	*addr = e.addr;
	return e.kind == ENDPOINT_IP;
}

static bool
choose(const struct question *q, const struct addrinfo *found,
    struct addr *addr)
{
	const struct addrinfo *chosen = found;

	must(found != NULL);
	for (const struct addrinfo *i = found; i != NULL; i = i->ai_next) {
		if (!addr_of_info(addr, i) || !addr_eq(addr, &q->asked.used))
			continue;
		if (!q->asked.used_fails)
			return true;
		if (i->ai_next != NULL)
			chosen = i->ai_next;
	}
	return addr_of_info(addr, chosen);
}

static void
question_ask(struct question *q)
{
	static const struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG
	};
	struct addrinfo *found = NULL;
	int rc = getaddrinfo(q->name, NULL, &hints, &found);

	if (rc != 0) {
		snprintf(q->result.why, sizeof(q->result.why), "%s",
		    gai_strerror(rc));
		return;
	}
	q->result.found = choose(q, found, &q->result.addr);
	freeaddrinfo(found);
}

/* On the loop. */
static void
question_deliver(void *arg)
{
	struct question *q = arg;
	struct resolver *r = q->resolver;
	bool dead;

	pthread_mutex_lock(&r->lock);
	dead = r->dead;
	resolver_unhold(r);
	/* The owner lives on this very thread, so it cannot die between. */
	if (!dead)
		r->answer(&q->result);
	free(q);
}

static void *
resolver_run(void *arg)
{
	struct resolver *r = arg;

	pthread_mutex_lock(&r->lock);
	while (!r->dead) {
		struct list *node = list_pop(&r->questions);
		struct question *q;

		if (node == NULL) {
			pthread_cond_wait(&r->wake, &r->lock);
			continue;
		}
		q = list_entry(node, struct question, node);
		pthread_mutex_unlock(&r->lock);
		question_ask(q);
		pthread_mutex_lock(&r->lock);
		if (r->dead) {
			free(q);
			break;
		}
		r->holders++;
		loop_post(r->loop, question_deliver, q);
	}
	resolver_unhold(r);
	return NULL;
}

struct resolver *
resolver_new(struct loop *loop, void (*answer)(const struct resolved *))
{
	struct resolver *r = xcalloc(1, sizeof(*r));
	pthread_t thread;

	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->wake, NULL);
	list_init(&r->questions);
	r->loop = loop;
	r->answer = answer;
	r->holders = 2;
	must(pthread_create(&thread, NULL, resolver_run, r) == 0);
	pthread_detach(thread);
	return r;
}

void
resolver_free(struct resolver **resolver)
{
	struct resolver *r = *resolver;

	*resolver = NULL;
	if (r == NULL)
		return;
	pthread_mutex_lock(&r->lock);
	r->dead = true;
	pthread_cond_signal(&r->wake);
	resolver_unhold(r);
}

void
resolver_ask(struct resolver *r, const struct resolver_question *question)
{
	struct question *q = xcalloc(1, sizeof(*q));

	q->resolver = r;
	q->asked = *question;
	q->result.arg = question->arg;
	q->result.number = question->number;
	snprintf(q->name, sizeof(q->name), "%s", question->name);
	q->asked.name = q->name;
	pthread_mutex_lock(&r->lock);
	list_append(&r->questions, &q->node);
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
}
