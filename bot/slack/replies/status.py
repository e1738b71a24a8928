"""The answers to `status` and `health`."""

from __future__ import annotations

from bot.core.dates import span
from bot.core.incidents.view import DeploymentStatus, Status
from bot.slack.replies.incidents import _open_lines, _open_text
from bot.slack.text.block_kit import Message, context, message, section
from bot.slack.text.limits import cut_markup
from bot.slack.text.words import at, clock, count, foreign, joined

_NAMES = {"dag_processor": "DAG processor", "metadatabase": "metastore"}


def status(status: Status) -> Message:
    """Every deployment in three lines, and the open alerts, worst and newest first."""
    parts = [section(_deployment(deployment)) for deployment in status.deployments]
    well = [foreign(d.name, 60) for d in status.deployments if not _ill(d)]
    ill = [foreign(d.name, 60) for d in status.deployments if _ill(d)]
    said = joined(
        f"{', '.join(well)} {_is(well)} well" if well else "", f"{', '.join(ill)} {_is(ill)} not well" if ill else ""
    )
    alerts = _open_lines(status.open)
    text = f"{said or 'No Airflow is configured'}. {_open_text(status.open)}"
    quiet = (
        f"{count(len(status.silences), 'silence')}, ends {clock(min(until for _, until in status.silences))}"
        if status.silences
        else ""
    )
    last = joined(f"checked {at(status.now)}", quiet, "`open` lists alerts, `help` lists verbs")
    nothing = None if parts else section("No Airflow is configured")
    return message(cut_markup(text, 300), *parts, nothing, section(alerts or "No open alerts"), context(last))


def _is(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _ill(deployment: DeploymentStatus) -> bool:
    return bool(deployment.trouble) or any(healthy is False for _, healthy, _ in deployment.components)


def _deployment(one: DeploymentStatus) -> str:
    version = f" (Airflow {foreign(one.version, 30)})" if one.version else ""
    if one.trouble:
        return f"⚠️ *{foreign(one.name, 60)} does not answer*{version}\n{foreign(one.trouble, 300)}"
    head = f"*{foreign(one.name, 60)} {'is not well' if _ill(one) else 'is well'}*{version}"
    return "\n".join(line for line in (head, _components(one), _figures(one), _coverage(one)) if line)


def _coverage(one: DeploymentStatus) -> str:
    """Reported failures against those that Airflow has."""
    if not one.failures_known:
        return ""
    told = one.failures_by_hook + one.failures_by_sweep
    by = joined(
        f"{one.failures_by_hook} by hooks", f"{one.failures_by_sweep} by the sweep" if one.failures_by_sweep else ""
    )
    return f"Told {told} of {count(one.failures_known, 'failure')} in 24 h: {by}"


def _components(one: DeploymentStatus) -> str:
    parts = [_component(part, healthy, seconds, one) for part, healthy, seconds in one.components]
    return "   ".join(part for part in parts if part)


def _component(part: str, healthy: bool | None, seconds: float | None, one: DeploymentStatus) -> str:
    if healthy is None:
        return ""
    seconds = one.answer_seconds if seconds is None and part == "metadatabase" else seconds
    since = f" {span(seconds)}" if seconds is not None else ""
    return f"{'✓' if healthy else '✗'} {foreign(_NAMES.get(part, part), 40)}{since}"


def _figures(one: DeploymentStatus) -> str:
    dags = (
        f"{one.dags_active} of {one.dags_total} DAGs active"
        if one.dags_active is not None and one.dags_total is not None
        else ""
    )
    return joined(
        f"{count(one.running, 'task')} running" if one.running is not None else "",
        f"{one.queued} queued" if one.queued is not None else "",
        dags,
        count(one.import_errors, "import error") if one.import_errors is not None else "",
    )


def health(status: Status) -> Message:
    """Each component on a line of its own, and the checks' findings."""
    parts = [section(_healthy(deployment)) for deployment in status.deployments]
    ill = [foreign(d.name, 60) for d in status.deployments if _ill(d)]
    findings = sum(len(deployment.findings) for deployment in status.deployments)
    said = f"Not well: {', '.join(ill)}" if ill else "All that was asked is well"
    text = joined(said, f"the checks found {count(findings, 'thing')}" if findings else "")
    return message(
        text,
        *(parts or [section("No Airflow is configured")]),
        context(
            joined(
                f"checked {at(status.now)}",
                "`health CHECK` asks one now",
                "`jobs`, `pools` and `import-errors` show more",
            )
        ),
    )


def _healthy(one: DeploymentStatus) -> str:
    if one.trouble:
        return _deployment(one)
    head = _deployment(one).split("\n")[0]
    parts = [line for part, ok, seconds in one.components if (line := _component(part, ok, seconds, one))]
    found = [f"✗ {foreign(finding, 300)}" for finding in one.findings[:20]] or ["✓ the checks found nothing"]
    return "\n".join(line for line in (head, *parts, _figures(one), *found) if line)
