/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * `portolan map render`: the world as an SVG, each country in the colour of
 * the region that it goes to first.  The outlines are data/world.svg, with an
 * element per country whose id is the country's code.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command/map.h"
#include "command/options.h"

static const char world_svg[] = {
#include "world.svg.inc"
};

/* Apart from each other on a map, in print and for most colour-blind eyes;
 * the six that the platform has keep theirs in every map. */
static const struct {
	const char	*id, *colour;
} palette[REGIONS_MAX] = {
	{ "US", "#3b6fb6" }, { "CA", "#d1495b" }, { "EU", "#edae49" },
	{ "GB", "#7b5ea7" }, { "AU", "#2a9d5c" }, { "SG", "#00798c" },
	{ "", "#8c564b" }, { "", "#e377c2" }, { "", "#bcbd22" },
	{ "", "#17becf" }, { "", "#ff7f0e" }, { "", "#1f3b73" },
	{ "", "#98df8a" }, { "", "#c5b0d5" }, { "", "#7f7f7f" },
	{ "", "#c49c94" },
};

struct render {
	const struct region_map *map;
	const char	*colours[REGIONS_MAX];	/* by region */
	struct buf	*out;
};

/* --- colours -------------------------------------------------------------------------- */

static void
choose_colours(struct render *r)
{
	bool taken[REGIONS_MAX] = { false };

	for (uint8_t i = 0; i < r->map->nregions; i++)
		for (size_t k = 0; k < REGIONS_MAX; k++)
			if (strcmp(palette[k].id, r->map->regions[i].id) == 0) {
				r->colours[i] = palette[k].colour;
				taken[k] = true;
			}
	for (uint8_t i = 0; i < r->map->nregions; i++)
		for (size_t k = REGIONS_MAX; k-- > 0 && r->colours[i] == NULL;)
			if (!taken[k]) {
				r->colours[i] = palette[k].colour;
				taken[k] = true;
			}
}

static uint8_t
region_of(const struct region_map *map, uint16_t country)
{
	struct place place = { PLACE_LOCATED,
	    (uint8_t)country_continent(country), country };

	return region_map_place(map, place).list->regions[0];
}

/* --- the drawing -------------------------------------------------------------------------- */

/* The code in `<path id="FR" ...` or `<circle id="FR" ...`, or 0. */
static uint16_t
country_of_line(struct slice line)
{
	static const struct slice starts[] = { SLICE("<path id=\""),
	    SLICE("<circle id=\"") };

	for (size_t i = 0; i < 2; i++)
		if (line.len > starts[i].len + 3 && memcmp(line.p, starts[i].p,
		    starts[i].len) == 0 && line.p[starts[i].len + 2] == '"')
			return country_find((struct slice){
			    line.p + starts[i].len, 2 });
	return 0;
}

/* Everything before mark is written and taken off; false, and nothing done,
 * if it is not there. */
static bool
write_until(struct render *r, struct slice *line, struct slice mark)
{
	const char *at = memmem(line->p, line->len, mark.p, mark.len);
	size_t before;

	if (at == NULL)
		return false;
	before = (size_t)(at - line->p);
	buf_add(r->out, line->p, before);
	line->p += before;
	line->len -= before;
	return true;
}

/* Its colour, and behind its name where it goes. */
static void
write_country(struct render *r, struct slice line, uint16_t country)
{
	uint8_t region = region_of(r->map, country);

	if (write_until(r, &line, SLICE(" data-continent=")))
		buf_printf(r->out, " fill=\"%s\"", r->colours[region]);
	if (write_until(r, &line, SLICE("</title>"))) {
		buf_text(r->out, ": ");
		buf_markup(r->out, slice_of(r->map->regions[region].id));
	}
	buf_slice(r->out, line);
}

static void
write_legend(struct render *r)
{
	enum { BOTTOM = 475, STEP = 20 };
	uint8_t n = r->map->nregions;

	buf_text(r->out, "<g font-family=\"sans-serif\" font-size=\"13\">\n");
	for (uint8_t i = 0; i < n; i++) {
		int y = BOTTOM - STEP * (n - i);

		buf_printf(r->out, "<rect x=\"12\" y=\"%d\" width=\"14\" "
		    "height=\"14\" fill=\"%s\"/><text x=\"32\" y=\"%d\">", y,
		    r->colours[i], y + 12);
		buf_markup(r->out, slice_of(r->map->regions[i].id));
		buf_text(r->out, "  ");
		buf_markup(r->out, slice_of(r->map->regions[i].name));
		buf_text(r->out, "</text>\n");
	}
	buf_text(r->out, "</g>\n");
}

static void
draw(struct render *r)
{
	struct slice rest = { world_svg, sizeof(world_svg) }, line;

	while (slice_split(&rest, '\n', &line)) {
		uint16_t country = country_of_line(line);

		if (slice_is(line, "</svg>"))
			write_legend(r);
		if (country != 0)
			write_country(r, line, country);
		else
			buf_slice(r->out, line);
		if (rest.p != NULL)
			buf_char(r->out, '\n');
	}
}

/* --- the same as data ----------------------------------------------------------------------- */

static void
write_json(struct render *r)
{
	buf_text(r->out, "{\"regions\":[");
	for (uint8_t i = 0; i < r->map->nregions; i++) {
		buf_text(r->out, i > 0 ? ",{\"region\":" : "{\"region\":");
		buf_json(r->out, slice_of(r->map->regions[i].id));
		buf_printf(r->out, ",\"colour\":\"%s\"}", r->colours[i]);
	}
	buf_text(r->out, "],\"countries\":{");
	for (uint16_t c = 1; c <= COUNTRIES; c++) {
		buf_printf(r->out, "%s\"%s\":", c > 1 ? "," : "",
		    country_code(c));
		buf_json(r->out, slice_of(
		    r->map->regions[region_of(r->map, c)].id));
	}
	buf_text(r->out, "}}\n");
}

/* --- the command ----------------------------------------------------------- */

static int
write_file(const char *command, const char *path, struct buf *out)
{
	FILE *f = fopen(path, "w");
	bool good = f != NULL && fwrite(out->p, 1, out->len, f) == out->len;

	if (f != NULL && fclose(f) != 0)
		good = false;
	if (!good)
		fprintf(stderr, "portolan %s: %s: %s\n", command, path,
		    strerror(errno));
	buf_fini(out);
	return good ? EXIT_GOOD : EXIT_USAGE;
}

static int
render(struct map_inputs *in, const char *map, const char *path, bool json)
{
	struct buf out = { 0 };
	struct render r = { .map = map_inputs_map(in, map), .out = &out };

	if (!loading_tell(in->command, &in->mistakes) || r.map == NULL)
		return EXIT_USAGE;
	choose_colours(&r);
	if (json)
		write_json(&r);
	else
		draw(&r);
	return path != NULL ? write_file(in->command, path, &out) :
	    loading_print(in->command, &out, EXIT_GOOD);
}

int
map_render(int argc, char **argv)
{
	const char *config = NULL, *path = NULL;
	bool json = false;
	const struct option_spec specs[] = {
		{ "config", 'c', "FILE", "draw the map that this "
		    "configuration names", .value = &config },
		{ "output", 'o', "FILE", "write there (standard output)",
		    .value = &path },
		{ "json", 0, NULL, "the table of countries instead of the "
		    "drawing", .flag = &json },
		{ 0 },
	};
	const struct usage usage = { .command = "map render",
	    .operands = "MAP", .options = specs, .most = 1, .about =
	    "Draws the world as SVG, each country in the colour of the region "
	    "that the map\nsends it to first, with a legend. Exit code 0, or 2 "
	    "for mistakes.\nOutlines: Natural Earth (public domain)." };
	struct operands maps;
	struct map_inputs in;
	int end = options_parse(&usage, argc, argv, &maps);

	if (end != OPTIONS_GO_ON)
		return end;
	if ((maps.count == 1) == (config != NULL))
		return options_mistake(&usage, "give a MAP, or --config");
	map_inputs_init(&in, usage.command);
	if (!map_inputs_config(&in, config))
		return map_inputs_stop(&in);
	end = render(&in, maps.count == 1 ? maps.item[0] : NULL, path, json);
	map_inputs_fini(&in);
	return end;
}
