/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "store/pair.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* --- what is wrong --------------------------------------------------------------- */

static void
upper(char *text)
{
	for (; *text != '\0'; text++)
		*text = (char)toupper((unsigned char)*text);
}

/* "gb_from_us" (and "gb_from_us_in_gb_us") is mended in GB, which follows US. */
static const char *
lost_trouble(const struct store_pair *p, char text[STORE_PAIR_TEXT])
{
	char follower[STORE_PAIR_NAME] = "", followed[STORE_PAIR_NAME] = "";

	if (sscanf(p->name, "%39[^_]_from_%39[^_]", follower, followed) < 2)
		return "its slot is lost";
	upper(follower);
	upper(followed);
	snprintf(text, STORE_PAIR_TEXT, "its slot is lost, since more of the "
	    "log would have been kept for it than max_slot_wal_keep_size: all "
	    "must be copied anew, by portolan store region repair %s in "
	    "region %s", followed, follower);
	return text;
}

static const char *
outgoing_trouble(const struct store_pair *p, char text[STORE_PAIR_TEXT])
{
	if (!p->there)
		return "that region does not follow: it has no slot here";
	if (strcmp(p->wal_status, "lost") == 0)
		return lost_trouble(p, text);
	if (strcmp(p->wal_status, "unreserved") == 0)
		return "its slot is about to be lost: what it needs of the log "
		    "goes with the next checkpoint";
	if (p->room_bytes != STORE_PAIR_NEVER &&
	    p->room_bytes < p->kept_bytes)
		snprintf(text, STORE_PAIR_TEXT, "more than half of what may be "
		    "kept of the log for it is: %llu bytes are left, and it "
		    "grows by %lld a second",
		    (unsigned long long)p->room_bytes, (long long)p->growth);
	else if (!p->running)
		snprintf(text, STORE_PAIR_TEXT, "that region is not connected, "
		    "%llu bytes are kept for it",
		    (unsigned long long)p->kept_bytes);
	else if (p->lag_ms >= STORE_PAIR_LAG_MS)
		snprintf(text, STORE_PAIR_TEXT, "that region is %llu seconds "
		    "behind", (unsigned long long)p->lag_ms / 1000);
	else
		return NULL;
	return text;
}

static const char *
incoming_trouble(const struct store_pair *p, char text[STORE_PAIR_TEXT])
{
	if (!p->there)
		return "this region does not follow that one: it has no "
		    "subscription";
	if (!p->enabled)
		return "the subscription is disabled";
	if (p->failing)
		return "what arrives cannot be applied (another schema there, a "
		    "row that may not be here, or the initial copy finds "
		    "rows): the server's log says why";
	if (!p->running)
		return "the apply worker is stopped: the other server cannot be "
		    "reached, or has no slot for it";
	if (p->tables_waiting == 0)
		return NULL;
	snprintf(text, STORE_PAIR_TEXT, "%u tables are not copied whole yet",
	    p->tables_waiting);
	return text;
}

const char *
store_pair_trouble(const struct store_pair *pair, char text[STORE_PAIR_TEXT])
{
	return pair->outgoing ? outgoing_trouble(pair, text) :
	    incoming_trouble(pair, text);
}

/* --- as text ---------------------------------------------------------------------- */

static uint64_t
flags_of(const struct store_pair *p)
{
	return (uint64_t)p->outgoing | (uint64_t)p->there << 1 |
	    (uint64_t)p->enabled << 2 | (uint64_t)p->running << 3 |
	    (uint64_t)p->failing << 4 | (uint64_t)(p->growth < 0) << 5;
}

void
store_pair_write(const struct store_pair *p, struct buf *out)
{
	const uint64_t numbers[] = { flags_of(p), p->tables_waiting, p->errors,
	    p->silent_ms, p->lag_ms, p->behind_bytes, p->kept_bytes,
	    p->room_bytes, (uint64_t)(p->growth < 0 ? -p->growth :
	    p->growth) };

	buf_printf(out, "%s %s", p->name, p->wal_status[0] == '\0' ? "-" :
	    p->wal_status);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		buf_char(out, ' ');
		buf_u64(out, numbers[i]);
	}
}

/* A word of small letters, digits, _ and -: it becomes a metric's label. */
static bool
take_word(struct slice *rest, char *word, size_t cap)
{
	struct slice part;

	if (!slice_split(rest, ' ', &part) || part.len == 0 ||
	    part.len >= cap)
		return false;
	for (size_t i = 0; i < part.len; i++)
		if (strchr("abcdefghijklmnopqrstuvwxyz0123456789_-",
		    part.p[i]) == NULL || part.p[i] == '\0')
			return false;
	memcpy(word, part.p, part.len);
	word[part.len] = '\0';
	return true;
}

bool
store_pair_read(struct store_pair *p, struct slice text)
{
	uint64_t flags = 0, waiting = 0, growth = 0;
	uint64_t *const numbers[] = { &flags, &waiting, &p->errors,
	    &p->silent_ms, &p->lag_ms, &p->behind_bytes, &p->kept_bytes,
	    &p->room_bytes, &growth };
	struct slice part;

	*p = (struct store_pair){ .outgoing = false };
	if (!take_word(&text, p->name, sizeof(p->name)) ||
	    !take_word(&text, p->wal_status, sizeof(p->wal_status)))
		return false;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (!slice_split(&text, ' ', &part) ||
		    !slice_to_u64(part, numbers[i]))
			return false;
	if (text.len > 0 || flags > 63 || waiting > UINT32_MAX ||
	    growth > INT64_MAX)
		return false;
	p->outgoing = flags & 1;
	p->there = flags >> 1 & 1;
	p->enabled = flags >> 2 & 1;
	p->running = flags >> 3 & 1;
	p->failing = flags >> 4 & 1;
	p->growth = flags >> 5 & 1 ? -(int64_t)growth : (int64_t)growth;
	p->tables_waiting = (unsigned)waiting;
	if (strcmp(p->wal_status, "-") == 0)
		p->wal_status[0] = '\0';
	return true;
}
