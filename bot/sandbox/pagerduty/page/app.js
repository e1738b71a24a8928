// Shows the incidents of the local PagerDuty and lets a person acknowledge or resolve them.
// Hard case: text in an incident comes from strangers. Rule: text nodes only, and links only to http and https.

const list = document.getElementById("incidents");
let shown = "";

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined && text !== null) node.textContent = text;
  return node;
}

function link(href, text) {
  let safe = null;
  try {
    const url = new URL(href);
    if (url.protocol === "http:" || url.protocol === "https:") safe = url.href;
  } catch { /* no address at all */ }
  const node = make(safe ? "a" : "span", "link", text || href);
  if (safe) { node.href = safe; node.target = "_blank"; node.rel = "noreferrer noopener"; }
  return node;
}

async function press(incident, action) {
  const body = JSON.stringify({ id: incident.id, action, user: "Ana Lima" });
  await fetch("/_sandbox/press", { method: "POST", headers: { "Content-Type": "application/json" }, body });
  await refresh();
}

function button(incident, action, label) {
  const node = make("button", action, label);
  node.dataset.action = action;
  node.setAttribute("aria-label", `${label} #${incident.number}, ${incident.summary}`);
  node.addEventListener("click", () => press(incident, action));
  return node;
}

function timeline(incident) {
  const rows = make("ol", "events");
  for (const event of incident.events.slice(-6)) {
    const time = new Date(event.at).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
    rows.append(make("li", "", `${time} ${event.action}${event.by ? ` by ${event.by}` : ""}`));
  }
  return rows;
}

function card(incident) {
  const node = make("article", `incident ${incident.status}`);
  node.id = incident.id;
  node.dataset.key = incident.dedup_key;
  const head = make("div", "head");
  head.append(make("span", `status ${incident.status}`, incident.status));
  head.append(make("span", `severity ${incident.severity}`, incident.severity));
  head.append(make("span", "number", `#${incident.number} · ${incident.dedup_key}`));
  node.append(head, make("h2", "", incident.summary), make("p", "source", incident.source));
  const links = make("p", "links");
  for (const row of incident.links || []) links.append(link(row.href, row.text), " ");
  if (incident.client_url) links.append(link(incident.client_url, incident.client || "Open"));
  if (links.childNodes.length) node.append(links);
  if (incident.status !== "resolved") {
    const actions = make("div", "actions");
    if (incident.status === "triggered") actions.append(button(incident, "acknowledge", "Acknowledge"));
    actions.append(button(incident, "resolve", "Resolve"));
    node.append(actions);
  }
  node.append(timeline(incident));
  return node;
}

async function refresh() {
  const text = await (await fetch("/_sandbox/incidents")).text();
  if (text === shown) return;
  shown = text;
  const { incidents } = JSON.parse(text);
  const open = incidents.filter((incident) => incident.status !== "resolved").length;
  document.getElementById("summary").textContent = incidents.length ? `${open} open of ${incidents.length}` : "Nobody was rung yet";
  const over = (incident) => Number(incident.status === "resolved");
  const ordered = incidents.slice().reverse().sort((one, other) => over(one) - over(other));
  list.replaceChildren(...ordered.map(card));
}

async function follow() {
  try { await refresh(); } catch { document.getElementById("summary").textContent = "The local PagerDuty does not answer"; shown = ""; }
  setTimeout(follow, 2000);
}

follow();
