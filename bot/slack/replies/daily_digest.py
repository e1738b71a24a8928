"""The digest as a message: the day in a headline, how fast alerts were answered, failures by hour, things to look at.

A picture would need a URL that Slack can reach, so the plot is drawn in characters and summed up in words below. At
most three things to look at are listed, and unknown figures are left out.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil

from bot.core.dates import span
from bot.core.incidents.cause import phrase
from bot.core.signals.signal import Family
from bot.responder.lookups.daily_digest import Digest, Duration, Highlight
from bot.slack.text.block_kit import Message, context, header, message, preformatted, section
from bot.slack.text.limits import cut_markup
from bot.slack.text.words import at, bare, code, count, cut_middle, foreign, joined, listed, plain

_BARS = "▁▂▃▄▅▆▇█"
_LABEL_EVERY = 3  # hours


def digest(told: Digest) -> Message:
    """The whole message; the caller passes it through `limits.fit`."""
    head = headline(told)
    shown = [section(_alerts(told)), preformatted(plot(told)), section(_worth(told)), context(_below(told))]
    return message(cut_markup(f"{foreign(head)}. {bare(_alerts(told).split(chr(10))[0])}.", 300), header(head), *shown)


def headline(told: Digest) -> str:
    """`Saturday 21 November: 1,204 runs, 98.7 % succeeded`."""
    name = f"{told.day:%A} {told.day.day} {told.day:%B}"
    so_far = " so far" if told.now < told.until else ""
    runs = told.runs
    if runs is None or not runs.ended:
        what = "no run ended" if runs is not None else count(told.opened, "alert")
        return f"{name}{so_far}: {what}"
    rate = 100 * runs.succeeded / runs.ended
    share = "all" if runs.succeeded == runs.ended else f"{min(rate, 99.9):.1f} %"
    return f"{name}{so_far}: {runs.ended:,} {'run' if runs.ended == 1 else 'runs'}, {share} succeeded"


def _alerts(told: Digest) -> str:
    before = f" ({told.opened_before} the {told.day:%A} before)"
    took = joined(*(
        f"{word} *{span(one.median)}*" for word, one in (("acknowledged in", told.to_acknowledge), ("well in", told.to_resolve))
        if one
    )).replace(" · ", ", ")  # fmt: skip
    first = joined(f"*{count(told.opened, 'alert')}*{before}", f"{took} (medians)" if took else "", _ended(told))
    return "\n".join(line for line in (first, _means(told), _covered(told), _worst(told)) if line)


def _ended(told: Digest) -> str:
    return joined(
        f"{told.resolved} resolved" if told.resolved else "", f"{told.still_open} open now" if told.still_open else ""
    )


def _means(told: Digest) -> str:
    """The means, where they differ from the medians because of a few long waits."""

    def said(word: str, one: Duration | None) -> str:
        return f"{span(one.mean)} {word}" if one and one.number > 1 and span(one.mean) != span(one.median) else ""

    means = joined(said("to acknowledge", told.to_acknowledge), said("to resolve", told.to_resolve))
    return f"On average {means}" if means else ""


def _covered(told: Digest) -> str:
    """Failures that Airflow has, and how many were reported by each reporter, and how fast."""
    known, by, took = told.coverage.known, told.coverage.told, told.coverage.took
    if not known:
        return ""
    parts = [f"{by[who]} by {name} (in {span(took[who].median)})" for who, name in (("hook", "hooks"), ("sweep", "the sweep"))
             if by.get(who)]  # fmt: skip
    return f"Airflow knows {count(known, 'failure')}, {sum(by.values())} were reported: {listed(parts) or 'none'}"


def _worst(told: Digest) -> str:
    return f"Most failures: {listed(f'{code(dag)} {number}' for dag, number in told.dags)}" if told.dags else ""


def plot(told: Digest) -> str:
    """Failed task instances by hour: a line of bars, the hours below, and a summary in words. Empty if none failed."""
    largest = max(told.by_hour, default=0)
    if not largest:
        return ""
    bars = " ".join(_BARS[ceil(len(_BARS) * number / largest) - 1] if number else "·" for number in told.by_hour)
    wide = 2 * _LABEL_EVERY
    hours = "".join(
        f"{_hour(told, hour):%H}".ljust(wide) for hour in range(0, len(told.by_hour), _LABEL_EVERY)
    ).rstrip()
    return f"Failed task instances by hour ({_zone(told)})\n{bars}\n{hours}\n{_in_words(told, largest)}"


def _in_words(told: Digest, largest: int) -> str:
    worst = list(told.by_hour).index(largest)
    rest = max((number for hour, number in enumerate(told.by_hour) if hour != worst), default=0)
    others = f"at most {rest} in any other hour" if rest else "none in any other hour"
    return f"{largest} at {_hour(told, worst):%H:%M}, {others}"


def _hour(told: Digest, hour: int) -> datetime:
    return (told.since + timedelta(hours=hour)).astimezone(told.zone)


def _zone(told: Digest) -> str:
    return plain(str(told.zone), 40)


def _worth(told: Digest) -> str:
    return "\n".join(["*Worth a look today*", *(f"• {_thing(one)}" for one in told.worth)]) if told.worth else ""


def _thing(one: Highlight) -> str:
    if one.incident is None:
        known = f"{count(one.number, 'failure')} that Airflow knows"
        return f"{known} {'was' if one.number == 1 else 'were'} never reported; `windsock doctor` says what is missing"
    signal = one.incident.exemplar
    name = code(cut_middle(plain(signal.label) or one.incident.name, 80))
    why = foreign(plain(phrase(signal), 100)) if signal.family is Family.task and signal.exception else ""
    if one.kind == "open":
        return f"{name} is open for {span(one.seconds)} and nobody has it ({one.incident.name})" + (
            f": {why}" if why else ""
        )
    return f"{name} failed {_times(one.number)} ({one.incident.name})" + (f": {why}" if why else "")


def _times(number: int) -> str:
    return f"{number} times"


def _below(told: Digest) -> str:
    end = told.now + timedelta(days=1)
    ending = [f"S-{one.id} at {at(one.until, told.now)}" if one.id else "" for one in told.silences if one.until <= end]
    quiet = f"Ends today: silence {listed(ending, most=3)}" if any(ending) else ""
    held = count(len(told.silences), "silence") if told.silences and not quiet else ""
    dag = told.dags[0][0] if told.dags else ""
    more = (
        f"{code(f'/airflow report {plain(dag, 60)}')} for more"
        if dag
        else f"{code('/airflow open')} lists what is open"
    )
    return joined(quiet, held, more)
