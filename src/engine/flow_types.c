/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Reading the types of a snapshot, and what the system has beside them: the
 * ids are the platform's, and stand in no snapshot.
 */
#include "base/must.h"
#include "engine/reader.h"
#include "engine/system_ids.h"

enum { TYPES_MAX = 5000, PROPERTIES_MAX = 1000 };

/* --- the system's --------------------------------------------------------------- */

struct named {
	const char	*id, *name;
};

static const struct named user_properties[] = {
	{ USER_ID, "User ID" },
	{ USER_COUNTRY, "Country" },
	{ USER_LOCATION, "Location" },
	{ USER_IP_ADDRESS, "IP Address" },
	{ "d8839b46-c43b-4435-9395-bd00491da16e", "Username" },
	{ "601ddc6a-fff4-478b-abe4-c4e65bc901c6", "Email" },
	{ "6e1d4d49-ab0d-4475-9488-cf4a71d36beb", "First Name" },
	{ "e525aaae-c900-47fc-9a20-d10c52cfc203", "Last Name" },
	{ "88ec74a3-b75d-4c1c-89e4-d142159fd5e4", "Language" },
	{ "641f4870-8bf6-4cd9-9654-2aa04c542f43", "Brand" },
	{ "a20a1786-7318-4688-81ec-738337442c56", "Variant" },
	{ "4fa61b52-a370-455e-85ed-d9a0a8723a43", "Directory Id" },
	{ "4fa61b45-a370-455e-85ed-d9a0a8723a43", "Directory Name" },
	{ "5582d6d3-b673-4972-a65f-9e915c0c10aa", "Role Id" },
	{ "d9904fdd-8f19-4f26-96c1-83ec2f58a540", "Role Name" },
	{ "ce98ce03-41ee-405d-b849-509974610d7f", "Primary Group Id" },
	{ "f26ba831-b013-4654-8ae3-8eb3ab5e6c1e", "Primary Group Name" },
	{ "4fa61b46-a370-455e-85ed-d9a0a8723a43", "Status" },
	{ "4fa61b47-a370-455e-85ed-d9a0a8723a43", "AuthenticationType" },
	{ "4fa61b48-a370-455e-85ed-d9a0a8723a43", "LoginUrl" },
};

static const struct named location_properties[] = {
	{ LOCATION_TIMESTAMP, "Location Timestamp" },
	{ LOCATION_LATITUDE, "Current Latitude" },
	{ LOCATION_LONGITUDE, "Current Longitude" },
	{ LOCATION_ACCURACY, "Location Accuracy" },
	{ LOCATION_ALTITUDE, "Current Altitude" },
	{ LOCATION_ALTITUDE_ACCURACY, "Altitude Accuracy" },
	{ LOCATION_HEADING, "Current Heading" },
	{ LOCATION_SPEED, "Current Speed" },
};

static const struct named state_properties[] = {
	{ STATE_ID, "ID" },
	{ STATE_PARENT_ID, "Parent ID" },
	{ STATE_EXTERNAL_ID, "External ID" },
	{ STATE_FLOW_ID, "Flow ID" },
	{ STATE_FLOW_VERSION_ID, "Flow Version ID" },
	{ STATE_FLOW_NAME, "Flow Developer Name" },
	{ STATE_IS_DONE, "Is Done?" },
	{ STATE_OWNER_USER_ID, "Owner User ID" },
	{ STATE_DATE_CREATED, "Date Created" },
	{ STATE_DATE_MODIFIED, "Date Modified" },
	{ STATE_ELEMENT_ID, "Current Map Element ID" },
	{ STATE_ELEMENT_NAME, "Current Map Element Developer Name" },
	{ STATE_JOIN_URI, "Join URI" },
	{ "eb621350-d117-4c16-848e-0dce15021093", "Owner ID" },
	{ "8d39a782-3a8a-4816-a660-823cfdaf190d", "Owner First Name" },
	{ "1e453f03-6365-452c-be93-43e37b270add", "Owner Last Name" },
	{ "f72489d4-2175-4095-b4d0-113fb489f0d9", "Owner Username" },
	{ "329a5fc0-f665-44f0-b5a9-a4dd39040ff2", "Owner Email" },
	{ "0289afc0-4f92-4c5a-a07d-3af40b8f2f00", "Owner Name" },
};

static const struct {
	const char	*id, *name;
	const struct named *properties;
	size_t		 nproperties;
} types[] = {
	{ "2674ce95-dd99-42c6-96fc-ad12e1b48a69", "$User",
	    user_properties, COUNT(user_properties) },
	{ "7834ce95-dd99-42c6-96fc-ad12e1b48a69", "$Location",
	    location_properties, COUNT(location_properties) },
	{ "6f5844b9-b79f-49ce-ba65-843dc754d1b6", "$State",
	    state_properties, COUNT(state_properties) },
	/* Their content comes from services; values may be of these types. */
	{ "af48e652-7dec-4739-9c98-586318e0ad7d", "$File", NULL, 0 },
	{ "82de6847-03d6-4ace-91cc-26cd80aea9fc", "$Group", NULL, 0 },
};

static const struct {
	const char	*id, *name;
	enum content_type type;
	enum system_value system;
	int		 kind;		/* in types; -1: plain content */
	const char	*content;
} values[] = {
	{ "be1bc78e-fd57-40ec-9a86-a815de2a9e28", "$True",
	    CONTENT_BOOLEAN, SYSTEM_TRUE, -1, "true" },
	{ "496fd041-d91f-48fb-aa4f-91c6c9a11ca1", "$False",
	    CONTENT_BOOLEAN, SYSTEM_FALSE, -1, "false" },
	{ "03dc41dd-1c6b-4b33-bf61-cbd1d0778fff", "$User",
	    CONTENT_OBJECT, SYSTEM_USER, 0, NULL },
	{ "4fa61b42-a370-455e-85ed-d9a0a8723a43", "$Location",
	    CONTENT_OBJECT, SYSTEM_LOCATION, 1, NULL },
	{ "1f2a56fd-e14b-460c-aabd-9fbf344b84f3", "$State",
	    CONTENT_OBJECT, SYSTEM_STATE, 2, NULL },
	{ "e2063196-3c75-4388-8b00-1005b8cd59ad", "$JoinUri",
	    CONTENT_STRING, SYSTEM_JOIN_URI, -1, NULL },
};

static void
add_system_type(struct reader *r, size_t i)
{
	struct flow_type *type = &r->flow->types[i];

	must(guid_of(&type->guid, types[i].id));
	type->id = types[i].id;
	type->name = types[i].name;
	type->nproperties = types[i].nproperties;
	type->properties = arena_array(r->arena, type->nproperties,
	    sizeof(*type->properties));
	for (size_t k = 0; k < type->nproperties; k++) {
		struct type_property *p = &type->properties[k];

		p->id = types[i].properties[k].id;
		p->name = types[i].properties[k].name;
		p->type = CONTENT_STRING;
		must(guid_of(&p->guid, p->id));
	}
}

size_t
system_values(void)
{
	return COUNT(values);
}

void
add_system_values(struct flow *flow)
{
	for (size_t i = 0; i < COUNT(values); i++) {
		struct flow_value *value = &flow->values[i];

		must(guid_of(&value->guid, values[i].id));
		value->id = values[i].id;
		value->name = values[i].name;
		value->type = values[i].type;
		value->system = values[i].system;
		if (values[i].kind >= 0)
			value->kind = &flow->types[values[i].kind];
		value->fixed = true;
		value->default_text = values[i].content;
		value->index = i;
	}
	flow->nvalues = COUNT(values);
}

/* --- the snapshot's ----------------------------------------------------------------- */

const struct flow_type *
find_type(const struct flow *flow, const struct guid *guid)
{
	for (size_t i = 0; i < flow->ntypes; i++)
		if (guid_eq(&flow->types[i].guid, guid))
			return &flow->types[i];
	return NULL;
}

static void
read_property(struct reader *r, const struct where *at, const json_t *json,
    struct type_property *p)
{
	const struct where type_at = { at, "contentType", 0 };
	const char *type, *kind;

	p->id = need_guid(r, at, json, "id", &p->guid);
	kind = read_text(r, at, json, "typeElementId");
	p->has_kind = guid_of(&p->kind, kind);
	p->name = need_text(r, at, json, "developerName");
	type = need_text(r, at, json, "contentType");
	if (type != NULL && !content_type_find(&p->type, slice_of(type)))
		reader_fail(r, &type_at, "\"%s\" is no content type", type);
}

static void
read_type(struct reader *r, const struct where *at, const json_t *json,
    struct flow_type *type)
{
	const json_t *list = read_list(r, at, json, "properties",
	    PROPERTIES_MAX);
	const struct where list_at = { at, "properties", 0 };

	type->id = need_guid(r, at, json, "id", &type->guid);
	type->name = need_text(r, at, json, "developerName");
	type->nproperties = json_array_size(list);
	type->properties = arena_array(r->arena, type->nproperties,
	    sizeof(*type->properties));
	for (size_t i = 0; i < type->nproperties && !r->failed; i++) {
		const struct where here = { &list_at, NULL, i };

		read_property(r, &here, json_array_get(list, i),
		    &type->properties[i]);
	}
}

bool
read_types(struct reader *r, const json_t *root)
{
	const json_t *list = read_list(r, NULL, root, "typeElements",
	    TYPES_MAX);
	const struct where at = { NULL, "typeElements", 0 };
	struct flow *flow = r->flow;

	flow->types = arena_array(r->arena, COUNT(types) +
	    json_array_size(list), sizeof(*flow->types));
	for (size_t i = 0; i < COUNT(types); i++)
		add_system_type(r, i);
	flow->ntypes = COUNT(types);
	for (size_t i = 0; i < json_array_size(list) && reader_goes_on(r); i++) {
		const struct where here = { &at, NULL, i };
		struct flow_type *type = &flow->types[flow->ntypes];
		const struct flow_type *twin;

		read_type(r, &here, json_array_get(list, i), type);
		twin = r->failed ? NULL : find_type(flow, &type->guid);
		/* A snapshot may list the system's as well. */
		if (twin == NULL)
			flow->ntypes++;
		else if (twin >= &flow->types[COUNT(types)])
			reader_fail(r, &here, "another type has the id %s",
			    type->id);
	}
	return !r->failed;
}
