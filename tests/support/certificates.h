/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Throw-away certificates for unit tests, made in a directory of their own:
 * authorities, and certificates below them that name a region.
 */
#ifndef TESTS_SUPPORT_CERTIFICATES_H
#define TESTS_SUPPORT_CERTIFICATES_H

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/tls.h"
#include "net/tls_tickets.h"

struct authority {
	EVP_PKEY	*key;
	X509		*certificate;
};

static char certificates_dir[64];

/* The path of a file there; good until the fourth call after it. */
static inline const char *
certificate_path(const char *name)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", certificates_dir, name);
	return path;
}

static inline void
certificates_begin(void)
{
	strcpy(certificates_dir, "/tmp/portolan-certificates-XXXXXX");
	if (mkdtemp(certificates_dir) == NULL)
		abort();
}

static inline void
certificates_end(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", certificates_dir);
	if (system(command) != 0)
		abort();
}

static inline void
certificate_save(const char *name, X509 *x, EVP_PKEY *key)
{
	FILE *f = fopen(certificate_path(name), "w");

	if (f == NULL || (key != NULL && fchmod(fileno(f), 0600) != 0) ||
	    (x != NULL && PEM_write_X509(f, x) != 1) ||
	    (key != NULL && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL,
	    NULL) != 1) || fclose(f) != 0)
		abort();
}

static inline void
certificate_extend(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	if (e == NULL || X509_add_ext(x, e, -1) != 1)
		abort();
	X509_EXTENSION_free(e);
}

static inline X509 *
certificate_new(EVP_PKEY *key, const char *common_name, long seconds)
{
	static long serial = 1;
	X509 *x = X509_new();

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), seconds);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
	    (const unsigned char *)common_name, -1, -1, 0);
	return x;
}

/* Saved as NAME.pem. */
static inline struct authority
authority_new(const char *name)
{
	struct authority ca = { .key = EVP_EC_gen("P-256") };
	char file[64];

	ca.certificate = certificate_new(ca.key, name, 86400);
	X509_set_issuer_name(ca.certificate,
	    X509_get_subject_name(ca.certificate));
	certificate_extend(ca.certificate, NID_basic_constraints,
	    "critical,CA:TRUE");
	if (X509_sign(ca.certificate, ca.key, EVP_sha256()) == 0)
		abort();
	snprintf(file, sizeof(file), "%s.pem", name);
	certificate_save(file, ca.certificate, NULL);
	return ca;
}

static inline void
authority_free(struct authority *ca)
{
	EVP_PKEY_free(ca->key);
	X509_free(ca->certificate);
}

/* Saved as NAME.pem and NAME.key; names: "URI:portolan:region:GB,DNS:a".  Good
 * from .. until seconds from now. */
static inline void
certificate_issue_from(const struct authority *ca, const char *name,
    const char *names, long from, long seconds)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = certificate_new(key, name, seconds);
	char file[64];

	X509_gmtime_adj(X509_getm_notBefore(x), from);
	X509_set_issuer_name(x, X509_get_subject_name(ca->certificate));
	if (names != NULL)
		certificate_extend(x, NID_subject_alt_name, names);
	if (X509_sign(x, ca->key, EVP_sha256()) == 0)
		abort();
	snprintf(file, sizeof(file), "%s.pem", name);
	certificate_save(file, x, NULL);
	snprintf(file, sizeof(file), "%s.key", name);
	certificate_save(file, NULL, key);
	X509_free(x);
	EVP_PKEY_free(key);
}

static inline void
certificate_issue(const struct authority *ca, const char *name,
    const char *names, long seconds)
{
	certificate_issue_from(ca, name, names, -3600, seconds);
}

/* A server's context of one certificate, for clients who show none. */
static inline struct tls_context *
certificate_server(const char *certificate, const char *key, struct err *err)
{
	const struct tls_pair pair = { certificate, key };
	struct tls_tickets *tickets = tls_tickets_new(NULL, 0,
	    TLS_TICKET_LIFE_MS);
	struct tls_context *tls;
	size_t fault;

	tls = tls_server_build(&(struct tls_server_spec){ .pairs = &pair,
	    .npairs = 1, .tickets = tickets }, &fault, err);
	tls_tickets_free(&tickets);
	return tls;
}

#endif
