/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Tokens that leave with a request and come back with another: a service's
 * for its answer.  They begin with the state and the tenant, by which edges
 * route them (policy/flow_token.h); what follows says which of the answers
 * that a state waits for it is, and that all of it is ours.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/hmac.h"
#include "base/must.h"
#include "conf/key_file.h"
#include "engine/engine_private.h"
#include "policy/flow_token.h"

/* --- keys ------------------------------------------------------------------------ */

/* Whole or not at all, and the first one's: several workers begin at once. */
static bool
make_key(const char *dir, const char *file, struct err *err)
{
	uint8_t bytes[SEAL_KEY];
	char *name = NULL;
	struct buf text = { 0 };
	bool good;
	int fd;

	must(getrandom(bytes, sizeof(bytes), 0) == sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		buf_printf(&text, "%02x", bytes[i]);
	must(asprintf(&name, "%s/.token-XXXXXX", dir) > 0);
	fd = mkostemp(name, O_CLOEXEC);
	good = fd >= 0 && write(fd, text.p, text.len) == (ssize_t)text.len &&
	    fsync(fd) == 0 && (renameat2(AT_FDCWD, name, AT_FDCWD, file,
	    RENAME_NOREPLACE) == 0 || errno == EEXIST);
	if (!good)
		err_set(err, "%s: %s", file, strerror(errno));
	if (fd >= 0) {
		close(fd);
		unlink(name);
	}
	explicit_bzero(text.p, text.cap);
	buf_fini(&text);
	free(name);
	return good;
}

static bool
add_key(struct seal_keys *keys, const char *file, struct err *err)
{
	const struct key_size size = { SEAL_KEY, SEAL_KEY };

	if (keys->count == SEAL_KEYS_MAX)
		return err_set(err, "%s: more than %d keys of tokens", file,
		    SEAL_KEYS_MAX);
	if (key_file_read(keys->list[keys->count], size, file, err) == 0)
		return false;
	keys->count++;
	return true;
}

bool
token_keys_read(const struct config_engines *config, const char *store_dir,
    struct seal_keys *keys, struct err *err)
{
	char *file = NULL;
	bool good = true;

	keys->count = 0;
	for (size_t i = 0; i < config->nkey_files && good; i++)
		good = add_key(keys, config->key_files[i], err);
	if (config->nkey_files > 0)
		return good;
	must(asprintf(&file, "%s/token.key", store_dir) > 0);
	good = (access(file, F_OK) == 0 || make_key(store_dir, file, err)) &&
	    add_key(keys, file, err);
	free(file);
	return good;
}

/* --- a service's ---------------------------------------------------------------------- */

/* Of what it was made for, under a key that is used for nothing else. */
static void
sign(const uint8_t key[SEAL_KEY], struct slice text, char hex[2 * 16 + 1])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t own[HMAC_BYTES], mac[HMAC_BYTES];

	hmac_sha256((struct slice){ (const char *)key, SEAL_KEY },
	    SLICE("portolan callback"), own);
	hmac_sha256((struct slice){ (const char *)own, sizeof(own) }, text,
	    mac);
	for (size_t i = 0; i < 16; i++) {
		*hex++ = digits[mac[i] >> 4];
		*hex++ = digits[mac[i] & 15];
	}
	*hex = '\0';
}

const char *
callback_token(struct arena *arena, const struct seal_keys *keys,
    const char *state, const char *tenant, const char *nonce)
{
	char front[FLOW_TOKEN_FRONT], mac[2 * 16 + 1];
	const char *text;

	must(flow_token_front(front, state, slice_of(tenant)));
	text = arena_printf(arena, "%s%s", front, nonce);
	sign(keys->list[0], slice_of(text), mac);
	return arena_printf(arena, "%s.%s", text, mac);
}

bool
callback_token_read(const struct seal_keys *keys, const char *token,
    struct callback *callback)
{
	const char *dot = token == NULL ? NULL : strrchr(token, '.');
	struct slice text, rest, part;
	struct guid guid;
	bool good = false;

	if (dot == NULL || strlen(dot + 1) != 2 * 16)
		return false;
	text = (struct slice){ token, (size_t)(dot - token) };
	for (size_t i = 0; i < keys->count; i++) {
		char mac[2 * 16 + 1];

		sign(keys->list[i], text, mac);
		if (same_secret(mac, dot + 1, 2 * 16))
			good = true;
	}
	rest = text;
	if (!good || !slice_split(&rest, '.', &part) ||
	    !guid_parse(guid.bytes, part))
		return false;
	guid_text(guid.bytes, callback->state);
	if (!slice_split(&rest, '.', &part) ||
	    !guid_parse(callback->tenant.bytes, part) ||
	    !slice_split(&rest, '.', &part) || !guid_parse(guid.bytes, part))
		return false;
	guid_text(guid.bytes, callback->nonce);
	return true;
}
