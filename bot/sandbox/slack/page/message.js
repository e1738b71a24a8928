// One message as a row. Rule: its `ts` is in data-ts, and a row is drawn anew only when what it says has changed.

import { attachment, blocks } from "./blockkit.js";
import { el, link, time } from "./dom.js";
import { emojiFor, mrkdwn } from "./mrkdwn.js";
import { isBot, userName } from "./people.js";
import { formPlace } from "./place.js";

export function message(item, me, openThread) {
  const where = { channel: item.channel, ts: item.ts, user: me };
  const place = formPlace(`m-${item.ts}`, where);
  const bot = isBot(item.user);
  const body = el("div", { class: "content" },
    item.ephemeral_to ? el("div", { class: "only-you" }, "👁 Only visible to you") : null,
    item.broadcast ? el("div", { class: "only-you" }, "replied to a thread") : null,
    el("div", { class: "by" }, el("strong", {}, userName(item.user)), bot ? el("span", { class: "app" }, "APP") : null,
      el("time", { datetime: new Date(Number(item.ts) * 1000).toISOString() }, time(Number(item.ts))),
      item.edits ? el("span", { class: "edited" }, "(edited)") : null),
    ...said(item, place),
    ...(item.attachments || []).map((each) => attachment(each, place)),
    ...(item.files || []).map(file),
    reactions(item),
    item.reply_count && openThread ? replies(item, openThread) : null);
  return el("article", {
    class: item.ephemeral_to ? "message ephemeral" : "message", data: { ts: item.ts },
    "aria-label": `${userName(item.user)}, ${time(Number(item.ts))}`,
  }, avatar(item.user), body, openThread && !item.ephemeral_to ? replyButton(item, openThread) : null);
}

function said(item, place) {
  if (item.blocks && item.blocks.length) return blocks(item.blocks, place);
  return item.text ? [el("div", { class: "text" }, ...mrkdwn(item.text))] : [];
}

function avatar(id) {
  if (id === "U0WINDSOCK") return el("img", { class: "avatar", src: "/page/windsock.svg", alt: "" });
  const name = userName(id);
  const hue = [...id].reduce((sum, letter) => sum + letter.charCodeAt(0) * 37, 0) % 360;
  const node = el("span", { class: "avatar initial", "aria-hidden": "true" }, name.slice(0, 1));
  node.style.backgroundColor = `hsl(${hue} 45% 42%)`;
  return node;
}

function file(item) {
  if (item.mimetype.startsWith("image/")) return el("img", { class: "file", src: item.url_private, alt: item.title });
  return el("div", { class: "file card" }, link(item.url_private, item.title), el("small", {}, ` ${item.size.toLocaleString("en")} bytes`));
}

function reactions(item) {
  const names = Object.entries(item.reactions || {});
  if (!names.length) return null;
  return el("div", { class: "reactions" }, ...names.map(([name, users]) =>
    el("span", { title: users.map(userName).join(", ") }, `${emojiFor(name) || `:${name}:`} ${users.length}`)));
}

function replies(item, openThread) {
  const words = item.reply_count === 1 ? "1 reply" : `${item.reply_count} replies`;
  return el("div", { class: "thread-link" },
    el("button", { type: "button", class: "replies", onclick: () => openThread(item.ts) }, words),
    el("span", {}, ` Last reply ${time(Number(item.latest_reply))}`));
}

function replyButton(item, openThread) {
  return el("button", { type: "button", class: "reply-button", "aria-label": "Reply in thread", onclick: () => openThread(item.thread_ts || item.ts) }, "💬");
}

export function redraw(list, rows, me, openThread) {
  const nearEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  const before = new Map([...list.children].map((node) => [node.dataset.ts, node]));
  const after = rows.map((item) => {
    const says = JSON.stringify([item, me]);
    const old = before.get(item.ts);
    if (old && old.says === says) return old;
    const node = message(item, me, openThread);
    node.says = says;
    return node;
  });
  const changed = after.length !== list.children.length || after.some((node, n) => list.children[n] !== node);
  if (changed) list.replaceChildren(...after);
  if (changed && nearEnd) list.scrollTop = list.scrollHeight;
}
