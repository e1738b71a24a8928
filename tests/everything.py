"""``python -m tests.everything``: the linters, then all tests in a sensible order, then the totals.

First what needs no Airflow, on four workers (most of it waits for answers, not for a core); then what needs a real
Airflow, one major after the other (two at once leave two cores too little for tests that wait for answers). The rule:
whatever fails, the rest still runs, the totals are true and the exit code is 1.
"""

import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

from bot.sandbox.provision import environment, has_interpreter, needs

BIN = Path(sys.executable).parent
LINTERS = (
    ["ruff", "check", "."],
    ["ruff", "format", "--check", "."],
    ["mypy"],
    ["lint-imports"],
)
VERBS = "tests/scenarios/test_verbs_in_airflow.py"  # compares the whole of an Airflow, so it has one of its own
PHASES = {
    "without Airflow": ["-n", "4", "--dist", "worksteal", "-m", "not airflow"],
    "with Airflow 3": ["-m", "airflow and not airflow2", f"--ignore={VERBS}"],
    "with Airflow 3, every verb": ["-m", "airflow and not airflow2", VERBS],
    "with Airflow 2": ["-m", "airflow2", f"--ignore={VERBS}"],
    "with Airflow 2, every verb": ["-m", "airflow2", VERBS],
}
NO_TESTS = 5  # pytest's exit code when a phase selects nothing


def say(line: str) -> None:
    """At once, also into a pipe."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def lint() -> list[str]:
    """The linters that found a fault; their words are shown only then."""
    faulty = []
    for command in LINTERS:
        done = subprocess.run([BIN / command[0], *command[1:]], capture_output=True, text=True, check=False)
        say(f"{' '.join(command):<24} {'ok' if done.returncode == 0 else 'FAULT'}")
        if done.returncode:
            say(done.stdout + done.stderr)
            faulty.append(command[0])
    return faulty


def run(name: str, arguments: list[str]) -> Counter[str]:
    """Run one pytest; how many tests passed, failed and were skipped."""
    say(f"--- tests {name}")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", *arguments, f"--junitxml={report}"]
        code = subprocess.run(command, check=False).returncode
        counted = count(report) if report.exists() else Counter()
    if code not in (0, NO_TESTS) and not counted["failed"]:
        counted["failed"] += 1  # pytest itself broke off
    return counted


def count(report: Path) -> Counter[str]:
    """The totals of a JUnit report."""
    totals: Counter[str] = Counter()
    for suite in ElementTree.parse(report).iter("testsuite"):  # noqa: S314 - our own file
        of = {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}
        totals["failed"] += of["failures"] + of["errors"]
        totals["skipped"] += of["skipped"]
        totals["passed"] += of["tests"] - of["failures"] - of["errors"] - of["skipped"]
    return totals


def main() -> int:
    """All of it, or with ``--lint`` the linters alone."""
    begun = time.monotonic()
    faulty = lint()
    if "--lint" in sys.argv[1:]:
        return 1 if faulty else 0
    totals: Counter[str] = Counter()
    left_out = has_interpreter(two := environment("airflow-2.11.2")) is None
    for name, arguments in PHASES.items():
        if left_out and "Airflow 2" in name:
            say(f"--- tests {name}: LEFT OUT, since {two.name} {needs(two)}")
        else:
            totals += run(name, arguments)
    verdict = f"lint {'ok' if not faulty else 'FAULT (' + ', '.join(faulty) + ')'}"
    figures = ", ".join(f"{totals[word]} {word}" for word in ("passed", "failed", "skipped"))
    say(f"{verdict}, {time.monotonic() - begun:.0f} s in all")
    say(f"TOTAL: {figures}")
    return 1 if faulty or totals["failed"] or not totals["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
