"""The modals: at most five questions; the first line says what it is about, the last what will happen.

A question's block and element share one name, `callback_id` is the verb, and `private_metadata` the incident's name. An
option's value holds at most 150 characters, so for a longer name it is only the kind (`task`), and the name is read
from the incident.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.core.incidents.incident import State
from bot.core.incidents.routing import exactly
from bot.core.incidents.runbook import Runbook
from bot.core.incidents.view import View
from bot.core.signals.signal import Family
from bot.slack.alert.buttons import has_task
from bot.slack.alert.headline import cause, spoken
from bot.slack.alert.stage import sign
from bot.slack.text import markdown
from bot.slack.text.block_kit import Block, Message, button, context, divider, header, modal, option, question, section
from bot.slack.text.limits import OPTION_VALUE, cut_markup, fit_view
from bot.slack.text.words import code, count, cut, cut_middle, foreign, joined, link, plain

_CHOICE = 75
_ONLY_IN_MESSAGES = frozenset({"markdown", "table", "file"})
_STEPS = 6
_SEEN = "What you see"  # shown before the steps; the other sections come after them
_LENGTHS = (("30 minutes", "30m"), ("1 hour", "1h"), ("2 hours", "2h"), ("4 hours", "4h"))


def silence(view: View, now: datetime) -> Block:
    """Asks for the scope, the duration (1 h preselected) and the reason."""
    scopes = _scopes(view)
    what = {"type": "radio_buttons", "options": scopes, "initial_option": scopes[-2] if len(scopes) > 2 else scopes[0]}
    morning = (now.astimezone(UTC) + timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)
    lengths = [option(*pair) for pair in _LENGTHS]
    lengths += [option("Until tomorrow 09:00 UTC", f"until:{morning.isoformat()}"), option("1 week", "7d")]
    how_long = {"type": "static_select", "options": lengths, "initial_option": lengths[1]}
    return fit_view(modal("silence", "Silence", [
        section(f"🔕 {_about(view)}"),
        question("what", "What", what),
        question("how-long", "For how long", how_long),
        question("reason", "Why", _line("Warehouse maintenance until 06:00"), hint="Everyone sees it next to your name."),
        context("A silence rings nobody. Alerts stay visible and up to date, and the silence ends by itself."),
    ], about=view.incident.name, submit="Silence"))  # fmt: skip


def _line(placeholder: str, longest: int = 200) -> Block:
    hint = {"type": "plain_text", "text": placeholder, "emoji": False}
    return {"type": "plain_text_input", "max_length": longest, "placeholder": hint}


def scopes_of(view: View) -> list[str]:
    """The scopes that a silence of this alert may have: the values of the form's options."""
    return [str(one["value"]) for one in _scopes(view)]


def _scopes(view: View) -> list[Block]:
    """Widest first for a task; for anything else only the thing itself."""
    incident, signal = view.incident, view.incident.exemplar
    if incident.family is not Family.task:
        return [option(cut_middle(plain(signal.label), _CHOICE) or incident.name, _value("thing", signal.label))]
    task = f"{signal.dag_id}.{signal.task_id}"
    why = cut(cause(view), _CHOICE)
    every = option("This cause, in every DAG", _value("signature", incident.signature), why)
    return [every, option(f"{cut_middle(plain(task), _CHOICE - 5)} only", _value("task", exactly(task))),
            option(f"All of {cut_middle(plain(signal.dag_id), _CHOICE - 7)}", _value("dag", exactly(signal.dag_id)))]  # fmt: skip


def _value(kind: str, what: str) -> str:
    value = f"{kind}:{what}"
    return value if len(value) <= OPTION_VALUE and value.isprintable() else kind


def _about(view: View) -> str:
    head, happened, why = spoken(view)
    said = f"{cut_middle(head, 200)}{happened}: {why}" if why else f"{cut_middle(head, 200)}{happened}"
    return f"*{view.incident.name}* {foreign(said, 400)}"


def resolve(view: View) -> Block:
    """Asks for an optional note."""
    note = _line("What helped? It goes into the timeline.", 500) | {"multiline": True}
    return fit_view(modal("resolve", "Resolve", [
        section(f"{sign(view)} {_about(view)}"),
        question("note", "Note", note, hint="Everyone sees it next to your name.", optional=True),
        context("Calls it over in every channel and stops PagerDuty. It opens again by itself when it fails again."),
    ], about=view.incident.name, submit="Resolve"))  # fmt: skip


def escalate(view: View) -> Block:
    """Asks for an optional reason before paging."""
    return fit_view(modal("escalate", "Escalate", [
        section(f"{sign(view)} {_about(view)}"),
        question("reason", "Why", _line("Nobody answers, month-end closes at 08:00"), optional=True),
        context("Rings the person on call now."),
    ], about=view.incident.name, submit="Escalate"))  # fmt: skip


def message(title: str, text: str) -> Block:
    """A modal that only shows a text. `text` is a plain sentence."""
    said = "\n".join(foreign(line, formatted=True) for line in text.split("\n"))
    return fit_view(modal("message", cut(plain(title), 24) or "Windsock", [section(said) or section("…")]))


def waiting(title: str) -> Block:
    """Shown in a modal until Airflow has answered."""
    return fit_view(modal("waiting", title, [section("Asking Airflow; nothing has been changed yet.")]))


def window(answer: Message, title: str, channel: str = "") -> Block:
    """An answer as a modal. A question to confirm becomes the modal's own: its submit button names verb and count."""
    blocks = [*answer["blocks"], *(block for strip in answer["attachments"] for block in strip.get("blocks", ()))]
    confirm = next(
        (e for b in blocks if b["type"] == "actions" for e in b["elements"] if e.get("action_id") == "confirm"), None
    )
    blocks = [block for block in blocks if block["type"] not in _ONLY_IN_MESSAGES]
    if confirm is None:
        return fit_view(modal("answer", cut(title, 24), [*blocks] or [section(answer["text"])], about=channel))
    shown = [left for block in blocks if (left := _without_ends(block))]
    about = confirm["value"]
    return fit_view(modal("plan", cut(title, 24), [*shown], about=about, submit=confirm["text"]["text"]))


def _without_ends(block: Block) -> Block | None:
    """The block without Confirm and Cancel, which are the modal's own buttons; None if nothing is left."""
    if block["type"] != "actions":
        return block
    left = [element for element in block["elements"] if element.get("action_id") not in {"confirm", "cancel"}]
    return block | {"elements": left} if left else None


def runbook(view: View, url: str) -> Block:
    """The runbook of an incident: its text, and a button for each action that it offers and that works for this
    incident."""
    book = view.runbook
    if book is None:
        return message("Runbook", f"No runbook fits {view.incident.name}.")
    parts, steps = _read(book), _steps(view, book)
    seen = next((text for title, text in parts if title == _SEEN), "")
    texts = [
        section(cut_markup(f"*{foreign(title)}*\n{text}" if title else text, 2_900))
        for title, text in parts
        if title != _SEEN
    ]
    below = joined(link(url, "The whole page") if url else "", code(f"runbooks/{book.name}.md"))
    return fit_view(modal("runbook", "Runbook", [
        header(plain(book.title, 150) or book.name), section(_about(view)),
        section(cut_markup(f"*{_SEEN}*  {seen}", 600) if seen else ""), divider(), *steps,
        divider() if steps else None, *texts, context(below),
    ], about=view.incident.name))  # fmt: skip


def _read(book: Runbook) -> list[tuple[str, str]]:
    return markdown.sections(book.body)[:20]


def _steps(view: View, book: Runbook) -> list[Block | None]:
    """A section for each available action, in the runbook's order; the button's action id is the verb."""
    offered = [step for verb, _ in book.actions if (step := _step(view, verb))]
    steps: list[Block | None] = []
    for place, (action_id, title, sentence, label) in enumerate(offered[:_STEPS]):
        spoken_as = f"{title}: {sentence}"
        press = button(action_id, label, view.incident.name, style="" if place else "primary", spoken=spoken_as)
        steps.append(section(f"*{place + 1}. {title}*\n{foreign(sentence)}", press))
    return steps


def _step(view: View, verb: str) -> tuple[str, str, str, str] | None:
    """(action id, title, description, label) of an action; None if it doesn't work for this incident."""
    if view.incident.state is State.resolved:
        return None
    many, dags = view.is_storm, max(1, len(view.counts.dags))
    things = count(view.counts.sick or view.counts.failures or 1, "task instance")
    again, stop = "Retry all" if many else "Retry", f"Pause {dags}" if dags > 1 else "Pause"
    task = {
        "clear": ("retry", again, f"Clears {things}; shows the list first.", again),
        "mark": ("mark-success", "Mark success", f"Sets {things} to success; shows the list first.", "Mark success"),
        "pause": ("pause", "Stop the flood" if dags > 1 else "Pause the DAG",
                  f"Pauses {count(dags, 'DAG')} until someone unpauses; shows the list first.", stop),
    }  # fmt: skip
    always = {
        "escalate": ("escalate", "Still stuck", "Rings the person on call.", "Escalate"),
        "silence": ("silence", "Keep it quiet", "Rings nobody for a while; asks for how long.", "Silence"),
    }
    word = {"retry": "clear", "mark-success": "mark"}.get(verb, verb)
    return always.get(word) or (task.get(word) if has_task(view) else None)
