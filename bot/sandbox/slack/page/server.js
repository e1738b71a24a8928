// What the page asks of the local Slack. Rule: a refusal is shown to the person, never swallowed.

import { toast } from "./dom.js";

export async function ask(path, body) {
  try {
    const options = body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    const answer = await (await fetch(path, options)).json();
    if (answer.ok === false) toast(answer.error);
    return answer;
  } catch {
    toast("The local Slack does not answer");
    return { ok: false };
  }
}

export function watch(onEvent, onLink) {
  const source = new EventSource("/_sandbox/events");
  source.onmessage = (event) => onEvent(JSON.parse(event.data));
  source.onopen = () => { onLink(true); onEvent({ kind: "all" }); };
  source.onerror = () => onLink(false);
}
