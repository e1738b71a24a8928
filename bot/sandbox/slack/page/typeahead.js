// A select whose options the app offers while somebody types.
// Hard case: answers that come in another order than they were asked for; only the last question's answer is shown.
// Rule: what was not picked is not chosen: words that are left standing go back to what was picked before.

import { el } from "./dom.js";
import { plain } from "./mrkdwn.js";

const PAUSE = 150;

export function typeahead(block, item, place, picked) {
  const held = place.initial(block, item);
  let chosen = held ? held.selected_option : item.initial_option || null;
  let asked = 0;
  let timer = 0;
  const input = el("input", {
    type: "text", role: "combobox", "aria-expanded": "false", "aria-autocomplete": "list", autocomplete: "off",
    data: { actionId: item.action_id, blockId: block.block_id }, placeholder: item.placeholder ? plain(item.placeholder) : "Type to search…",
  });
  const list = el("div", { class: "menu", role: "listbox", hidden: true });
  const settle = () => { input.value = chosen ? plain(chosen.text) : ""; };
  const shut = () => { asked += 1; list.hidden = true; input.setAttribute("aria-expanded", "false"); };
  const show = (...rows) => {
    list.replaceChildren(...rows);
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    under(input, list);
  };

  const pick = (option) => {
    chosen = option;
    settle();
    shut();
    if (place.chosen(block, item)) picked(option);
  };
  const row = (option) => el("button", {
    type: "button", role: "option", tabindex: "-1", data: { value: option.value }, onclick: () => pick(option),
  }, plain(option.text));
  const group = (one) => [el("p", { class: "group" }, plain(one.label)), ...one.options.map(row)];

  const offer = async (words) => {
    if (words.length < (item.min_query_length ?? 3)) { shut(); return; }
    const mine = ++asked;
    if (list.hidden) show(el("p", { class: "group" }, "Looking…"));
    const answer = await place.suggest(block, item, words);
    if (mine !== asked || !input.isConnected) return;
    const rows = answer.ok === false ? [] : answer.option_groups ? answer.option_groups.flatMap(group) : (answer.options || []).map(row);
    list.dataset.answers = words;
    show(...(rows.length ? rows : [el("p", { class: "group" }, answer.ok === false ? "Could not load options" : "No results")]));
  };

  input.addEventListener("focus", () => { delete input.dataset.typed; input.select(); offer(""); });
  input.addEventListener("input", () => {
    input.dataset.typed = "yes";
    clearTimeout(timer);
    timer = setTimeout(() => offer(input.value.trim()), PAUSE);
  });
  const box = el("span", { class: "overflow typeahead" }, input, list);
  box.addEventListener("focusout", (event) => { if (!box.contains(event.relatedTarget)) { clearTimeout(timer); shut(); settle(); } });
  box.addEventListener("keydown", (event) => keys(event, input, list, () => { shut(); settle(); }));
  settle();
  place.field(block, item, () => ({ type: item.type, selected_option: chosen }));
  return box;
}

// In a window the list would be cut off at the window's edge, so it stands over it, above the input where there is no room below.
function under(input, list) {
  const box = input.getBoundingClientRect();
  const below = window.innerHeight - box.bottom - 12;
  const up = below < 180 && box.top > below;
  list.style.left = `${box.left}px`;
  list.style.width = `${box.width}px`;
  list.style.maxHeight = `${Math.min(300, up ? box.top - 12 : below)}px`;
  list.style.top = up ? "auto" : `${box.bottom + 4}px`;
  list.style.bottom = up ? `${window.innerHeight - box.top + 4}px` : "auto";
}

function keys(event, input, list, close) {
  const rows = [...list.querySelectorAll("button")];
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (event.key === "Escape" && !list.hidden) {
    event.preventDefault();
    event.stopPropagation();
    close();
    input.focus();
  } else if (step && rows.length && !list.hidden) {
    event.preventDefault();
    const at = rows.indexOf(document.activeElement);
    rows[(at + step + rows.length) % rows.length].focus();
  } else if (event.key === "Enter" && event.target === input) {
    event.preventDefault();
    const fresh = list.dataset.answers === (input.dataset.typed ? input.value.trim() : "");  // never the first of an older list
    if (!list.hidden && rows.length && fresh) rows[0].click();
  }
}
