/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * PEM files into a context, and what is wrong with them in words for whoever
 * gave them.
 */
#include "net/tls_private.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "net/lent_files.h"

/* --- errors that people read --------------------------------------------- */

/* The oldest of OpenSSL's reasons tells most; later ones only wrap it. */
const char *
tls_reason(void)
{
	unsigned long code = ERR_get_error();
	const char *reason = ERR_reason_error_string(code);

	if (code != 0 && ERR_SYSTEM_ERROR(code))
		reason = strerror(ERR_GET_REASON(code));
	ERR_clear_error();
	return reason == NULL ? "unknown reason" : reason;
}

/* --- certificates and keys ------------------------------------------------ */

/* A key behind a passphrase would make OpenSSL ask on the terminal. */
static int
no_passphrase(char *text, int size, int writing, void *arg)
{
	(void)text;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

/* NULL with the reason on OpenSSL's stack, as if it had opened the file. */
static BIO *
open_pem(const char *path)
{
	struct stat there;
	int fd, wrong;

	ERR_clear_error();
	fd = lent_file_open(path);
	wrong = fd < 0 || fstat(fd, &there) != 0 ? errno :
	    S_ISDIR(there.st_mode) ? EISDIR : 0;
	if (wrong == 0)
		return BIO_new_fd(fd, BIO_CLOSE);
	if (fd >= 0)
		close(fd);
	ERR_raise(ERR_LIB_SYS, wrong);
	return NULL;
}

/* The certificate itself, and whether the rest of the file are others. */
static bool
read_chain(SSL_CTX *ctx, BIO *pem)
{
	X509 *x = PEM_read_bio_X509_AUX(pem, NULL, no_passphrase, NULL);
	bool good = x != NULL && SSL_CTX_use_certificate(ctx, x) == 1 &&
	    SSL_CTX_clear_chain_certs(ctx) == 1;

	X509_free(x);
	while (good && (x = PEM_read_bio_X509(pem, NULL, no_passphrase,
	    NULL)) != NULL)
		if (SSL_CTX_add0_chain_cert(ctx, x) != 1) {
			X509_free(x);
			return false;
		}
	if (!good || ERR_GET_LIB(ERR_peek_last_error()) != ERR_LIB_PEM ||
	    ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return false;
	ERR_clear_error();		/* the file's end */
	return true;
}

bool
tls_use_certificate(SSL_CTX *ctx, const char *path, struct err *err)
{
	BIO *pem = open_pem(path);
	bool good = pem != NULL && read_chain(ctx, pem);

	BIO_free(pem);
	return good || err_set(err, "%s: cannot be read as a PEM certificate: "
	    "%s; give a file that holds the certificate and after it those that "
	    "lead to its authority", path, tls_reason());
}

static bool
is_mismatch(unsigned long code)
{
	return ERR_GET_LIB(code) == ERR_LIB_X509 &&
	    (ERR_GET_REASON(code) == X509_R_KEY_VALUES_MISMATCH ||
	    ERR_GET_REASON(code) == X509_R_KEY_TYPE_MISMATCH);
}

static bool
key_mismatch(const char *path, const char *certificate, struct err *err)
{
	ERR_clear_error();
	return err_set(err, "%s: this key does not belong to the certificate in "
	    "%s; give the two that were made together", path, certificate);
}

static bool
read_key(SSL_CTX *ctx, const char *path)
{
	BIO *pem = open_pem(path);
	EVP_PKEY *key = pem == NULL ? NULL : PEM_read_bio_PrivateKey(pem, NULL,
	    no_passphrase, NULL);
	bool good = key != NULL && SSL_CTX_use_PrivateKey(ctx, key) == 1;

	EVP_PKEY_free(key);
	BIO_free(pem);
	return good;
}

bool
tls_use_key(SSL_CTX *ctx, const char *path, const char *certificate,
    struct err *err)
{
	if (!read_key(ctx, path)) {
		if (is_mismatch(ERR_peek_error()))
			return key_mismatch(path, certificate, err);
		return err_set(err, "%s: cannot be read as a PEM private key: "
		    "%s; give a file that holds the key without a passphrase",
		    path, tls_reason());
	}
	if (SSL_CTX_check_private_key(ctx) != 1)
		return key_mismatch(path, certificate, err);
	return true;
}

/* --- authorities ---------------------------------------------------------- */

bool
tls_use_authority(SSL_CTX *ctx, const char *path, bool demand, struct err *err)
{
	STACK_OF(X509_NAME) *names;

	ERR_clear_error();
	names = SSL_load_client_CA_file(path);
	if (names == NULL || SSL_CTX_load_verify_file(ctx, path) != 1) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return err_set(err, "%s: cannot be read as PEM certificates of "
		    "authorities: %s; give a file that holds those that sign "
		    "the other side's certificates", path, tls_reason());
	}
	SSL_CTX_set_client_CA_list(ctx, names);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER |
	    (demand ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
	return true;
}
