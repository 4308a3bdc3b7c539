/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "net/handover.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/must.h"

/* Aligned as cmsg(3) wants it. */
union ancillary {
	struct cmsghdr	 first;
	char		 room[CMSG_SPACE(HANDOVER_FDS * sizeof(int))];
};

bool
handover_send(int fd, const char *text, const int *fds, size_t count)
{
	size_t len = strlen(text);
	union ancillary extra = { 0 };
	struct iovec words = { .iov_base = (void *)(size_t)text,
	    .iov_len = len < HANDOVER_TEXT ? len : HANDOVER_TEXT - 1 };
	struct msghdr m = { .msg_iov = &words, .msg_iovlen = 1 };

	must(count <= HANDOVER_FDS);
	if (count > 0) {
		m.msg_control = extra.room;
		m.msg_controllen = CMSG_SPACE(count * sizeof(int));
		extra.first.cmsg_level = SOL_SOCKET;
		extra.first.cmsg_type = SCM_RIGHTS;
		extra.first.cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(&extra.first), fds, count * sizeof(int));
	}
	return sendmsg(fd, &m, MSG_NOSIGNAL) >= 0;
}

static int
take_descriptors(struct msghdr *m, int fds[HANDOVER_FDS])
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	size_t bytes;

	if (c == NULL || c->cmsg_level != SOL_SOCKET ||
	    c->cmsg_type != SCM_RIGHTS)
		return 0;
	bytes = c->cmsg_len - CMSG_LEN(0);
	memcpy(fds, CMSG_DATA(c), bytes);
	return (int)(bytes / sizeof(int));
}

ssize_t
handover_read(int fd, char text[HANDOVER_TEXT], int fds[HANDOVER_FDS],
    int *count)
{
	union ancillary extra;
	struct iovec words = { .iov_base = text, .iov_len = HANDOVER_TEXT - 1 };
	struct msghdr m = { .msg_iov = &words, .msg_iovlen = 1,
	    .msg_control = extra.room, .msg_controllen = sizeof(extra.room) };
	ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);

	*count = 0;
	/* The other side has ended without reading all of ours, which is told
	 * once; its last words are still here. */
	if (n < 0 && errno == ECONNRESET) {
		m.msg_controllen = sizeof(extra.room);
		n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	}
	if (n < 0)
		return n;
	text[n] = '\0';
	*count = take_descriptors(&m, fds);
	return n;
}

int
handover_receive(int fd, char text[HANDOVER_TEXT], int fds[HANDOVER_FDS],
    int timeout_ms)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	int ready, count;

	do
		ready = poll(&wait, 1, timeout_ms);
	while (ready < 0 && errno == EINTR);
	if (ready <= 0 || handover_read(fd, text, fds, &count) <= 0)
		return -1;
	return count;
}
