// The page of the local Slack: who I am, where I am, what is said there; live.
// Hard case: many events at once; they are gathered and what is on the screen is read anew once, and what was asked before
// is never drawn over what was asked after it.
// Rule: the server knows, the page shows. Where I am is in the address (`?user=ana#C0ALERTS/ts`).

import { blocks } from "./blockkit.js";
import { el } from "./dom.js";
import { hintsFor } from "./hints.js";
import { redraw } from "./message.js";
import * as modal from "./modal.js";
import { know } from "./people.js";
import { formPlace } from "./place.js";
import { ask, watch } from "./server.js";

const node = (id) => document.getElementById(id);
const here = { me: "", channel: "C0ALERTS", thread: null, tab: null, unread: new Set(), state: null };
const asked = { messages: 0, views: 0 };

async function load() {
  const user = new URLSearchParams(location.search).get("user") || "";
  here.state = await ask(`/_sandbox/state?user=${encodeURIComponent(user)}`);
  here.me = here.state.me;
  know(here.state);
  const [channel, thread] = location.hash.slice(1).split("/");
  if (channel === "home") here.tab = "home";
  else if (channel) here.channel = channel;
  here.thread = thread || null;
  switcher();
  sidebar();
  hintsFor(node("say"), node("hints"), here.state.command);
  await show();
  if (here.tab === "home") await ask("/_sandbox/home", { user: here.me });
  watch(heard, (open) => { node("link").textContent = open ? "" : "Not connected, trying again…"; });
}

function switcher() {
  const people = here.state.users.filter((user) => !user.is_bot);
  node("me").replaceChildren(...people.map((user) => el("option", { value: user.name }, user.profile.display_name)));
  node("me").value = people.find((user) => user.id === here.me).name;
  node("me").addEventListener("change", () => { location.search = `?user=${node("me").value}`; });
}

function sidebar() {
  const item = (id, label, current, go) => el("li", {}, el("button", {
    type: "button", class: here.unread.has(id) ? "unread" : "", "aria-current": current ? "page" : undefined,
    data: { channel: id }, onclick: go,
  }, label));
  const channels = here.state.channels.filter((channel) => !channel.is_im && !channel.is_archived);
  node("channels").replaceChildren(...channels.map((channel) =>
    item(channel.id, `# ${channel.name}`, !here.tab && here.channel === channel.id, () => go(channel.id))));
  node("apps").replaceChildren(item(`D${here.me.slice(1)}`, "Windsock", Boolean(here.tab), () => goHome("home")));
}

async function go(channel, thread = null) {
  Object.assign(here, { channel, thread, tab: null });
  location.hash = thread ? `${channel}/${thread}` : channel;
  await show();
  node("messages").scrollTop = node("messages").scrollHeight;
}

async function goHome(tab) {
  Object.assign(here, { tab, thread: null, channel: `D${here.me.slice(1)}` });
  location.hash = "home";
  await show();
  if (tab === "home") await ask("/_sandbox/home", { user: here.me });
}

async function show() {
  here.unread.delete(here.channel);
  document.body.classList.remove("show-sidebar");
  sidebar();
  heading();
  node("messages").hidden = here.tab === "home" || here.tab === "about";
  node("home").hidden = !here.tab || here.tab === "messages";
  node("composer").hidden = Boolean(here.tab) && here.tab !== "messages";
  await Promise.all([messages(), views()]);
}

function heading() {
  const channel = here.state.channels.find((each) => each.id === here.channel);
  node("place").textContent = here.tab ? "Windsock" : `# ${channel ? channel.name : here.channel}`;
  node("purpose").textContent = here.tab || !channel || !channel.purpose ? "" : channel.purpose.value;
  node("say").placeholder = here.tab ? "Message Windsock" : `Message #${channel ? channel.name : ""}, or ${here.state.command} help`;
  const tab = (id, label) => el("button", { type: "button", role: "tab", "aria-selected": String(here.tab === id), onclick: () => goHome(id) }, label);
  node("tabs").hidden = !here.tab;
  node("tabs").replaceChildren(tab("home", "Home"), tab("messages", "Messages"), tab("about", "About"));
}

async function messages() {
  if (here.tab === "home") return;
  const mine = ++asked.messages;
  const path = `/_sandbox/messages?channel=${encodeURIComponent(here.channel)}&user=${here.me}`;
  const rows = (await ask(path)).messages || [];
  if (mine !== asked.messages) return;
  const top = rows.filter((item) => !item.thread_ts || item.thread_ts === item.ts || item.broadcast);
  redraw(node("messages"), top, here.me, (ts) => go(here.channel, ts));
  node("thread").hidden = !here.thread;
  document.body.classList.toggle("with-thread", Boolean(here.thread));
  if (!here.thread) return;
  const thread = rows.filter((item) => item.ts === here.thread || item.thread_ts === here.thread);
  redraw(node("replies"), thread, here.me, null);
}

async function views() {
  const mine = ++asked.views;
  const state = await ask(`/_sandbox/state?user=${here.me}`);
  if (mine !== asked.views) return;
  modal.show(state.view, here.me);
  const old = node("home").dataset.hash;
  if (here.tab === "about") node("home").replaceChildren(el("p", {}, "A chat-ops incident-response bot for Apache Airflow."));
  else if (state.home && (state.home.hash !== old || !node("home").querySelector(".block"))) drawHome(state.home);
  else if (!state.home) node("home").replaceChildren(el("p", { class: "nothing" }, "The app has not shown anything here yet."));
}

function drawHome(view) {
  node("home").dataset.hash = view.hash;
  node("home").replaceChildren(...blocks(view.blocks, formPlace("home", { user: here.me })));
}

let due = false;
let reading = false;
function heard(event) {
  if (event.channel && event.channel !== here.channel && event.kind === "message") {
    here.unread.add(event.channel);
    sidebar();
  }
  if (due) return;
  due = true;
  setTimeout(readAnew, 40);
}

// One after the other: a server that is slower than its events would else never be waited for.
async function readAnew() {
  if (reading) { setTimeout(readAnew, 40); return; }
  due = false;
  reading = true;
  try { await Promise.all([messages(), views()]); } finally { reading = false; }
}

async function send(text) {
  const [word, ...rest] = text.split(" ");
  const body = { channel: here.channel, user: here.me };
  if (text.startsWith("/")) await ask("/_sandbox/command", { ...body, command: word, text: rest.join(" ").trim() });
  else await ask("/_sandbox/say", { ...body, text });
}

function composer(form, box, deliver) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = box.value.trim();
    box.value = "";
    if (text) deliver(text);
  });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
}

composer(node("composer"), node("say"), send);
composer(node("reply-composer"), node("reply"), (text) =>
  ask("/_sandbox/say", { channel: here.channel, user: here.me, text, thread_ts: here.thread }));
node("close-thread").addEventListener("click", () => go(here.channel));
node("menu").addEventListener("click", () => document.body.classList.toggle("show-sidebar"));
load();
