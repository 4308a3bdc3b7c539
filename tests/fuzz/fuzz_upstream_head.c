/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Whatever head a client gets accepted, the one made of it is read the same
 * by the next program: one message, the same body, nothing in it that is ours
 * to say but what we said.  The first byte chooses who is asking and where
 * the request goes.
 */
#include "base/must.h"
#include "edge/upstream_head.h"
#include "http/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct head_front
front_of(const struct h1_head *head, const struct addr *peer, uint8_t how)
{
	static const uint8_t key[16] = "0123456789abcdef";

	return (struct head_front){
		.hash_key = (how & 8) != 0 ? key : NULL, .client = peer,
		.recorded = (how & 16) != 0, .keeps_state = (how & 32) != 0,
		.head = head, .peer = peer, .trusted = (how & 1) != 0,
		.link = (how & 2) != 0, .forwarded = (how & 4) != 0,
		.proto = SLICE("http"), .host = head->host,
		.port = SLICE("80"), .via = SLICE("1.1 p"),
		.pseudonym = SLICE("p"), .request_id = SLICE("r"),
		.span_id = "00f067aa0ba902b7",
		.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736",
	};
}

static void
must_be_read_the_same(const struct h1_head *head, const struct buf *out,
    bool link)
{
	static struct h1_head again;
	struct h1_end end;
	size_t seen = 0;
	unsigned control = 0;

	/* A list that grew beyond a line's limit is refused by whoever reads
	 * it, not misread. */
	if (h1_read_request(&again, buf_all(out), &seen, &end) != H1_DONE) {
		must(end.rule == H1_LINE_TOO_LONG ||
		    end.rule == H1_HEAD_TOO_LONG ||
		    end.rule == H1_TARGET_TOO_LONG ||
		    end.rule == H1_TOO_MANY_FIELDS);
		return;
	}
	must(end.consumed == out->len);
	must(again.framing == head->framing);
	must(again.framing != H1_LENGTH ||
	    again.content_length == head->content_length);
	must(slice_eq(again.host, head->host));
	must(again.method == head->method);
	for (size_t i = 0; i < again.nfields; i++) {
		const struct h1_field *f = &again.fields[i];

		control += is_control_field(f->name);
		must(f->id != FIELD_X_PORTOLAN || link);
		must(!f->hop || f->id == FIELD_TRANSFER_ENCODING);
	}
	must(control == (link ? 0 : 2));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct h1_head head;
	static char normal[H1_HEAD_MAX];
	struct addr peer = addr_from_ip4(0xc0000201);
	struct link_facts told = { .frontend = "US", .decided = "GB",
	    .request_id = "r" };
	struct buf out = { 0 };
	struct target target;
	struct head_front front;
	struct head_end last;
	struct h1_end end;
	struct host host;
	size_t seen = 0;

	if (size == 0 || h1_read_request(&head, (struct slice){
	    (const char *)data + 1, size - 1 }, &seen, &end) != H1_DONE ||
	    head.nfields > H1_CLIENT_FIELDS || !host_parse(&host, head.host) ||
	    target_normalise(&target, head.target, normal) != TARGET_OK)
		return 0;
	front = front_of(&head, &peer, data[0]);
	front.path = target.path;
	front.query = target.query;
	head_front_write(&out, &front);
	last = (struct head_end){ .framing = head.framing,
	    .length = head.content_length,
	    .link = (data[0] & 8) != 0 ? &told : NULL };
	head_end_write(&out, &last);
	must_be_read_the_same(&head, &out, last.link != NULL);
	buf_fini(&out);
	return 0;
}
