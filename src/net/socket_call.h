/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * recv() and send() without what makes them cancellation points: in a process
 * of several threads glibc's own change the thread's state with a locked
 * instruction before the call and with another behind it, four times for a
 * request.  No thread of ours is ever cancelled.
 */
#ifndef NET_SOCKET_CALL_H
#define NET_SOCKET_CALL_H

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef PORTOLAN_SANITIZED		/* they want to see what is read */
#define socket_recv(fd, bytes, len)	recv((fd), (bytes), (len), 0)
#define socket_send(fd, bytes, len, flags)	\
	send((fd), (bytes), (len), MSG_NOSIGNAL | (flags))
#else
static inline ssize_t
socket_recv(int fd, void *bytes, size_t len)
{
	return syscall(SYS_recvfrom, fd, bytes, len, 0, NULL, NULL);
}

static inline ssize_t
socket_send(int fd, const void *bytes, size_t len, int flags)
{
	return syscall(SYS_sendto, fd, bytes, len, MSG_NOSIGNAL | flags, NULL,
	    0);
}
#endif

#endif
