"""Replies to one person: ephemeral, at most a screen high, the answer first and the next command last.

"Nothing was changed" is added to a refusal only here. Bold and code in the bot's own sentences are kept; foreign names
in them are escaped.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.errors import Refused
from bot.core.incidents.runbook import Runbook
from bot.core.remediation import Plan
from bot.slack.alert import action_words
from bot.slack.text import markdown
from bot.slack.text.block_kit import Block, Message, actions, button, context, message, section
from bot.slack.text.limits import cut_markup
from bot.slack.text.words import bare, code, count, cut, foreign, joined, link, listed, plain

COMMAND = "/airflow"
_NOTHING = "Nothing was changed"


def _said(text: str) -> str:
    """The bot's own sentences, which may contain foreign names."""
    return "\n".join(foreign(line, formatted=True) for line in text.split("\n"))


def _next(command: str) -> Block | None:
    return context(f"next: {code(f'{COMMAND} {command}')}") if command else None


def told(text: str, next: str = "") -> Message:
    """One sentence or a few lines, and the next command. Bold and code in `text` are kept, everything else is
    escaped."""
    said = _said(text) or "There is nothing to say."
    return message(bare(said), section(said), _next(next))


def trouble(sentence: str) -> Message:
    """An error: what went wrong, and that nothing was changed."""
    reason = plain(sentence)
    return message(f"{_NOTHING}: {bare(_said(reason))}", section(f"*{_NOTHING}:* {_said(reason)}"))


def refusal(refused: Refused, verb: str, holders: Sequence[str] = (), groups: Sequence[str] = ()) -> Message:
    """The reason, and who has the missing role or what to do next. `holders` are the people with that role, `groups`
    the user groups."""
    reason = refused.reason or f"`{plain(verb)}` was refused."
    lock = "" if refused.missing is None else "🔒 "
    text = f"{lock}{_NOTHING}: {bare(_said(reason))}"
    if refused.missing is None:
        return message(text, section(f"*{_NOTHING}.* {_said(reason)}"), _next(plain(refused.next, 200)))
    can = f"{listed((foreign(name, 60) for name in holders), most=5)} can do it" if holders else ""
    ask = f"ask {listed((foreign(name, 60) for name in groups), 'or', most=5)}" if groups else ""
    who = ", or ".join(part for part in (can, ask) if part) or "nobody has that role yet"
    below = joined(who, f"your roles: `{COMMAND} whoami`")
    return message(text, section(f"{lock}*{_NOTHING}.* {_said(reason)}"), context(below))


def help(groups: Sequence[tuple[str, Sequence[tuple[str, str]]]], also: Sequence[str] = ()) -> Message:
    """One line per verb, by heading; `also` are verbs that are only named."""
    verbs = [usage.split(" ")[0] for _, lines in groups for usage, _ in lines]
    parts = [section("\n".join([f"*{foreign(heading)}*", *(f"{code(usage)}  {foreign(said)}" for usage, said in lines)]))
             for heading, lines in groups]  # fmt: skip
    refs = context("REF is A-12, dag, dag.task, dag.task[7], dag@run or a pasted Airflow link")
    more = joined("`help clear` for examples", f"also: {', '.join(map(foreign, also))}" if also else "")
    text = f"{COMMAND} VERB REF options: {foreign(', '.join(verbs), 300)}. help VERB shows examples."
    return message(text, *parts, refs, context(more))


def verb_help(usage: str, sentence: str, examples: Sequence[str] = (), aliases: Sequence[str] = ()) -> Message:
    """One verb with its examples."""
    lines = [f"{code(usage)}  {foreign(sentence)}", *(f"• {code(f'{COMMAND} {example}')}" for example in examples)]
    others = f"also: {', '.join(code(alias) for alias in aliases)}" if aliases else ""
    text = f"{foreign(usage)}: {foreign(sentence)}"
    return message(text, section("\n".join(lines)), context(joined(others, "`help` lists all verbs")))


def typo(text: str, nearest: Sequence[str], others: Sequence[str] = ()) -> Message:
    """The nearest verbs as buttons that run the corrected text: `run`, then `run-2`, `run-3`; and `run-help`."""
    word = plain(text, 60).split(" ")[0]
    verbs = [f"*{foreign(plain(line).split(' ')[0], 40)}*" for line in nearest]
    said = f"There is no verb {code(word) or '` `'}." + (f" Did you mean {listed(verbs, 'or')}?" if verbs else "")
    meant = ["".join(sign for sign in line if sign.isprintable()) for line in nearest]
    near = [button("run" if n == 0 else f"run-{n + 1}", cut(plain(line), 75), line, spoken=f"Run {plain(line)}")
            for n, line in enumerate(meant[:3]) if line.strip()]  # fmt: skip
    also = f"also near: {', '.join(code(other, 40) for other in others)}" if others else ""
    row = actions("nearest", *near, button("run-help", "help", "help") if meant != ["help"] else None)
    plainly = f"There is no verb “{foreign(word)}”." + (f" Did you mean: {bare(listed(verbs, 'or'))}?" if verbs else "")
    return message(plainly, section(said), row, context(joined(_NOTHING, also)))


def asked(plan: Plan, deployment: str = "") -> Message:
    """Replaces the preview after it was confirmed."""
    where = f"A-{plan.incident_id} shows how it goes" if plan.incident_id else "the channel shows how it goes"
    doing = action_words.act(plan, action_words.DOING)
    said = section(f"*Asked:* {action_words.act(plan, action_words.DOING, code)}; {where}")
    below = context(foreign(deployment, 60))
    return message(f"Asked: {foreign(doing)}; {where}", said, actions("stop", action_words.stop_button(plan)), below)


def cancelled() -> Message:
    """Replaces the preview after Cancel."""
    return message("Cancelled: nothing was changed.", section("Cancelled: nothing was changed."))


def used(reason: str = "") -> Message:
    """The list was confirmed before, or is too old. `reason` is a plain sentence."""
    reason = plain(reason) or "this list was confirmed already, or is too old."
    return message(f"{_NOTHING}: {bare(_said(reason))}", section(f"*{_NOTHING}:* {_said(reason)}"),
                   context("Ask again for a new list"))  # fmt: skip


def runbook(book: Runbook, url: str = "") -> Message:
    """The runbook as text, one screen of it, and a link to the whole page."""
    parts = markdown.sections(book.body)
    shown: list[Block | None] = [section(f"*{foreign(book.title, 200)}*")]
    room = 3_500
    for title, text in parts:
        if room > 0:
            words = cut_markup(f"*{foreign(title)}*\n{text}" if title else text, min(room + 200, 2_900))
            shown.append(section(words))
            room -= len(words)
    left = count(max(0, len(parts) - len(shown) + 1), "more part") if len(parts) > len(shown) - 1 else ""
    below = joined(left, link(url, "the whole page") if url else "", code(f"runbooks/{book.name}.md"))
    return message(f"Runbook: {foreign(book.title, 200)}", *shown, context(below))
