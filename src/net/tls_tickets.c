/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "net/tls_tickets.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/hmac.h"
#include "base/must.h"

/* Made every half of a life and known for a half and a whole: three, and one
 * just made. */
enum { RING = 4 };

struct tls_tickets {
	atomic_uint	 users;
	uint64_t	 life_ms;
	size_t		 count;		/* 0: those of the process */
	struct tls_ticket_key keys[];
};

/* The process's own, the newest first.  All threads, under the lock. */
static struct {
	pthread_mutex_t	 lock;
	struct tls_ticket_key keys[RING];
	unsigned	 count;
} ring = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Three keys out of one secret, none of which tells another. */
static void
derive(struct tls_ticket_key *key, const uint8_t secret[TLS_TICKET_SECRET])
{
	const struct slice of = { (const char *)secret, TLS_TICKET_SECRET };
	uint8_t name[HMAC_BYTES];

	hmac_sha256(of, SLICE("portolan ticket name"), name);
	memcpy(key->name, name, sizeof(key->name));
	hmac_sha256(of, SLICE("portolan ticket cipher"), key->cipher);
	hmac_sha256(of, SLICE("portolan ticket mac"), key->mac);
}

struct tls_tickets *
tls_tickets_new(const uint8_t (*secrets)[TLS_TICKET_SECRET], size_t count,
    uint64_t life_ms)
{
	struct tls_tickets *t;

	must(count <= TLS_TICKET_SECRETS && life_ms > 0);
	t = xcalloc(1, sizeof(*t) + count * sizeof(t->keys[0]));
	atomic_init(&t->users, 1);
	t->life_ms = life_ms;
	t->count = count;
	for (size_t i = 0; i < count; i++)
		derive(&t->keys[i], secrets[i]);
	return t;
}

struct tls_tickets *
tls_tickets_ref(struct tls_tickets *tickets)
{
	if (tickets != NULL)
		atomic_fetch_add(&tickets->users, 1);
	return tickets;
}

void
tls_tickets_free(struct tls_tickets **tickets)
{
	struct tls_tickets *t = *tickets;

	*tickets = NULL;
	if (t == NULL || atomic_fetch_sub(&t->users, 1) != 1)
		return;
	OPENSSL_cleanse(t->keys, t->count * sizeof(t->keys[0]));
	free(t);
}

uint64_t
tls_tickets_life_ms(const struct tls_tickets *tickets)
{
	return tickets->life_ms;
}

/* --- the process's own ------------------------------------------------------------- */

static void
ring_make(uint64_t now_ms)
{
	uint8_t secret[TLS_TICKET_SECRET];

	must(RAND_priv_bytes(secret, sizeof(secret)) == 1);
	memmove(ring.keys + 1, ring.keys, sizeof(ring.keys[0]) * (RING - 1));
	derive(&ring.keys[0], secret);
	ring.keys[0].made_ms = now_ms;
	if (ring.count < RING)
		ring.count++;
	OPENSSL_cleanse(secret, sizeof(secret));
}

/* Another thread may have made it after the caller looked at the clock. */
static uint64_t
age_ms(const struct tls_ticket_key *key, uint64_t now_ms)
{
	return now_ms > key->made_ms ? now_ms - key->made_ms : 0;
}

static void
ring_drop_old(uint64_t life_ms, uint64_t now_ms)
{
	while (ring.count > 0 && age_ms(&ring.keys[ring.count - 1], now_ms) >=
	    life_ms + life_ms / 2)
		OPENSSL_cleanse(&ring.keys[--ring.count],
		    sizeof(ring.keys[0]));
}

static void
ring_turn(uint64_t life_ms, uint64_t now_ms)
{
	ring_drop_old(life_ms, now_ms);
	if (ring.count == 0 || age_ms(&ring.keys[0], now_ms) >=
	    life_ms / 2)
		ring_make(now_ms);
}

static enum ticket_found
find(const struct tls_ticket_key *keys, size_t count, const uint8_t name[16],
    struct tls_ticket_key *key)
{
	for (size_t i = 0; i < count; i++)
		if (memcmp(keys[i].name, name, sizeof(keys[i].name)) == 0) {
			*key = keys[i];
			return i == 0 ? TICKET_FIRST : TICKET_OLDER;
		}
	return TICKET_UNKNOWN;
}

/* --- either ------------------------------------------------------------------------ */

void
tls_tickets_first(struct tls_tickets *tickets, uint64_t now_ms,
    struct tls_ticket_key *key)
{
	if (tickets->count > 0) {
		*key = tickets->keys[0];
		return;
	}
	pthread_mutex_lock(&ring.lock);
	ring_turn(tickets->life_ms, now_ms);
	*key = ring.keys[0];
	pthread_mutex_unlock(&ring.lock);
}

enum ticket_found
tls_tickets_find(struct tls_tickets *tickets, uint64_t now_ms,
    const uint8_t name[16], struct tls_ticket_key *key)
{
	enum ticket_found found;

	if (tickets->count > 0)
		return find(tickets->keys, tickets->count, name, key);
	pthread_mutex_lock(&ring.lock);
	ring_turn(tickets->life_ms, now_ms);
	found = find(ring.keys, ring.count, name, key);
	pthread_mutex_unlock(&ring.lock);
	return found;
}
