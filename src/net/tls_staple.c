/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * OCSP responses to staple (RFC 6066 8, RFC 6960).  A client believes one as
 * it would the responder, so a wrong one is worse than none: it is looked at
 * as a client would before it is sent.
 */
#include <openssl/ocsp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/must.h"
#include "net/tls_private.h"

enum {
	STAPLE_MOST = 16 * 1024,
	CLOCK_SLACK_S = 300,		/* of the responder's clock */
};

static OCSP_RESPONSE *
read_response(const char *path, struct err *err)
{
	BIO *file = BIO_new_file(path, "rb");
	OCSP_RESPONSE *response = NULL;
	unsigned char *bytes = xmalloc(STAPLE_MOST + 1);
	const unsigned char *p = bytes;
	int len = -1;

	if (file == NULL) {
		err_set(err, "%s: cannot be opened: %s", path, tls_reason());
	} else if ((len = BIO_read(file, bytes, STAPLE_MOST + 1)) <= 0 ||
	    len > STAPLE_MOST ||
	    (response = d2i_OCSP_RESPONSE(NULL, &p, len)) == NULL) {
		err_set(err, "%s: cannot be read as an OCSP response; write "
		    "one with: openssl ocsp -respout", path);
	} else if (OCSP_response_status(response) !=
	    OCSP_RESPONSE_STATUS_SUCCESSFUL) {
		err_set(err, "%s: the responder refused: %s", path,
		    OCSP_response_status_str(OCSP_response_status(response)));
		OCSP_RESPONSE_free(response);
		response = NULL;
	}
	BIO_free(file);
	free(bytes);
	tls_reason();
	return response;
}

/* --- what it is about ---------------------------------------------------------------- */

/* Out of the certificate's own file; or NULL. */
static X509 *
issuer_of(const struct tls_certificate *c)
{
	STACK_OF(X509) *chain = NULL;

	SSL_CTX_select_current_cert(c->ctx, c->x);
	SSL_CTX_get0_chain_certs(c->ctx, &chain);
	for (int i = 0; i < sk_X509_num(chain); i++)
		if (X509_check_issued(sk_X509_value(chain, i), c->x) ==
		    X509_V_OK)
			return sk_X509_value(chain, i);
	return NULL;
}

static bool
is_about(const OCSP_SINGLERESP *single, X509 *x, X509 *issuer)
{
	OCSP_CERTID *id = (OCSP_CERTID *)(uintptr_t)
	    OCSP_SINGLERESP_get0_id(single);
	ASN1_INTEGER *serial;
	ASN1_OBJECT *hash;
	OCSP_CERTID *ours;
	bool same;

	if (OCSP_id_get0_info(NULL, &hash, NULL, &serial, id) != 1 ||
	    ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(x)) != 0)
		return false;
	if (issuer == NULL)
		return true;
	ours = OCSP_cert_to_id(EVP_get_digestbyobj(hash), x, issuer);
	same = ours != NULL && OCSP_id_cmp(ours, id) == 0;
	OCSP_CERTID_free(ours);
	return same;
}

static OCSP_SINGLERESP *
find_single(OCSP_BASICRESP *basic, X509 *x, X509 *issuer)
{
	for (int i = 0; i < OCSP_resp_count(basic); i++)
		if (is_about(OCSP_resp_get0(basic, i), x, issuer))
			return OCSP_resp_get0(basic, i);
	return NULL;
}

/* Signed by the authority itself, or by whom it appointed. */
static bool
is_signed(OCSP_BASICRESP *basic, X509 *issuer)
{
	X509_STORE *store = X509_STORE_new();
	STACK_OF(X509) *certificates = sk_X509_new_null();
	bool good;

	must(store != NULL && certificates != NULL);
	X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
	X509_STORE_add_cert(store, issuer);
	sk_X509_push(certificates, issuer);
	good = OCSP_basic_verify(basic, certificates, store, 0) == 1;
	sk_X509_free(certificates);
	X509_STORE_free(store);
	tls_reason();
	return good;
}

static bool
is_good(OCSP_SINGLERESP *single, const char *path, int64_t *until,
    struct err *err)
{
	ASN1_GENERALIZEDTIME *from, *next;
	struct tm tm;

	if (OCSP_single_get0_status(single, NULL, NULL, &from, &next) !=
	    V_OCSP_CERTSTATUS_GOOD)
		return err_set(err, "%s: the authority does not say that the "
		    "certificate is good: it is revoked or unknown", path);
	if (next == NULL || ASN1_TIME_to_tm(next, &tm) != 1)
		return err_set(err, "%s: does not say when it will be old, so "
		    "nobody could tell", path);
	*until = (int64_t)timegm(&tm);
	if (*until <= (int64_t)(clock_unix_ms() / 1000))
		return err_set(err, "%s: is too old; fetch a new one", path);
	if (OCSP_check_validity(from, next, CLOCK_SLACK_S, -1) != 1) {
		tls_reason();
		return err_set(err, "%s: is not valid yet; is the clock "
		    "right?", path);
	}
	return true;
}

static bool
check(OCSP_BASICRESP *basic, const struct tls_certificate *c,
    const char *path, int64_t *until, struct err *err)
{
	X509 *issuer = issuer_of(c);
	OCSP_SINGLERESP *single = find_single(basic, c->x, issuer);

	if (single == NULL)
		return err_set(err, "%s: is not about this certificate", path);
	if (issuer != NULL && !is_signed(basic, issuer))
		return err_set(err, "%s: is not signed by the certificate's "
		    "authority", path);
	return is_good(single, path, until, err);
}

bool
tls_context_staple(struct tls_context *tls, size_t i, const char *path,
    int64_t *until, struct err *err)
{
	struct tls_extra *extra = tls_extra_of(tls_ssl_ctx(tls));
	struct tls_certificate *c = &extra->certificates[i];
	OCSP_RESPONSE *response = read_response(path, err);
	OCSP_BASICRESP *basic = NULL;
	bool good = false;
	int len;

	must(i < extra->count);
	if (response == NULL)
		return false;
	basic = OCSP_response_get1_basic(response);
	if (basic == NULL)
		err_set(err, "%s: is of a kind that nobody knows", path);
	else
		good = check(basic, c, path, until, err);
	if (good) {
		OPENSSL_free(c->staple);
		c->staple = NULL;
		len = i2d_OCSP_RESPONSE(response, &c->staple);
		must(len > 0);
		c->staple_len = (size_t)len;
		c->staple_until = *until;
		atomic_store(&c->staple_missed, false);
	}
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(response);
	return good;
}
