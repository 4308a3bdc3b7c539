/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "http/write.h"

#include "base/must.h"
#include "http/chars.h"

static void
write_value(struct buf *out, struct slice value)
{
	size_t n;

	while ((n = chars_in_value(value)) < value.len) {
		buf_add(out, value.p, n);
		buf_char(out, ' ');
		value.p += n + 1;
		value.len -= n + 1;
	}
	buf_slice(out, value);
}

void
h1_write_status_line(struct buf *out, unsigned status, struct slice reason)
{
	must(status >= 100 && status <= 599);
	buf_text(out, "HTTP/1.1 ");
	buf_u64(out, status);
	buf_char(out, ' ');
	write_value(out, reason.len > 0 ? reason :
	    slice_of(status_phrase(status)));
	h1_write_end(out);
}

void
h1_write_field(struct buf *out, struct slice name, struct slice value)
{
	must(chars_all_token(name));
	buf_reserve(out, name.len + value.len + 4);
	buf_slice(out, name);
	buf_add(out, ": ", 2);
	write_value(out, value);
	h1_write_end(out);
}

void
h1_write_end(struct buf *out)
{
	buf_add(out, "\r\n", 2);
}

void
h1_write_last_chunk(struct buf *out, struct slice trailers)
{
	buf_add(out, "0\r\n", 3);
	buf_slice(out, trailers);
	h1_write_end(out);
}

struct slice
h1_date(struct h1_date *date, uint64_t unix_ms)
{
	if (date->second != unix_ms / 1000 || date->text[0] == '\0') {
		date->second = unix_ms / 1000;
		clock_http_date(unix_ms, date->text);
	}
	return slice_of(date->text);
}
