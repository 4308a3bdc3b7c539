/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Ids that every flow of the platform knows: of the properties of $User,
 * $Location and $State that are filled here.
 */
#ifndef ENGINE_SYSTEM_IDS_H
#define ENGINE_SYSTEM_IDS_H

/* Who has not logged in. */
#define PUBLIC_USER_ID		"52df1a90-3826-4508-b7c2-cde8aa5b72cf"

#define USER_ID			"90262141-02b2-4f2c-8107-b14cf859de4d"
#define USER_COUNTRY		"4fb64b42-a370-455e-85ed-d9a0a8723a43"
#define USER_LOCATION		"4fa61b42-a370-455e-85ed-d9a0a8723a43"
#define USER_NAME		"d8839b46-c43b-4435-9395-bd00491da16e"
#define USER_EMAIL		"601ddc6a-fff4-478b-abe4-c4e65bc901c6"
#define USER_FIRST_NAME		"6e1d4d49-ab0d-4475-9488-cf4a71d36beb"
#define USER_LAST_NAME		"e525aaae-c900-47fc-9a20-d10c52cfc203"
#define USER_DIRECTORY_ID	"4fa61b52-a370-455e-85ed-d9a0a8723a43"
#define USER_DIRECTORY_NAME	"4fa61b45-a370-455e-85ed-d9a0a8723a43"
#define USER_IP_ADDRESS		"0dabbcd3-b5b1-47b3-b7e1-535c5b5e1878"

#define LOCATION_TIMESTAMP	"ffc4cbd6-fa28-4141-95a4-da9bacdb0203"
#define LOCATION_LATITUDE	"9270a449-9ad5-4c57-b952-dc4551210aba"
#define LOCATION_LONGITUDE	"0a198b4b-1890-4b3b-b09c-e215c7c1458b"
#define LOCATION_ACCURACY	"4db3ce7a-e758-4202-b2e5-e2a21c2a25fd"
#define LOCATION_ALTITUDE	"6242aa3f-2796-42ed-9262-ef77ee7405e2"
#define LOCATION_ALTITUDE_ACCURACY "a68965d6-0461-4efe-8f63-f05c406e6f2b"
#define LOCATION_HEADING	"6f0bee99-ecfb-4b63-a034-f7807244c2b8"
#define LOCATION_SPEED		"22c772bf-7bc2-4ec3-a44a-f8387751d32c"

#define STATE_ID		"a4368ea1-f120-47a1-a67b-a8ce9452c127"
#define STATE_PARENT_ID		"c0986c48-dbc5-43c6-9222-3f8f3d4e2247"
#define STATE_EXTERNAL_ID	"6ba0852d-ced1-428e-be7e-6f80d4b85f1f"
#define STATE_FLOW_ID		"5bb41d1f-8f1d-4028-ae44-763617537338"
#define STATE_FLOW_VERSION_ID	"b43b6afa-2e56-461a-ad96-2b74bc92c90d"
#define STATE_FLOW_NAME		"45bb98b0-9c3d-47f2-b708-1327e5cd1dca"
#define STATE_IS_DONE		"43ff2b25-78d8-4279-b517-3f82a888084c"
#define STATE_OWNER_USER_ID	"eae019c3-ea80-4dac-844e-bafd1a90861f"
#define STATE_DATE_CREATED	"dcf75168-8f6e-4fbc-9e9d-543793bc4afd"
#define STATE_DATE_MODIFIED	"23f6b3ca-e136-4908-8028-ac6f975441fa"
#define STATE_ELEMENT_ID	"81707a21-edd7-48d5-ad80-ffcfa3471b6c"
#define STATE_ELEMENT_NAME	"ae1eb1e1-1760-41ea-9a02-919781bff313"
#define STATE_JOIN_URI		"1a3b4fc9-912c-486e-a0fc-ff0d9f9796b7"

#endif
