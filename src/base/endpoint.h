/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Where something listens or is reached: an IP address and port, a name and
 * port still to be resolved, or a UNIX socket.
 */
#ifndef BASE_ENDPOINT_H
#define BASE_ENDPOINT_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/addr.h"

enum endpoint_kind { ENDPOINT_IP, ENDPOINT_NAME, ENDPOINT_UNIX };

struct endpoint {
	enum endpoint_kind kind;
	bool		 url;		/* written http:// or https:// */
	bool		 tls;		/* written https:// */
	uint16_t	 port;
	struct addr	 addr;		/* ENDPOINT_IP */
	char		 name[256];	/* ENDPOINT_NAME: host; UNIX: path */
};

/*
 * "1.2.3.4:80", "[::1]:80", "name:80", "unix:/path", and any of the first
 * three after http:// or https:// (a path after the port is refused).  An
 * address may have port 0, for a listener that takes any.
 */
bool endpoint_parse(struct endpoint *e, struct slice text);

/* As endpoint_parse reads it, without scheme; text has ENDPOINT_TEXT bytes. */
enum { ENDPOINT_TEXT = 272 };
const char *endpoint_text(const struct endpoint *e, char text[ENDPOINT_TEXT]);

/* For bind and connect; must not be an ENDPOINT_NAME. */
socklen_t endpoint_sockaddr(const struct endpoint *e,
    struct sockaddr_storage *ss);

/* Of an accepted or connected socket; AF_UNIX gives ADDR_NONE. */
void endpoint_of_sockaddr(struct endpoint *e, const struct sockaddr *sa);

#endif
