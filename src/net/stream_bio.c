/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * OpenSSL's way to the socket of a stream, by socket_call.h: its own
 * (BIO_s_socket) costs three hundredths of a request more.
 */
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <pthread.h>

#include "net/socket_call.h"
#include "net/stream_private.h"

static BIO_METHOD *method;		/* never freed */

static bool
may_try_again(void)
{
	return errno == EAGAIN || errno == EINTR;
}

/* A ticket of TLS 1.3 is the last of a handshake, and nobody waits for it: it
 * may travel with the first answer. */
static bool
is_ticket(const struct stream *s)
{
	return s->flags & S_HANDSHAKE &&
	    SSL_get_state(s->tls) == TLS_ST_SW_SESSION_TICKET;
}

static int
bio_write(BIO *bio, const char *bytes, int len)
{
	struct stream *s = BIO_get_data(bio);
	ssize_t n;

	if (is_ticket(s))
		s->flags |= S_MORE;
	n = socket_send(s->fd, bytes, (size_t)len, stream_more(s));

	BIO_clear_retry_flags(bio);
	if (n < 0 && may_try_again())
		BIO_set_retry_write(bio);
	return (int)n;
}

/* OpenSSL does not tell what was no handshake to it. */
static void
note_first(struct stream *s, const char *bytes, size_t len)
{
	while (s->nfirst < STREAM_FIRST && len-- > 0)
		s->first[s->nfirst++] = *bytes++;
}

static int
bio_read(BIO *bio, char *bytes, int cap)
{
	struct stream *s = BIO_get_data(bio);
	ssize_t n = socket_recv(s->fd, bytes, (size_t)cap);

	BIO_clear_retry_flags(bio);
	if (n > 0 && s->flags & S_HANDSHAKE)
		note_first(s, bytes, (size_t)n);
	else if (n < 0 && may_try_again())
		BIO_set_retry_read(bio);
	else if (n == 0)
		BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
	return (int)n;
}

/* Nothing is held back here, so a flush has nothing to do. */
static long
bio_ctrl(BIO *bio, int what, long number, void *pointer)
{
	(void)number;
	(void)pointer;
	switch (what) {
	case BIO_CTRL_FLUSH:
		return 1;
	case BIO_CTRL_EOF:
		return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
	default:
		return 0;
	}
}

static void
make_method(void)
{
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK,
	    "stream");
	must(method != NULL);
	BIO_meth_set_write(method, bio_write);
	BIO_meth_set_read(method, bio_read);
	BIO_meth_set_ctrl(method, bio_ctrl);
}

BIO *
stream_bio(struct stream *s)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	BIO *bio;

	must(pthread_once(&once, make_method) == 0);
	bio = BIO_new(method);
	if (bio != NULL) {
		BIO_set_data(bio, s);
		BIO_set_init(bio, 1);
	}
	return bio;
}
