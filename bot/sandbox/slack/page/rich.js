// rich_text, table and markdown blocks as nodes. Rule: their text is shown letter for letter; nothing in it is parsed.

import { el, link } from "./dom.js";
import { emojiFor, formatted } from "./mrkdwn.js";
import { channelName, groupName, userName } from "./people.js";

const SHAPES = {
  text: (piece) => document.createTextNode(piece.text),
  link: (piece) => link(piece.url, piece.text || piece.url),
  user: (piece) => mention(`@${userName(piece.user_id)}`),
  usergroup: (piece) => mention(`@${groupName(piece.usergroup_id)}`),
  channel: (piece) => mention(`#${channelName(piece.channel_id)}`),
  broadcast: (piece) => mention(`@${piece.range}`),
  emoji: (piece) => document.createTextNode(emojiFor(piece.name) || `:${piece.name}:`),
  date: (piece) => document.createTextNode(formatted(new Date(piece.timestamp * 1000), piece.format)),
  color: (piece) => document.createTextNode(piece.value),
};
const WRAPS = { bold: "strong", italic: "em", strike: "s", code: "code" };

const mention = (text) => el("span", { class: "mention" }, text);

function pieces(elements) {
  return elements.map((piece) => {
    let node = SHAPES[piece.type] ? SHAPES[piece.type](piece) : document.createTextNode("");
    for (const [name, tag] of Object.entries(WRAPS)) if (piece.style && piece.style[name]) node = el(tag, {}, node);
    return node;
  });
}

function list(part) {
  const tag = part.style === "ordered" ? "ol" : "ul";
  const items = part.elements.map((item) => el("li", {}, ...pieces(item.elements)));
  const node = el(tag, { class: `indent-${part.indent || 0}` }, ...items);
  if (part.offset) node.setAttribute("start", part.offset + 1);
  return node;
}

function part(piece) {
  if (piece.type === "rich_text_preformatted") return el("pre", {}, ...pieces(piece.elements));
  if (piece.type === "rich_text_quote") return el("blockquote", {}, ...pieces(piece.elements));
  if (piece.type === "rich_text_list") return list(piece);
  return el("div", { class: "text" }, ...pieces(piece.elements));
}

export function richText(block) {
  return el("div", { class: "rich-text" }, ...block.elements.map(part));
}

export function table(block) {
  const align = (n) => ((block.column_settings || [])[n] || {}).align || "left";
  const cell = (tag) => (value, n) => {
    const inside = value.type === "rich_text" ? richText(value) : value.text ?? String(value.value ?? "");
    return el(tag, { class: `align-${align(n)}` }, inside);
  };
  const [head, ...rows] = block.rows;
  return el("div", { class: "scrolls" }, el("table", {},
    el("thead", {}, el("tr", {}, ...head.map(cell("th")))),
    el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map(cell("td")))))));
}

const LINES = [
  [/^(#{1,6})\s+(.*)$/, (match) => el(`h${Math.min(6, match[1].length + 2)}`, {}, ...standard(match[2]))],
  [/^\s*[-*+]\s+(.*)$/, (match) => el("li", {}, ...standard(match[1]))],
  [/^\s*\d+[.)]\s+(.*)$/, (match) => el("li", { class: "numbered" }, ...standard(match[1]))],
  [/^>\s?(.*)$/, (match) => el("blockquote", {}, ...standard(match[1]))],
  [/^-{3,}$/, () => el("hr")],
];

export function markdown(text) {
  const node = el("div", { class: "text markdown" });
  text.split("```").forEach((piece, n) => {
    if (n % 2) return node.append(el("pre", {}, piece.replace(/^\w*\n/, "")));
    return piece.split("\n").forEach((line) => node.append(markdownLine(line)));
  });
  return node;
}

function markdownLine(line) {
  for (const [shape, make] of LINES) {
    const match = shape.exec(line);
    if (match) return make(match);
  }
  return el("p", {}, ...standard(line));
}

function standard(line) {
  const nodes = [];
  const shape = /\[([^\]]+)\]\(([^)\s]+)\)|\*\*(.+?)\*\*|`([^`]+)`/g;
  let at = 0;
  for (const match of line.matchAll(shape)) {
    nodes.push(line.slice(at, match.index));
    if (match[1]) nodes.push(link(match[2], match[1]));
    else if (match[3]) nodes.push(el("strong", {}, match[3]));
    else nodes.push(el("code", {}, match[4]));
    at = match.index + match[0].length;
  }
  nodes.push(line.slice(at));
  return nodes.filter((piece) => piece !== "");
}

