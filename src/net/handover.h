/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Descriptors that go from one process to another, with a few words, over a
 * UNIX socket that keeps packets apart (SOCK_SEQPACKET).
 */
#ifndef NET_HANDOVER_H
#define NET_HANDOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { HANDOVER_FDS = 64, HANDOVER_TEXT = 1024 };

/* One packet; at most HANDOVER_FDS descriptors, which stay the caller's as
 * well.  Longer text is cut.  False: the other side does not take it. */
bool handover_send(int fd, const char *text, const int *fds, size_t count);

/* As read(2), a packet at a time, with the descriptors that came with it. */
ssize_t handover_read(int fd, char text[HANDOVER_TEXT], int fds[HANDOVER_FDS],
    int *count);

/*
 * The next packet: how many descriptors came with it, now the caller's and
 * closed on exec; -1 if none came within timeout_ms or the other side is gone.
 */
int handover_receive(int fd, char text[HANDOVER_TEXT], int fds[HANDOVER_FDS],
    int timeout_ms);

#endif
