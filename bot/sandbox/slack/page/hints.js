// The commands that the composer offers while somebody types. Rule: a hint only fills in; Enter sends.

import { el } from "./dom.js";

const VERBS = [
  ["status", "how Airflow is, and what is open"], ["open", "alerts that are open; open mine: yours"],
  ["show REF", "an alert, a run or a task in full"], ["tasks DAG@RUN", "a run as a tree"], ["logs REF", "the last lines of a log"],
  ["clear REF", "run it again: shows the exact list first"], ["mark REF success", "without running"],
  ["pause DAG for 2h", "and unpause by itself"], ["unpause DAG", ""], ["trigger DAG", "start a run"],
  ["backfill DAG from D to D", "runs of the past"], ["ack A-1", "you have it, it stops ringing"], ["unack A-1", ""], ["resolve A-1", ""],
  ["silence MATCH for 2h", "ring nobody"], ["silences", ""], ["unsilence S-1", ""], ["escalate A-1", "ring the person on call"],
  ["oncall", "who is on call"], ["runbook REF", "what to do, with buttons"], ["runs DAG", ""], ["import-errors", ""], ["pools", ""],
  ["health", "every check, one line each"], ["slow", "what takes longer than usual"], ["report DAG", ""], ["digest", ""], ["audit", ""],
  ["whoami", "your roles"], ["help", "every verb"],
];

export function hintsFor(box, list, command) {
  const fill = (verb) => {
    box.value = `${command} ${verb.replace(/ (REF|MATCH|DAG@RUN|DAG|A-1|S-1).*$/, " ")}`;
    box.focus();
    list.hidden = true;
  };
  box.addEventListener("input", () => {
    const typed = box.value.toLowerCase();
    const asked = typed.startsWith(`${command} `) ? typed.slice(command.length + 1) : "";
    const offered = typed.startsWith("/") && `${command} `.startsWith(typed.slice(0, command.length + 1))
      ? VERBS.filter(([verb]) => verb.startsWith(asked) && verb !== asked).slice(0, 8) : [];
    list.replaceChildren(...offered.map(([verb, what]) => el("li", { role: "option" },
      el("button", { type: "button", onclick: () => fill(verb) }, el("strong", {}, `${command} ${verb}`), el("small", {}, what)))));
    list.hidden = offered.length === 0;
  });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape") list.hidden = true;
    if (event.key === "Tab" && !list.hidden && list.firstChild) { event.preventDefault(); list.querySelector("button").click(); }
  });
  box.addEventListener("blur", () => setTimeout(() => { list.hidden = true; }, 200));
}
