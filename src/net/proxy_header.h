/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The PROXY protocol, versions 1 and 2 (HAProxy's proxy-protocol.txt): what a
 * load balancer says of the client in front of the client's own bytes.  Pure:
 * bytes in, facts out.
 *
 * Only where a header is demanded may one be read ("must not try to guess"):
 * then anything else is refused, and as soon as that can be told.
 */
#ifndef NET_PROXY_HEADER_H
#define NET_PROXY_HEADER_H

#include "base/addr.h"
#include "base/endpoint.h"

/* Longest header that is read: enough for TLVs beyond all that are in use. */
enum { PROXY_HEADER_MAX = 16 * 1024 };

enum proxy_kind {
	PROXY_LOCAL,			/* the sender's own: a health check */
	PROXY_UNKNOWN,			/* the sender cannot say */
	PROXY_UNIX,			/* the client came over a UNIX socket */
	PROXY_IP,			/* source and destination follow */
};

struct proxy_header {
	enum proxy_kind	 kind;
	uint8_t		 version;	/* 1 or 2 */
	size_t		 consumed;	/* what follows is the client's */
	/* Of PROXY_IP, as they were told (maybe IPv4-mapped). */
	struct addr	 source, destination;
	uint16_t	 source_port, destination_port;
	/* Out of TLVs, where there; they point into the bytes.  The authority
	 * (0x02) is not kept: the client's own TLS names the host. */
	struct slice	 unique_id;	/* 0x05; any bytes, at most 128 */
	struct slice	 vpc_endpoint;	/* 0xEA 01, of AWS; letters, digits, - */
	bool		 passed;	/* 0xE0 "portolan": by another region's edge,
					   which has not looked inside */
};

enum proxy_end { PROXY_MORE, PROXY_DONE, PROXY_REFUSED };

/*
 * Reads the header that bytes begin with.  MORE: all of bytes is a part of it,
 * and fewer than PROXY_HEADER_MAX; come back with more behind them.  REFUSED:
 * *reason is a sentence's end for the log ("the PROXY header ...").
 */
enum proxy_end proxy_header_read(struct proxy_header *header,
    struct slice bytes, const char **reason);

/* What we say of a client, version 2. */
struct proxy_told {
	/* Anything but an IP address: the sender cannot say. */
	const struct endpoint *source, *destination;
	struct slice	 authority;	/* the TLS name, or empty; at most 255 */
	bool		 passed;
	bool		 local;		/* a connection of our own: nothing else */
};

enum { PROXY_WRITE_MAX = 512 };
#define PROXY_PASSED "portolan"

/* Returns its length. */
size_t proxy_header_write(char bytes[PROXY_WRITE_MAX],
    const struct proxy_told *told);

/* CRC32c (Castagnoli); crc is 0 for the first piece. */
uint32_t crc32c(uint32_t crc, struct slice bytes);

#endif
