// SPDX-License-Identifier: Apache-2.0
// Copyright the Portolan authors

// The life of a run: begin or join, show a page, take an outcome, wait, end.

import { Calls, Refused } from "./calls.js";
import { element } from "./html.js";
import { Page } from "./page.js";

const PING_MS = 10000, SYNC_AGAIN_MS = 100;
const LIMITS = { SELECT: 250, TILES: 20 };

const query = new URLSearchParams(location.search);
const tenant = decodeURIComponent(location.pathname.split("/")[1]);
const at = (id) => document.getElementById(id);
const calls = new Calls(tenant, (frontend, backend) => {
	at("regions").textContent = frontend === null ? "" :
	    `Frontend ${frontend}` + (backend === null ? "" :
	    `, backend ${backend}`);
});

const run = { token: null, element: null, type: "FORWARD", page: null,
	busy: false, ping: 0 };

// --- what the user sees ----------------------------------------------------------

function notice(text) {
	at("notice").hidden = !text;
	at("notice").textContent = text ?? "";
}

function message(text) {
	run.page = null;
	at("page").replaceChildren(element("p", { className: "waiting",
		role: "status" }, text));
}

// One thing at a time; what goes wrong leaves the page as it is.
async function doing(work) {
	if (run.busy)
		return;
	run.busy = true;
	run.page?.busy(true);
	try {
		await work();
	} catch (refused) {
		if (!(refused instanceof Refused))
			throw refused;
		notice(refused.message);
	} finally {
		run.busy = false;
		run.page?.busy(false);
	}
}

// --- beginning -----------------------------------------------------------------------

// This page without what names a run.
function ownUrl() {
	const url = new URL(location.href);
	for (const name of ["flow-id", "flow-version-id", "join",
		"authorization", "initialization"])
		url.searchParams.delete(name);
	url.hash = "";
	return url.href;
}

function startRequest(state) {
	return { flowId: { id: query.get("flow-id"),
		versionId: query.get("flow-version-id") }, stateId: state,
	annotations: null, inputs: null, playerUrl: ownUrl(),
	joinPlayerUrl: ownUrl(), mode: null, reportingMode: null,
	environmentId: query.get("environment-id") };
}

async function begin(state = null) {
	const answer = await calls.post("/api/run/1", startRequest(state));
	calls.state = answer.stateId;
	run.token = answer.stateToken;
	run.element = answer.currentMapElementId;
	if (await loggedIn(answer, () => begin(answer.stateId)))
		await show(await invoke("FORWARD"));
}

async function join(state) {
	calls.state = state;
	await show(await calls.get(calls.statePath()));
}

// --- logging in ------------------------------------------------------------------------

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

// Where a directory says that its users log in.  What they type there is read
// by nobody on the way; on this very machine there is no way.
function isLoginAddress(text) {
	try {
		const url = new URL(text);
		return url.protocol === "https:" || (url.protocol === "http:" &&
		    LOOPBACK.test(url.hostname));
	} catch {
		return false;	// no address, or one that depends on ours
	}
}

// False: somebody has to log in first, after which again() is called.
async function loggedIn(answer, again) {
	const about = answer.authorizationContext;
	if (!about?.directoryId || calls.token)
		return true;
	if ((about.authenticationType ?? "").toUpperCase() !==
	    "USERNAME_PASSWORD" && about.loginUrl) {
		if (isLoginAddress(about.loginUrl))
			location.assign(about.loginUrl);
		else
			message("You have to log in, but the address to do " +
			    "so is not a secure one (https). Tell whoever " +
			    "made this flow.");
		return false;
	}
	message("Log in to go on.");
	askForLogin(about, again);
	return false;
}

function askForLogin(about, again) {
	const dialog = at("login"), form = dialog.querySelector("form");
	at("login-title").textContent = about.directoryName ?
	    `Log in to ${about.directoryName}` : "Log in";
	form.onsubmit = async (event) => {
		event.preventDefault();
		try {
			calls.token = await calls.post(
			    `/api/run/1/authentication/${calls.state}`, {
			    	loginUrl: about.loginUrl,
			    	username: form.username.value,
			    	password: form.password.value, token: null,
			    	sessionToken: null, sessionUrl: null });
			form.password.value = "";
			dialog.close();
			await doing(again);
		} catch (refused) {
			at("login-notice").textContent = refused.message;
		}
	};
	at("login-notice").textContent = "";
	if (!dialog.open)
		dialog.showModal();
}

// --- moving ----------------------------------------------------------------------------

function invoke(type, more = {}, options = {}) {
	return calls.post(calls.statePath(), { stateId: calls.state,
		stateToken: run.token, currentMapElementId: run.element,
		invokeType: type, annotations: null, geoLocation: null,
		mapElementInvokeRequest: { selectedOutcomeId: null,
			pageRequest: { pageComponentInputResponses:
			    run.page?.inputs() ?? null }, ...more.element },
		mode: null, ...more.request }, options);
}

function take(outcome) {
	doing(async () => {
		if (outcome.isOut) {
			const other = await calls.post(
			    `/api/run/1/state/out/${calls.state}/${outcome.id}`, {});
			await join(other.stateId);
			return;
		}
		// As the last answer said, so that who waits goes on waiting.
		const type = run.type === "SYNC" ? "FORWARD" : run.type;
		await show(await invoke(type, { element:
		    { selectedOutcomeId: outcome.id } }));
	});
}

function changed(part) {
	if (part.about.hasEvents)
		doing(async () => {
			let answer = await invoke("SYNC");
			while (answer.invokeType === "WAIT") {
				await new Promise((go) => setTimeout(go, SYNC_AGAIN_MS));
				run.token = answer.stateToken;
				answer = await invoke("SYNC");
			}
			await show(answer);
		});
}

// Rows that a service has.
async function load(part, filter) {
	const wanted = { limit: LIMITS[part.kind] ?? 10, offset: 0,
		search: null, ...part.filter, ...filter };
	const answer = await calls.post("/api/run/1/service/data", {
		...part.data.objectDataRequest, stateId: calls.state,
		listFilter: wanted });
	part.filter = wanted;
	part.objects = answer.objectData ?? [];
	part.hasMore = !!answer.hasMoreResults;
	part.redraw();
}

function more(part, filter) {
	doing(() => load(part, filter));
}

function upload(part, files) {
	doing(async () => {
		const form = new FormData();
		for (const file of files)
			form.append("FileData", file);
		form.append("FileDataRequest", JSON.stringify({
			...part.data.fileDataRequest, stateId: calls.state }));
		const answer = await calls.post("/api/run/1/service/file/content",
		    form);
		part.objects = (answer.objectData ?? []).map((row) =>
			({ ...row, isSelected: true }));
		part.redraw();
	});
}

// --- answers ------------------------------------------------------------------------------

// The address becomes one that comes back here.
function noteAddress(answer) {
	if (!answer.joinFlowUri)
		return;
	const url = new URL(answer.joinFlowUri, location.href);
	if (url.origin === location.origin)
		history.replaceState(null, "", url);
}

async function show(answer) {
	const response = answer.mapElementInvokeResponses?.[0];
	run.token = answer.stateToken ?? run.token;
	if (!await loggedIn(answer, () => join(calls.state)))
		return;
	notice(Object.values(response?.rootFaults ?? answer.rootFaults ?? {})
		.join(" "));
	if (answer.invokeType === "NOT_ALLOWED") {
		message(answer.notAuthorizedMessage ||
		    "You are not authorized to access this content.");
		return;
	}
	run.element = answer.currentMapElementId;
	run.type = answer.invokeType;
	noteAddress(answer);
	clearTimeout(run.ping);
	if (["WAIT", "STATUS", "WAITING_ON_VOTES"].includes(run.type))
		waitFor(answer, response);
	else if (response)
		showPage(response);
	for (const part of run.page?.parts ?? [])
		if (part.data.objectDataRequest && part.filter === null)
			await load(part, {});
	await showNavigation(answer);
}

function showPage(response) {
	const scaffold = response.pageResponse?.pageComponentResponses;
	if (!scaffold && run.page) {
		run.page.update(response);
	} else {
		at("title").textContent = response.pageResponse?.label ??
		    response.label ?? "";
		document.title = at("title").textContent || "Flow";
		const first = run.page === null;
		run.page = new Page(at("page"), response,
		    { take, changed, more, upload });
		// Where the address led, the browser begins by itself.
		if (!first)
			run.page.enter(at("title"));
	}
}

function waitFor(answer, response) {
	if (response?.pageResponse && answer.isPageWait)
		showPage(response);
	else
		message(answer.waitMessage || "This takes a moment ...");
	const again = () => doing(() => join(calls.state));
	if (answer.waitExpiresAt) {
		run.ping = setTimeout(again, Math.max(0,
		    new Date(answer.waitExpiresAt) - Date.now()));
		return;
	}
	const ping = async () => {
		let moved = false;
		try {
			moved = await calls.get(calls.statePath(
			    `/ping/${run.token}`));
		} catch {
			// it is asked again
		}
		if (moved)
			again();
		else
			run.ping = setTimeout(ping, PING_MS);
	};
	ping();
}

// --- navigation -----------------------------------------------------------------------------

function navigationItems(navigation, items) {
	const data = (id) => (navigation.navigationItemDataResponses ?? [])
		.find((d) => d.navigationItemId === id) ?? {};
	return element("ul", {}, ...items.filter((item) =>
		data(item.id).isVisible !== false).map((item) => {
		const about = data(item.id);
		const button = element("button", { type: "button",
			disabled: about.isEnabled === false,
			"aria-current": about.isCurrent ? "step" : null },
		item.label ?? item.developerName);
		button.addEventListener("click", () => doing(async () =>
			show(await invoke("NAVIGATE", { request: {
				navigationElementId: navigation.id,
				selectedNavigationItemId: item.id } }))));
		return element("li", {}, button,
		    item.navigationItems?.length > 0 ?
		    navigationItems(navigation, item.navigationItems) : null);
	}));
}

async function showNavigation(answer) {
	const reference = answer.navigationElementReferences?.[0];
	at("navigation").hidden = !reference;
	if (!reference)
		return;
	const navigation = await calls.post(
	    `/api/run/1/navigation/${calls.state}`, { stateId: calls.state,
	    	stateToken: run.token, navigationElementId: reference.id });
	navigation.id = reference.id;
	at("navigation").hidden = navigation.isVisible === false;
	at("navigation").replaceChildren(navigationItems(navigation,
	    navigation.navigationItemResponses ?? []));
}

// --- the page itself ---------------------------------------------------------------------------

at("page").addEventListener("submit", (event) => event.preventDefault());

// Half-typed text is there again when the user comes back.
window.addEventListener("pagehide", () => {
	if (run.page && calls.state && run.type !== "DONE")
		invoke("SYNC", {}, { keepalive: true }).catch(() => {});
});

doing(async () => {
	calls.token = query.get("authorization");
	const joined = query.get("join");
	if (joined)
		await join(joined);
	else if (query.get("flow-id"))
		await begin();
	else
		notice("The address of this page names no flow: it needs " +
		    "?flow-id= and the flow's ID.");
});
