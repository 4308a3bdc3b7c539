/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "geo/mmdb_metadata.h"

#include <string.h>

#include "base/slice.h"
#include "base/utf8.h"
#include "geo/mmdb_data.h"

enum { METADATA_LIMIT = 128 << 10 };	/* as the format has it */

static const uint64_t EPOCH_LIMIT = UINT64_C(253402300800);	/* year 10000 */
static const char MARKER[] = "\xab\xcd\xefMaxMind.com";

/* --- what kind of file is it? ------------------------------------------------ */

static bool
begins_with(const struct sealed *file, const char *magic, size_t len)
{
	return file->len >= len && memcmp(file->p, magic, len) == 0;
}

static bool
is_text_of_web(const struct sealed *file)
{
	size_t i = begins_with(file, "\xef\xbb\xbf", 3) ? 3 : 0;

	while (i < file->len && memchr(" \t\r\n", file->p[i], 4) != NULL)
		i++;
	return i < file->len && file->p[i] == '<';
}

/* What to do about a file without metadata, from how it begins. */
static const char *
describe_stranger(const struct sealed *file)
{
	static const struct {
		const char	*magic;
		size_t		 len;
		const char	*what;
	} kinds[] = {
		{ "\x1f\x8b", 2, "is compressed by gzip: unpack it first "
		    "(gunzip, or tar -xzf for an archive)" },
		{ "PK\3\4", 4, "is a ZIP archive: unpack it first" },
		{ "\xfd" "7zXZ", 5, "is compressed by xz: unpack it first" },
		{ "BZh", 3, "is compressed by bzip2: unpack it first" },
		{ "\x28\xb5\x2f\xfd", 4,
		    "is compressed by zstd: unpack it first" },
		{ "{", 1, "looks like JSON, probably an error message from "
		    "where it was downloaded" },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (begins_with(file, kinds[i].magic, kinds[i].len))
			return kinds[i].what;
	if (is_text_of_web(file))
		return "is a web page: the download was answered by a login or "
		    "error page";
	if (file->len > 262 && memcmp(file->p + 257, "ustar", 5) == 0)
		return "is a tar archive: unpack it first";
	return "has no MMDB metadata at its end: truncated (an incomplete "
	    "download?), or not an MMDB database";
}

/* Offset of the metadata, behind the last marker; 0 if there is none. */
static size_t
find_metadata(const struct sealed *file)
{
	const size_t len = sizeof(MARKER) - 1;
	size_t first = file->len > METADATA_LIMIT ?
	    file->len - METADATA_LIMIT : 0;

	for (size_t at = file->len; at >= first + len; at--)
		if (memcmp(file->p + at - len, MARKER, len) == 0)
			return at;
	return 0;
}

/* --- metadata ------------------------------------------------------------------ */

static bool
meta_uint(const struct mmdb_data *meta, const char *key, uint64_t *n,
    struct err *err)
{
	struct mmdb_value v;

	if (!mmdb_data_get(meta, 0, key, &v) || !mmdb_data_uint(meta, &v, n))
		return err_set(err, "the metadata is damaged: no %s", key);
	return true;
}

static bool
meta_type(struct mmdb_metadata *out, const struct mmdb_data *meta,
    struct err *err)
{
	struct mmdb_value v;
	struct slice text;

	if (!mmdb_data_get(meta, 0, "database_type", &v) ||
	    !mmdb_data_string(meta, &v, &text) || text.len > MMDB_TYPE_LIMIT ||
	    !utf8_valid(text.p, text.len))
		return err_set(err, "the metadata is damaged: no database_type");
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f)
			return err_set(err, "the metadata is damaged: control "
			    "characters in database_type");
	memcpy(out->type, text.p, text.len);
	out->info.type = out->type;
	return true;
}

/* Not ours to read, but libmaxminddb reads them, and some of its releases lose
 * memory where these are not what they should be. */
static bool
meta_texts(const struct mmdb_data *meta, struct err *err)
{
	static const struct {
		const char	*key;
		enum mmdb_type	 type;
	} texts[] = {
		{ "languages", MMDB_TYPE_ARRAY },
		{ "description", MMDB_TYPE_MAP },
	};
	struct mmdb_value v;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!mmdb_data_get(meta, 0, texts[i].key, &v) ||
		    v.type != texts[i].type || !mmdb_data_strings(meta, &v))
			return err_set(err, "the metadata is damaged: no %s",
			    texts[i].key);
	return true;
}

/* Sizes that agree with one another and with the file. */
static bool
set_sections(struct mmdb_tree *at, const struct sealed *file, uint64_t nodes,
    size_t data_end, struct err *err)
{
	static const uint8_t zero[MMDB_SEPARATOR];
	uint64_t tree = nodes > UINT32_MAX ? UINT64_MAX :
	    mmdb_tree_bytes(nodes, at->record_bits);

	if (nodes == 0 || tree > data_end || data_end - tree < MMDB_SEPARATOR)
		return err_set(err, "%llu nodes do not fit into a file of %zu "
		    "bytes: truncated, or its metadata is damaged",
		    (unsigned long long)nodes, file->len);
	if (memcmp(file->p + tree, zero, sizeof(zero)) != 0)
		return err_set(err, "no gap between search tree and data where "
		    "the metadata says: damaged, or bytes are missing");
	at->p = file->p;
	at->nodes = (uint32_t)nodes;
	at->data_len = data_end - tree - MMDB_SEPARATOR;
	return true;
}

static bool
apply_metadata(struct mmdb_metadata *out, const struct sealed *file,
    const struct mmdb_data *meta, size_t data_end, struct err *err)
{
	uint64_t nodes, record_bits, ip_version, major;

	if (!meta_uint(meta, "binary_format_major_version", &major, err) ||
	    !meta_uint(meta, "node_count", &nodes, err) ||
	    !meta_uint(meta, "record_size", &record_bits, err) ||
	    !meta_uint(meta, "ip_version", &ip_version, err) ||
	    !meta_uint(meta, "build_epoch", &out->info.build_epoch, err) ||
	    !meta_type(out, meta, err) || !meta_texts(meta, err))
		return false;
	if (major != 2)
		return err_set(err, "format version %llu: only 2 is known",
		    (unsigned long long)major);
	if (ip_version != 4 && ip_version != 6)
		return err_set(err, "the metadata is damaged: ip_version %llu",
		    (unsigned long long)ip_version);
	if (record_bits != 24 && record_bits != 28 && record_bits != 32)
		return err_set(err, "the metadata is damaged: no database has "
		    "records of %llu bits", (unsigned long long)record_bits);
	if (out->info.build_epoch >= EPOCH_LIMIT)
		return err_set(err, "the metadata is damaged: build_epoch is "
		    "beyond the year 9999");
	out->tree.ip_version = out->info.ip_version = (unsigned)ip_version;
	out->info.nodes = (size_t)nodes;
	out->info.bytes = file->len;
	out->tree.record_bits = (unsigned)record_bits;
	return set_sections(&out->tree, file, nodes, data_end, err);
}

bool
mmdb_metadata_read(struct mmdb_metadata *out, const struct sealed *file,
    struct err *err)
{
	size_t at = find_metadata(file);
	struct mmdb_data meta;
	bool good;

	memset(out, 0, sizeof(*out));
	if (at == 0)
		return err_set(err, "the file %s", describe_stranger(file));
	good = mmdb_data_scan(&meta, file->p + at, file->len - at, err);
	if (!good)
		err_set(err, "the metadata at the end is damaged: truncated?");
	good = good && (meta.len > 0 ? mmdb_data_record(&meta, 0, err) :
	    err_set(err, "the file ends where its metadata should begin"));
	good = good && apply_metadata(out, file, &meta, at -
	    (sizeof(MARKER) - 1), err);
	mmdb_data_fini(&meta);
	return good;
}
