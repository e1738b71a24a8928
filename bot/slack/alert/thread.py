"""Text next to an alert: its thread, the short reply that the channel sees too, a change without an incident.

There is one line per entry. An entry's text may contain foreign text, so only its first words are bold and none of it
is markup; threads mention no one.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.dates import span
from bot.core.incidents.incident import Entry, State
from bot.core.incidents.routing import Severity
from bot.core.incidents.view import Stage, View
from bot.core.remediation import ACTIVE, FAILED, Progress, Remediation
from bot.core.signals.signal import Family
from bot.slack.alert import action_words
from bot.slack.alert.evidence import last_lines
from bot.slack.alert.headline import name, spoken
from bot.slack.text.block_kit import Block, Message, actions, context, message, preformatted, section
from bot.slack.text.limits import cut_markup
from bot.slack.text.words import bare, code, cut_middle, foreign, joined, mention, plain

_PRESSED = {"acknowledged": " has it", "resolved": " resolved it", "unacknowledged": " gave it back",
            "reopened": " opened it again"}  # fmt: skip
_BATCH = 20  # entries in one message
_CALLED = frozenset({"escalated", "reopened", "opened", "failed", "worse"})
_SIGNS = {"opened": "🔴", "explained": "🔴", "failed": "🔴", "reopened": "🔁", "acknowledged": "👀", "unacknowledged": "🔴",
          "asked": "🔧", "acted": "🔧", "waiting": "⏳", "ended": "🔧", "partly": "⚠️", "not done": "⚠️",
          "resolved": "✅", "escalated": "🚨", "worse": "🚨", "later run": "ℹ️", "silenced": "🔕", "unsilenced": "🔴",
          "note": "📝", "reminder": "👀", "unwritable": "⚠️"}  # fmt: skip


def thread(entries: Sequence[Entry], view: View) -> list[Message]:
    """One message per batch of entries, oldest first; an entry about a failure adds the end of the traceback."""
    batches = [entries[start : start + _BATCH] for start in range(0, len(entries), _BATCH)]
    return [_batch(batch, view) for batch in batches]


def _batch(entries: Sequence[Entry], view: View) -> Message:
    lines = [line(entry, view) for entry in entries]
    blocks: list[Block | None] = []
    for entry, said in zip(entries, lines, strict=True):
        blocks.append(section(said))
        if entry.what in {"opened", "explained", "failed"}:
            blocks.append(preformatted(last_lines(view.incident.exemplar)))
    text = cut_markup("; ".join(bare(said) for said in lines), 300)
    return message(text, *blocks)


def line(entry: Entry, view: View) -> str:
    """`👀 *Ana has it*, 2 min after it failed`."""
    emoji = _SIGNS.get(entry.what, "•")
    if entry.what == "opened" and view.incident.family is Family.task and entry is _first(view, entry):
        return f"{emoji} {_opened(view)}"
    text, who = plain(entry.text, 1_000), plain(entry.who, 40)
    if is_a_note(entry):
        return f"{emoji} *{foreign(who)}{_PRESSED.get(entry.what, '')}*: “{foreign(text)}”"
    after = _after(entry, view) if entry.what == "acknowledged" else ""
    head, mark, rest = _first_words(text)
    return f"{emoji} *{foreign(head)}*{mark}{foreign(rest)}{after}" if head else f"{emoji} {foreign(entry.what)}"


def is_a_note(entry: Entry) -> bool:
    """Whether the text is the person's own note, not the bot's sentence about them."""
    pressed = entry.what == "note" or entry.what in _PRESSED
    return bool(pressed and entry.who and entry.text) and not entry.text.startswith(entry.who)


def _first(view: View, entry: Entry) -> Entry:
    return next((known for known in view.timeline if known.what == "opened" and known.id == entry.id), entry)


def _opened(view: View) -> str:
    signal = view.incident.exemplar
    total = max((signal.max_tries or 0) + 1, signal.try_number)
    tries = f", try {signal.try_number}/{total}" if signal.try_number and signal.max_tries is not None else ""
    why = code(signal.exception.type) or foreign(spoken(view)[2], 200)
    return (
        f"*{foreign(signal.label, 200)} failed*{tries}: {why}"
        if why
        else f"*{foreign(signal.label, 200)} failed*{tries}"
    )


def _first_words(text: str) -> tuple[str, str, str]:
    """The words up to the first colon or comma, that separator, and the rest."""
    ends = [found for mark in (": ", ", ") if 0 < (found := text.find(mark)) < 120]
    return (text[: min(ends)], text[min(ends) : min(ends) + 2], text[min(ends) + 2 :]) if ends else (text, "", "")


def _after(entry: Entry, view: View) -> str:
    began = view.incident.reopened_at or view.incident.opened_at
    seconds = (entry.at - began).total_seconds()
    return f", {span(seconds)} after it failed" if seconds > 0 else ""


def broadcast(view: View) -> Message | None:
    """The short reply that the channel sees too, with the mention: critical, worse, reopened, escalated; otherwise
    None."""
    incident = view.incident
    last = next((entry for entry in reversed(view.timeline) if entry.what in _CALLED), None)
    worse = last is not None and last.what == "worse"
    if incident.state is State.resolved or (view.stage is Stage.silenced and not worse):
        return None
    call = mention(incident.mention) if incident.mention else ""
    about = foreign(cut_middle(name(view), 120))
    if last is not None and last.what in {"escalated", "worse"}:
        head, mark, rest = _first_words(plain(last.text, 300))
        return _rung(f"🚨 *{foreign(head)}*{mark}{foreign(rest)}", f"{about} · {incident.name}", call)
    if incident.state is not State.open:
        return None
    said = _called(view, about, last.what if last is not None else "")
    return _rung(said, incident.name, call) if said else None


def _called(view: View, about: str, what: str) -> str:
    """The sentence for the whole channel about an open incident; empty if its message is enough."""
    if view.incident.severity is Severity.critical and view.incident.times == 1:
        return f"🚨 *Critical:* {foreign(cut_middle(name(view), 120) + spoken(view)[1])}"
    if what == "failed":
        return f"🔴 *{about} failed*, no try is left"
    if view.incident.times > 1:
        return f"🔁 *{about} failed again*" if _fails(view) else f"🔁 *{about}*, again"
    return ""


def _fails(view: View) -> bool:
    return spoken(view)[1] == " failed"


def _rung(said: str, about: str, call: str) -> Message:
    return message(bare(f"{said} · {about}"), section(joined(said, about, call)))


def announcement(remediation: Remediation, where: str = "") -> Message:
    """A change without an incident, with the person's name: in progress, done, or not done. `where` is the deployment,
    if there are several."""
    plan, who = remediation.plan, foreign(remediation.person.name, 40)
    if remediation.progress in FAILED:
        bold, sentence = action_words.not_done(remediation)
        said = f"⚠️ {who} asked to {action_words.act(plan, action_words.DO, code)}. *{bold}* {sentence}"
    elif remediation.progress in ACTIVE:
        said = f"🔧 *{who} is {action_words.verb(plan, action_words.DOING)}* {_touched(remediation)}…{_so_far(remediation)}"
    else:
        said = _done(remediation, who)
    bar = (
        action_words.squares(remediation.tally.get("done", 0), action_words.size(plan))
        if _is_watched(remediation)
        else ""
    )
    lines = f"{said}\n{bar}  {action_words.tallied(remediation)}" if bar else said
    if remediation.progress is Progress.watching and remediation.answer:  # interrupted; cleared tasks are watched
        lines += f"\n⚠️ {foreign(remediation.answer, 300)}"
    reason = plain(plan.options.get("reason") or "", 200)
    runs = list(dict.fromkeys(change.run_id for change in plan.changes if change.run_id))
    quoted = f"“{foreign(reason)}”" if reason else ""
    below = joined(foreign(where, 60), quoted, foreign(runs[0]) if len(runs) == 1 else "")
    stop = actions("actions", action_words.stop_button(plan)) if remediation.can_stop else None
    return message(bare(said), section(lines), stop, context(below))


def _touched(remediation: Remediation) -> str:
    return action_words.touched(remediation.plan, code) + action_words.becomes(remediation.plan, foreign)


def _is_watched(remediation: Remediation) -> bool:
    return remediation.progress in ACTIVE and (remediation.plan.action == "clear" or action_words.batches(remediation))


def _so_far(remediation: Remediation) -> str:
    if remediation.plan.action not in {"clear", "mark"} and not action_words.batches(remediation):
        return ""
    return f" {remediation.tally.get('done', 0)}/{action_words.size(remediation.plan)}"


def _done(remediation: Remediation, who: str) -> str:
    plan = remediation.plan
    said = f"{who} {action_words.verb(plan, action_words.DONE)}"
    if plan.action != "clear" or remediation.progress is not Progress.done:
        return f"{said} {_touched(remediation)}"
    ended = action_words.tallied(remediation, ended=True) or foreign(remediation.answer, 200)
    bad = remediation.tally.get("failed", 0)
    return f"{'⚠️' if bad else '✅'} *{said}* {_touched(remediation)}" + (f": {ended}" if ended else "")
