// Slack's confirm dialog in front of an element. Rule: closing it in any other way than its button means no.

import { el } from "./dom.js";
import { plain, textNodes } from "./mrkdwn.js";

export function confirmed(confirm) {
  const dialog = document.getElementById("confirm");
  return new Promise((answer) => {
    const leave = (yes) => { dialog.close(); answer(yes); };
    const look = confirm.style === "danger" ? "danger" : "primary";
    dialog.replaceChildren(
      el("h2", { id: "confirm-title" }, plain(confirm.title)),
      el("div", { class: "text" }, ...textNodes(confirm.text)),
      el("div", { class: "ends" },
        el("button", { type: "button", class: "button", data: { confirm: "deny" }, onclick: () => leave(false) }, plain(confirm.deny)),
        el("button", { type: "button", class: `button ${look}`, data: { confirm: "confirm" }, onclick: () => leave(true) }, plain(confirm.confirm))),
    );
    dialog.oncancel = () => answer(false);
    dialog.showModal();
  });
}
