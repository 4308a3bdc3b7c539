/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Clients that come back: each makes connection after connection, resumes the
 * TLS 1.3 session of the one before (a ticket is used once, with a new key
 * exchange), asks one thing and takes the answer to its end.
 *
 *	resumed PORT SECONDS CLIENTS HOST PATH REGION ADDRESSES-FILE
 *
 * Prints how many asked on a resumed connection, on one that the server did
 * not resume, and how many answers were not 200 with REGION as both ends.
 */
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/client.h"

enum { CLIENTS = 64, BYTES = 4096 };

static struct addresses addresses;
static const char *path, *region;
static char *host;			/* OpenSSL wants it so */
static uint16_t port;
static double end;
static SSL_CTX *context;
/* All clients count; main() reads when they have ended. */
static atomic_size_t next_address, resumed, full, bad;

/* The newest ticket is the next connection's. */
static int
on_session(SSL *ssl, SSL_SESSION *session)
{
	SSL_SESSION **kept = SSL_get_app_data(ssl);

	SSL_SESSION_free(*kept);
	*kept = session;
	return 1;
}

/* Once, and with the right value. */
static int
says_region(const char *head, const char *name)
{
	const char *at = strcasestr(head, name);
	size_t len = strlen(region);

	if (at == NULL)
		return 0;
	at += strlen(name);
	return strncmp(at, region, len) == 0 && at[len] == '\r' &&
	    strcasestr(at, name) == NULL;
}

static int
asks(SSL *ssl)
{
	char text[BYTES];
	size_t got = 0;
	int n = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: %s\r\n"
	    "X-Forwarded-For: %s\r\nConnection: close\r\n\r\n", path, host,
	    addresses.text[next_address++ % addresses.count]);

	if (SSL_write(ssl, text, n) != n)
		return 0;
	while (got < sizeof(text) - 1 && (n = SSL_read(ssl, text + got,
	    (int)(sizeof(text) - 1 - got))) > 0)
		got += (size_t)n;
	text[got] = '\0';
	return strncmp(text, "HTTP/1.1 200", 12) == 0 &&
	    says_region(text, "\r\nX-ManyWho-Region-Frontend: ") &&
	    says_region(text, "\r\nX-ManyWho-Region-Backend: ");
}

static void
come_once(SSL_SESSION **kept)
{
	int fd = dial(port);
	SSL *ssl = SSL_new(context);

	SSL_set_fd(ssl, fd);
	SSL_set_app_data(ssl, kept);
	SSL_set_tlsext_host_name(ssl, host);
	if (*kept != NULL)
		SSL_set_session(ssl, *kept);
	if (SSL_connect(ssl) != 1 || !asks(ssl))
		bad++;
	else if (SSL_session_reused(ssl))
		resumed++;
	else
		full++;
	SSL_shutdown(ssl);
	SSL_free(ssl);
	close(fd);
}

static void *
client(void *unused)
{
	SSL_SESSION *kept = NULL;

	while (now() < end)
		come_once(&kept);
	SSL_SESSION_free(kept);
	return unused;
}

static void
set_up_context(void)
{
	context = SSL_CTX_new(TLS_client_method());
	if (context == NULL ||
	    !SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION))
		stop("TLS");
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT |
	    SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(context, on_session);
}

int
main(int argc, char **argv)
{
	pthread_t threads[CLIENTS];
	int n = argc == 8 ? atoi(argv[3]) : 0;

	if (n < 1 || n > CLIENTS) {
		fprintf(stderr, "usage: resumed PORT SECONDS CLIENTS HOST "
		    "PATH REGION ADDRESSES-FILE\n");
		return 2;
	}
	port = (uint16_t)atoi(argv[1]);
	host = argv[4];
	path = argv[5];
	region = argv[6];
	addresses = read_addresses(argv[7]);
	set_up_context();
	end = now() + atof(argv[2]);
	for (int i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, client, NULL) != 0)
			stop("pthread_create");
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	SSL_CTX_free(context);
	printf("resumed %zu full %zu bad %zu\n", (size_t)resumed,
	    (size_t)full, (size_t)bad);
	return 0;
}
