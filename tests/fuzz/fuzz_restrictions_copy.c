/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A copy on disk under a head that fits: what the hashes would keep out is
 * read as well.  What is read is written and read again.
 */
#include "base/buf.h"
#include "base/must.h"
#include "policy/restrictions_feed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[16] = "a key";
	struct restrictions_copy head = { "epoch", 7, 1 };
	const struct restrictions *set, *again;
	uint64_t bytes, hash;
	struct buf file = { 0 };
	struct err err;

	memset(buf_reserve(&file, RESTRICTIONS_COPY_HEAD), 0,
	    RESTRICTIONS_COPY_HEAD);
	file.len = RESTRICTIONS_COPY_HEAD;
	buf_add(&file, data, size);
	must(restrictions_copy_read(buf_all(&file), key, &head, &err) == NULL);
	restrictions_copy_body(buf_all(&file), &bytes, &hash);
	restrictions_copy_head(&head, bytes, hash, (uint8_t *)file.p);
	set = restrictions_copy_read(buf_all(&file), key, &head, &err);
	if (set != NULL) {
		restrictions_copy_write(set, &head, &file);
		again = restrictions_copy_read(buf_all(&file), key, &head,
		    &err);
		must(again != NULL && restrictions_count(again) ==
		    restrictions_count(set));
		restrictions_release(&again);
		restrictions_release(&set);
	}
	buf_fini(&file);
	return 0;
}
