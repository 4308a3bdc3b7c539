/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "net/tls_peer.h"

#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "base/utf8.h"
#include "net/tls_private.h"

static const char *const kinds[] = { "URI:", "DNS:", "EMAIL:", "CN:" };
enum kind { KIND_URI, KIND_DNS, KIND_EMAIL, KIND_CN, KINDS };

/* What hangs on a connection: peer, and the arena that it lives in. */
struct kept {
	struct tls_peer	 peer;
	struct arena	*arena;
};

static int kept_index;

static void
free_kept(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int index, long argl,
    void *argp)
{
	struct kept *kept = ptr;

	(void)parent, (void)ad, (void)index, (void)argl, (void)argp;
	if (kept != NULL) {
		struct arena *arena = kept->arena;

		arena_free(&arena);
	}
}

static void
make_index(void)
{
	kept_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_kept);
	must(kept_index >= 0);
}

/* --- texts ------------------------------------------------------------------ */

/* Nothing that a log, a header or an eye could take for something else. */
static bool
is_clean(struct slice text, bool ascii)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c < ' ' || c == 0x7f || (ascii && (c == ' ' || c > 0x7f)))
			return false;
	}
	return text.len > 0 && text.len <= TLS_PEER_TEXT &&
	    (ascii || utf8_valid(text.p, text.len));
}

static void
add_name(struct kept *kept, const char **names, enum kind kind,
    struct slice text)
{
	char *name;

	if (kept->peer.nnames == TLS_PEER_NAMES ||
	    !is_clean(text, kind != KIND_CN))
		return;
	name = arena_printf(kept->arena, "%s%.*s",
	    kinds[kind], SLICE_ARG(text));
	for (char *p = name + 4; kind == KIND_DNS && *p != '\0'; p++)
		*p = ascii_lower(*p);
	names[kept->peer.nnames++] = name;
}

static struct slice
asn1_text(const ASN1_STRING *text)
{
	return (struct slice){ (const char *)ASN1_STRING_get0_data(text),
	    (size_t)ASN1_STRING_length(text) };
}

static void
add_alternative(struct kept *kept, const char **names, const GENERAL_NAME *n)
{
	if (n->type == GEN_URI)
		add_name(kept, names, KIND_URI,
		    asn1_text(n->d.uniformResourceIdentifier));
	else if (n->type == GEN_DNS)
		add_name(kept, names, KIND_DNS, asn1_text(n->d.dNSName));
	else if (n->type == GEN_EMAIL)
		add_name(kept, names, KIND_EMAIL, asn1_text(n->d.rfc822Name));
}

/* Of several the last, which is the most specific. */
static void
add_common_name(struct kept *kept, const char **names, const X509 *x)
{
	const X509_NAME *subject = X509_get_subject_name(x);
	unsigned char *utf8 = NULL;
	int at = -1, last = -1, n;

	while ((at = X509_NAME_get_index_by_NID((X509_NAME *)(uintptr_t)subject,
	    NID_commonName, at)) >= 0)
		last = at;
	if (last < 0)
		return;
	n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(
	    X509_NAME_get_entry(subject, last)));
	if (n > 0)
		add_name(kept, names, KIND_CN,
		    (struct slice){ (const char *)utf8, (size_t)n });
	OPENSSL_free(utf8);
}

static void
read_names(struct kept *kept, const X509 *x)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(x, NID_subject_alt_name, NULL,
	    NULL);
	const char **names = arena_array(kept->arena, TLS_PEER_NAMES,
	    sizeof(*names));

	kept->peer.names = names;
	for (int i = 0; i < sk_GENERAL_NAME_num(all); i++)
		add_alternative(kept, names, sk_GENERAL_NAME_value(all, i));
	/* A broken extension is not the same as none. */
	if (X509_get_ext_by_NID(x, NID_subject_alt_name, -1) < 0)
		add_common_name(kept, names, x);
	GENERAL_NAMES_free(all);
}

static const char *
read_subject(struct arena *arena, const X509 *x)
{
	BIO *memory = BIO_new(BIO_s_mem());
	const char *text = "";
	struct slice written;
	char *p;
	long n;

	must(memory != NULL);
	X509_NAME_print_ex(memory, X509_get_subject_name(x), 0,
	    XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
	n = BIO_get_mem_data(memory, &p);
	written = (struct slice){ p, n > 0 ? (size_t)n : 0 };
	if (is_clean(written, false))
		text = arena_copy(arena, written);
	BIO_free(memory);
	return text;
}

static void
read_fingerprint(struct kept *kept, const X509 *x)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	must(X509_digest(x, EVP_sha256(), digest, &n) == 1 && n == 32);
	for (unsigned i = 0; i < n; i++)
		snprintf(kept->peer.fingerprint + (size_t)2 * i, 3, "%02x",
		    digest[i]);
}

/* A byte sequence of RFC 8941 3.3.5: base64 between colons. */
static void
read_field(struct kept *kept, X509 *x)
{
	unsigned char *der = NULL;
	int len = i2d_X509(x, &der);
	size_t text = ((size_t)(len > 0 ? len : 0) + 2) / 3 * 4;
	char *field;

	if (len > 0 && text + 2 <= TLS_PEER_FIELD) {
		field = arena_array(kept->arena, text + 3, 1);
		field[0] = ':';
		EVP_EncodeBlock((unsigned char *)field + 1, der, len);
		field[text + 1] = ':';
		kept->peer.field = (struct slice){ field, text + 2 };
	}
	OPENSSL_free(der);
}

/* --- who ------------------------------------------------------------------- */

static struct kept *
read_certificate(X509 *x)
{
	struct arena *arena = arena_new(4096);
	struct kept *kept = arena_alloc(arena, sizeof(*kept));

	kept->arena = arena;
	kept->peer.subject = read_subject(arena, x);
	read_names(kept, x);
	read_fingerprint(kept, x);
	read_field(kept, x);
	return kept;
}

const struct tls_peer *
stream_peer_certificate(const struct stream *s)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	SSL *ssl = s->tls;
	struct kept *kept;
	X509 *x;

	if (ssl == NULL || !SSL_is_init_finished(ssl) ||
	    SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE ||
	    SSL_get_verify_result(ssl) != X509_V_OK)
		return NULL;
	x = SSL_get0_peer_certificate(ssl);
	if (x == NULL)
		return NULL;
	pthread_once(&once, make_index);
	kept = SSL_get_ex_data(ssl, kept_index);
	if (kept == NULL) {
		kept = read_certificate(x);
		must(SSL_set_ex_data(ssl, kept_index, kept) == 1);
	}
	return &kept->peer;
}

bool
tls_peer_is(const struct tls_peer *peer, const char *name)
{
	for (size_t i = 0; i < peer->nnames; i++)
		if (strcmp(peer->names[i], name) == 0)
			return true;
	return false;
}

bool
tls_peer_is_name(struct slice text)
{
	for (size_t i = 0; i < KINDS; i++) {
		struct slice kind = slice_of(kinds[i]);

		if (text.len > kind.len &&
		    memcmp(text.p, kind.p, kind.len) == 0)
			return true;
	}
	return false;
}
