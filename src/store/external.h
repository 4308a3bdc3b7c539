/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A tenant's own store, reached over HTTPS: states go there signed and
 * encrypted, and come back so.  What it answers is believed only if its
 * signature and its claims are good.
 *
 * The newest updated_us wins there, whatever comes last; so whoever saves
 * makes sure that it grows, and that nobody else saves meanwhile.
 */
#ifndef STORE_EXTERNAL_H
#define STORE_EXTERNAL_H

#include "base/arena.h"
#include "store/http_client.h"
#include "store/jose.h"
#include "store/store.h"
#include "store/workers.h"

enum {
	EXTERNAL_ID = 36,		/* characters of a GUID */
	EXTERNAL_KEYS_MAX = 8,		/* of each kind, during a change */
	EXTERNAL_URL_MAX = 1024,
	EXTERNAL_NAME_MAX = 255,
};

/* Immutable; several fibers may use it at once, and hold it. */
struct external_store {
	unsigned	 holders;
	char		 id[EXTERNAL_ID + 1];
	char		 name[EXTERNAL_NAME_MAX + 1];
	char		 endpoint[EXTERNAL_URL_MAX];	/* without a slash at its end */
	const char	*path;		/* of the endpoint: points into it */
	char		*basic;		/* value of Authorization, or NULL */
	/* The first of each is used to write, all to read. */
	struct jose_key	*platform[EXTERNAL_KEYS_MAX];	/* private */
	struct jose_key	*receiver[EXTERNAL_KEYS_MAX];	/* public */
	size_t		 nplatform, nreceiver;
};

/* The document as it is kept (external_json.c says what stands in it); NULL
 * with *err.  Takes milliseconds. */
struct external_store *external_read(struct slice json, struct err *err);
struct external_store *external_hold(struct external_store *x);
void external_release(struct external_store **x);

/*
 * Whether states may be sent there: https, and no more than a host, a port
 * and a plain path.  plain_host: of a loopback address, for which http will
 * do, or NULL.
 */
bool external_endpoint_ok(const char *url, const char *plain_host,
    struct err *err);

/* --- what goes over the wire (external_token.c); takes milliseconds --- */

struct external_state {
	const char	*id, *tenant, *flow, *version;	/* GUIDs, lower case */
	const char	*element;
	bool		 done;
	int64_t		 created_us, updated_us, expires_us;	/* 0: never */
	struct slice	 content;	/* a JSON object */
};

/* For X-ManyWho-Signature. */
void external_sign_path(const struct external_store *x, const char *tenant,
    const char *path, int64_t now_s, struct buf *out);
void external_write_state(const struct external_store *x,
    const struct external_state *state, int64_t now_s, struct buf *token);
/* Appends the content. */
bool external_read_state(const struct external_store *x, const char *tenant,
    const char *id, struct slice token, int64_t now_s, struct buf *content,
    struct err *err);

/* --- calls, on a fiber --- */

/* Counted by the engine for all its stores. */
struct external_counts {
	uint64_t	 calls, failures;
};

struct external_way {
	struct loop	*loop;
	struct http_client *http;
	struct workers	*workers;
	struct external_counts counts;
	bool		 good;		/* the last call was answered as it should */
	char		 trouble[512];	/* why not */
};

/* STORE_OK, or STORE_UNAVAILABLE where nothing is known to have been done;
 * refused for good counts as that, too.  Repeated for a while, always as the
 * same save. */
enum store_end external_save(struct external_way *way,
    const struct external_store *x, const struct external_state *state);
/* *content is copied into arena. */
enum store_end external_load(struct external_way *way,
    const struct external_store *x, struct arena *arena, const char *tenant,
    const char *id, struct slice *content);
/* Also OK where it is not there. */
enum store_end external_delete(struct external_way *way,
    const struct external_store *x, const char *tenant, const char *id);

#endif
