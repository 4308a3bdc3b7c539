/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "template.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client.h"
#include "upstream.h"

enum { ROOM = 64 };			/* an address or a GUID */

static size_t
write_address(char *to, const struct values *v)
{
	size_t len = strlen(v->address);

	memcpy(to, v->address, len);
	return len;
}

static char *
write_hex(char *to, size_t number, int digits)
{
	for (int i = digits; i-- > 0; number >>= 4)
		to[i] = "0123456789abcdef"[number & 15];
	return to + digits;
}

static size_t
write_guid(char *to, size_t number, const char middle[sizeof("-xxxx-4000-8000-")])
{
	size_t len = strlen(middle);
	char *at = write_hex(to, number, 8);

	memcpy(at, middle, len);
	return (size_t)(write_hex(at + len, number, 12) - to);
}

static size_t
write_tenant(char *to, const struct values *v)
{
	return write_guid(to, v->flow % TENANTS, "-7e4a-4000-8000-");
}

static size_t
write_flow(char *to, const struct values *v)
{
	return write_guid(to, v->flow, "-f10e-4000-8000-");
}

static const struct name {
	const char	*text;
	size_t		(*write)(char *to, const struct values *v);
} names[] = {
	{ "{address}", write_address },
	{ "{tenant}", write_tenant },
	{ "{flow}", write_flow },
};

/* The first name at or after at, NULL if there is none. */
static const struct name *
find_name(const char *text, const char **at)
{
	const struct name *first = NULL;

	*at = text + strlen(text);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *found = strstr(text, names[i].text);

		if (found != NULL && found < *at) {
			*at = found;
			first = &names[i];
		}
	}
	return first;
}

static char *
read_all(const char *file, size_t *len)
{
	FILE *f = fopen(file, "r");
	struct stat st;
	char *text;

	if (f == NULL || fstat(fileno(f), &st) != 0)
		stop(file);
	*len = (size_t)st.st_size;
	text = malloc(*len + 1);
	if (*len == 0)
		errno = ENODATA;
	if (text == NULL || *len == 0 || fread(text, 1, *len, f) != *len)
		stop(file);
	text[*len] = '\0';
	fclose(f);
	return text;
}

struct template
template_read(const char *file)
{
	struct template t = { 0 };
	const struct name *name;
	const char *from, *at;
	size_t len;

	t.text = read_all(file, &len);
	t.closes = strstr(t.text, "\r\nConnection: close\r\n") != NULL;
	t.out = malloc(len + TEMPLATE_PARTS * ROOM);
	if (t.out == NULL)
		stop("malloc");
	from = t.text;
	do {
		name = find_name(from, &at);
		t.parts[t.count++] = (struct part){ from, (size_t)(at - from),
		    name == NULL ? NULL : name->write };
		if (name != NULL)
			from = at + strlen(name->text);
	} while (name != NULL && t.count < TEMPLATE_PARTS);
	return t;
}

size_t
template_fill(struct template *t, const struct values *v)
{
	char *to = t->out;

	for (int i = 0; i < t->count; i++) {
		const struct part *p = &t->parts[i];

		memcpy(to, p->text, p->len);
		to += p->len;
		if (p->write != NULL)
			to += p->write(to, v);
	}
	return (size_t)(to - t->out);
}

void
template_free(struct template *t)
{
	free(t->text);
	free(t->out);
}
