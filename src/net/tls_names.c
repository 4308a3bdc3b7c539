/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What certificates say of whom they are for.
 */
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "net/tls_private.h"

#define REGION_PREFIX "portolan:region:"

/* --- regions ----------------------------------------------------------------------- */

/* "portolan:region:GB" */
static bool
region_of_name(const GENERAL_NAME *name, char id[STREAM_REGION_MAX])
{
	const size_t prefix = strlen(REGION_PREFIX);
	const ASN1_IA5STRING *uri;
	struct slice text;

	if (name->type != GEN_URI)
		return false;
	uri = name->d.uniformResourceIdentifier;
	text = (struct slice){ (const char *)ASN1_STRING_get0_data(uri),
	    (size_t)ASN1_STRING_length(uri) };
	if (!slice_starts_nocase(text, SLICE(REGION_PREFIX)) ||
	    text.len == prefix || text.len - prefix >= STREAM_REGION_MAX ||
	    memchr(text.p, '\0', text.len) != NULL)
		return false;
	memcpy(id, text.p + prefix, text.len - prefix);
	id[text.len - prefix] = '\0';
	return true;
}

/* A certificate for two regions would let one pass for the other. */
bool
tls_certificate_region(const X509 *certificate, char id[STREAM_REGION_MAX])
{
	char other[STREAM_REGION_MAX];
	GENERAL_NAMES *names;
	int found = 0;

	if (certificate == NULL)
		return false;
	names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
		if (region_of_name(sk_GENERAL_NAME_value(names, i),
		    found == 0 ? id : other))
			found++;
	GENERAL_NAMES_free(names);
	return found == 1;
}

bool
tls_context_is_region(const struct tls_context *tls, const char *region)
{
	char id[STREAM_REGION_MAX];

	return tls_certificate_region(SSL_CTX_get0_certificate(
	    tls_ssl_ctx(tls)), id) && strcmp(id, region) == 0;
}

/* --- names of hosts ---------------------------------------------------------------- */

/* Lower case; NULL if it can be no host's: a star stands for a whole first
 * label (RFC 6125 6.4.3). */
static const char *
host_name(struct arena *arena, const GENERAL_NAME *name)
{
	const ASN1_IA5STRING *dns;
	struct slice text;
	char *copy;

	if (name->type != GEN_DNS)
		return NULL;
	dns = name->d.dNSName;
	text = (struct slice){ (const char *)ASN1_STRING_get0_data(dns),
	    (size_t)ASN1_STRING_length(dns) };
	if (text.len == 0 || text.len > 253)
		return NULL;
	copy = arena_copy(arena, text);
	for (size_t i = 0; i < text.len; i++) {
		char c = copy[i];

		if (c >= 'A' && c <= 'Z')
			copy[i] = c = (char)(c - 'A' + 'a');
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		    c == '-' || c == '.' || c == '_' ||
		    (c == '*' && i == 0 && text.len > 2 && copy[1] == '.')))
			return NULL;
	}
	return copy;
}

static void
read_hosts(struct arena *arena, struct tls_certificate_info *info, X509 *x)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(x, NID_subject_alt_name, NULL,
	    NULL);
	int count = sk_GENERAL_NAME_num(all);
	const char **names = arena_array(arena, count > 0 ? (size_t)count : 0,
	    sizeof(*names));

	for (int i = 0; i < count; i++) {
		const char *name = host_name(arena,
		    sk_GENERAL_NAME_value(all, i));

		if (name != NULL)
			names[info->nnames++] = name;
	}
	info->names = names;
	GENERAL_NAMES_free(all);
}

static const char *
common_name(struct arena *arena, X509 *x)
{
	char text[256];
	int n = X509_NAME_get_text_by_NID(X509_get_subject_name(x),
	    NID_commonName, text, sizeof(text));

	return n <= 0 ? "" : arena_copy(arena,
	    (struct slice){ text, strlen(text) });
}

static int64_t
seconds_of(const ASN1_TIME *time)
{
	struct tm tm;

	return ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

void
tls_names_read(struct arena *arena, struct tls_certificate *c)
{
	read_hosts(arena, &c->info, c->x);
	c->info.subject = common_name(arena, c->x);
	c->info.begin = seconds_of(X509_get0_notBefore(c->x));
	c->info.expiry = seconds_of(X509_get0_notAfter(c->x));
}

static bool
has_name(const struct tls_certificate_info *info, const char *name)
{
	for (size_t i = 0; i < info->nnames; i++)
		if (strcmp(info->names[i], name) == 0)
			return true;
	return false;
}

bool
tls_names_same(const struct tls_certificate_info *a,
    const struct tls_certificate_info *b)
{
	if (a->nnames != b->nnames || a->nnames == 0)
		return false;
	for (size_t i = 0; i < a->nnames; i++)
		if (!has_name(b, a->names[i]))
			return false;
	return true;
}

/* --- whose name it is ---------------------------------------------------------------- */

static int
compare(const char *a, bool a_wild, const char *b, bool b_wild)
{
	int d = strcmp(a, b);

	return d != 0 ? d : a_wild - b_wild;
}

static int
by_name(const void *a, const void *b)
{
	const struct tls_name *x = a, *y = b;

	return compare(x->name, x->wildcard, y->name, y->wildcard);
}

static bool
is_indexed(const struct tls_extra *extra, const char *name, bool wildcard)
{
	for (size_t i = 0; i < extra->nnames; i++)
		if (extra->names[i].wildcard == wildcard &&
		    strcmp(extra->names[i].name, name) == 0)
			return true;
	return false;
}

void
tls_names_index(struct tls_extra *extra)
{
	size_t room = 0;

	for (size_t i = 0; i < extra->count; i++)
		room += extra->certificates[i].info.nnames;
	extra->names = arena_array(extra->arena, room, sizeof(*extra->names));
	extra->nnames = 0;
	for (size_t i = 0; i < extra->count; i++) {
		const struct tls_certificate *c = &extra->certificates[i];

		for (size_t k = 0; k < c->info.nnames; k++) {
			const char *name = c->info.names[k];
			bool wildcard = name[0] == '*';

			if (wildcard)
				name += 2;
			if (!is_indexed(extra, name, wildcard))
				extra->names[extra->nnames++] =
				    (struct tls_name){ name, wildcard, c->ctx };
		}
	}
	if (extra->nnames > 0)
		qsort(extra->names, extra->nnames, sizeof(*extra->names),
		    by_name);
}

static SSL_CTX *
look_up(const struct tls_extra *extra, const char *name, bool wildcard)
{
	const struct tls_name key = { name, wildcard, NULL };
	const struct tls_name *found = extra->nnames == 0 ? NULL :
	    bsearch(&key, extra->names, extra->nnames,
	    sizeof(*extra->names), by_name);

	return found == NULL ? NULL : found->ctx;
}

SSL_CTX *
tls_names_find(const struct tls_extra *extra, struct slice host)
{
	char text[256];
	const char *dot;
	SSL_CTX *ctx;

	if (host.len == 0 || host.len >= sizeof(text) ||
	    memchr(host.p, '\0', host.len) != NULL)
		return NULL;
	memcpy(text, host.p, host.len);
	text[host.len] = '\0';
	ctx = look_up(extra, text, false);
	dot = strchr(text, '.');
	if (ctx == NULL && dot != NULL && dot > text)
		ctx = look_up(extra, dot + 1, true);
	return ctx;
}

bool
tls_context_serves(const struct tls_context *tls, struct slice host)
{
	return tls_names_find(tls_extra_of(tls_ssl_ctx(tls)), host) != NULL;
}
