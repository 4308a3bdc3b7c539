/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Another region map, by PUT: the edge tries it, the master writes its file,
 * the edge takes it into service, and the master forgets what was there before
 * or, if that has failed, brings it back.  One at a time; once begun it goes on
 * to its end, whether or not anybody waits for the answer.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "console/private.h"
#include "net/handover.h"

enum { ANSWER_MAX = 16 * 1024 * 1024 };

static const char plain[] = "text/plain; charset=utf-8";
static const char json[] = "application/json";

/* --- the end ------------------------------------------------------------------ */

static void
end(struct console_map *m, unsigned status, const char *type,
    struct slice text)
{
	struct request *r = m->request;

	m->stage = MAP_IDLE;
	m->request = NULL;
	if (r != NULL)
		console_answer(r, status, type, text);
	else if (status >= 400)
		log_warn("a region map was not taken, and nobody waits to hear "
		    "why: %.*s", SLICE_ARG(text));
	buf_fini(&m->bytes);
	buf_fini(&m->answer);
	buf_fini(&m->kept);
}

static void
end_text(struct console_map *m, unsigned status, const char *sentence)
{
	end(m, status, plain, slice_of(sentence));
}

/* --- what the edge is asked ------------------------------------------------------ */

static void tried(struct console *console);
static void swapped(struct console *console);

static void
on_head(struct exchange *ex, const struct h1_head *head)
{
	struct console *console = exchange_user(ex);

	console->map.status = head->status;
}

static void
on_body(struct exchange *ex, struct slice bytes, bool last)
{
	struct console_map *m = &((struct console *)exchange_user(ex))->map;

	(void)last;
	if (m->answer.len + bytes.len <= ANSWER_MAX)
		buf_slice(&m->answer, bytes);
	else
		m->status = 502;
}

static void
on_drained(struct exchange *ex)
{
	(void)ex;			/* the body went out with the head */
}

static void
on_done(struct exchange *ex, enum exchange_end how)
{
	struct console *console = exchange_user(ex);
	struct console_map *m = &console->map;

	m->exchange = NULL;
	if (how != EXCHANGE_DONE) {
		m->status = 503;
		buf_clear(&m->answer);
		buf_printf(&m->answer, "The edge process does not answer (%s); "
		    "its log says more.\n", exchange_end_name(how));
	}
	if (m->stage == MAP_TRY)
		tried(console);
	else
		swapped(console);
}

static const struct exchange_ops edge_ops = {
	.head = on_head,
	.body = on_body,
	.drained = on_drained,
	.done = on_done,
};

static void
ask_edge(struct console *console, const char *target, struct slice body)
{
	struct console_map *m = &console->map;
	struct exchange_request question = { .framing = H1_LENGTH,
	    .body = body, .body_whole = true, .method = METHOD_POST };

	buf_clear(&m->head);
	buf_clear(&m->answer);
	buf_printf(&m->head, "POST %s HTTP/1.1\r\nHost: edge\r\n"
	    "Content-Length: %zu\r\n\r\n", target, body.len);
	question.head = buf_all(&m->head);
	m->status = 0;
	m->exchange = exchange_start(console->pools, console->edge, &question,
	    &edge_ops, console);
}

/* --- what the master is asked ---------------------------------------------------- */

/* The map in memory, which the master may read whole and at once. */
static int
memory_file(struct slice bytes)
{
	int fd = memfd_create("map", MFD_CLOEXEC);

	if (fd >= 0 && write(fd, bytes.p, bytes.len) == (ssize_t)bytes.len)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool
ask_master(struct console *console, const char *line, int fd)
{
	return console->master_fd >= 0 && handover_send(console->master_fd,
	    line, &fd, fd >= 0 ? 1 : 0);
}

static void
write_file(struct console *console, const char *revision)
{
	struct console_map *m = &console->map;
	char line[64];
	int fd = memory_file(buf_all(&m->bytes));

	snprintf(line, sizeof(line), "MAP %s\n", revision);
	m->stage = MAP_WRITE;
	if (fd < 0 || !ask_master(console, line, fd))
		end_text(m, 503, "The master process does not listen.\n");
	if (fd >= 0)
		close(fd);
}

/* --- one after the other --------------------------------------------------------- */

/* What the edge says of it begins so (edge/try_map.c). */
#define BEGINNING "{\"applied\":false,\"before\":\""

static void
tried(struct console *console)
{
	struct console_map *m = &console->map;
	char before[33] = "", revision[33] = "";
	bool same;

	if (m->status != 200) {
		end(m, m->status, plain, buf_all(&m->answer));
		return;
	}
	if (sscanf(buf_cstr(&m->answer), BEGINNING "%32[0-9a-f]\","
	    "\"revision\":\"%32[0-9a-f]\"", before, revision) != 2) {
		end_text(m, 502, "The edge process does not say what would "
		    "change.\n");
		return;
	}
	same = !m->whatever && strcmp(before, revision) == 0;
	if (m->dry_run || same) {
		end(m, 200, json, buf_all(&m->answer));
		return;
	}
	buf_clear(&m->kept);
	buf_slice(&m->kept, buf_all(&m->answer));
	write_file(console, m->whatever ? "*" : before);
}

static void
swapped(struct console *console)
{
	struct console_map *m = &console->map;

	m->stage = m->status == 200 ? MAP_KEEP : MAP_UNDO;
	if (!ask_master(console, m->status == 200 ? "MAP keep\n" :
	    "MAP undo\n", -1))
		end_text(m, 503, "The master process does not listen.\n");
}

static void
taken(struct console_map *m)
{
	struct buf text = { 0 };

	buf_text(&text, "{\"applied\":true");
	buf_slice(&text, (struct slice){ m->kept.p + strlen(
	    "{\"applied\":false"), m->kept.len - strlen(
	    "{\"applied\":false") });
	end(m, 200, json, buf_all(&text));
	buf_fini(&text);
}

/* The reload's mistakes, and what became of the file. */
static void
undone(struct console_map *m, bool good, struct slice sentence)
{
	struct buf text = { 0 };

	buf_slice(&text, buf_all(&m->answer));
	if (good)
		buf_text(&text, "The file is as it was.\n");
	else
		buf_printf(&text, "The file is not as it was: %.*s\n",
		    SLICE_ARG(sentence));
	end(m, m->status, plain, buf_all(&text));
	buf_fini(&text);
}

static void
refused(struct console_map *m, bool stale, struct slice sentence)
{
	struct buf text = { 0 };

	buf_printf(&text, "%.*s\n", SLICE_ARG(sentence));
	end(m, stale ? 409 : 500, plain, buf_all(&text));
	buf_fini(&text);
}

bool
new_map_heard(struct console *console, const char *text)
{
	struct console_map *m = &console->map;
	struct slice sentence = slice_of(text), word;
	bool good = strncmp(text, "MAP ok\n", 7) == 0;

	if (strncmp(text, "MAP ", 4) != 0)
		return false;
	slice_split(&sentence, '\n', &word);
	switch (m->stage) {
	case MAP_WRITE:
		if (!good) {
			refused(m, slice_is(word, "MAP stale"), sentence);
			break;
		}
		m->stage = MAP_SWAP;
		ask_edge(console, "/reload", SLICE(""));
		break;
	case MAP_KEEP:
		taken(m);
		break;
	case MAP_UNDO:
		undone(m, good, sentence);
		break;
	case MAP_IDLE:
	case MAP_TRY:
	case MAP_SWAP:
		break;
	}
	return true;
}

/* --- a request ------------------------------------------------------------------- */

static const struct h1_field *
named(const struct h1_head *head, const char *name)
{
	for (size_t i = 0; i < head->nfields; i++)
		if (slice_eq_nocase(head->fields[i].name, slice_of(name)))
			return &head->fields[i];
	return NULL;
}

/* "REVISION" or *: one strong validator (RFC 9110 13.1.1). */
static bool
read_revision(struct slice value, char revision[40])
{
	size_t digits;

	if (value.len >= 2 && value.p[0] == '"' &&
	    value.p[value.len - 1] == '"') {
		value.p++;
		value.len -= 2;
		snprintf(revision, 40, "%.*s", (int)(value.len < 39 ?
		    value.len : 39), value.p);
		digits = strspn(revision, "0123456789abcdef");
		return digits == 32 && digits == value.len;
	}
	snprintf(revision, 40, "*");
	return slice_is(value, "*");
}

void
new_map_put(struct console *console, struct request *r)
{
	struct console_request *cr = (struct console_request *)r->user;
	const struct h1_field *match = named(r->head, "If-Match");
	struct slice query = r->head->target, path;
	bool has_query;

	(void)console;
	slice_split(&query, '?', &path);
	has_query = query.p != NULL;
	if (has_query && !slice_is(query, "dry-run"))
		console_answer(r, 400, plain, SLICE("The one thing to say "
		    "after the question mark is dry-run.\n"));
	else if (match == NULL)
		console_answer(r, 428, plain, SLICE("Say which revision this "
		    "was made of: If-Match: \"...\", as ETag of GET /v1/map "
		    "tells; or If-Match: * for whatever is there.\n"));
	else if (!read_revision(match->value, cr->revision))
		console_answer(r, 412, plain, SLICE("If-Match is no revision "
		    "of a map.\n"));
	else if (!r->has_body)
		console_answer(r, 400, plain, SLICE("The map itself is to be "
		    "the body.\n"));
	else
		cr->takes_map = true;
	cr->dry_run = has_query;
}

static void
begin(struct console *console, struct request *r)
{
	struct console_request *cr = (struct console_request *)r->user;
	struct console_map *m = &console->map;
	char target[64];

	if (m->stage != MAP_IDLE) {
		console_answer(r, 409, plain, SLICE("Another map is being "
		    "taken into service; try again.\n"));
		return;
	}
	m->stage = MAP_TRY;
	m->request = r;
	m->dry_run = cr->dry_run;
	m->whatever = strcmp(cr->revision, "*") == 0;
	m->bytes = cr->body;
	cr->body = (struct buf){ 0 };
	snprintf(target, sizeof(target), "/map?%s", cr->revision);
	ask_edge(console, target, buf_all(&m->bytes));
}

void
new_map_body(struct request *r, struct slice bytes, bool last)
{
	struct console_request *cr = (struct console_request *)r->user;

	if (!cr->takes_map || r->answered)
		return;
	buf_slice(&cr->body, bytes);
	if (last)
		begin(r->server->owner, r);
}

void
new_map_gone(struct request *r)
{
	struct console *console = r->server->owner;
	struct console_request *cr = (struct console_request *)r->user;

	buf_fini(&cr->body);
	if (console->map.request == r)
		console->map.request = NULL;
}

void
new_map_end(struct console *console)
{
	struct console_map *m = &console->map;

	if (m->exchange != NULL)
		exchange_cancel(&m->exchange);
	m->stage = MAP_IDLE;
	m->request = NULL;
	buf_fini(&m->bytes);
	buf_fini(&m->answer);
	buf_fini(&m->kept);
	buf_fini(&m->head);
}
