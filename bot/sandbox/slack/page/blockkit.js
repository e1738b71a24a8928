// Blocks and attachments as nodes. Hard case: a block type that is new to this page; it is named, not dropped.
// Rule: a block shows what Slack would show, and nothing that was not sent.

import { el, safeAddress } from "./dom.js";
import { element } from "./elements.js";
import { mrkdwn, plain, textNodes } from "./mrkdwn.js";
import { markdown, richText, table } from "./rich.js";

const COLOURS = { good: "#2eb67d", warning: "#ecb22e", danger: "#e01e5a" };

export function blocks(list, place) {
  return list.map((block) => {
    const make = BLOCKS[block.type];
    const node = make ? make(block, place) : el("div", { class: "unknown" }, `[${block.type}]`);
    node.classList.add("block", `block-${block.type}`);
    node.dataset.blockId = block.block_id || "";
    return node;
  });
}

function section(block, place) {
  const body = el("div", { class: "body" });
  if (block.text) body.append(el("div", { class: "text" }, ...textNodes(block.text)));
  if (block.fields) body.append(el("div", { class: "fields" }, ...block.fields.map((field) => el("div", { class: "text" }, ...textNodes(field)))));
  if (!block.accessory) return el("div", {}, body);
  const item = block.accessory;
  const side = item.type === "image" ? picture(item) : element(block, item, place);
  return el("div", { class: "with-accessory" }, body, el("div", { class: `accessory accessory-${item.type}` }, side));
}

function context(block) {
  return el("div", {}, ...block.elements.map((item) => (item.type === "image" ? picture(item) : el("span", { class: "text" }, ...textNodes(item)))));
}

function picture(item) {
  const address = item.slack_file ? fileAddress(item.slack_file) : safeAddress(item.image_url);
  const node = el("img", { alt: item.alt_text, src: address, loading: "lazy" });
  node.addEventListener("error", () => node.replaceWith(el("span", { class: "no-picture", role: "img" }, item.alt_text)));
  return node;
}

function fileAddress(file) {
  if (file.id) return `/files/${encodeURIComponent(file.id)}`;
  return safeAddress(file.url);
}

function image(block) {
  return el("figure", {}, block.title ? el("figcaption", {}, plain(block.title)) : null, picture(block));
}

function input(block, place) {
  const control = element(block, block.element, place);
  const focusable = control.matches("input,select,textarea") ? control : control.querySelector("input,select,textarea");
  const grouped = control.matches(".choices");
  const id = `${place.name}-${block.block_id}`;
  if (focusable && !grouped) focusable.id = id;
  if (grouped) control.setAttribute("aria-labelledby", `${id}-label`);
  const label = el("label", { id: `${id}-label`, for: grouped ? undefined : id }, plain(block.label),
    block.optional ? el("small", {}, " (optional)") : null);
  if (focusable && block.hint) focusable.setAttribute("aria-describedby", `${id}-hint`);
  return el("div", { class: "input" }, label, control, el("p", { class: "error", role: "alert", hidden: true }),
    block.hint ? el("p", { class: "hint", id: `${id}-hint` }, plain(block.hint)) : null);
}

const BLOCKS = {
  header: (block) => el("h3", {}, plain(block.text)),
  section,
  context,
  actions: (block, place) => el("div", { role: "group" }, ...block.elements.map((item) => element(block, item, place))),
  divider: () => el("hr"),
  image,
  input,
  rich_text: richText,
  table,
  markdown: (block) => markdown(block.text),
};

export function attachment(item, place) {
  const bar = el("div", { class: "bar" });
  const colour = COLOURS[item.color] || (/^#?[0-9a-f]{6}$/i.test(item.color || "") ? `#${item.color.replace("#", "")}` : null);
  if (colour) bar.style.backgroundColor = colour;
  const body = el("div", { class: "inside" });
  for (const name of ["pretext", "author_name", "title", "text"]) {
    if (item[name]) body.append(el("div", { class: `text ${name}` }, ...mrkdwn(item[name])));
  }
  for (const field of item.fields || []) body.append(el("div", { class: "text" }, el("strong", {}, field.title || ""), "\n", ...mrkdwn(field.value || "")));
  body.append(...blocks(item.blocks || [], place));
  if (item.footer) body.append(el("div", { class: "text footer" }, ...mrkdwn(item.footer)));
  return el("div", { class: "attachment", data: { color: item.color || "" } }, bar, body);
}
