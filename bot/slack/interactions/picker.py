"""A command without its arguments opens a modal that asks for them with type-ahead and ends in the same preview.

The role is checked before the modal opens. The modal needs nothing from Airflow to open, because its trigger expires
after three seconds; suggestions have a time limit, and an option group says why it is empty. A run's block is named
after its DAG, so a submission that overtakes a pick never uses another DAG's run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from slack_bolt import Ack, App

from bot.core.access import SOMEWHERE
from bot.core.airflow.protocol import Dag, Run
from bot.core.errors import Permanent, Refused, Temporary
from bot.responder.access import authorization
from bot.responder.lookups.suggestions import Catalog, Offer
from bot.responder.services import Services
from bot.slack.api.people import People
from bot.slack.commands import grammar
from bot.slack.commands.registry import find
from bot.slack.commands.request import Ask, refused, target
from bot.slack.dialogs import dialogs, picker_form, picker_options
from bot.slack.dialogs.open_dialogs import Windows
from bot.slack.dialogs.picker_form import Chosen
from bot.slack.interactions.picker_answers import Wrong, answer_to, read
from bot.slack.replies import replies
from bot.slack.text.block_kit import Block, Message

Body = Mapping[str, Any]
_STATES = ("success", "failed", "skipped")
_PREFILL = 2.0  # seconds to look up the first word


class Choosing:
    """Registers the type-ahead and the submission; `listeners` passes on commands and picks."""

    def __init__(self, services: Services, people: People, windows: Windows) -> None:
        self._services, self._people, self._windows = services, people, windows
        self._catalog = Catalog(services)

    def register(self, app: App) -> None:
        app.options("dag")(self.on_dags)
        app.options("run")(self.on_runs)
        app.options("task")(self.on_tasks)
        app.view(picker_form.CALLBACK)(self.on_submit)

    def wants(self, ask: Ask) -> bool:
        """Whether the command lacks an argument that the modal can ask for."""
        verb = find(ask.command.verb)
        if verb is None or verb.name not in picker_form.ASKS or not self._services.airflows:
            return False
        return not ask.words or _lacks(verb.name, ask)

    def open(self, ask: Ask, trigger_id: str) -> Message | None:
        """Opens the modal; returns a message if it can't be opened."""
        verb = find(ask.command.verb)
        name = verb.name if verb else ask.command.verb
        not_allowed = authorization.may(self._services, ask.person, name, "", about=SOMEWHERE)
        if not_allowed is not None:
            return refused(ask, not_allowed, name)
        state = ask.command.verb.removeprefix("mark-") if ask.command.verb.startswith("mark-") else ""
        chosen = Chosen(name, ask.channel, state=state)
        try:
            if not ask.words:
                self._windows.open(trigger_id, picker_form.chooser(chosen, self._services.clock()))
                return None
            opened = self._windows.open(trigger_id, dialogs.waiting(picker_form.title(name)))
        except (Temporary, Permanent) as error:
            return replies.trouble(f"The window could not be opened. {error.message}")
        self._windows.fill(self._prefilled(ask, chosen), view_id=opened)
        return None

    def _prefilled(self, ask: Ask, chosen: Chosen) -> Block:
        """The modal with the DAG that the first word names."""
        ref = grammar.ref(ask.words[0])
        if isinstance(ref, Refused):
            return picker_form.chooser(chosen, self._services.clock(), trouble=ref.reason)
        with next(iter(self._services.airflows.values())).within(_PREFILL):
            found = target(ask, ref)
        if isinstance(found, Refused):
            return picker_form.chooser(chosen, self._services.clock(), trouble=found.reason)
        return self._drawn(replace(chosen, deployment=found.airflow.name, dag=found.dag_id), picked="dag")

    def owns(self, body: Body) -> bool:
        """Whether a press was a pick in one of these modals."""
        return bool((body.get("view") or {}).get("callback_id") == picker_form.CALLBACK)

    def on_pick(self, body: Body, action: Body) -> None:
        """Redraws the modal after a DAG or a run was picked, with the questions that depend on it."""
        view, picked = body["view"], action["action_id"]
        moment = self._windows.picked(view["id"], str(action.get("action_ts", "")))
        chosen = picker_form.unpacked(view["private_metadata"])
        value = str((action.get("selected_option") or {}).get("value", ""))
        if chosen is None or value in {"", picker_options.NOTHING}:
            return
        if picked == "dag":
            deployment, dag_id = self._dag(value)
            chosen = replace(chosen, deployment=deployment, dag=dag_id, run="")
        elif picked == "run":
            runs = self._catalog.runs(chosen.deployment, chosen.dag)
            chosen = replace(chosen, run=picker_options.decoded(value, (run.run_id for run in runs.items)))
        self._windows.redraw(view["id"], self._drawn(chosen, picked=picked), moment, view.get("hash", ""))

    def _drawn(self, chosen: Chosen, *, picked: str) -> Block:
        """The modal with what Airflow reports about the choices, as far as this verb needs it."""
        asks = picker_form.ASKS[chosen.verb]
        runs: Offer[Run] | None = None
        dag: Dag | Refused | None = None
        if {"run", "params"} & set(asks):
            runs = self._catalog.runs(chosen.deployment, chosen.dag)
        if picked == "dag" and runs is not None and "run" in asks:
            chosen = picker_form.with_likely_run(chosen, runs)
        tasks = (
            self._catalog.tasks(chosen.deployment, chosen.dag, chosen.run) if "task" in asks and chosen.run else None
        )
        if "params" in asks:
            dag = self._catalog.dag(chosen.deployment, chosen.dag)
        trouble = dag.reason if isinstance(dag, Refused) else ""
        return picker_form.chooser(chosen, self._services.clock(), runs=runs, tasks=tasks,
                                dag=dag if isinstance(dag, Dag) else None, trouble=trouble)  # fmt: skip

    def _dag(self, value: str) -> tuple[str, str]:
        """(deployment, DAG) for an option's value."""
        if value.startswith("~"):
            start = value.partition(":")[2].partition(":")[2]
            names = (
                f"{offered.deployment}:{dag.dag_id}" for offered in self._catalog.dags(start) for dag in offered.items
            )
            value = picker_options.decoded(value, names)
        deployment, _, dag_id = value.partition(":")
        return deployment, dag_id

    def on_dags(self, ack: Ack, body: Body) -> None:
        if self._is_barred(body):
            ack(options=[])
            return
        ack(**picker_options.dag_choices(self._catalog.dags(str(body.get("value") or "").strip())))

    def on_runs(self, ack: Ack, body: Body) -> None:
        if self._is_barred(body):
            ack(options=[])
            return
        chosen = _chosen(body)
        offered = self._catalog.runs(chosen.deployment, chosen.dag)
        ack(**picker_options.run_choices(offered, str(body.get("value") or "").strip()))

    def on_tasks(self, ack: Ack, body: Body) -> None:
        if self._is_barred(body):
            ack(options=[])
            return
        chosen = _chosen(body)
        offered = self._catalog.tasks(chosen.deployment, chosen.dag, chosen.run)
        ack(**picker_options.task_choices(offered, str(body.get("value") or "").strip(), every=chosen.verb == "clear"))

    def _is_barred(self, body: Body) -> bool:
        """Whether suggestions are withheld, because the account is not allowed or unknown."""
        user = body.get("user") or {}
        person = self._people.soon(str(user.get("id") or ""), "", str(user.get("team_id") or ""))
        return bool(person.barred or person.unknown)

    def on_submit(self, ack: Ack, body: Body, view: Body) -> None:
        """Makes the same plan as the typed command, and shows its preview in this modal."""
        chosen = picker_form.unpacked(view["private_metadata"])
        if chosen is None:
            ack(response_action="update", view=dialogs.window(_OLD, "Windsock"))
            return
        given = read(self._catalog, chosen, view["state"]["values"], self._dag)
        if isinstance(given, Wrong):
            ack(response_action="errors", errors=dict(given.errors))
            return
        person = self._people.soon(body["user"]["id"], body["user"].get("name", ""), body["user"].get("team_id") or "")
        ask = Ask(self._services, person, self._people, grammar.parse(given.chosen.verb), given.chosen.channel)
        title = picker_form.title(given.chosen.verb)
        self._windows.answer(ack, title, lambda: dialogs.window(answer_to(ask, given), title, given.chosen.channel))


_OLD = replies.trouble("this window is from an older Windsock; type the command again.")


def _lacks(verb: str, ask: Ask) -> bool:
    """Whether the DAG alone is not enough: a mark without a state, a backfill without dates."""
    said = {word.lower() for word in ask.words[1:]}
    if verb == "mark" and not ask.command.verb.startswith("mark-"):
        ref = grammar.ref(ask.words[0])
        return not said & {*_STATES, "succeeded", "fail"} and not isinstance(ref, Refused) and ref.incident is None
    return verb == "backfill" and not said & {"from", "to"}


def _chosen(body: Body) -> Chosen:
    return picker_form.unpacked((body.get("view") or {}).get("private_metadata") or "") or Chosen("")
