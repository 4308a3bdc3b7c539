// SPDX-License-Identifier: Apache-2.0
// Copyright the Portolan authors

// One function for each kind of component: it makes the control and keeps
// what the user does in part.value (text) or part.objects (rows, marked).
//
// A part: { about, data, value, objects, outcomes, changed(), take(outcome),
// more(filter), upload(files) }; about is what does not change of it, data
// what does.

import { cleaned, element, isPicture } from "./html.js";

const TYPES = {
	CONTENTNUMBER: "number", CONTENTPASSWORD: "password",
	CONTENTENCRYPTED: "password", CONTENTDATE: "date",
	CONTENTDATETIME: "datetime-local",
};

const contentType = (part) => (part.about.contentType ?? "").toUpperCase();
const isOn = (text) => /^true$/i.test(text ?? "");

const isShut = (part) => part.data.isEnabled === false ||
    part.data.isEditable === false;

function common(part, id) {
	return { id, disabled: isShut(part), required: !!part.data.isRequired,
		"aria-invalid": part.data.isValid === false ? "true" : null,
		"aria-describedby": `${id}-about` };
}

// Text that is not to be changed may still be read, and copied.
function commonText(part, id) {
	return { ...common(part, id), disabled: part.data.isEnabled === false,
		readOnly: part.data.isEditable === false };
}

// Of what is no single control, and so has no label of its own.
function group(part, id, role) {
	return { id, role, tabIndex: part.data.isValid === false ? -1 : null,
		"aria-labelledby": part.about.label ? `${id}-label` : null,
		"aria-invalid": part.data.isValid === false ? "true" : null,
		"aria-describedby": `${id}-about` };
}

// Instants are kept whole; the control knows local minutes only.
function toControl(type, text) {
	const date = new Date(text ?? "");
	if (!type.startsWith("date"))
		return text ?? "";
	if (!text || isNaN(date))
		return "";
	if (type === "date")
		return text.slice(0, 10);
	date.setMinutes(date.getMinutes() - date.getTimezoneOffset());
	return date.toISOString().slice(0, 16);
}

function fromControl(type, text) {
	if (type === "datetime-local" && text !== "")
		return new Date(text).toISOString();
	return text;
}

function text(part, id) {
	const type = TYPES[contentType(part)] ?? "text";
	const control = element("input", { ...commonText(part, id), type,
		autocomplete: type === "password" ? "off" : null,
		value: toControl(type, part.value), step: "any",
		placeholder: part.about.hintValue ?? "",
		maxLength: part.about.maxSize > 0 && type === "text" ?
		    part.about.maxSize : null });
	control.addEventListener("input", () => {
		part.value = fromControl(type, control.value);
	});
	control.addEventListener("change", () => part.changed());
	return control;
}

function input(part, id) {
	return contentType(part) === "CONTENTBOOLEAN" ? checkbox(part, id) :
	    text(part, id);
}

function textarea(part, id) {
	const control = element("textarea", { ...commonText(part, id), rows: 5,
		value: part.value ?? "", placeholder: part.about.hintValue ?? "" });
	control.addEventListener("input", () => { part.value = control.value; });
	control.addEventListener("change", () => part.changed());
	return control;
}

function checkbox(part, id) {
	const control = element("input", { ...common(part, id),
		type: "checkbox", checked: isOn(part.value) });
	control.addEventListener("change", () => {
		part.value = control.checked ? "true" : "false";
		part.changed();
	});
	return control;
}

function hidden() {
	return null;
}

// --- rows -------------------------------------------------------------------

export function property(row, id) {
	return (row.properties ?? []).find((p) =>
		p.typeElementPropertyId?.toLowerCase() === id?.toLowerCase());
}

function columnsOf(part) {
	const shown = (part.about.columns ?? []).filter((c) =>
		c.isDisplayValue !== false);
	return shown.length > 0 ? shown : (part.objects[0]?.properties ?? []).map(
	    (p) => ({ typeElementPropertyId: p.typeElementPropertyId,
	    	label: p.developerName }));
}

function nameOf(part, row) {
	const first = columnsOf(part)[0];
	return property(row, first?.typeElementPropertyId)?.contentValue ??
	    row.developerName ?? row.externalId ?? "";
}

function select(part, row, only) {
	for (const other of part.objects)
		if (other === row)
			other.isSelected = only || !other.isSelected;
		else if (only || !part.about.isMultiSelect)
			other.isSelected = false;
}

function choice(part, id) {
	const control = element("select", { ...common(part, id),
		multiple: !!part.about.isMultiSelect });
	if (!part.about.isMultiSelect)
		control.append(element("option", { value: "" },
		    part.about.hintValue ?? ""));
	part.objects.forEach((row, at) => control.append(element("option",
	    { value: String(at), selected: !!row.isSelected },
	    nameOf(part, row))));
	control.addEventListener("change", () => {
		const chosen = new Set(Array.from(control.selectedOptions,
		    (o) => o.value));
		part.objects.forEach((row, at) => {
			row.isSelected = chosen.has(String(at));
		});
		part.changed();
	});
	return control;
}

function radio(part, id) {
	const box = element("div", { ...group(part, id, "radiogroup"),
		"aria-required": part.data.isRequired ? "true" : null });
	part.objects.forEach((row, at) => {
		const control = element("input", { type: "radio", name: id,
			id: `${id}-${at}`, checked: !!row.isSelected,
			disabled: isShut(part) });
		control.addEventListener("change", () => {
			select(part, row, true);
			part.changed();
		});
		box.append(element("div", { className: "choice" }, control,
		    element("label", { htmlFor: control.id }, nameOf(part, row))));
	});
	return box;
}

// The same words in each row: to the ear, with what the row is about.
function buttonsOf(part, row) {
	return part.outcomes.filter((o) => !o.isBulkAction).map((outcome) => {
		const button = element("button", { type: "button",
			"aria-label": `${outcome.label} ${nameOf(part, row)}` },
		outcome.label);
		button.addEventListener("click", (event) => {
			event.stopPropagation();
			select(part, row, true);
			part.take(outcome);
		});
		return button;
	});
}

// how: the attribute that says to the ear that it is chosen.
function selectable(part, row, box, how) {
	box.setAttribute(how, String(!!row.isSelected));
	if (isShut(part))
		return box;
	box.classList.add("selectable");
	box.tabIndex = 0;
	const chosen = () => {
		select(part, row, false);
		part.changed();
		part.redraw();
	};
	box.addEventListener("click", chosen);
	box.addEventListener("keydown", (event) => {
		if ((event.key === " " || event.key === "Enter") &&
		    event.target === box) {
			event.preventDefault();
			chosen();
		}
	});
	return box;
}

// Search and pages, where a service has the rows.
function tools(part) {
	const box = element("div", { className: "horizontal" });
	if (part.about.isSearchable) {
		const search = element("input", { type: "search",
			placeholder: "Search", value: part.filter?.search ?? "",
			"aria-label": "Search" });
		search.addEventListener("change", () => part.more({
			search: search.value, offset: 0 }));
		box.append(search);
	}
	const offset = part.filter?.offset ?? 0, limit = part.filter?.limit ?? 0;
	const turn = (label, to) => {
		const button = element("button", { type: "button" }, label);
		button.addEventListener("click", () => part.more({ offset: to }));
		box.append(button);
	};
	if (offset > 0)
		turn("Back", Math.max(0, offset - limit));
	if (part.hasMore)
		turn("More", offset + limit);
	return box.childElementCount > 0 ? box : null;
}

function cell(part, row, column, id) {
	const p = property(row, column.typeElementPropertyId);
	if (!column.isEditable || part.data.isEditable === false || !p)
		return document.createTextNode(p?.contentValue ?? "");
	const control = element("input", { id, value: p.contentValue ?? "",
		"aria-label": `${column.label ?? p.developerName}, ` +
		    nameOf(part, row) });
	control.addEventListener("click", (event) => event.stopPropagation());
	control.addEventListener("input", () => { p.contentValue = control.value; });
	control.addEventListener("change", () => part.changed());
	return control;
}

function table(part, id) {
	const columns = columnsOf(part);
	const own = part.outcomes.some((o) => !o.isBulkAction);
	const head = element("tr", {}, ...columns.map((c) =>
		element("th", { scope: "col" }, c.label ?? c.developerName ?? "")),
	own ? element("th", { scope: "col" }, element("span",
	    { className: "heard" }, "Actions")) : null);
	const rows = part.objects.map((row, at) => selectable(part, row,
	    element("tr", { id: `${id}-${at}` }, ...columns.map((c, i) =>
	    	element("td", {}, cell(part, row, c, `${id}-${at}-${i}`))),
	    own ? element("td", {}, ...buttonsOf(part, row)) : null),
	    "aria-selected"));
	return element("div", { className: "scroll" }, tools(part),
	    element("table", { ...group(part, id, "grid"),
	    	"aria-multiselectable": part.about.isMultiSelect ? "true" :
	    	    null }, element("thead", {}, head),
	    element("tbody", {}, ...rows)),
	    rows.length === 0 ? element("p", { className: "hint" },
	    "Nothing to show") : null);
}

function tiles(part, id) {
	const boxes = part.objects.map((row, at) => selectable(part, row,
	    element("div", { className: "tile", role: "listitem",
	    	id: `${id}-${at}` },
	    element("strong", {}, nameOf(part, row)),
	    ...columnsOf(part).slice(1).map((c) => element("div", {},
	    property(row, c.typeElementPropertyId)?.contentValue ?? "")),
	    ...buttonsOf(part, row)), "aria-current"));
	return element("div", {}, tools(part), element("div",
	    { ...group(part, id, "list"), className: "tiles" }, ...boxes));
}

// No picture of numbers is drawn here; the numbers are.
function chart(part, id) {
	return table({ ...part, outcomes: [],
		data: { ...part.data, isEditable: false } }, id);
}

function list(part, id) {
	return element("ul", group(part, id, null), ...part.objects.map((row) =>
		element("li", {}, nameOf(part, row))));
}

// --- others -------------------------------------------------------------------

function files(part, id) {
	const control = element("input", { ...common(part, id), type: "file",
		multiple: !!part.about.isMultiSelect });
	control.addEventListener("change", () => part.upload(control.files));
	return element("div", {}, part.data.fileDataRequest ? control : null,
	    part.objects.length > 0 ? list(part, `${id}-list`) : null);
}

function presentation(part, id) {
	return element("div", { id }, cleaned(part.data.content));
}

function image(part, id) {
	const about = { id, alt: part.about.label ?? "" };
	const uri = part.data.imageUri ?? "";
	return isPicture(uri) ? element("img", { ...about, src: uri }) : null;
}

function tags(part, id) {
	return element("ul", { ...group(part, id, null), className: "tags" },
	    ...part.objects.map((row) => element("li", {}, nameOf(part, row))));
}

function unknown(part, id) {
	return element("p", { id, className: "hint" },
	    `This page cannot show a component of type ${part.about.componentType}.`);
}

const KINDS = {
	INPUT: input, TEXTAREA: textarea, CONTENT: textarea,
	CHECKBOX: checkbox, TOGGLE: checkbox, HIDDEN: hidden, OUTCOMES: hidden,
	SELECT: choice, COMBOBOX: choice, RADIO: radio, TABLE: table,
	TILES: tiles, LIST: list, PRESENTATION: presentation, IMAGE: image,
	FILES: files, "FILE-UPLOAD": files, FILEUPLOAD: files, TAG: tags,
};

const LABELLED = ["INPUT", "TEXTAREA", "CONTENT", "CHECKBOX", "TOGGLE",
	"SELECT", "COMBOBOX", "FILES", "FILE-UPLOAD", "FILEUPLOAD"];

// A label leads to one control; a group, or what is no control, has a name.
export const isLabelled = (part) => LABELLED.includes(part.kind) &&
    (!part.kind.startsWith("FILE") || !!part.data.fileDataRequest);
// A box to be ticked stands before its label.
export const isTicked = (part) => ["CHECKBOX", "TOGGLE"].includes(part.kind) ||
    (part.kind === "INPUT" && contentType(part) === "CONTENTBOOLEAN");
export const drawsLabel = (kind) => !["PRESENTATION", "HIDDEN", "OUTCOMES"]
	.includes(kind);
export const isInput = (kind) => !["PRESENTATION", "IMAGE", "OUTCOMES", "TAG",
	"LIST"].includes(kind);

export function control(part, id) {
	return (KINDS[part.kind] ?? (part.kind.startsWith("CHART") ? chart :
	    unknown))(part, id);
}
