"""The command line: serve, demo, sweep, doctor, runbooks, manifest, config, signature, incidents, timeline, audit.

The exit code is 0 on success, 1 if a fault was found, and 2 for wrong usage or configuration, with one line that names
the variable. Heavy modules are imported by the commands that need them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

from bot.cli import checks, incidents, runbooks
from bot.cli.session import FAULT, FINE, WRONG, read_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code."""
    parser = _parser()
    given = parser.parse_args(arguments)
    from bot.core.logs import set_up

    set_up()
    from bot.config.settings import WrongSettings
    from bot.core.errors import Permanent, Temporary

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
    sweep = command("sweep", checks.sweep, "run the checks once", "python -m bot sweep --check import-errors --json")
    sweep.add_argument("--check", action="append", metavar="NAME")
    sweep.add_argument("--json", action="store_true")
    doctor = command("doctor", _doctor, "try each configured system", "python -m bot doctor")
    doctor.add_argument("--json", action="store_true")
    books = command("runbooks", runbooks.runbooks, "list, lint or match the runbooks",
                       "python -m bot runbooks match < signal.json")  # fmt: skip
    books.add_argument("what", choices=("list", "lint", "match"))
    books.add_argument("signal", nargs="?", help="for match: a file with a signal; standard input unless named")
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
    listed = command(
        "incidents", incidents.incidents, "list the incidents in the store", "python -m bot incidents --json"
    )
    listed.add_argument("--json", action="store_true")
    timeline = command(
        "timeline", incidents.timeline, "print an incident's timeline as Markdown", "python -m bot timeline A-12"
    )
    timeline.add_argument("id")
    from bot.cli.audit import add_to

    add_to(command)
    return parser


def _serve(_: Any) -> int:
    from bot.cli.serve import serve

    serve(read_settings())
    return FINE


def _demo(given: Any) -> int:
    try:
        from bot.sandbox.demo.demo import run
        from bot.sandbox.provision import environment

        environment(f"airflow-{given.airflow}")
    except (ModuleNotFoundError, SystemExit):
        print("The demo runs from a checkout, which brings a real Airflow with it: clone the repository, then `make demo`.",
              file=sys.stderr)  # fmt: skip
        return WRONG
    return run(airflow=given.airflow, headless=given.headless, as_json=given.json)


def _doctor(given: Any) -> int:
    from dataclasses import asdict

    from bot.cli.doctor import diagnose

    found = list(diagnose(read_settings()))
    if given.json:
        print(json.dumps([asdict(one) for one in found], ensure_ascii=False, indent=2))
    else:
        print(*found, sep="\n")
    return FINE if all(one.well for one in found) else FAULT


def _manifest(given: Any) -> int:
    from bot.cli.manifest import manifest

    print(json.dumps(manifest(read_settings().slack.command, given.http), indent=2))
    return FINE


def _config(given: Any) -> int:
    from bot.config.access import hidden_rules
    from bot.config.settings import masked

    if given.explain:
        return runbooks.explain_signal(given.explain)
    settings = read_settings()
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
