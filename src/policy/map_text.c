/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "policy/map_text.h"

#include <stdio.h>

const char *
map_place_text(struct place place, char text[16])
{
	if (place.country != 0)
		snprintf(text, 16, "%s", country_code(place.country));
	else if (place.continent != CONTINENT_NONE)
		snprintf(text, 16, "continent:%s",
		    continent_code((enum continent)place.continent));
	else
		snprintf(text, 16, "default");
	return text;
}

void
map_list_text(struct buf *out, const struct region_map *map,
    const struct region_list *list)
{
	for (uint8_t i = 0; i < list->count; i++)
		buf_printf(out, "%s%s", i > 0 ? " " : "",
		    map->regions[list->regions[i]].id);
}

void
map_list_json(struct buf *out, const struct region_map *map,
    const struct region_list *list)
{
	buf_char(out, '[');
	for (uint8_t i = 0; i < list->count; i++) {
		if (i > 0)
			buf_char(out, ',');
		buf_json(out, slice_of(map->regions[list->regions[i]].id));
	}
	buf_char(out, ']');
}

void
map_network_text(struct buf *out, const struct cidr *net)
{
	char text[ADDR_TEXT_MAX];

	buf_printf(out, "%s/%d", addr_text(&net->base, text), net->bits);
}
