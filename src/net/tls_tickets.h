/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The keys of session tickets (RFC 5077, RFC 8446 4.6.1): with them a client
 * that was here before takes up its session again without a certificate being
 * signed for, and we keep nothing about it.
 *
 * Keys that nobody gave are made by the process, shared by its threads and
 * kept over reloads: a new one every half of a ticket's life, and the old ones
 * known for as long as their tickets live.  Keys out of a file are the
 * operator's to change; several edges that have them know each other's
 * tickets.
 */
#ifndef NET_TLS_TICKETS_H
#define NET_TLS_TICKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TLS_TICKET_LIFE_MS = 12 * 3600 * 1000,	/* where nothing else is said */
	TLS_TICKET_SECRET = 32,		/* bytes */
	TLS_TICKET_SECRETS = 16,	/* at most */
};

/* Counted by its users; any thread. */
struct tls_tickets;

/* The first encrypts, all decrypt; copied.  count 0: the process's own. */
struct tls_tickets *tls_tickets_new(
    const uint8_t (*secrets)[TLS_TICKET_SECRET], size_t count,
    uint64_t life_ms);
struct tls_tickets *tls_tickets_ref(struct tls_tickets *tickets);
void tls_tickets_free(struct tls_tickets **tickets);

uint64_t tls_tickets_life_ms(const struct tls_tickets *tickets);

struct tls_ticket_key {
	uint8_t		 name[16];	/* stands in the ticket, in clear */
	uint8_t		 cipher[32], mac[32];
	uint64_t	 made_ms;
};

/* What encrypts now. */
void tls_tickets_first(struct tls_tickets *tickets, uint64_t now_ms,
    struct tls_ticket_key *key);

enum ticket_found { TICKET_UNKNOWN, TICKET_FIRST, TICKET_OLDER };

/* The key of that name, unless it is too old for any ticket to live. */
enum ticket_found tls_tickets_find(struct tls_tickets *tickets,
    uint64_t now_ms, const uint8_t name[16], struct tls_ticket_key *key);

#endif
