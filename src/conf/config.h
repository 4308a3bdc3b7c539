/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The checked configuration: portolan.yaml as numbers, names and lists, with
 * defaults filled in.  Made by config_load() in one arena; immutable after.
 * What other files say (region map, restrictions, database, certificates)
 * comes together with it in a generation (conf/generation.h).
 *
 * Times are milliseconds, sizes bytes, whatever unit the file used.
 */
#ifndef CONF_CONFIG_H
#define CONF_CONFIG_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/endpoint.h"
#include "geo/region_map.h"
#include "policy/client_address.h"
#include "policy/explain_token.h"
#include "policy/hosts.h"

enum listener_kind {
	LISTENER_CLIENT,		/* faces the world */
	LISTENER_LINK,			/* other regions' edges: mutual TLS */
};

struct config_certificate {
	const char	*certificate, *key;	/* PEM files */
	const char	*staple;	/* DER file with an OCSP response; or NULL */
};

struct config_listener {
	const char	*name;		/* for logs and LISTEN_FDNAMES */
	enum listener_kind kind;
	bool		 h2;		/* HTTP/2 is spoken as well */
	struct endpoint	 address;
	struct config_certificate first;	/* the default; NULLs: plain */
	const struct config_certificate *more;
	size_t		 nmore;
	const char	*client_ca;	/* PEM; clients show certificates of it; or
					   NULL: none is asked for */
	bool		 client_optional;	/* they may */
	bool		 pass_certificate;	/* whoever serves is shown it */
	/* What is spoken above TLS (ALPN), the preferred first; none: the
	 * default. */
	const char	*const *protocols;
	size_t		 nprotocols;
	/* Peers that must send a PROXY header; others are refused then.
	 * None: no header is read. */
	const struct cidr *proxy_from;
	size_t		 nproxy_from;
	struct source_line at;
};

/* The edge of another region. */
struct config_peer {
	const char	*region;	/* id; checked against the map */
	const struct endpoint *addresses;
	size_t		 naddresses;
	bool		 in_region;	/* TLS of its hosts is passed on to it ... */
	unsigned	 tls_port;	/* ... at this port of the addresses */
	struct source_line at;
};

struct config_tls {
	const char	*ticket_keys;	/* file; NULL: the process makes its own */
	uint64_t	 ticket_life_ms;
};

struct config_link {
	const char	*certificate, *key, *ca;	/* PEM; NULL: no link */
	bool		 h2;		/* by HTTP/2 where the other end speaks it */
	const struct config_peer *peers;
	size_t		 npeers;
};

struct config_geo {
	const char	*database;	/* NULL: none */
	uint64_t	 warn_age_ms, max_age_ms;
	bool		 unready_when_old;
	double		 max_changed;	/* share of located space, 0..1 */
	const char	*expectations;	/* file, or NULL */
	uint64_t	 settle_ms;	/* quiet time before a changed file is read */
};

/* How edge and engines on other machines know each other. */
struct config_identity {
	const char	*certificate, *key, *ca;	/* PEM; NULL: as the link does */
	const char	*server_name;	/* that engines have to prove, instead of
					   their region; or NULL */
};

/* As many as the processes have room for. */
enum { CONFIG_THREADS_MAX = 64, CONFIG_EMBEDDED_MAX = 64 };

struct config_engines {
	unsigned	 embedded;	/* workers of our own; 0: those of the map */
	struct config_identity tls;
	const char	*store_dir;	/* SQLite files of embedded workers */
	const char	*flows_dir;	/* snapshot JSON files they serve */
	/* 64 or more hexadecimal digits: what signs and encrypts the tokens that
	 * they hand out.  The first makes them, any is good for reading; 0: a
	 * key of the store's own. */
	const char	*const *key_files;
	size_t		 nkey_files;
	uint64_t	 keep_done_ms;	/* states whose flow has ended */
	const char	*external_ca;	/* PEM; NULL: the system's */
	const char	*external_plain;	/* loopback address that http may go to */
	/* Flows and tenants that the main region's engines tell to those of
	 * others: the key of both (NULL: nobody is told), and where an engine
	 * elsewhere asks (NULL: it does not). */
	const char	*follow_key, *follow_url, *follow_host;
	const char	*probe_path;
	uint64_t	 probe_interval_ms, probe_timeout_ms;
	unsigned	 rise, fall;
	bool		 accept_unnamed;	/* engines that name no region */
	unsigned	 eject_failures;	/* in a row; 0: none is ejected */
	uint64_t	 eject_ms;
	double		 eject_most;	/* of a region's */
	uint64_t	 slow_start_ms;	/* until it has its share; 0: at once */
	bool		 by_state;	/* one state meets one engine */
};

/* What flows call. */
struct config_services {
	/* Where: store/call_guard.h. */
	const struct cidr *allow, *refuse;
	size_t		 nallow, nrefuse;
	const char	*const *refuse_hosts;
	size_t		 nrefuse_hosts;
	const char	*ca;		/* PEM file; NULL: the system's */
	uint64_t	 connect_ms;
	uint64_t	 timeout_ms;	/* then who invoked is told to wait ... */
	uint64_t	 give_up_ms;	/* ... and then it counts as a fault */
	uint64_t	 answer_bytes;
};

/* Where another region's store is. */
struct config_store_peer {
	const char	*region;
	const char	*conninfo;	/* of libpq */
	struct source_line at;
};

/* A database for some regions; this one is among them. */
struct config_store_set {
	const char	*name;		/* "eu_gb" */
	const char	*const *regions;
	size_t		 nregions;
	const char	*database;
	unsigned	 port;		/* of a server of its own; 0: none */
};

struct config_store {
	const char	*postgres;	/* conninfo; NULL: SQLite in
					   engines.store_dir */
	unsigned	 line, column;	/* where it stands */
	const struct config_store_peer *peers;
	size_t		 npeers;
	const struct config_store_set *sets;
	size_t		 nsets;
};

struct config_limits {
	size_t		 peek_bytes;
	uint64_t	 held_bytes;	/* of all bodies that are looked into */
	uint64_t	 memory;	/* of the edge process; 0: no limit */
	uint64_t	 body_bytes;	/* a request body's most; 0: no limit */
	uint64_t	 central_body_bytes;	/* of what is not runtime; 0: no
						   limit of its own */
	unsigned	 connections;	/* of the whole edge */
	unsigned	 requests_per_connection;	/* 0: no limit */
	uint64_t	 min_body_rate;	/* bytes a second, after a grace of 5 s */
	unsigned	 retries;	/* further attempts of a request */
	double		 retry_share;	/* repetitions among a region's requests */
	unsigned	 retry_rate;	/* as many a second, whatever the share */
	unsigned	 idle_upstream;	/* pooled connections per engine and thread */
	/* HTTP/2, of a client's connection */
	unsigned	 h2_streams;	/* requests at a time */
	size_t		 h2_window;	/* bytes of a request's body on their way */
	size_t		 link_window;	/* the same between edges, at most */
	unsigned	 h2_resets;	/* in ten seconds; likewise */
	unsigned	 h2_glitches;	/* frames that move nothing */
};

/* How often a client, or a tenant, may come. */
struct config_rate {
	double		 rate;		/* requests a second; 0: no limit */
	unsigned	 burst;		/* at once; 0: those of a second */
	bool		 dry_run;	/* count, but refuse nobody */
};

struct config_rates {
	struct config_rate client, tenant;
	unsigned	 ipv4_prefix, ipv6_prefix;	/* bits that are a client */
	const struct cidr *exempt;
	size_t		 nexempt;
};

/* How many requests at a time; 0: no limit. */
struct config_concurrency {
	unsigned	 tenant, region, engine;
	unsigned	 queue;		/* wait for a place, of each kind */
	uint64_t	 wait_ms;	/* at most */
};

struct config_timeouts {
	uint64_t	 head_ms;	/* total, first byte to empty line */
	uint64_t	 idle_ms;	/* keep-alive, between requests */
	uint64_t	 body_idle_ms;
	uint64_t	 send_idle_ms;	/* client takes nothing */
	uint64_t	 connect_ms;	/* TLS included */
	uint64_t	 response_head_ms;
	uint64_t	 response_idle_ms;
	uint64_t	 tunnel_idle_ms;
	uint64_t	 upstream_idle_ms;	/* pooled connections */
	uint64_t	 drain_ms;
};

/* Where restrictions come from. */
enum restrictions_source { RESTRICTIONS_OF_FILE, RESTRICTIONS_OF_ENGINES };

struct config_policy {
	unsigned	 source;	/* enum restrictions_source */
	const char	*restrictions;	/* file, or NULL */
	uint64_t	 max_staleness_ms;	/* 0: no limit */
	const char	*tag_key_file;	/* 32 hexadecimal digits; or NULL */
	uint8_t		 tag_key[16];	/* from that file; zero without one */
};

struct config_explain {
	const char	*const *key_files;	/* 32 or more hexadecimal digits */
	size_t		 nkey_files;	/* 0: no tester sees anything */
	struct explain_keys keys;	/* from those files; none without */
};

enum log_target { LOG_TO_FILE, LOG_TO_STDOUT, LOG_TO_UNIX, LOG_TO_UDP,
    LOG_TO_TCP,
    LOG_TO_OTLP,			/* spans, to a collector */
};
enum log_format { LOG_JSON, LOG_COMBINED };

/* Of one access log; UNIX, UDP and TCP are syslog's (RFC 5424). */
struct config_access {
	const char	*to;		/* a path, or as it was written */
	enum log_target	 target;
	enum log_format	 format;
	unsigned	 facility;	/* 0..23 */
	struct endpoint	 address;
	const char	*region;	/* whose spans they are */
};

/* Where spans of sampled requests go. */
struct config_trace {
	struct config_access collector;	/* to NULL: nobody records anything */
	double		 sample;	/* of the traces that begin here, 0..1 */
};

/* How clients' addresses are written down. */
enum address_form { ADDRESS_FULL, ADDRESS_TRUNCATED, ADDRESS_HASHED };

enum { CONFIG_ACCESS_MAX = 4 };

struct config_log {
	const struct config_access *access;
	size_t		 naccess;	/* 0: off */
	struct config_access audit;	/* of refusals; to NULL: none */
	enum address_form addresses;
	bool		 query;		/* log queries (flow data); off */
	unsigned	 level;		/* enum log_level */
};

/* A name goes from the master to the console in one packet. */
enum { CONFIG_CONSOLE_NAMES_MAX = 32, CONFIG_CONSOLE_NAME_BYTES = 512 };

struct config_console {
	struct endpoint	 address;	/* port 0 and family none: no console */
	bool		 enabled;
	const char	*socket;	/* admin UNIX socket, mode 0600 */
	const char	*read_socket;	/* of those who only look, 0660; or NULL */
	struct config_certificate tls;	/* of the address; NULLs: plain */
	const char	*client_ca;	/* as of a listener */
	bool		 client_optional;
	/* Names of certificates (net/tls_peer.h), NULL at the end: who may see
	 * what the socket shows, and who may change, too. */
	const char	*const *readers, *const *writers;
};

struct config {
	const char	*file;
	const char	*dir;		/* relative paths begin here */
	const char	*region;	/* this edge's; checked against the map */
	const char	*main_region;
	const char	*region_map;	/* file */
	unsigned	 threads;	/* of the edge; 0: one per core */
	const char	*user, *group;	/* NULL: stay who we are */
	const char	*run_dir;	/* sockets between our processes */
	const char	*state_dir;	/* what outlives restarts; run_dir by default */
	const char	*pid_file;	/* NULL: none */
	bool		 sandbox;	/* children give up what they do not need */
	const char	*const *files;	/* that this one names, directories too */
	size_t		 nfiles;
	const char	*via;		/* pseudonym in Via, unique per edge group */
	const struct config_listener *listeners;
	size_t		 nlisteners;
	const char	*const *global_hosts, *const *main_hosts;
	size_t		 nglobal_hosts, nmain_hosts;
	const char	*const *runtime_paths;	/* NULL: the default five */
	size_t		 nruntime_paths;
	const struct cidr *trusted;
	size_t		 ntrusted;
	unsigned	 trusted_hops;
	enum client_field client_field;
	const char	*address_key_file;	/* 32 hexadecimal digits; or NULL */
	uint8_t		 address_key[16];	/* from that file; zero without one */
	bool		 send_forwarded;	/* RFC 7239 besides X-Forwarded-* */
	bool		 hide_clients;	/* engines see hashes of addresses */
	const char	*const *cors_origins;	/* preflights answered by the edge */
	size_t		 ncors_origins;
	struct config_tls tls;
	struct config_link link;
	struct config_geo geo;
	struct config_engines engines;
	struct config_services services;
	struct config_store store;
	struct config_limits limits;
	struct config_rates rates;
	struct config_concurrency concurrency;
	struct config_timeouts timeouts;
	struct config_policy policy;
	struct config_explain explain;
	struct config_log log;
	struct config_trace trace;
	struct config_console console;
};

struct mistakes;
struct yaml_node;

/*
 * Reads and checks portolan.yaml alone, so no region id in it is looked up.
 * NULL if there is no tree in the file.  Beside mistakes (mistakes->errors)
 * the result is only good for reading the other files, to find theirs in the
 * same run.  *root, for the marks of later mistakes, may be NULL.
 */
struct config *config_load(struct arena *arena, const char *file,
    struct mistakes *mistakes, const struct yaml_node **root);

/* The same from bytes; file is for the marks and relative names. */
struct config *config_parse(struct arena *arena, const char *file,
    struct slice bytes, struct mistakes *mistakes,
    const struct yaml_node **root);

/*
 * Appends what the file comes to: YAML with every default, with names of files
 * from the root on and without secrets, which reads as the same configuration.
 * False beside mistakes.
 */
bool config_dump(struct buf *out, const char *file, struct mistakes *mistakes);

#endif
