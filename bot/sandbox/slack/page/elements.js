// Interactive elements: buttons, menus, selects, inputs. `place` is where they stand:
//   place.act(block, element, value)   a press or a choice goes to the app
//   place.field(block, element, read)  an input says how its entry in state.values is read
//   place.initial(block, element)      what it held before a redraw, if anything
//   place.suggest(block, element, text) → the app's answer: options or option_groups
// Rule: each carries its action_id in data-action-id, and its accessibility_label as its name.

import { el } from "./dom.js";
import { plain, textNodes } from "./mrkdwn.js";
import { everybody, userName } from "./people.js";
import { confirmed } from "./confirm.js";
import { typeahead } from "./typeahead.js";

const marks = (block, element) => ({ actionId: element.action_id, blockId: block.block_id });

export function element(block, item, place) {
  const make = MADE[item.type];
  return make ? make(block, item, place) : el("span", { class: "unknown" }, `[${item.type}]`);
}

async function act(block, item, place, value, node) {
  if (item.confirm && !(await confirmed(item.confirm))) return;
  if (node) node.setAttribute("aria-busy", "true");
  await place.act(block, item, value);
  if (node) node.removeAttribute("aria-busy");
}

function button(block, item, place) {
  const look = item.style ? `button ${item.style}` : "button";
  const node = el("button", {
    type: "button", class: look, data: marks(block, item), "aria-label": item.accessibility_label,
    onclick: () => {
      if (item.url && /^https?:/i.test(item.url)) window.open(item.url, "_blank", "noopener,noreferrer");
      act(block, item, place, item.value, node);
    },
  }, plain(item.text));
  return node;
}

function overflow(block, item, place) {
  const node = el("button", {
    type: "button", class: "button more", data: marks(block, item), "aria-label": "More actions",
    "aria-haspopup": "menu", "aria-expanded": "false",
  }, "⋯");
  const options = item.options.map((option) => el("button", {
    type: "button", role: "menuitem", data: { value: option.value },
    onclick: () => { shut(); act(block, item, place, option.value, node); },
  }, plain(option.text)));
  const menu = el("div", { class: "menu", role: "menu", hidden: true }, ...options);
  const shut = () => { menu.hidden = true; node.setAttribute("aria-expanded", "false"); };
  node.addEventListener("click", () => (menu.hidden ? openMenu(node, menu, options) : shut()));
  const box = el("span", { class: "overflow" }, node, menu);
  box.addEventListener("keydown", (event) => menuKeys(event, options, () => { shut(); node.focus(); }));
  box.addEventListener("focusout", (event) => { if (!box.contains(event.relatedTarget)) shut(); });
  return box;
}

function openMenu(node, menu, options) {
  menu.hidden = false;
  node.setAttribute("aria-expanded", "true");
  const box = menu.getBoundingClientRect();
  menu.classList.toggle("left", box.right > window.innerWidth - 8);
  menu.classList.toggle("up", box.bottom > window.innerHeight - 8 && box.height < node.getBoundingClientRect().top);
  options[0].focus();
}

function menuKeys(event, options, shut) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (event.key === "Escape" && event.currentTarget.querySelector(".menu:not([hidden])")) {
    event.preventDefault();
    shut();
  } else if (step) {
    event.preventDefault();
    const at = options.indexOf(document.activeElement);
    options[(at + step + options.length) % options.length].focus();
  }
}

const allOptions = (item) => [...(item.options || []), ...(item.option_groups || []).flatMap((group) => group.options)];
const optionNode = (option) => el("option", { value: option.value }, plain(option.text));

function select(kind) {
  return (block, item, place) => {
    const held = place.initial(block, item);
    const groups = (item.option_groups || []).map((group) =>
      el("optgroup", { label: plain(group.label) }, ...group.options.map(optionNode)));
    const blank = el("option", { value: "" }, item.placeholder ? plain(item.placeholder) : "Choose…");
    const node = el("select", { data: marks(block, item), "aria-label": item.placeholder && plain(item.placeholder) },
      blank, ...(item.options || []).map(optionNode), ...groups);
    node.value = held && held.selected_option ? held.selected_option.value : (item.initial_option || {}).value || "";
    const chosen = () => allOptions(item).find((option) => option.value === node.value) || null;
    place.field(block, item, () => ({ type: kind, selected_option: chosen() }));
    node.addEventListener("change", () => place.chosen(block, item) && act(block, item, place, node.value));
    return node;
  };
}

function people(kind, name) {
  return (block, item, place) => {
    const held = (place.initial(block, item) || {})[name] || item[name.replace("selected", "initial")] || "";
    const node = el("select", { data: marks(block, item) }, el("option", { value: "" }, "Choose somebody…"),
      ...everybody().map((user) => el("option", { value: user.id }, userName(user.id))));
    node.value = held;
    place.field(block, item, () => ({ type: kind, [name]: node.value || null }));
    node.addEventListener("change", () => place.chosen(block, item) && act(block, item, place, node.value));
    return node;
  };
}

function several(kind) {
  return (block, item, place) => {
    const held = place.initial(block, item);
    const picked = new Set(((held && held.selected_options) || item.initial_options || []).map((option) => option.value));
    const node = el("select", { multiple: true, size: 4, data: marks(block, item) }, ...allOptions(item).map(optionNode));
    for (const option of node.options) option.selected = picked.has(option.value);
    const values = () => new Set([...node.selectedOptions].map((option) => option.value));
    const chosen = () => allOptions(item).filter((option) => values().has(option.value));
    place.field(block, item, () => ({ type: kind, selected_options: chosen() }));
    node.addEventListener("change", () => place.chosen(block, item) && act(block, item, place, [...values()]));
    return node;
  };
}

function choices(type) {
  return (block, item, place) => {
    const held = place.initial(block, item);
    const before = held ? held.selected_options || [held.selected_option] : item.initial_options || [item.initial_option];
    const picked = new Set(before.filter(Boolean).map((option) => option.value));
    const name = `${place.name}-${block.block_id}-${item.action_id}`;
    const inputs = item.options.map((option) => {
      const node = el("input", { type, name, value: option.value, data: marks(block, item) });
      node.checked = picked.has(option.value);
      return node;
    });
    const chosen = () => item.options.filter((_, n) => inputs[n].checked);
    const box = el("div", { class: "choices", role: type === "radio" ? "radiogroup" : "group" }, ...item.options.map((option, n) =>
      el("label", {}, inputs[n], el("span", {}, ...textNodes(option.text),
        option.description ? el("small", {}, ...textNodes(option.description)) : null))));
    const entry = () => (type === "radio"
      ? { type: item.type, selected_option: chosen()[0] || null }
      : { type: item.type, selected_options: chosen() });
    place.field(block, item, entry);
    const value = () => (type === "radio" ? chosen()[0].value : chosen().map((option) => option.value));
    box.addEventListener("change", () => place.chosen(block, item) && act(block, item, place, value()));
    return box;
  };
}

function written(type, name = "value") {
  return (block, item, place) => {
    const held = place.initial(block, item);
    const first = held ? held[name] : item[name === "value" ? "initial_value" : name.replace("selected", "initial")];
    const node = el(item.multiline ? "textarea" : "input", {
      type: item.multiline ? undefined : type, data: marks(block, item), rows: item.multiline ? 3 : undefined,
      maxlength: item.max_length, placeholder: item.placeholder ? plain(item.placeholder) : undefined,
    });
    node.value = first ?? "";
    place.field(block, item, () => ({ type: item.type, [name]: node.value || null }));
    if (name !== "value") node.addEventListener("change", () => place.chosen(block, item) && act(block, item, place, node.value));
    return node;
  };
}

function moment(block, item, place) {
  const node = el("input", { type: "datetime-local", data: marks(block, item) });
  const held = place.initial(block, item);
  const first = held ? held.selected_date_time : item.initial_date_time;
  if (first) node.value = new Date((first - new Date().getTimezoneOffset() * 60) * 1000).toISOString().slice(0, 16);
  const read = () => (node.value ? Math.round(new Date(node.value).getTime() / 1000) : null);
  place.field(block, item, () => ({ type: item.type, selected_date_time: read() }));
  node.addEventListener("change", () => place.chosen(block, item) && act(block, item, place, read()));
  return node;
}

const MADE = {
  button, overflow, datetimepicker: moment,
  external_select: (block, item, place) => typeahead(block, item, place, (option) => act(block, item, place, option.value)),
  static_select: select("static_select"),
  multi_static_select: several("multi_static_select"),
  users_select: people("users_select", "selected_user"),
  radio_buttons: choices("radio"),
  checkboxes: choices("checkbox"),
  plain_text_input: written("text"),
  number_input: written("number"),
  url_text_input: written("url"),
  email_text_input: written("email"),
  datepicker: written("date", "selected_date"),
  timepicker: written("time", "selected_time"),
};
