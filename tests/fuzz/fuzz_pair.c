/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What an engine tells of its replication.  What is read must be written as it
 * was, and always has its trouble or none.
 */
#include "base/must.h"
#include "store/pair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = { (const char *)data, size };
	char words[STORE_PAIR_TEXT];
	struct store_pair pair, again;
	struct buf out = { 0 };
	const char *trouble;

	if (!store_pair_read(&pair, text))
		return 0;
	trouble = store_pair_trouble(&pair, words);
	must(trouble == NULL || trouble[0] != '\0');
	store_pair_write(&pair, &out);
	must(store_pair_read(&again, buf_all(&out)));
	must(again.behind_bytes == pair.behind_bytes &&
	    again.growth == pair.growth &&
	    again.outgoing == pair.outgoing);
	buf_fini(&out);
	return 0;
}
