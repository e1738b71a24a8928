// The open modal. Hard case: the app updates it while somebody types; what stands in an input that stays is kept.
// Rule: it shows the top view of this person's stack and nothing else; Escape and ✕ mean close.

import { el } from "./dom.js";
import { blocks } from "./blockkit.js";
import { plain } from "./mrkdwn.js";
import { formPlace } from "./place.js";
import { ask } from "./server.js";

const dialog = document.getElementById("modal");
let shown = null;
let place = null;
let me = "";

export function show(view, user) {
  me = user;
  if (!view) { shown = null; if (dialog.open) shut(); return; }
  if (shown && shown.hash === view.hash) return;
  place = formPlace("modal", { user }, shown && shown.id === view.id && place ? place.state() : {});
  const before = shown && shown.id === view.id ? document.activeElement.closest("[data-block-id]") : null;
  shown = view;
  draw(view);
  dialog.dataset.hash = view.hash;
  if (!dialog.open) dialog.showModal();
  focusOn(before ? [...dialog.querySelectorAll(".blocks > *")].find((node) => node.dataset.blockId === before.dataset.blockId) : null);
}

// Chromium gives the focus back before the page takes keys again; what is focused anew takes them.
function shut() {
  dialog.close();
  const back = document.activeElement;
  setTimeout(() => { if (back && document.activeElement === back) { back.blur(); back.focus(); } });
}

// A redrawn window keeps the place where somebody was; a new one begins with its first question. A type-ahead is not opened for that.
function focusOn(block) {
  const inputs = "input:checked, input:not([type=radio], [type=checkbox], [role=combobox]), select, textarea";
  const found = (block && block.querySelector(inputs)) || dialog.querySelector(inputs) || dialog.querySelector("[data-modal=submit]");
  if (found) found.focus();
}

function draw(view) {
  const name = plain(view.title);
  const submit = view.submit ? el("button", { type: "submit", class: "button primary", data: { modal: "submit" } }, plain(view.submit)) : null;
  const form = el("form", { novalidate: true, onsubmit: send },
    el("header", {},
      el("img", { src: "/page/windsock.svg", alt: "", class: "small-icon" }),
      el("h2", { id: "modal-title" }, name),
      el("button", { type: "button", class: "plain", "aria-label": "Close", onclick: close }, "✕")),
    el("div", { class: "blocks" }, ...blocks(view.blocks, place)),
    el("div", { class: "ends" },
      el("button", { type: "button", class: "button", data: { modal: "close" }, onclick: close }, view.close ? plain(view.close) : submit ? "Cancel" : "Close"),
      submit));
  dialog.replaceChildren(form);
}

async function send(event) {
  event.preventDefault();
  const answer = await ask("/_sandbox/submit", { user: me, values: place.state() });
  showErrors(answer.errors || {});
  show(answer.view ?? null, me);
}

function showErrors(errors) {
  for (const node of dialog.querySelectorAll(".input")) {
    const error = node.querySelector(".error");
    error.textContent = errors[node.dataset.blockId] || "";
    error.hidden = !error.textContent;
    node.classList.toggle("wrong", !error.hidden);
  }
}

async function close() {
  const answer = await ask("/_sandbox/close", { user: me });
  show(answer.view ?? null, me);
}

dialog.addEventListener("cancel", (event) => { event.preventDefault(); close(); });
