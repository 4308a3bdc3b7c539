// SPDX-License-Identifier: Apache-2.0
// Copyright the Portolan authors

// A page as the engine describes it: what stays (containers, components,
// outcomes) and what changes (the data in them).

import { element } from "./html.js";
import { control, drawsLabel, isInput, isLabelled, isTicked } from
    "./inputs.js";

const byOrder = (a, b) => (a.order ?? 0) - (b.order ?? 0);
const same = (a, b) => a?.toLowerCase() === b?.toLowerCase();
const CLASSES = { HORIZONTAL_FLOW: "horizontal", INLINE_FLOW: "inline" };

export class Page {
	// doings: { take(outcome), changed(part), more(part, filter),
	// upload(part, files) }
	constructor(form, response, doings) {
		const page = response.pageResponse ?? {};
		this.form = form;
		this.doings = doings;
		this.containers = page.pageContainerResponses ?? [];
		this.outcomes = (response.outcomeResponses ?? [])
			.slice().sort(byOrder);
		this.parts = (page.pageComponentResponses ?? []).map((about) =>
			this.#part(about));
		this.update(response);
	}

	#part(about) {
		const part = { about, kind: (about.componentType ?? "").toUpperCase(),
			data: {}, value: null, objects: [], filter: null, hasMore: false };
		part.outcomes = this.outcomes.filter((o) =>
			same(o.pageObjectBindingId, about.id));
		part.take = (outcome) => this.doings.take(outcome);
		part.changed = () => this.doings.changed(part);
		part.more = (filter) => this.doings.more(part, filter);
		part.upload = (files) => this.doings.upload(part, files);
		part.redraw = () => this.draw();
		return part;
	}

	// New data for the same parts, as a SYNC brings it.
	update(response) {
		const page = response.pageResponse ?? {};
		this.data = page.pageContainerDataResponses ?? [];
		for (const part of this.parts) {
			const data = (page.pageComponentDataResponses ?? []).find((d) =>
				same(d.pageComponentId, part.about.id));
			if (!data)
				continue;
			part.data = data;
			part.value = data.contentValue ?? null;
			if (data.objectData || !data.objectDataRequest)
				part.objects = data.objectData ?? [];
		}
		this.draw();
	}

	// What the user has done, for the next invoke.
	inputs() {
		return this.parts.filter((p) => isInput(p.kind)).map((part) => ({
			pageComponentId: part.about.id, contentValue: part.value,
			objectData: part.objects.filter((row) => row.isSelected),
		}));
	}

	draw() {
		const focused = document.activeElement?.id;
		const top = this.outcomes.filter((o) => !o.pageObjectBindingId ||
		    !this.parts.some((p) => same(p.about.id, o.pageObjectBindingId)));
		this.form.replaceChildren(
			...this.containers.slice().sort(byOrder).map((c) =>
				this.#container(c)).filter((c) => c !== null),
			...this.#buttons(top, "outcomes foot"));
		if (focused)
			document.getElementById(focused)?.focus();
	}

	#container(about) {
		const data = this.data.find((d) =>
			same(d.pageContainerId, about.id)) ?? {};
		if (data.isVisible === false)
			return null;
		const inside = [
			...this.parts.filter((p) =>
				same(p.about.pageContainerId, about.id))
				.map((part) => ({ order: part.about.order,
					made: this.#field(part) })),
			...(about.pageContainerResponses ?? []).map((c) => ({
				order: c.order, made: this.#container(c) })),
		].sort(byOrder).map((x) => x.made).filter((x) => x !== null);
		const kind = (about.containerType ?? "").toUpperCase();
		const name = `container ${CLASSES[kind] ?? ""}`;
		return about.label || kind === "GROUP" ?
		    element("fieldset", { className: name },
		    	about.label ? element("legend", {}, about.label) : null,
		    	...inside) :
		    element("div", { className: name }, ...inside);
	}

	#field(part) {
		if (part.data.isVisible === false)
			return null;
		const id = `c-${part.about.id}`;
		const label = drawsLabel(part.kind) && part.about.label ?
		    element(isLabelled(part) ? "label" : "div", {
		    	htmlFor: isLabelled(part) ? id : null, id: `${id}-label`,
		    	className: part.data.isRequired ? "label required" :
		    	    "label" }, part.about.label) : null;
		const about = [];
		if (part.about.helpInfo)
			about.push(element("p", { className: "help" },
			    part.about.helpInfo));
		if (part.data.isValid === false)
			about.push(element("p", { className: "wrong" },
			    part.data.validationMessage ?? "This is not valid"));
		const bulk = part.outcomes.filter((o) => o.isBulkAction ||
		    !["TABLE", "TILES"].includes(part.kind));
		const made = control(part, id);
		return element("div", { className: "field" },
		    ...isTicked(part) ? [element("div", { className: "choice" },
		    	made, label)] : [label, made],
		    element("div", { id: `${id}-about` }, ...about),
		    ...this.#buttons(bulk, "outcomes"));
	}

	// To what is wrong, or else to where the page begins.
	enter(heading) {
		(this.form.querySelector("[aria-invalid=true]") ?? heading).focus();
	}

	#buttons(outcomes, className) {
		if (outcomes.length === 0)
			return [];
		return [element("div", { className }, ...outcomes.map((outcome, at) => {
			const button = element("button", { type: at === 0 &&
			    className.includes("foot") ? "submit" : "button",
			id: `o-${outcome.id}` }, outcome.label ?? outcome.developerName);
			button.addEventListener("click", (event) => {
				event.preventDefault();
				this.doings.take(outcome);
			});
			return button;
		}))];
	}

	busy(busy) {
		this.form.setAttribute("aria-busy", String(busy));
		for (const button of this.form.querySelectorAll("button"))
			button.disabled = busy;
	}
}
