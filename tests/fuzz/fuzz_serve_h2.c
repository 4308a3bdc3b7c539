/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A client that begins HTTP/2 as it should and then sends any frames: small
 * ones of its own making, whole requests to handlers of every manner, or bare
 * bytes, read or left to wait.  Each request has one end, and no connection
 * is left when the client's is.
 */
#include "serve_world.h"

#define HELLO	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"

struct input {
	const uint8_t	*p;
	size_t		 len;
};

static uint8_t
byte(struct input *in)
{
	if (in->len == 0)
		return 0;
	in->len--;
	return *in->p++;
}

static size_t
frame(char *to, uint8_t type, uint8_t flags, uint8_t id, size_t len)
{
	const char head[9] = { 0, (char)(len >> 8), (char)len, (char)type,
	    (char)flags, 0, 0, 0, (char)id };

	memcpy(to, head, 9);
	return 9;
}

/* GET or POST http :authority a, :path "/" and one letter. */
static size_t
request(char *to, struct input *in)
{
	static const char letters[] = "spaebxc";
	uint8_t how = byte(in), id = byte(in);
	size_t n = frame(to, 1, how & 1 ? 5 : 4, id, 9);
	const char fields[9] = { how & 2 ? (char)0x82 : (char)0x83,
	    (char)0x86, 0x01, 1, 'a', 0x04, 2, '/', letters[how / 4 % 7] };

	memcpy(to + n, fields, 9);
	return n + 9;
}

static size_t
any_frame(char *to, struct input *in, uint8_t type)
{
	uint8_t flags = byte(in), id = byte(in), len = byte(in);
	size_t n = frame(to, type, flags, id, len);

	for (unsigned i = 0; i < len; i++)
		to[n++] = (char)byte(in);
	return n;
}

static size_t
data(char *to, struct input *in)
{
	uint8_t flags = byte(in), id = byte(in);
	size_t len = (size_t)byte(in) * 40;
	size_t n = frame(to, 0, flags & 1, id, len);

	memset(to + n, 'd', len);
	return n + len;
}

/* What a byte says comes next; the socket takes it or has no room. */
static bool
step(int fd, struct input *in)
{
	static char out[16384], got[65536];
	uint8_t what = byte(in);
	size_t n = 0;

	if (what % 16 < 4)
		n = request(out, in);
	else if (what % 16 < 6)
		n = data(out, in);
	else if (what % 16 < 14)
		n = any_frame(out, in, what / 16);
	else
		out[n++] = (char)byte(in);
	if (send(fd, out, n, MSG_NOSIGNAL) < 0)
		return false;
	turn_once();
	while (what % 2 == 0 && recv(fd, got, sizeof(got), 0) > 0)
		continue;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct input in = { bytes, size };
	static const struct serve_h2 h2 = { .streams = 20, .window = 16384,
	    .window_most = 65536, .connection_window = 100000,
	    .resets = 50, .glitches = 200 };
	int fd = begin(&(struct serve_accept){ .h2 = &h2 });

	must(send(fd, HELLO, sizeof(HELLO) - 1, MSG_NOSIGNAL) ==
	    sizeof(HELLO) - 1);
	turn_once();
	must(server->h2_connections == 1);
	while (in.len > 0 && step(fd, &in))
		continue;
	finish(fd);
	return 0;
}
