"""The command line: serve, demo, sweep, doctor, runbooks, manifest, config, signature, incidents, timeline.

Rule: exit 0 is fine, 1 a fault was found, 2 wrong usage or configuration with one line that names the variable. What is
heavy is imported by the command that needs it.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.core.json_text import read_json

if TYPE_CHECKING:
    from bot.core.signals.signal import Signal
    from bot.settings import Settings
    from bot.store.store import Store

FINE, FAULT, WRONG = 0, 1, 2
OBSERVER_SECONDS = 3.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code."""
    parser = _parser()
    given = parser.parse_args(arguments)
    from bot.logs import set_up

    set_up()
    from bot.core.errors import Permanent, Temporary
    from bot.settings import WrongSettings

    try:
        code: int = given.run(given)
    except WrongSettings as error:
        print(error, file=sys.stderr)
        return WRONG
    except (Temporary, Permanent) as error:
        print(error.message, file=sys.stderr)
        return FAULT
    except BrokenPipeError:
        return FAULT
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="windsock", description="Incident response for Apache Airflow, in Slack.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[Any], int], said: str, example: str) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name, help=said, description=said, epilog=f"Example: {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        made.set_defaults(run=run)
        return made

    command("serve", _serve, "run the bot", "WINDSOCK_SLACK__BOT_TOKEN_FILE=/run/secrets/bot python -m bot serve")
    demo = command("demo", _demo, "the whole product on this machine", "python -m bot demo --airflow 2.11.2 --headless")
    demo.add_argument("--airflow", default="3.3.2", choices=("3.3.2", "2.11.2"))
    demo.add_argument("--headless", action="store_true", help="open no browser")
    demo.add_argument("--json", action="store_true", help="print one line of JSON when everything is up")
    sweep = command("sweep", _sweep, "run the checks once", "python -m bot sweep --check import-errors --json")
    sweep.add_argument("--check", action="append", metavar="NAME")
    sweep.add_argument("--json", action="store_true")
    doctor = command("doctor", _doctor, "try each configured system", "python -m bot doctor")
    doctor.add_argument("--json", action="store_true")
    runbooks = command("runbooks", _runbooks, "list, lint or match the runbooks",
                       "python -m bot runbooks match < signal.json")  # fmt: skip
    runbooks.add_argument("what", choices=("list", "lint", "match"))
    runbooks.add_argument("signal", nargs="?", help="for match: a file with a signal; standard input unless named")
    manifest = command(
        "manifest", _manifest, "print the Slack app's manifest", "python -m bot manifest > manifest.json"
    )
    manifest.add_argument("--http", default="", metavar="URL", help="for http mode: the bot's public address")
    config = command("config", _config, "print the effective settings, secrets masked",
                     "python -m bot config --explain signal.json")  # fmt: skip
    config.add_argument(
        "--explain", metavar="SIGNAL.json", help="say which route, silence and runbook a signal would meet"
    )
    command("signature", _signature, "mask an exception and print its signature",
            "printf 'ValueError: row 17 is bad' | python -m bot signature")  # fmt: skip
    incidents = command("incidents", _incidents, "list the incidents in the store", "python -m bot incidents --json")
    incidents.add_argument("--json", action="store_true")
    timeline = command("timeline", _timeline, "print an incident's timeline as Markdown", "python -m bot timeline A-12")
    timeline.add_argument("id")
    from bot.exports import add_to

    add_to(command)
    return parser


def _settings() -> Settings:
    from bot.settings import load

    return load()


def _serve(_: Any) -> int:
    from bot.serve import serve

    serve(_settings())
    return FINE


def _demo(given: Any) -> int:
    from bot.sandbox.demo.demo import run

    return run(airflow=given.airflow, headless=given.headless, as_json=given.json)


def _sweep(given: Any) -> int:
    from bot.checks.ask import ask_once
    from bot.core.errors import Permanent, Temporary
    from bot.rules import checks_of

    settings = _settings()
    chosen = checks_of(settings)
    found: list[dict[str, Any]] = []
    for name, deployment in settings.airflow.items():
        url = deployment.metastore_url.get_secret_value()
        if url:
            try:
                found += ask_once(name, url, given.check, chosen)
            except (Temporary, Permanent) as error:
                found.append({"deployment": name, "check": "*", "findings": [], "error": error.message})
    if given.json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        for one in found:
            print(_sweep_line(one))
        if not found:
            print("no metastore is configured; set WINDSOCK_AIRFLOW__NAME__METASTORE_URL")
    return FAULT if any(one["findings"] or one["error"] for one in found) else FINE


def _sweep_line(one: dict[str, Any]) -> str:
    if one["error"]:
        return f"✗ {one['deployment']} {one['check']}: {one['error']}"
    if not one["findings"]:
        return f"✓ {one['deployment']} {one['check']}: well"
    return "\n".join(f"✗ {one['deployment']} {one['check']}: {sentence}" for sentence in one["findings"])


def _doctor(given: Any) -> int:
    from dataclasses import asdict

    from bot.doctor import diagnose

    found = list(diagnose(_settings()))
    if given.json:
        print(json.dumps([asdict(one) for one in found], ensure_ascii=False, indent=2))
    else:
        print(*found, sep="\n")
    return FINE if all(one.well for one in found) else FAULT


def _runbooks(given: Any) -> int:
    from bot.store.runbooks import read_all

    books, wrong = read_all(_settings().runbooks.path)
    match given.what:
        case "list":
            print(*(f"{book.name:24} {book.title}" for book in books), sep="\n")
            return FINE
        case "lint":
            for fault in wrong:
                print(fault)
            if not wrong:
                print(f"{len(books)} runbooks are well")
            return FAULT if wrong else FINE
    return _match(given.signal, books)


def _match(file: str | None, books: Sequence[Any]) -> int:
    from bot.core.incidents.runbook import best

    signal = _read_signal(file)
    if signal is None:
        return WRONG
    book = best(books, signal)
    print(f"{book.name}: {book.title}" if book else "no runbook matches")
    return FINE if book else FAULT


def _read_signal(file: str | None) -> Signal | None:
    """A signal from a file or standard input; None when it cannot be read, which is said."""
    from datetime import UTC, datetime

    from bot.core.signals.wire import BadSignal, parse

    try:
        text = Path(file).read_text(encoding="utf-8") if file else sys.stdin.read()
        return parse(read_json(text), datetime.now(UTC))
    except (OSError, ValueError, AttributeError) as error:
        print(f"signal: {error}" if not isinstance(error, BadSignal) else error, file=sys.stderr)
        return None


def _explain(file: str) -> int:
    from datetime import UTC, datetime

    from bot.explain import explain

    settings, signal = _settings(), _read_signal(file)
    if signal is None:
        return WRONG
    _store(settings).close()
    print(*explain(settings, signal, datetime.now(UTC)), sep="\n")
    return FINE


def _manifest(given: Any) -> int:
    from bot.manifest import manifest

    print(json.dumps(manifest(_settings().slack.command, given.http), indent=2))
    return FINE


def _config(given: Any) -> int:
    from bot.core.access_table import hidden_rules
    from bot.settings import masked

    if given.explain:
        return _explain(given.explain)
    settings = _settings()
    print(json.dumps(masked(settings), indent=2, ensure_ascii=False))
    print(*hidden_rules(settings.access), sep="", end="", file=sys.stderr)
    return FINE


def _signature(_: Any) -> int:
    from bot.core.signals.signature import sign, split_report

    given = sys.stdin.buffer.read().decode("utf-8", "replace")
    exception_type, message, traceback = split_report(given)
    if not exception_type and not message:
        print("signature: standard input is empty; give `Type: message`, then optionally a traceback", file=sys.stderr)
        return WRONG
    signed = sign(exception_type, message, traceback)
    print(f"{exception_type}: {signed.masked}" if exception_type else signed.masked)
    print(signed.name)
    return FINE


def _store(settings: Settings) -> Store:
    from bot.store.store import Store

    store = Store(settings.store.url)
    store.migrate()
    return store


def _incidents(given: Any) -> int:
    from bot.responder.incidents.summary import page, summary_line

    settings = _settings()
    from bot.app import desk_of, load_runbooks

    desk = desk_of(settings, (), load_runbooks(settings))
    desk.store.migrate()
    _await_observer(desk.store)
    found = page(desk, (), None)["incidents"]
    if given.json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        for one in found:
            print(summary_line(one))
    return FINE


def _await_observer(store: Store) -> None:
    """What was accepted before is shown; a bot that does not run leaves it for its next start."""
    from bot.responder.signals.observer import wait_for_others

    if behind := wait_for_others(store, OBSERVER_SECONDS):
        print(f"{behind} signals are kept and not observed yet; does the bot run?", file=sys.stderr)


def _timeline(given: Any) -> int:
    from bot.responder.incidents.summary import markdown

    store = _store(_settings())
    _await_observer(store)
    number = re.fullmatch(r"(?i:A-)?([0-9]{1,18})", given.id)
    text = markdown(store, int(number[1])) if number else None
    if text is None:
        print(f"id: there is no incident {given.id}; `windsock incidents` lists them", file=sys.stderr)
        return WRONG
    print(text)
    return FINE


if __name__ == "__main__":
    sys.exit(main())
