"""Provisioning: what is installed is what the lock says, whatever happened before."""

import ast
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.sandbox import provision
from bot.sandbox.processes.children import wait_for
from bot.sandbox.provision import STAMP, Environment, environment, fingerprint, is_current

SCRIPT = Path(provision.__file__)
LOCKS = SCRIPT.parents[2] / "requirements"


@pytest.fixture
def env(tmp_path: Path) -> Environment:
    """An environment whose lock is empty, so that it is installed in a moment and without a network."""
    lock = tmp_path / "requirements" / "dev.txt"
    lock.parent.mkdir()
    lock.write_text("# nothing\n")
    return environment("dev", tmp_path)


@pytest.fixture
def said() -> list[str]:
    return []


def test_an_environment_is_made_from_nothing(env: Environment, said: list[str]) -> None:
    provision.provision(env, said.append)
    assert is_current(env), said
    assert subprocess.run([env.python, "-c", ""], check=False).returncode == 0


def test_when_nothing_changed_nothing_is_done(
    env: Environment, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    provision.provision(env, said.append)
    monkeypatch.setattr(provision, "install", lambda *_: pytest.fail("it was installed again"))
    provision.provision(env, said.append)


def test_a_changed_lock_makes_the_environment_stale(env: Environment, said: list[str]) -> None:
    provision.provision(env, said.append)
    env.lock.write_text("# nothing, said in other words\n")
    assert not is_current(env)
    provision.provision(env, said.append)
    assert is_current(env), said


def test_an_interrupted_install_is_redone_from_nothing(env: Environment, said: list[str], tmp_path: Path) -> None:
    slow = executable(tmp_path / "bin" / "uv", f"mkdir -p {env.folder}/bin; touch {env.folder}/half; exec sleep 60")
    code = f"import sys; sys.path.insert(0, {str(SCRIPT.parent)!r}); import provision; from pathlib import Path; "
    code += f"provision.provision(provision.environment('dev', Path({str(tmp_path)!r})), print)"
    command = [sys.executable, "-c", code]
    path = {"PATH": f"{slow.parent}:/usr/bin:/bin"}
    with subprocess.Popen(command, env=path, start_new_session=True, stdout=subprocess.DEVNULL) as half:
        assert wait_for((env.folder / "half").exists, 20), "the install never began"
        half.send_signal(signal.SIGKILL)
    assert not is_current(env)
    provision.provision(env, said.append)
    assert is_current(env), said
    assert not (env.folder / "half").exists()


@pytest.mark.parametrize("there", [True, False])
def test_what_no_python_here_can_run_is_left_out_by_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], there: bool
) -> None:
    made: list[str] = []
    monkeypatch.setattr(provision, "provision", lambda env, _: made.append(env.name))
    monkeypatch.setattr(provision, "has_interpreter", lambda env: provision.names(env)[0] if there else None)
    assert provision.main(["--where-possible", "airflow-2.11.2"]) == 0
    assert made == (["airflow-2.11.2"] if there else [])
    said = "airflow-2.11.2 is left out: it needs one of python3.12, python3.11 on PATH"
    assert (said in capsys.readouterr().err) is not there


def test_pip_takes_over_when_uv_fails(
    env: Environment, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = executable(tmp_path / "bin" / "uv", "echo no index reached >&2; exit 2")
    monkeypatch.setattr(provision, "find_uv", lambda _: str(broken))
    provision.provision(env, said.append)
    assert is_current(env), said
    assert any("no index reached" in line for line in said), said


@pytest.mark.parametrize("pinned", [True, False])
def test_a_uv_on_the_path_is_taken_only_where_it_is_the_pinned_one(
    said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pinned: bool
) -> None:
    version = (provision.ROOT / "requirements" / "uv.txt").read_text().split()[0].removeprefix("uv==")
    present = executable(tmp_path / "bin" / "uv", f"echo uv {version if pinned else '0.0.1'} '(x86_64)'")
    monkeypatch.setenv("PATH", f"{present.parent}:/usr/bin:/bin")
    monkeypatch.setattr(provision, "ROOT", tmp_path)
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "uv.txt").write_text(f"uv=={version} \\\n    --hash=sha256:0\n")
    monkeypatch.setattr(provision, "install_by_pip", lambda *_: False)
    assert provision.find_uv(said.append) == (str(present) if pinned else None)


def test_of_two_at_once_the_second_finds_it_done(
    env: Environment, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    both, installs = threading.Barrier(2), []
    really: Callable[..., None] = provision.install

    def install(*arguments: object) -> None:
        installs.append(1)
        really(*arguments)

    def one() -> None:
        both.wait(10)
        provision.provision(env, said.append)

    monkeypatch.setattr(provision, "install", install)
    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (len(installs), is_current(env)) == (1, True), said


def test_what_is_not_in_the_lock_is_refused(env: Environment, said: list[str]) -> None:
    env.lock.write_text("no-such-thing-of-ours==1.0\n")  # no hash
    with pytest.raises(SystemExit, match="could not be installed"):
        provision.provision(env, said.append)
    assert not is_current(env)
    assert not (env.folder / STAMP).exists()


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(SystemExit, match=r"airflow-2\.11\.2, airflow-3\.3\.2, bot, dev"):
        environment("airflow-9.9.9")


def test_an_old_python_gets_a_sentence() -> None:
    old = f"import sys; sys.version_info = (3, 9, 1); exec(compile(open({str(SCRIPT)!r}).read(), 'p', 'exec'))"
    done = subprocess.run([sys.executable, "-c", old], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("Windsock needs Python 3.11 or newer")
    assert "Traceback" not in done.stderr


def test_it_runs_before_anything_is_installed() -> None:
    """Only the standard library is imported."""
    tree = ast.parse(SCRIPT.read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names


@pytest.mark.parametrize("name", ["dev", "airflow-3.3.2", "airflow-2.11.2", "uv"])
def test_locks_name_no_host_and_pin_every_hash(name: str) -> None:
    text = (LOCKS / f"{name}.txt").read_text()
    assert "://" not in text
    entries = text.replace("\\\n", " ").splitlines()
    assert [entry for entry in entries if entry and "--hash=sha256:" not in entry] == []


def test_children_may_write_bytecode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("VIRTUAL_ENV", "/elsewhere")
    kept = provision.child_environment()
    assert not {"PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV"} & kept.keys()


def test_the_fingerprint_is_the_content(env: Environment, tmp_path: Path) -> None:
    copy = tmp_path / "copy.txt"
    copy.write_bytes(env.lock.read_bytes())
    assert fingerprint(copy) == fingerprint(env.lock)


def executable(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path
