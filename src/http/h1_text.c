/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "base/must.h"
#include "http/h1.h"

static const struct h1_rule_info rules[H1_RULES] = {
	[H1_OK] = { "ok", "nothing is wrong", 200 },
	[H1_BAD_METHOD] = { "bad-method",
	    "the request does not begin with a method", 400 },
	[H1_BAD_TARGET] = { "bad-target",
	    "the request target is malformed", 400 },
	[H1_BAD_VERSION] = { "bad-version",
	    "the request line does not end with an HTTP version", 400 },
	[H1_BAD_STATUS_LINE] = { "bad-status-line",
	    "the status line is malformed", 400 },
	[H1_BAD_NAME] = { "bad-name", "a field name is malformed", 400 },
	[H1_BAD_VALUE] = { "bad-value",
	    "a field value holds a control character", 400 },
	[H1_OBS_FOLD] = { "obs-fold", "a field line begins with a space",
	    400 },
	[H1_BARE_CR_OR_LF] = { "bare-cr-or-lf",
	    "a carriage return or line feed stands alone", 400 },
	[H1_SPACE_BEFORE_COLON] = { "space-before-colon",
	    "a space stands between a field name and its colon", 400 },
	[H1_MISSING_HOST] = { "missing-host", "the Host field is missing",
	    400 },
	[H1_SEVERAL_HOSTS] = { "several-hosts",
	    "there is more than one Host field", 400 },
	[H1_BAD_HOST] = { "bad-host",
	    "the Host field is malformed or differs from the target", 400 },
	[H1_LENGTH_AND_CHUNKED] = { "length-and-chunked",
	    "Content-Length and Transfer-Encoding are both present", 400 },
	[H1_BAD_LENGTH] = { "bad-length",
	    "the Content-Length is not one a body can have", 400 },
	[H1_SEVERAL_LENGTHS] = { "several-lengths",
	    "there is more than one Content-Length", 400 },
	[H1_BAD_CODING] = { "bad-coding",
	    "the Transfer-Encoding is malformed", 400 },
	[H1_UNKNOWN_CODING] = { "unknown-coding",
	    "the only transfer coding understood is chunked", 501 },
	[H1_CODING_IN_1_0] = { "coding-in-1-0",
	    "HTTP/1.0 has no Transfer-Encoding", 400 },
	[H1_BAD_CONNECTION] = { "bad-connection",
	    "Connection is malformed or names a field it may not name", 400 },
	[H1_BAD_EXPECT] = { "bad-expect",
	    "the only expectation understood is 100-continue", 417 },
	[H1_BAD_UPGRADE] = { "bad-upgrade",
	    "Upgrade is malformed, repeated or missing", 400 },
	[H1_SPOOFABLE_NAME] = { "spoofable-name",
	    "a field name resembles another by an underscore", 400 },
	[H1_TOO_MANY_FIELDS] = { "too-many-fields",
	    "the head has more than 100 fields", 431 },
	[H1_LINE_TOO_LONG] = { "line-too-long",
	    "a line of the head is longer than 8 KiB", 431 },
	[H1_TARGET_TOO_LONG] = { "target-too-long",
	    "the request line is longer than 8 KiB", 414 },
	[H1_HEAD_TOO_LONG] = { "head-too-long",
	    "the head is longer than 32 KiB", 431 },
	[H1_BAD_CHUNK] = { "bad-chunk", "a chunk is malformed", 400 },
	[H1_CHUNK_TOO_LONG] = { "chunk-too-long",
	    "a chunk's size or its extensions are beyond the limit", 400 },
	[H1_BAD_TRAILER] = { "bad-trailer", "a trailer field is malformed",
	    400 },
	[H1_TRAILER_TOO_LONG] = { "trailer-too-long",
	    "the trailer fields are longer than 8 KiB", 431 },
	[H1_OTHER_VERSION] = { "other-version",
	    "the version is neither HTTP/1.1 nor HTTP/1.0", 505 },
	[H1_LONG_METHOD] = { "long-method",
	    "the method is longer than any that is known", 501 },
	[H1_BAD_MAX_FORWARDS] = { "bad-max-forwards",
	    "Max-Forwards is not one number", 400 },
	[H1_REPEATED_FIELD] = { "repeated-field",
	    "a field that may come once comes twice", 400 },
};

const struct h1_rule_info *
h1_rule_info(enum h1_rule rule)
{
	must(rule < H1_RULES);
	return &rules[rule];
}

bool
method_is_idempotent(enum h1_method method)
{
	switch (method) {
	case METHOD_GET:
	case METHOD_HEAD:
	case METHOD_PUT:
	case METHOD_DELETE:
	case METHOD_OPTIONS:
	case METHOD_TRACE:
		return true;
	default:
		return false;
	}
}

/* IANA's registry, as far as it is in use. */
const char *
status_phrase(unsigned status)
{
	static const char *const phrases[600] = {
		[100] = "Continue",
		[101] = "Switching Protocols",
		[102] = "Processing",
		[103] = "Early Hints",
		[200] = "OK",
		[201] = "Created",
		[202] = "Accepted",
		[203] = "Non-Authoritative Information",
		[204] = "No Content",
		[205] = "Reset Content",
		[206] = "Partial Content",
		[300] = "Multiple Choices",
		[301] = "Moved Permanently",
		[302] = "Found",
		[303] = "See Other",
		[304] = "Not Modified",
		[307] = "Temporary Redirect",
		[308] = "Permanent Redirect",
		[400] = "Bad Request",
		[401] = "Unauthorized",
		[402] = "Payment Required",
		[403] = "Forbidden",
		[404] = "Not Found",
		[405] = "Method Not Allowed",
		[406] = "Not Acceptable",
		[407] = "Proxy Authentication Required",
		[408] = "Request Timeout",
		[409] = "Conflict",
		[410] = "Gone",
		[411] = "Length Required",
		[412] = "Precondition Failed",
		[413] = "Content Too Large",
		[414] = "URI Too Long",
		[415] = "Unsupported Media Type",
		[416] = "Range Not Satisfiable",
		[417] = "Expectation Failed",
		[421] = "Misdirected Request",
		[422] = "Unprocessable Content",
		[423] = "Locked",
		[424] = "Failed Dependency",
		[425] = "Too Early",
		[426] = "Upgrade Required",
		[428] = "Precondition Required",
		[429] = "Too Many Requests",
		[431] = "Request Header Fields Too Large",
		[451] = "Unavailable For Legal Reasons",
		[500] = "Internal Server Error",
		[501] = "Not Implemented",
		[502] = "Bad Gateway",
		[503] = "Service Unavailable",
		[504] = "Gateway Timeout",
		[505] = "HTTP Version Not Supported",
		[507] = "Insufficient Storage",
		[508] = "Loop Detected",
		[511] = "Network Authentication Required",
	};

	return status < 600 && phrases[status] != NULL ? phrases[status] : "";
}
