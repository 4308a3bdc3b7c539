/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <stdint.h>
#include <zlib.h>

#include "base/must.h"
#include "store/jose_private.h"

enum { RAW = -15, STEP = 64 * 1024 };	/* RFC 1951, without any frame */

void
raw_deflate(struct slice plain, struct buf *out)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)plain.p,
	    .avail_in = (uInt)plain.len };

	must(plain.len <= UINT32_MAX);
	must(deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, RAW, 8,
	    Z_DEFAULT_STRATEGY) == Z_OK);
	z.avail_out = (uInt)deflateBound(&z, plain.len);
	z.next_out = (Bytef *)buf_reserve(out, z.avail_out);
	must(deflate(&z, Z_FINISH) == Z_STREAM_END);
	out->len += z.total_out;
	deflateEnd(&z);
}

bool
raw_inflate(struct slice packed, size_t limit, struct buf *out)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)packed.p,
	    .avail_in = (uInt)packed.len };
	size_t begin = out->len;
	int rc = Z_OK;

	if (packed.len > UINT32_MAX || packed.len == 0)
		return false;
	must(inflateInit2(&z, RAW) == Z_OK);
	while (rc == Z_OK && out->len - begin <= limit) {
		z.next_out = (Bytef *)buf_reserve(out, STEP);
		z.avail_out = STEP;
		rc = inflate(&z, Z_NO_FLUSH);
		out->len += STEP - z.avail_out;
	}
	inflateEnd(&z);
	if (rc == Z_STREAM_END && z.avail_in == 0 && out->len - begin <= limit)
		return true;
	out->len = begin;
	return false;
}
