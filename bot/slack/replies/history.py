"""Replies about the past: the report on one DAG, tasks that became slower, who is on call, one check run now.

Every figure says what it is compared with and where it was read; an unknown one is left out and never shown as zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.core.dates import span
from bot.responder.lookups.report_card import Card
from bot.responder.questions import CheckSeen, OnCall, RunSeen, TaskDuration
from bot.slack.text.block_kit import Block, Message, context, message, section
from bot.slack.text.columns import shown
from bot.slack.text.words import at, bare, clock, code, count, cut, cut_middle, foreign, joined, listed, plain

_MOST_SLOW, _MOST_FAILED, _MOST_TASKS, _MOST_FOUND = 20, 5, 8, 20
_SETTING = "WINDSOCK_PAGERDUTY__API_TOKEN"


def report(card: Card, where: str = "") -> Message:
    """One DAG's health: runs, success rate against the goal, p95, the last failures, the slowest tasks, retries."""
    name = foreign(where + card.dag_id, 200)
    days = _days(card.days)
    if not card.runs:
        said = f"*{name}* had no run in the last {days}"
        return message(bare(said), section(said), context(_last(card.source, where, f"runs {where}{card.dag_id}")))
    head = f"*{name}*, last {days}: {_verdict(card)}"
    failed = [f"✗ {_when(run, card.now)}  {code(run.run_id)}" for run in card.failed[:_MOST_FAILED]]
    more = f"+{len(card.failed) - _MOST_FAILED} more failed runs" if len(card.failed) > _MOST_FAILED else ""
    failures = section("\n".join(["*Last failures*", *failed, *([more] if more else [])])) if failed else None
    table, rest = _slowest(card)
    following = f"tasks {where}{card.dag_id}@{card.failed[0].run_id}" if card.failed else f"runs {where}{card.dag_id}"
    text = cut(bare(head), 300)
    return message(text, section(f"{head}\n{_figures(card)}"), failures, *table,
                   context(_last(joined(rest, card.source), where, following)))  # fmt: skip


def _verdict(card: Card) -> str:
    if card.rate is None:
        return f"{count(len(card.runs), 'run')}, none of them ended"
    sign = "✓" if card.rate >= card.goal else "✗"
    return f"{sign} *{_percent(card.rate)} of {count(len(card.runs), 'run')} succeeded*, goal {_percent(card.goal)}"


def _figures(card: Card) -> str:
    before = f", {_percent(card.rate_before)} before" if card.rate_before is not None else ""
    usual = f", {span(card.p95_before, fine=True)} before" if card.p95_before is not None else ""
    return joined(
        f"{count(len(card.failed), 'failed run')}{before}",
        f"p95 {span(card.p95, fine=True)}{usual}" if card.p95 is not None else "",
        count(card.retries, "retry", "retries"),
    )


def _percent(rate: float) -> str:
    """One decimal, never rounded up to 100 %."""
    rounded = f"{min(rate, 99.9) if rate < 100 else rate:.1f}"
    return f"{rounded.removesuffix('.0')} %"


def _days(days: float) -> str:
    return count(round(days), "day") if days >= 2 else span(days * 86_400)


def _when(run: RunSeen, now: datetime) -> str:
    return at(run.started, now) if run.started else "not started"


def _slowest(card: Card) -> tuple[list[Block | None], str]:
    if not card.slowest:
        return [], ""
    rows = [("task", "p50", "p95", "failed", "retries")]
    rows += [
        (cut_middle(plain(task.task_id), 40), span(task.p50 or 0), span(task.p95 or 0), f"{task.failed}/{task.ended}",
         str(task.retries))
        for task in card.slowest[:_MOST_TASKS]
    ]  # fmt: skip
    block, _ = shown(rows, len(rows))
    left = len(card.slowest) - _MOST_TASKS
    return [section("*Slowest tasks*"), block], f"+{left} more tasks" if left > 0 else ""


def _last(source: str, where: str, following: str) -> str:
    return joined(foreign(where.rstrip(":")), foreign(source, 300), f"next: {code(f'/airflow {following}', 300)}")


def slow(told: Sequence[tuple[str, Sequence[TaskDuration] | str, str]], lately: str, before: str) -> Message:
    """Tasks that take longer than before: (deployment, what grew slow or the sentence of one that did not answer, source)."""
    blocks: list[Block | None] = []
    texts, sources, first = [], [], ""
    for name, found, source in told:
        where = f"*{foreign(name, 60)}* " if len(told) > 1 else ""
        if isinstance(found, str):
            blocks.append(section(f"⚠️ {where}{foreign(found, 300)}"))
            texts.append(joined(foreign(name, 60), foreign(found, 120)))
            continue
        head = f"{where}*{count(len(found), 'task')} {'is' if len(found) == 1 else 'are'} slower than before*" if found else (
            f"{where}*No task is clearly slower than before*")  # fmt: skip
        block, more = _slow_table(found)
        blocks += [section(head), block]
        texts.append(bare(head))
        sources.append(joined(more, foreign(source, 300)))
        if found and not first:
            first = f"{f'{name}:' if len(told) > 1 else ''}{found[0].dag_id}"
    following = f"report {first}" if first else "report DAG"
    span_words = f"last {lately} against the {before} before" if lately else ""
    last = joined(span_words, *dict.fromkeys(sources), f"next: {code(f'/airflow {following}', 300)}")
    return message(cut(". ".join(texts), 300), *blocks, context(last))


def _slow_table(found: Sequence[TaskDuration]) -> tuple[Block | None, str]:
    if not found:
        return None, ""
    rows = [("task", "p50", "was", "p95", "was", "runs")]
    rows += [
        (cut_middle(plain(f"{one.dag_id}.{one.task_id}"), 56), span(one.p50), span(one.p50_before), span(one.p95),
         span(one.p95_before), str(one.runs))
        for one in found
    ]  # fmt: skip
    return shown(rows, _MOST_SLOW + 1)


def check(told: Sequence[tuple[str, CheckSeen | str]], name: str) -> Message:
    """One check's results, run now, for every deployment."""
    lines, ill, unasked = [], list[str](), list[str]()
    title = next((one.title for _, one in told if isinstance(one, CheckSeen)), name)
    for deployment, one in told:
        where = f"*{foreign(deployment, 60)}* " if len(told) > 1 else ""
        if isinstance(one, str) or one.error:
            unasked.append(foreign(deployment, 60))
            lines.append(f"⚠️ {where}{foreign(one if isinstance(one, str) else one.error, 300)}")
            continue
        if one.findings:
            ill.append(foreign(deployment, 60))
        lines += [f"✗ {where}{foreign(finding, 300)}" for finding in one.findings[:_MOST_FOUND]] or [f"✓ {where}well"]
        if len(one.findings) > _MOST_FOUND:
            lines.append(f"+{len(one.findings) - _MOST_FOUND} more")
    number = sum(len(one.findings) for _, one in told if isinstance(one, CheckSeen))
    said = f"✗ {count(number, 'finding')}" if ill else "not asked" if len(unasked) == len(told) else "✓ nothing found"
    head = f"*{foreign(title, 100)}*: {said}"
    book = next((one.runbook for _, one in told if isinstance(one, CheckSeen) and one.findings), "")
    command = code(f"/airflow runbook {book}" if book else "/airflow health")
    last = joined(code(name), "asked now", f"next: {command}")
    return message(bare(head), section(head), section("\n".join(lines)), context(last))


def on_call(found: Sequence[OnCall], now: datetime) -> Message:
    """Who is on call, by policy and level; the first level in the headline."""
    if not found:
        said = "*Nobody is on call* in PagerDuty"
        return message(bare(said), section(said), context(f"next: {code('/airflow open')}"))
    first = [one for one in found if one.level == min(each.level for each in found)]
    head = f"*{listed(dict.fromkeys(foreign(one.person, 60) for one in first))}* {_is(first)} on call"
    until = {one.until for one in first}
    ends = f" until {clock(first[0].until)}" if len(until) == 1 and first[0].until else ""
    rows = [
        (f"level {one.level}", plain(one.person, 40), plain(one.policy, 40), plain(one.schedule, 40),
         f"until {clock(one.until)}" if one.until else "always")
        for one in found
    ]  # fmt: skip
    block, more = shown(rows, 20)
    asked = f"asked PagerDuty {at(now)}"
    return message(f"{bare(head)}{ends}", section(f"{head}{ends}"), block,
                   context(joined(more, asked, f"next: {code('/airflow escalate A-12')}")))  # fmt: skip


def _is(people: Sequence[OnCall]) -> str:
    return "is" if len({one.person for one in people}) == 1 else "are"


def no_on_call() -> Message:
    """Explains which setting is missing."""
    said = f"Windsock cannot ask PagerDuty who is on call: {code(_SETTING)} is not set"
    return message(bare(said), section(said),
                   context(f"a read-only REST API key in {code(_SETTING)} · next: {code('/airflow open')}"))  # fmt: skip
