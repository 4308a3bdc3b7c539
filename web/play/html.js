// SPDX-License-Identifier: Apache-2.0
// Copyright the Portolan authors

// Elements, made and cleaned.

const TAGS = new Set(("a abbr b blockquote br caption code dd div dl dt em " +
    "h1 h2 h3 h4 h5 h6 hr i img li ol p pre q s small span strong sub sup " +
    "table tbody td tfoot th thead tr u ul").split(" "));
const ATTRIBUTES = new Set(["alt", "title", "colspan", "rowspan", "lang"]);
const LINK = /^(https?:|mailto:|tel:|[/?#])/i;
const PICTURE = /^(https?:|\/|data:image\/(png|jpeg|gif|webp);)/i;

export const isPicture = (uri) => PICTURE.test(uri);

// element("p", { className: "x" }, "text", another)
export function element(tag, properties = {}, ...children) {
	const made = document.createElement(tag);
	for (const [name, value] of Object.entries(properties))
		if (value === null || value === undefined || value === false)
			continue;
		else if (name in made && !name.startsWith("aria"))
			made[name] = value;
		else
			made.setAttribute(name, value === true ? "" : value);
	made.append(...children.filter((c) => c !== null && c !== undefined));
	return made;
}

function cleanAttributes(from, to) {
	for (const { name, value } of from.attributes)
		if (ATTRIBUTES.has(name))
			to.setAttribute(name, value);
	const href = from.getAttribute("href"), src = from.getAttribute("src");
	if (to.tagName === "A" && href && LINK.test(href)) {
		to.href = href;
		to.rel = "noopener noreferrer";
	}
	if (to.tagName === "IMG" && src && isPicture(src))
		to.src = src;
}

function copyClean(from, to, depth) {
	for (const node of from.childNodes) {
		if (node.nodeType === Node.TEXT_NODE)
			to.append(node.data);
		if (node.nodeType !== Node.ELEMENT_NODE || depth === 0)
			continue;
		const tag = node.tagName.toLowerCase();
		if (["script", "style", "template", "iframe", "object"].includes(tag))
			continue;
		// What is not known is left out, what stands in it is not.
		const copy = TAGS.has(tag) ? document.createElement(tag) : to;
		if (copy !== to) {
			cleanAttributes(node, copy);
			to.append(copy);
		}
		copyClean(node, copy, depth - 1);
	}
}

// What flows' authors write as HTML, without what could run or reach out.
export function cleaned(text) {
	const parsed = new DOMParser().parseFromString(text ?? "", "text/html");
	const made = document.createDocumentFragment();
	copyClean(parsed.body, made, 100);
	return made;
}
