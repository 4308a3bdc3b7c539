/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The document of an external store:
 *
 *	id, name, endpoint	texts
 *	authentication		null, or basicUsername and basicPassword
 *	platformKeys		JWKs of ours, private, the one in use first
 *	receiverKeys		JWKs of the store's, public, likewise
 */
#include <jansson.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "store/external.h"

static const char *
text_of(const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));

	return text == NULL ? "" : text;
}

static bool
copy(char *to, size_t cap, const char *text)
{
	if (text[0] == '\0' || strlen(text) >= cap)
		return false;
	memcpy(to, text, strlen(text) + 1);
	return true;
}

/* Where the path of a URL begins. */
static const char *
path_of(const char *url)
{
	const char *host = strstr(url, "://");

	return host == NULL ? "" : host + 3 + strcspn(host + 3, "/");
}

static bool
read_keys(const json_t *list, struct jose_key **keys, size_t *count,
    bool are_private, struct err *err)
{
	size_t n = json_array_size(list);

	if (n == 0 || n > EXTERNAL_KEYS_MAX)
		return err_set(err, "it has no keys, or more than %d",
		    EXTERNAL_KEYS_MAX);
	for (size_t i = 0; i < n; i++) {
		char *text = json_dumps(json_array_get(list, i),
		    JSON_COMPACT | JSON_ENCODE_ANY);
		struct jose_key *key = jose_key_read(slice_of(text), err);

		free(text);
		if (key == NULL)
			return false;
		keys[(*count)++] = key;
		if (jose_key_is_private(key) != are_private)
			return err_set(err, "the key %s is not the part that "
			    "belongs there", jose_key_kid(key));
	}
	return true;
}

static char *
basic_of(const json_t *json)
{
	const json_t *auth = json_object_get(json, "authentication");
	struct buf plain = { 0 }, out = { 0 };

	if (!json_is_object(auth))
		return NULL;
	buf_printf(&plain, "%s:%s", text_of(auth, "basicUsername"),
	    text_of(auth, "basicPassword"));
	buf_text(&out, "Authorization: Basic ");
	out.len += (size_t)EVP_EncodeBlock((unsigned char *)buf_reserve(&out,
	    plain.len * 2 + 8), (const unsigned char *)plain.p,
	    (int)plain.len);
	buf_cstr(&out);
	explicit_bzero(plain.p, plain.cap);
	buf_fini(&plain);
	return out.p;
}

static bool
fill(struct external_store *x, const json_t *json, struct err *err)
{
	if (!copy(x->id, sizeof(x->id), text_of(json, "id")) ||
	    !copy(x->name, sizeof(x->name), text_of(json, "name")) ||
	    !copy(x->endpoint, sizeof(x->endpoint),
	    text_of(json, "endpoint")))
		return err_set(err, "its id, name or endpoint is missing");
	x->path = path_of(x->endpoint);
	x->basic = basic_of(json);
	return read_keys(json_object_get(json, "platformKeys"), x->platform,
	    &x->nplatform, true, err) &&
	    read_keys(json_object_get(json, "receiverKeys"), x->receiver,
	    &x->nreceiver, false, err);
}

struct external_store *
external_read(struct slice text, struct err *err)
{
	json_t *json = json_loadb(text.p == NULL ? "" : text.p, text.len,
	    JSON_REJECT_DUPLICATES, NULL);
	struct external_store *x = xcalloc(1, sizeof(*x));

	x->holders = 1;
	if (!fill(x, json, err))
		external_release(&x);
	json_decref(json);
	return x;
}

struct external_store *
external_hold(struct external_store *x)
{
	x->holders++;
	return x;
}

void
external_release(struct external_store **store)
{
	struct external_store *x = *store;

	*store = NULL;
	if (x == NULL || --x->holders > 0)
		return;
	for (size_t i = 0; i < x->nplatform; i++)
		jose_key_free(&x->platform[i]);
	for (size_t i = 0; i < x->nreceiver; i++)
		jose_key_free(&x->receiver[i]);
	if (x->basic != NULL)
		explicit_bzero(x->basic, strlen(x->basic));
	free(x->basic);
	free(x);
}

bool
external_endpoint_ok(const char *url, const char *plain_host,
    struct err *err)
{
	bool tls = strncmp(url, "https://", 8) == 0;
	const char *host = url + (tls ? 8 : 7);
	size_t len;

	if (!tls && (plain_host == NULL || strncmp(url, "http://", 7) != 0))
		return err_set(err, "the endpoint must be an https:// URL");
	if (strlen(url) >= EXTERNAL_URL_MAX - 2 * (EXTERNAL_ID + 10))
		return err_set(err, "the endpoint is too long");
	len = strcspn(host, ":/");
	if (!tls && (len != strlen(plain_host) ||
	    strncmp(host, plain_host, len) != 0))
		return err_set(err, "the endpoint must be an https:// URL: "
		    "plain http is allowed for %s alone", plain_host);
	/* What the store signs is the path as it sees it: nothing in it may be
	 * read in two ways. */
	if (len == 0 || strspn(host, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/") != strlen(host) ||
	    strstr(host, "//") != NULL || strstr(host, "/.") != NULL ||
	    url[strlen(url) - 1] == '/')
		return err_set(err, "the endpoint must consist of a host, a "
		    "port and a path of letters, digits and -._~, with no "
		    "slash at its end");
	return true;
}
