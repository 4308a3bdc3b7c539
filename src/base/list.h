/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A doubly linked ring of nodes that live inside other structs.  A node that
 * is in no list points at itself, so taking it out twice does no harm.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list	*next, *prev;
};

/* The struct of the given type whose member is node. */
#define list_entry(node, type, member) \
	((type *)(void *)((char *)(node) - offsetof(type, member)))

static inline void
list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool
list_empty(const struct list *l)
{
	return l->next == l;
}

static inline void
list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/* At the tail; the node must be in no list. */
static inline void
list_append(struct list *l, struct list *node)
{
	node->prev = l->prev;
	node->next = l;
	l->prev->next = node;
	l->prev = node;
}

/* At the head; the node must be in no list. */
static inline void
list_push(struct list *l, struct list *node)
{
	list_append(l->next, node);
}

/* The first node, taken out, or NULL. */
static inline struct list *
list_pop(struct list *l)
{
	struct list *node = l->next;

	if (node == l)
		return NULL;
	list_remove(node);
	return node;
}

/* Nodes in turn; the body may remove the current one. */
#define list_each(node, l) \
	for (struct list *node = (l)->next, *node##_next = node->next; \
	    node != (l); node = node##_next, node##_next = node->next)

#endif
