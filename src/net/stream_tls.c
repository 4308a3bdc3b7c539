/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * OpenSSL straight on the socket (stream_bio.c): no memory BIO in between, so
 * a record costs one system call and an idle connection no buffer.
 */
#include "net/stream_private.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>

#include "base/must.h"
#include "net/tls_private.h"

static SSL *
ssl_of(const struct stream *s)
{
	return s->tls;
}

/* That tls_context_expect() names, if it does. */
static bool
ask_for_name(SSL *ssl)
{
	char *name = X509_VERIFY_PARAM_get0_host(SSL_get0_param(ssl), 0);

	return name == NULL || SSL_set_tlsext_host_name(ssl, name) == 1;
}

bool
stream_tls_begin(struct stream *s, struct tls_context *tls, bool server)
{
	SSL *ssl;
	BIO *bio;

	ERR_clear_error();
	ssl = SSL_new(tls_ssl_ctx(tls));
	if (ssl == NULL)
		return false;
	s->tls = ssl;
	bio = stream_bio(s);
	if (bio == NULL)
		return false;
	SSL_set_bio(ssl, bio, bio);
	if (server)
		SSL_set_accept_state(ssl);
	else
		SSL_set_connect_state(ssl);
	return server || ask_for_name(ssl);
}

/* The event that has brought what was read fires again for what follows. */
bool
stream_start_tls(struct stream *s, struct tls_context *tls)
{
	must(s->tls == NULL && s->flags & S_OPEN && s->pending == 0);
	if (!stream_tls_begin(s, tls, true))
		return false;
	s->flags &= ~(uint32_t)S_OPEN;
	s->flags |= S_HANDSHAKE;
	return true;
}

ssize_t
stream_peek(struct stream *s, void *bytes, size_t cap)
{
	ssize_t n;

	must(s->tls == NULL);
	if (s->fd < 0 || s->flags & S_FAILED)
		return STREAM_ERROR;
	n = recv(s->fd, bytes, cap, MSG_PEEK);
	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == EINTR ? STREAM_AGAIN :
	    STREAM_ERROR;
}

bool
stream_await(struct stream *s, size_t have)
{
	struct pollfd p = { .fd = s->fd, .events = POLLRDHUP };
	int least = (int)have + 1;

	must(s->tls == NULL && s->fd >= 0);
	setsockopt(s->fd, SOL_SOCKET, SO_RCVLOWAT, &least, sizeof(least));
	return have == 0 || poll(&p, 1, 0) != 1;
}

/* Who looks at the certificate says more than who gave up because of it. */
static const char *
refusal(const SSL *ssl)
{
	long verified = SSL_get_verify_result(ssl);
	unsigned long code = ERR_peek_error();
	const char *text = code == 0 ? "the peer left" :
	    ERR_reason_error_string(code);

	if (verified != X509_V_OK)
		return X509_verify_cert_error_string(verified);
	return text == NULL ? "no agreement" : text;
}

enum tls_step
stream_tls_handshake(struct stream *s)
{
	int n;

	ERR_clear_error();
	n = SSL_do_handshake(ssl_of(s));
	if (n == 1) {
		/* Our copy of the staple, a kilobyte or two, has been sent. */
		if (SSL_is_server(ssl_of(s)))
			SSL_set_tlsext_status_ocsp_resp(ssl_of(s), NULL, 0);
		return TLS_STEP_DONE;
	}
	switch (SSL_get_error(ssl_of(s), n)) {
	case SSL_ERROR_WANT_READ:
		return TLS_STEP_READ;
	case SSL_ERROR_WANT_WRITE:
		return TLS_STEP_WRITE;
	default:
		s->refusal = refusal(ssl_of(s));
		return TLS_STEP_FAILED;
	}
}

struct slice
stream_first(const struct stream *s)
{
	const SSL *ssl = ssl_of(s);

	if (ssl == NULL || !SSL_is_server(ssl) || SSL_get_verify_mode(ssl) &
	    SSL_VERIFY_FAIL_IF_NO_PEER_CERT)
		return (struct slice){ NULL, 0 };
	return (struct slice){ s->first, s->nfirst };
}

static ssize_t
read_ended(struct stream *s, int n)
{
	switch (SSL_get_error(ssl_of(s), n)) {
	case SSL_ERROR_WANT_READ:
		return STREAM_AGAIN;
	case SSL_ERROR_WANT_WRITE:
		s->flags |= S_READ_WANTS_WRITE;
		return STREAM_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		return STREAM_ERROR;
	}
}

/* Record after record while OpenSSL has bytes at hand. */
ssize_t
stream_tls_read(struct stream *s, void *bytes, size_t cap, bool *more)
{
	size_t total = 0, n;

	*more = false;
	do {
		ssize_t end;
		int done;

		ERR_clear_error();
		done = SSL_read_ex(ssl_of(s), (char *)bytes + total,
		    cap - total, &n);
		if (done != 1) {
			end = read_ended(s, done);
			/* The end is told by a read of its own. */
			*more = total > 0 && end != STREAM_AGAIN;
			return total > 0 ? (ssize_t)total : end;
		}
		total += n;
	} while (total < cap && stream_tls_has_more(s));
	*more = stream_tls_has_more(s);
	return (ssize_t)total;
}

bool
stream_tls_has_more(const struct stream *s)
{
	return SSL_has_pending(ssl_of(s)) == 1;
}

ssize_t
stream_tls_write(struct stream *s, const void *bytes, size_t len)
{
	size_t n;
	int done;

	ERR_clear_error();
	done = SSL_write_ex(ssl_of(s), bytes, len, &n);
	if (done == 1)
		return (ssize_t)n;
	switch (SSL_get_error(ssl_of(s), done)) {
	case SSL_ERROR_WANT_READ:
		s->flags |= S_WRITE_WANTS_READ;
		return STREAM_AGAIN;
	case SSL_ERROR_WANT_WRITE:
		return STREAM_AGAIN;
	default:
		return STREAM_ERROR;
	}
}

bool
stream_tls_finish(struct stream *s)
{
	int n;

	ERR_clear_error();
	n = SSL_shutdown(ssl_of(s));
	return n >= 0 || SSL_get_error(ssl_of(s), n) != SSL_ERROR_WANT_WRITE;
}

void
stream_tls_free(struct stream *s)
{
	SSL_free(ssl_of(s));
	s->tls = NULL;
}

bool
stream_is_tls(const struct stream *s)
{
	return s->tls != NULL;
}

struct slice
stream_server_name(const struct stream *s)
{
	if (s->tls == NULL)
		return (struct slice){ NULL, 0 };
	return slice_of(SSL_get_servername(ssl_of(s), TLSEXT_NAMETYPE_host_name));
}

void
stream_offer_h2(struct stream *s)
{
	static const unsigned char protocols[] = "\x02h2\x08http/1.1";

	if (s->tls != NULL)
		must(SSL_set_alpn_protos(ssl_of(s), protocols,
		    sizeof(protocols) - 1) == 0);
}

struct slice
stream_alpn(const struct stream *s)
{
	const unsigned char *chosen = NULL;
	unsigned len = 0;

	if (s->tls != NULL)
		SSL_get0_alpn_selected(ssl_of(s), &chosen, &len);
	return (struct slice){ (const char *)chosen, len };
}

bool
stream_peer_region(const struct stream *s, char id[STREAM_REGION_MAX])
{
	if (s->tls == NULL || !(s->flags & S_OPEN) ||
	    SSL_get_verify_mode(ssl_of(s)) == SSL_VERIFY_NONE ||
	    SSL_get_verify_result(ssl_of(s)) != X509_V_OK)
		return false;
	return tls_certificate_region(SSL_get0_peer_certificate(ssl_of(s)), id);
}
