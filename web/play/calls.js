// SPDX-License-Identifier: Apache-2.0
// Copyright the Portolan authors

// Calls of the Run API.  What went wrong comes as one sentence for the user.

export class Refused extends Error {
	constructor(status, sentence) {
		super(sentence);
		this.status = status;
	}
}

const NOBODY = "The platform cannot be reached. Try again in a moment.";

// An error of the platform is a JSON string; of others, anything.
async function sentenceOf(response) {
	try {
		const said = await response.json();
		if (typeof said === "string")
			return said;
		if (typeof said?.detail === "string")
			return said.detail;
	} catch {
		// not JSON: the status has to do
	}
	return `The platform answered ${response.status}.`;
}

export class Calls {
	// onRegions(frontend, backend): what every answer says of itself.
	constructor(tenant, onRegions) {
		this.tenant = tenant;
		this.onRegions = onRegions;
		this.state = null;
		this.token = null;	// of a login
	}

	#fields(json) {
		const fields = { ManyWhoTenant: this.tenant };
		if (json)
			fields["Content-Type"] = "application/json";
		if (this.state)
			fields.ManyWhoState = this.state;
		if (this.token)
			fields.Authorization = this.token;
		return fields;
	}

	async send(method, path, body, options = {}) {
		const form = body instanceof FormData;
		let response;
		try {
			response = await fetch(path, { method,
				headers: this.#fields(!form),
				body: body === undefined || form ? body :
				    JSON.stringify(body), ...options });
		} catch {
			throw new Refused(0, NOBODY);
		}
		this.onRegions(response.headers.get("X-ManyWho-Region-Frontend"),
		    response.headers.get("X-ManyWho-Region-Backend"));
		if (!response.ok)
			throw new Refused(response.status, await sentenceOf(response));
		return response.json();
	}

	get(path) {
		return this.send("GET", path);
	}

	post(path, body, options) {
		return this.send("POST", path, body, options);
	}

	statePath(rest = "") {
		return `/api/run/1/state/${encodeURIComponent(this.state)}${rest}`;
	}
}
