/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "conf/key_file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/file.h"

static int
digit(char c)
{
	c = ascii_lower(c);
	return c >= '0' && c <= '9' ? c - '0' :
	    c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
has_size(struct slice text, struct key_size size, struct err *err)
{
	const char *most = size.least == size.most ? "" : " or more";

	if (text.len >= 2 * size.least && text.len <= 2 * size.most &&
	    text.len % 2 == 0)
		return true;
	if (text.len > 2 * size.most && *most != '\0')
		return err_set(err, "holds more than %zu hexadecimal digits; "
		    "make one with: openssl rand -hex %zu", 2 * size.most,
		    size.least);
	return err_set(err, "does not hold %zu%s hexadecimal digits; make one "
	    "with: openssl rand -hex %zu", 2 * size.least, most, size.least);
}

static size_t
parse(uint8_t *key, struct key_size size, struct slice text, struct err *err)
{
	while (text.len > 0 && (text.p[text.len - 1] == '\n' ||
	    text.p[text.len - 1] == '\r'))
		text.len--;
	if (!has_size(text, size, err))
		return 0;
	for (size_t i = 0; i < text.len / 2; i++) {
		int high = digit(text.p[2 * i]), low = digit(text.p[2 * i + 1]);

		if (high < 0 || low < 0) {
			err_set(err, "holds something else than hexadecimal "
			    "digits; make one with: openssl rand -hex %zu",
			    size.least);
			return 0;
		}
		key[i] = (uint8_t)(high << 4 | low);
	}
	return text.len / 2;
}

/* Who has none is told where one comes from. */
static bool
read_text(struct buf *text, const char *file, size_t limit, size_t key_bytes,
    struct err *err)
{
	if (file_read(text, file, limit, err))
		return true;
	if (access(file, F_OK) != 0)
		err_set(err, "cannot be opened: %s; copy it here, or make one "
		    "with: openssl rand -hex %zu", strerror(errno), key_bytes);
	return false;
}

size_t
key_file_read(uint8_t *key, struct key_size size, const char *file,
    struct err *err)
{
	struct buf text = { 0 };
	size_t len = 0;

	if (read_text(&text, file, 1024, size.least, err))
		len = parse(key, size, buf_all(&text), err);
	if (text.p != NULL)
		explicit_bzero(text.p, text.cap);
	buf_fini(&text);
	if (len == 0)
		err_wrap(err, "%s", file);
	return len;
}

static bool
is_private(const char *file, struct err *err)
{
	struct stat st;

	if (stat(file, &st) != 0 || (st.st_mode & 027) == 0)
		return true;		/* reading will tell */
	return err_set(err, "others than its owner may %s it; chmod 640 it, and "
	    "make new keys if somebody may have seen these", (st.st_mode & 04) ?
	    "read" : "change");
}

static size_t
parse_lines(uint8_t (*keys)[32], size_t most, struct slice text,
    struct err *err)
{
	struct slice line;
	size_t count = 0;

	while (slice_split(&text, '\n', &line)) {
		if (line.len == 0)
			continue;
		if (count == most) {
			err_set(err, "holds more than %zu keys; take the "
			    "oldest out", most);
			return 0;
		}
		if (parse(keys[count++], (struct key_size){ 32, 32 }, line,
		    err) == 0) {
			err_wrap(err, "key %zu", count);
			return 0;
		}
	}
	if (count == 0)
		err_set(err, "holds no key; make one with: openssl rand -hex "
		    "32");
	return count;
}

size_t
key_file_read_lines(uint8_t (*keys)[32], size_t most, const char *file,
    struct err *err)
{
	struct buf text = { 0 };
	size_t count = 0;

	if (read_text(&text, file, 4096, 32, err) && is_private(file, err))
		count = parse_lines(keys, most, buf_all(&text), err);
	if (text.p != NULL)
		explicit_bzero(text.p, text.cap);
	buf_fini(&text);
	if (count == 0)
		err_wrap(err, "%s", file);
	return count;
}

/* A group that may read it is usual (ssl-cert, say).  Where we may not look
 * nobody else may either. */
void
key_file_warn_open(const struct schema_reader *reader,
    const struct yaml_node *root, const char *path, const char *file)
{
	struct stat st;
	bool read;

	if (stat(file, &st) != 0 ||
	    (st.st_mode & (S_IWGRP | S_IWOTH | S_IROTH)) == 0)
		return;
	read = st.st_mode & S_IROTH;
	schema_warn_at(reader, root, path, "%s: others than its owner may %s "
	    "this key; chmod 600 it (640 for a group that needs it)%s", file,
	    read ? "read" : "change", read ? ", and make a new one if "
	    "somebody may have seen it" : "");
}

bool
config_read_address_key(const struct config *config, uint8_t key[16],
    struct err *err)
{
	memset(key, 0, 16);
	return config->address_key_file == NULL || key_file_read(key,
	    (struct key_size){ 16, 16 }, config->address_key_file, err) > 0;
}

bool
config_read_explain_keys(struct arena *arena, const struct config *config,
    struct explain_keys *keys, struct err *err)
{
	const struct key_size size = { EXPLAIN_KEY_LEAST, EXPLAIN_KEY_MOST };
	size_t count = config->explain.nkey_files;
	struct explain_key *list = arena_array(arena, count, sizeof(*list));

	*keys = (struct explain_keys){ NULL, 0 };
	for (size_t i = 0; i < count; i++) {
		list[i].len = (uint8_t)key_file_read(list[i].bytes, size,
		    config->explain.key_files[i], err);
		if (list[i].len == 0)
			return false;
	}
	*keys = (struct explain_keys){ list, count };
	return true;
}
