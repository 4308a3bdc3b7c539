/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Keys: files with hexadecimal digits and nothing else, as
 * `openssl rand -hex 16` writes them.
 */
#ifndef CONF_KEY_FILE_H
#define CONF_KEY_FILE_H

#include "base/arena.h"
#include "base/err.h"
#include "conf/config.h"
#include "conf/schema.h"

struct key_size {
	size_t		 least, most;	/* bytes; the same: exactly so many */
};

/* Bytes of the key, of which there is room for size.most; 0, and *err with
 * the file's name in it, if there is none. */
size_t key_file_read(uint8_t *key, struct key_size size, const char *file,
    struct err *err);

/*
 * A key of 32 bytes a line, at most most of them; 0, and *err, if there is
 * none or one is wrong.  Only the owner, and his group to read it, may have
 * anything to do with the file.
 */
size_t key_file_read_lines(uint8_t (*keys)[32], size_t most, const char *file,
    struct err *err);

/* A warning, at this path of the configuration, if others than the owner of
 * a file with a key may read it, or any but him change it. */
void key_file_warn_open(const struct schema_reader *reader,
    const struct yaml_node *root, const char *path, const char *file);

/* The key of hashed addresses; zeros where the configuration names none. */
bool config_read_address_key(const struct config *config, uint8_t key[16],
    struct err *err);

/* The keys of testers' tokens, in the order of the configuration; none where
 * it names none.  False, with *err, if a file holds no key. */
bool config_read_explain_keys(struct arena *arena,
    const struct config *config, struct explain_keys *keys, struct err *err);

#endif
