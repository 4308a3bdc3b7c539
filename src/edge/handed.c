/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "edge/handed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "net/handover.h"

#define HANDED_ALL "ALL\n"		/* no listener's name has a line's end */

enum { MASTER_MS = 20000 };		/* it reads the files first */

static void
add(struct handed *handed, const char *name, const int *fds, int count)
{
	handed->list = xrealloc(handed->list, (handed->count +
	    (size_t)count) * sizeof(*handed->list));
	for (int i = 0; i < count; i++) {
		struct handed_socket *s = &handed->list[handed->count++];

		snprintf(s->name, sizeof(s->name), "%.63s", name);
		s->fd = fds[i];
	}
}

/* What an earlier answer left, which came too late. */
static void
forget_late_answers(int master_fd)
{
	char text[HANDOVER_TEXT];
	int fds[HANDOVER_FDS], n;

	while ((n = handover_receive(master_fd, text, fds, 0)) >= 0)
		while (n > 0)
			close(fds[--n]);
}

bool
handed_ask(struct handed *handed, int master_fd, bool former,
    struct err *err)
{
	char text[HANDOVER_TEXT];
	int fds[HANDOVER_FDS], n;

	*handed = (struct handed){ 0 };
	if (master_fd < 0)
		return true;
	forget_late_answers(master_fd);
	if (!handover_send(master_fd, former ? "SOCKETS former\n" :
	    "SOCKETS\n", NULL, 0))
		return err_set(err, "the master process does not listen any "
		    "more");
	while ((n = handover_receive(master_fd, text, fds, MASTER_MS)) > 0)
		add(handed, text, fds, n);
	if (n == 0 && strcmp(text, HANDED_ALL) == 0)
		return true;
	handed_close(handed);
	return n == 0 ? err_set(err, "%s", text) :
	    err_set(err, "the master process gives no sockets");
}

void
handed_close(struct handed *handed)
{
	for (size_t i = 0; i < handed->count; i++)
		if (handed->list[i].fd >= 0)
			close(handed->list[i].fd);
	free(handed->list);
	*handed = (struct handed){ 0 };
}
