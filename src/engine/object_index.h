/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Answers what object_find() answers, of a list that is asked for often: in
 * about the same time however long it is.  The list is the caller's and must
 * outlive the index; whoever sets or appends an object says so.  Removing one
 * would move the others: take its ids away instead (set null), and leave it
 * out in the end.
 */
#ifndef ENGINE_OBJECT_INDEX_H
#define ENGINE_OBJECT_INDEX_H

#include <jansson.h>
#include <stddef.h>

struct object_index;

struct object_index *object_index_new(const json_t *list);
void object_index_free(struct object_index **index);

/* The first that is the same object; the list's size if there is none. */
size_t object_index_find(struct object_index *index, const json_t *object);

/* There is another object at this place, or one behind all. */
void object_index_note(struct object_index *index, size_t at);

#endif
