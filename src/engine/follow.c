/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Flows, tenants and keys are written in the main region and needed in all.
 * Where each region has a store of its own, one worker of every other region
 * asks the main region's engines for their documents, by the way that every
 * central path takes (an edge of its own region, the link), and writes them
 * into its store, where all its workers find them:
 *
 *	GET /portolan/1/documents?since=17&wait=10000
 *	Authorization: Portolan SECONDS:HMAC-SHA256(key, "documents SECONDS")
 *
 * Each writes in the order of revisions, and how far it is stands in its
 * store behind what it has written: what was cut short is done again.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hmac.h"
#include "base/log.h"
#include "base/must.h"
#include "conf/key_file.h"
#include "engine/build.h"
#include "store/http_client.h"

enum {
	WAIT_MS = 10000,
	GRACE_MS = 20000,		/* for the answer itself */
	ANSWER_MAX = 64 << 20,
	RETRY_MS = 1000,
	SKEW_S = 300,			/* of the clocks of two regions */
	KEY_MAX = 64,
	TOKEN_MAX = 128,
};

static const char *const followed_kinds[] = { "tenant", "flow", "version",
    "apikey" };

/* --- who may ask ----------------------------------------------------------------- */

static void
make_token(char token[TOKEN_MAX], struct slice key, uint64_t seconds)
{
	uint8_t mac[HMAC_BYTES];
	char text[64];
	int len = snprintf(text, sizeof(text), "documents %llu",
	    (unsigned long long)seconds);

	hmac_sha256(key, (struct slice){ text, (size_t)len }, mac);
	len = snprintf(token, TOKEN_MAX, "Portolan %llu:",
	    (unsigned long long)seconds);
	for (size_t i = 0; i < HMAC_BYTES; i++)
		len += snprintf(token + len, TOKEN_MAX - (size_t)len, "%02x",
		    mac[i]);
}

static bool
token_is_good(const char *token, struct slice key)
{
	static const struct slice scheme = SLICE("Portolan ");
	struct slice rest = slice_of(token), seconds;
	uint64_t then, now = clock_unix_ms() / 1000;
	char wanted[TOKEN_MAX];

	if (token == NULL || !slice_starts_nocase(rest, scheme))
		return false;
	rest.p += scheme.len;
	rest.len -= scheme.len;
	if (!slice_split(&rest, ':', &seconds) ||
	    !slice_to_u64(seconds, &then) ||
	    (then > now ? then - now : now - then) > SKEW_S)
		return false;
	make_token(wanted, key, then);
	return strlen(token) == strlen(wanted) &&
	    same_secret(token, wanted, strlen(wanted));
}

static bool
read_key(const struct config *config, uint8_t key[KEY_MAX],
    struct slice *slice, struct err *err)
{
	size_t len = key_file_read(key, (struct key_size){ 16, KEY_MAX },
	    config->engines.follow_key, err);

	*slice = (struct slice){ (const char *)key, len };
	return len > 0;
}

/* --- the main region's side ------------------------------------------------------- */

static bool
is_followed(const struct store_doc *doc)
{
	for (size_t i = 0; i < sizeof(followed_kinds) / sizeof(char *); i++)
		if (strcmp(doc->kind, followed_kinds[i]) == 0)
			return true;
	return false;
}

static void
add_document(json_t *list, const struct store_doc *doc)
{
	json_t *one;

	if (!is_followed(doc))
		return;
	one = json_pack("{s:s, s:s, s:b}", "kind", doc->kind, "key", doc->key,
	    "deleted", doc->deleted);
	must(one != NULL);
	if (!doc->deleted)
		json_object_set_new(one, "body", json_stringn(doc->body.p,
		    doc->body.len));
	json_array_append_new(list, one);
}

void
call_documents(const struct call_ctx *c)
{
	static const struct feed documents = { "documents", WAIT_MS,
	    add_document };
	const struct config *config = c->edition->generation->config;
	uint8_t key[KEY_MAX];
	struct slice slice;
	struct err err;

	if (config->engines.follow_key == NULL) {
		answer_sentence(c, 404, "There is nothing at this address");
	} else if (!read_key(config, key, &slice, &err)) {
		log_error("engines.follow.key: %s", err.text);
		answer_sentence(c, 503, "The key of regions cannot be read");
	} else if (!token_is_good(c->call->secret, slice)) {
		answer_sentence(c, 401, "This is for engines of this "
		    "platform");
	} else {
		call_answer_feed(c, &documents);
	}
	explicit_bzero(key, sizeof(key));
}

/* --- the other regions' side -------------------------------------------------------- */

struct follower {
	struct engine	*engine;
	struct http_client *http;
	struct http_exchange *asking;
	struct timer	 next;
	char		 epoch[GUID_TEXT];
	uint64_t	 revision;
	bool		 troubled;	/* that has been said */
	json_t		*page;		/* being written; bodies point into it */
	char		 position[128];
	unsigned	 waits;		/* writes under way */
	bool		 failed;
};

static void
again(struct follower *f, bool good)
{
	if (!good && !f->troubled)
		log_warn("the main region's flows and tenants cannot be asked "
		    "for; what is known stays");
	if (good && f->troubled)
		log_info("the main region's flows and tenants are known "
		    "again");
	f->troubled = !good;
	json_decref(f->page);
	f->page = NULL;
	timer_set(f->engine->loop, &f->next, good ? 0 : RETRY_MS);
}

static void
on_position(void *arg, enum store_end end, const struct store_doc *doc)
{
	struct follower *f = arg;

	(void)doc;
	f->waits--;
	if (end == STORE_OK) {
		snprintf(f->epoch, sizeof(f->epoch), "%s", json_string_value(
		    json_object_get(f->page, "epoch")));
		f->revision = (uint64_t)json_integer_value(
		    json_object_get(f->page, "revision"));
	}
	again(f, end == STORE_OK);
}

/* Everything of the page is written. */
static void
write_position(struct follower *f)
{
	struct store_doc doc = { .kind = "platform", .key = "followed",
	    .revision = UINT64_MAX };
	struct store *store = f->engine->store;

	snprintf(f->position, sizeof(f->position), "{\"epoch\":\"%s\","
	    "\"revision\":%llu}", json_string_value(json_object_get(f->page,
	    "epoch")), (unsigned long long)json_integer_value(
	    json_object_get(f->page, "revision")));
	doc.body = slice_of(f->position);
	f->waits++;
	store->ops->doc_put(store, &doc, on_position, f);
}

static void
on_written(void *arg, enum store_end end, const struct store_doc *doc)
{
	struct follower *f = arg;

	(void)doc;
	f->failed |= end != STORE_OK;
	if (--f->waits > 0)
		return;
	if (f->failed)
		again(f, false);
	else
		write_position(f);
}

static bool
take_doc(const json_t *json, struct store_doc *doc)
{
	const char *kind = json_string_value(json_object_get(json, "kind"));
	const char *key = json_string_value(json_object_get(json, "key"));
	const json_t *body = json_object_get(json, "body");

	*doc = (struct store_doc){ .revision = UINT64_MAX };
	if (kind == NULL || key == NULL || strlen(kind) >= sizeof(doc->kind) ||
	    strlen(key) >= sizeof(doc->key))
		return false;
	memcpy(doc->kind, kind, strlen(kind) + 1);
	memcpy(doc->key, key, strlen(key) + 1);
	doc->deleted = json_is_true(json_object_get(json, "deleted"));
	doc->body = (struct slice){ json_string_value(body),
	    json_string_length(body) };
	/* Nobody else's documents, whoever answers. */
	return is_followed(doc) && (doc->deleted || json_is_string(body));
}

/* One after the other, without waiting in between: the store keeps the
 * order. */
static void
write_page(struct follower *f)
{
	const json_t *list = json_object_get(f->page, "documents");
	struct store *store = f->engine->store;
	struct store_doc doc;

	f->failed = false;
	f->waits = 1;
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (!take_doc(json_array_get(list, i), &doc)) {
			f->failed = true;
			continue;
		}
		f->waits++;
		store->ops->doc_put(store, &doc, on_written, f);
	}
	on_written(f, STORE_OK, NULL);
}

static bool
is_page(const json_t *page)
{
	const char *epoch = json_string_value(json_object_get(page, "epoch"));

	return epoch != NULL && strlen(epoch) < GUID_TEXT &&
	    json_is_integer(json_object_get(page, "revision")) &&
	    json_is_array(json_object_get(page, "documents"));
}

static void
take_page(struct follower *f)
{
	const char *epoch = json_string_value(json_object_get(f->page,
	    "epoch"));
	uint64_t revision = (uint64_t)json_integer_value(json_object_get(
	    f->page, "revision"));

	/* Another store than before, from its beginning. */
	if (f->revision > 0 && (strcmp(epoch, f->epoch) != 0 ||
	    revision < f->revision)) {
		log_warn("the main region has another store: its flows and "
		    "tenants are read anew");
		f->revision = 0;
		again(f, true);
	} else if (strcmp(epoch, f->epoch) == 0 && revision == f->revision) {
		again(f, true);		/* no news */
	} else
		write_page(f);
}

static void
on_answer(struct http_exchange *exchange, void *arg)
{
	struct follower *f = arg;
	struct http_answer *a = http_answer_of(exchange);

	f->asking = NULL;
	if (a->end == HTTP_ANSWERED && a->status == 200)
		f->page = json_loadb(a->body.p == NULL ? "" : a->body.p,
		    a->body.len, JSON_REJECT_DUPLICATES, NULL);
	else
		log_debug("following the main region: %s, status %u",
		    http_end_name(a->end), a->status);
	http_exchange_free(&exchange);
	if (f->page != NULL && is_page(f->page))
		take_page(f);
	else
		again(f, false);
}

static void
ask(struct timer *timer)
{
	struct follower *f = list_entry(timer, struct follower, next);
	const struct config *config =
	    f->engine->edition->generation->config;
	const char *host = config->engines.follow_host != NULL ?
	    config->engines.follow_host : config->nglobal_hosts > 0 ?
	    config->global_hosts[0] : "";
	char url[512], host_line[300], token[TOKEN_MAX], line[TOKEN_MAX + 32];
	const char *fields[] = { host_line, line, NULL };
	uint8_t key[KEY_MAX];
	struct slice slice;
	struct err err;

	if (f->http == NULL || f->engine->draining ||
	    config->engines.follow_url == NULL)
		return;
	if (!read_key(config, key, &slice, &err)) {
		log_error("engines.follow.key: %s", err.text);
		timer_set(f->engine->loop, &f->next, 10 * RETRY_MS);
		return;
	}
	make_token(token, slice, clock_unix_ms() / 1000);
	explicit_bzero(key, sizeof(key));
	snprintf(line, sizeof(line), "Authorization: %s", token);
	snprintf(host_line, sizeof(host_line), "Host: %s", host);
	snprintf(url, sizeof(url), "%s/portolan/1/documents?since=%llu&"
	    "wait=%d", config->engines.follow_url,
	    (unsigned long long)f->revision, WAIT_MS);
	f->asking = http_start(f->http, &(struct http_request){
	    .method = "GET", .url = url, .fields = fields,
	    .total_ms = WAIT_MS + GRACE_MS, .answer_bytes = ANSWER_MAX },
	    on_answer, f);
}

/* One worker of a region is enough; databases that replicate need none. */
void
follower_start(struct engine *e)
{
	const struct config *config = e->edition->generation->config;
	struct follower *f;

	if (e->follower != NULL || e->options->number != 0 ||
	    config->engines.follow_url == NULL ||
	    config->store.postgres != NULL ||
	    strcmp(config->main_region, e->edition->region->id) == 0)
		return;
	f = xcalloc(1, sizeof(*f));
	f->engine = e;
	f->http = http_client_new(e->loop, &(struct http_client_options){
	    .ca_file = config->engines.external_ca, .connect_ms = 5000 });
	snprintf(f->epoch, sizeof(f->epoch), "%s",
	    metadata_followed(e->metadata, &f->revision));
	timer_init(&f->next, ask);
	e->follower = f;
	timer_set(e->loop, &f->next, 0);
}

/* Writes under way end with the store. */
void
follower_stop(struct engine *e)
{
	struct follower *f = e->follower;

	if (f == NULL)
		return;
	if (f->asking != NULL)
		http_exchange_free(&f->asking);
	http_client_free(&f->http);
	timer_cancel(&f->next);
}

void
follower_free(struct engine *e)
{
	struct follower *f = e->follower;

	e->follower = NULL;
	if (f == NULL)
		return;
	timer_cancel(&f->next);
	json_decref(f->page);
	free(f);
}
