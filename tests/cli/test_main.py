"""The command line: each command's help has an example, and the exit code tells fine, a fault, and wrong usage apart."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.cli.main import main
from bot.core.signals.signature import sign
from bot.responder.incidents.presses import press
from bot.responder.signals.observe import report
from tests.given import ANA, body, failure, some_services

ROOT = Path(__file__).parents[2]
COMMANDS = ["serve", "demo", "sweep", "doctor", "runbooks", "manifest", "config", "signature", "incidents", "timeline"]
GOOD = "---\ntitle: Rows\nmatch:\n  exception: row\n---\n## What you see\n\n## Why\n\n## What to do\n\n## Prevent\n"


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder, no variable of ours, one good runbook."""
    for name in [name for name in os.environ if name.startswith("WINDSOCK_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "runbooks" / "rows.md").write_text(GOOD)
    return tmp_path


def typed(monkeypatch: pytest.MonkeyPatch, text: str | bytes) -> None:
    """What comes on standard input."""
    raw = text if isinstance(text, bytes) else text.encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8"))


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_each_command_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert re.search(rf"Example: .*python -m bot {command}", said), said


def test_the_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    assert all(re.search(rf"^\s+{command}\s", said, re.MULTILINE) for command in COMMANDS), said


@pytest.mark.parametrize(
    "words", [[], ["fly"], ["timeline"], ["runbooks", "burn"], ["sweep", "--loud"], ["demo", "--airflow", "1.10"]]
)
def test_wrong_usage_is_exit_code_2(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2


@pytest.mark.parametrize(
    "command", [["config"], ["incidents"], ["sweep"], ["doctor"], ["manifest"], ["runbooks", "list"], ["serve"]]
)
def test_a_wrong_setting_is_exit_code_2_and_one_line_that_names_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    monkeypatch.setenv("WINDSOCK_SLACK__MODE", "pigeon")
    assert main(command) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("WINDSOCK_SLACK__MODE: ")
    assert said.err.count("\n") == 1


TRACEBACK = 'Traceback (most recent call last):\n  File "/opt/a.py", line 3, in load\n    x()\n'


@pytest.mark.parametrize(
    ("given_text", "kind", "message", "traceback"),
    [
        ("ValueError: row 17 is bad\n", "ValueError", "row 17 is bad", ""),
        (f"ValueError: row 17 is bad\n{TRACEBACK}", "ValueError", "row 17 is bad", TRACEBACK),
        (f"{TRACEBACK}ValueError: row 18 is bad\n", "ValueError", "row 17 is bad", TRACEBACK),
        ("only words", "", "only words", ""),
        ("ValueError: half \udcff".encode("utf-8", "surrogateescape").decode("latin-1"), "ValueError", "half ÿ", ""),
    ],
)
def test_the_last_word_that_signature_prints_is_the_signature(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    given_text: str,
    kind: str,
    message: str,
    traceback: str,
) -> None:
    typed(monkeypatch, given_text)
    monkeypatch.setenv("WINDSOCK_SLACK__MODE", "pigeon")  # it needs no configuration
    assert main(["signature"]) == 0
    said = capsys.readouterr().out
    signed = sign(kind, message, traceback)
    assert said.split()[-1] == signed.name
    assert signed.masked in said


def test_bytes_that_are_no_text_are_taken_as_well(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, b"ValueError: \xff\xfe\x00")
    assert main(["signature"]) == 0
    assert re.fullmatch(r"[0-9a-f]{12}", capsys.readouterr().out.split()[-1])


def test_a_signature_of_nothing_is_wrong_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, "\n")
    assert main(["signature"]) == 2
    assert "standard input is empty" in capsys.readouterr().err


def test_the_runbooks_are_listed_and_linted(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runbooks", "list"]) == 0
    assert main(["runbooks", "lint"]) == 0
    assert capsys.readouterr().out.splitlines() == [f"{'rows':24} Rows", "1 runbooks are well"]
    (home / "runbooks" / "bad.md").write_text("---\ntitle: x\nmatch:\n  dags: x\n---\n")
    assert main(["runbooks", "lint"]) == 1
    assert capsys.readouterr().out.startswith("bad.md:4: match.dags isn't a field")


@pytest.mark.parametrize(
    ("signal", "code", "said"),
    [
        (json.dumps(body()), 0, "rows: Rows"),
        (json.dumps(body("run_failed")), 1, "no runbook matches"),
        (json.dumps(body() | {"kind": "x"}), 2, "kind: "),
        ("not json", 2, "signal: "),
        ("[]", 2, "signal: "),
    ],
)
def test_a_signal_is_matched_to_its_runbook(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    signal: str,
    code: int,
    said: str,
) -> None:
    typed(monkeypatch, signal)
    assert main(["runbooks", "match"]) == code
    printed = capsys.readouterr()
    assert (printed.out or printed.err).startswith(said)
    (tmp_path / "signal.json").write_text(signal)
    assert main(["runbooks", "match", str(tmp_path / "signal.json")]) == code


def test_config_is_json_without_secrets(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("WINDSOCK_SLACK__BOT_TOKEN", "xoxb-hush")
    assert main(["config"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["slack"]["bot_token"] == "•••"
    assert shown["server"]["port"] == 8090


def test_config_says_which_rule_another_one_hides(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "windsock.toml").write_text(
        """[[access.rules]]\nrole = "operator"\n[[access.rules]]\ntag = "finance"\nrole = "admin"\n"""
    )
    assert main(["config"]) == 0
    shown = capsys.readouterr()
    assert shown.err.startswith("access.rules[1]: its role never counts, since access.rules[0]")
    assert json.loads(shown.out)


@pytest.mark.parametrize("http", ["", "https://windsock.example.com/"])
def test_the_manifest_is_json_for_either_mode(capsys: pytest.CaptureFixture[str], http: str) -> None:
    assert main(["manifest", *(["--http", http] if http else [])]) == 0
    assert json.loads(capsys.readouterr().out)["settings"]["socket_mode_enabled"] is not bool(http)


def an_incident(home: Path) -> None:
    services = some_services(f"sqlite:///{home / 'windsock.db'}")
    report(services, [failure("row 17 is bad | odd\ntext", map_index=n) for n in range(3)])
    press(services, ANA, "acknowledge", 1, "I have | it")
    services.store.close()


def test_the_incidents_in_the_store_are_listed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["incidents"]) == 0
    assert capsys.readouterr().out == ""
    an_incident(home)
    assert main(["incidents"]) == 0
    assert re.match(r"A-1 +acknowledged +error +3 +sales\.load", capsys.readouterr().out)
    assert main(["incidents", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["counts"]["failures"] == 3


@pytest.mark.parametrize("name", ["1", "A-1", "a-1"])
def test_a_timeline_is_markdown(home: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    an_incident(home)
    assert main(["timeline", name]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("# A-1: sales.load")
    assert "- 3 failures" in lines
    assert lines[-1].endswith("| Ana | I have \\| it |")
    assert all(line.count(" | ") == 2 for line in lines[-2:])


@pytest.mark.parametrize("name", ["2", "A-2", "sales", "²", "9" * 5_000, "9" * 30])
def test_a_timeline_of_what_is_none_is_wrong_usage(home: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    an_incident(home)
    assert main(["timeline", name]) == 2
    assert capsys.readouterr().err.startswith("id: there is no incident")


def test_a_sweep_without_a_metastore_says_what_to_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep"]) == 0
    assert "WINDSOCK_AIRFLOW__NAME__METASTORE_URL" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ([{"deployment": "prod", "check": "pools", "findings": [], "error": ""}], 0),
        ([{"deployment": "prod", "check": "pools", "findings": ["it is full"], "error": ""}], 1),
        ([{"deployment": "prod", "check": "pools", "findings": [], "error": "no such table"}], 1),
    ],
)
def test_a_sweep_that_finds_something_is_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], found: list[dict[str, Any]], code: int
) -> None:
    monkeypatch.setenv("WINDSOCK_AIRFLOW__PROD__URL", "http://127.0.0.1:1")
    monkeypatch.setenv("WINDSOCK_AIRFLOW__PROD__METASTORE_URL", "postgresql+psycopg://x@127.0.0.1:1/x")
    monkeypatch.setattr("bot.checks.ask.ask_once", lambda *_: found)
    assert main(["sweep"]) == code
    assert "pools" in capsys.readouterr().out
    assert main(["sweep", "--json"]) == code
    assert json.loads(capsys.readouterr().out) == found


def test_a_store_that_cannot_be_opened_is_a_fault_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WINDSOCK_STORE__URL", "sqlite:////no/such/folder/x.db")
    assert main(["incidents"]) == 1
    assert capsys.readouterr().err.startswith("the store does not answer: ")


def ran(*words: str, given_text: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """The command as a person runs it."""
    known = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run([sys.executable, "-m", "bot", *words], input=given_text, env=known, capture_output=True, text=True,
                          timeout=60, check=False)  # fmt: skip


def test_signature_as_a_process() -> None:
    done = ran("signature", given_text="ValueError: row 17 is bad")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split()[-1] == sign("ValueError", "row 18 is bad").name


def test_serving_everybody_without_a_token_is_refused_as_a_process() -> None:
    done = ran("serve", WINDSOCK_SERVER__HOST="0.0.0.0")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("WINDSOCK_SERVER__SIGNAL_TOKEN: ")
    assert done.stderr.count("\n") == 1
