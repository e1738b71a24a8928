"""Creates the environments from the hash-pinned locks: the bot's own, and one for each Airflow.

A bare ``python3`` runs it before anything is installed, so it uses the standard library only. An interrupted install is
redone from the start, because the stamp is written last. Of two runs at once, the second waits. If uv cannot reach the
index, pip is the fallback, because it can in some networks. Nothing is installed whose hash is not in the lock.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - a bare, older python3 must get a sentence, not a traceback
    sys.exit(f"Windsock needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}.")

import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STAMP = ".windsock-lock"
LAYOUT = "2"  # raise it when the installation procedure changes, so that old environments are rebuilt


@dataclass(frozen=True)
class Environment:
    """A lock, the folder that it is installed to, and the newest Python minor version that it works with."""

    name: str
    lock: Path
    folder: Path
    newest_minor: int

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.folder / "bin" / "python"


def environment(name: str, root: Path = ROOT) -> Environment:
    """The environment called `name`: ``dev`` or ``airflow-VERSION``. Raises SystemExit if there is none."""
    lock = root / "requirements" / f"{name}.txt"
    version = name.removeprefix("airflow-")
    if not lock.is_file() or name == "uv":
        known = ", ".join(sorted(path.stem for path in lock.parent.glob("*.txt") if path.stem != "uv"))
        raise SystemExit(f"There is no lock for {name!r}; there are: {known}.")
    if name == version:
        return Environment(name, lock, root / ".venv", newest_minor=14)
    newest = 12 if version.startswith("2.") else 14
    return Environment(name, lock, root / ".airflow" / f"venv-{version}", newest)


def is_current(env: Environment) -> bool:
    """Whether the environment matches its lock, according to the stamp, which is written last."""
    try:
        return (env.folder / STAMP).read_text() == fingerprint(env.lock) and env.python.exists()
    except OSError:
        return False


def fingerprint(lock: Path) -> str:
    """A digest of the lock's content; different content means a different environment."""
    return f"{LAYOUT}-{hashlib.sha256(lock.read_bytes()).hexdigest()}"


def provision(env: Environment, say: Callable[[str], None]) -> None:
    """Installs `env` from its lock. If it is current, this takes neither a lock nor time."""
    if is_current(env):
        return
    with only_one(env.lock), progress(f"installing {env.name} from {env.lock.name}", say):
        if not is_current(env):
            install(env, say)


def install(env: Environment, say: Callable[[str], None]) -> None:
    """Installs, and writes the stamp at the end. Only a complete environment is changed in place; any other is
    rebuilt."""
    python, uv = interpreter(env), find_uv(say)
    was_whole = (env.folder / STAMP).exists()
    (env.folder / STAMP).unlink(missing_ok=True)
    if not (was_whole and uv and change_by_uv(uv, env, say)) and not (uv and install_by_uv(uv, python, env, say)):
        say("uv could not do it; trying pip, which takes longer")
        if not install_by_pip(python, env, say):
            raise SystemExit(f"{env.name} could not be installed by uv nor by pip; what they said is above.")
    (env.folder / STAMP).write_text(fingerprint(env.lock))


def interpreter(env: Environment) -> str:
    """A Python that the lock was made for: this one, or another on PATH. Raises SystemExit if there is none."""
    found = has_interpreter(env)
    if found is None:
        raise SystemExit(f"{env.name} {needs(env)}")
    return found


def has_interpreter(env: Environment) -> str | None:
    """The Python that `interpreter` returns; None if there is none."""
    return (
        sys.executable
        if sys.version_info.minor <= env.newest_minor
        else next(filter(None, map(shutil.which, names(env))), None)
    )


def names(env: Environment) -> list[str]:
    return [f"python3.{minor}" for minor in range(env.newest_minor, 10, -1)]


def needs(env: Environment) -> str:
    return f"needs one of {', '.join(names(env))} on PATH; this is {sys.version.split()[0]}."


def find_uv(say: Callable[[str], None]) -> str | None:
    """The uv on PATH if it is the pinned version, otherwise that version in a small environment of its own; None if it
    can't be installed."""
    tool = Environment("uv", ROOT / "requirements" / "uv.txt", ROOT / ".airflow" / "uv", 99)
    if (present := shutil.which("uv")) and _version(present) == tool.lock.read_text().split(maxsplit=1)[0]:
        return present
    binary = tool.folder / "bin" / "uv"
    with only_one(tool.lock):
        if not is_current(tool):
            if not install_by_pip(sys.executable, tool, say):
                return None
            (tool.folder / STAMP).write_text(fingerprint(tool.lock))
    return str(binary) if binary.exists() else None


def _version(uv: str) -> str:
    """`uv==0.9.9`, as in a lock."""
    said = subprocess.run([uv, "--version"], text=True, capture_output=True, check=False, timeout=30).stdout.split()
    return "==".join(said[:2])


def change_by_uv(uv: str, env: Environment, say: Callable[[str], None]) -> bool:
    """Changes an environment of another lock to this one in place, while it may be in use. True on success."""
    change = [uv, "pip", "sync", "--quiet", "--python", str(env.python), "--require-hashes"]
    return run([*change, "--compile-bytecode", str(env.lock)], say)


def install_by_uv(uv: str, python: str, env: Environment, say: Callable[[str], None]) -> bool:
    """Rebuilds the environment with uv; True on success."""
    shutil.rmtree(env.folder, ignore_errors=True)
    create = [uv, "venv", "--quiet", "--no-project", "--python", python, str(env.folder)]
    fill = [uv, "pip", "install", "--quiet", "--python", str(env.python), "--no-deps", "--require-hashes"]
    return run(create, say) and run([*fill, "--compile-bytecode", "-r", str(env.lock)], say)


def install_by_pip(python: str, env: Environment, say: Callable[[str], None]) -> bool:
    """Rebuilds the environment with plain pip. `--no-deps`, because an older pip re-resolves what the lock has
    decided."""
    shutil.rmtree(env.folder, ignore_errors=True)
    create = [python, "-m", "venv", str(env.folder)]
    fill = [str(env.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    return run(create, say) and run([*fill, "--require-hashes", "-r", str(env.lock)], say)


def run(command: list[str], say: Callable[[str], None]) -> bool:
    """Runs one step to its end; its output is shown only if it failed."""
    done = subprocess.run(command, env=child_environment(), cwd=ROOT, text=True, capture_output=True, check=False)
    if done.returncode:
        words = (done.stderr or done.stdout).strip()[-2000:]
        say(f"{Path(command[0]).name} failed ({done.returncode}): {words}")
    return done.returncode == 0


def child_environment() -> dict[str, str]:
    """The caller's environment, with the system's certificates for uv, bytecode allowed, and without an active
    environment."""
    kept = {name: value for name, value in os.environ.items() if name not in _LEAKS}
    return {**kept, "UV_SYSTEM_CERTS": "1", "UV_LINK_MODE": os.environ.get("UV_LINK_MODE", "copy")}


# Bytecode written once halves each start of Airflow; the others would point the tools at another environment.
_LEAKS = {"PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "__PYVENV_LAUNCHER__"}


@contextmanager
def only_one(lock: Path) -> Iterator[None]:
    """Holds a lock on the lock file; nothing is left behind, however the holder ends."""
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


@contextmanager
def progress(what: str, say: Callable[[str], None], after: float = 2.0) -> Iterator[None]:
    """Reports that `what` is in progress once it takes longer than `after` seconds, and how long it took."""
    begun, ended = time.monotonic(), threading.Event()

    def speak() -> None:
        wait = after
        while not ended.wait(wait):
            say(f"{what} … {time.monotonic() - begun:.0f} s")
            wait = 10.0

    voice = threading.Thread(target=speak, daemon=True)
    voice.start()
    try:
        yield
    finally:
        ended.set()
        voice.join()
    say(f"{what}: done in {time.monotonic() - begun:.0f} s")


def main(arguments: list[str] | None = None) -> int:
    """``provision.py NAME…``: installs each named environment, in order."""
    parser = argparse.ArgumentParser(description="Make environments from the locks in requirements/.")
    parser.add_argument("names", nargs="+", metavar="NAME", help="dev, airflow-3.3.2, airflow-2.11.2")
    parser.add_argument("--where-possible", action="store_true", help="leave out, by name, what no Python here can run")
    given = parser.parse_args(arguments)
    for env in map(environment, given.names):
        if given.where_possible and has_interpreter(env) is None:
            print(f"[setup] {env.name} is left out: it {needs(env)}", file=sys.stderr, flush=True)
        else:
            provision(env, lambda line: print(f"[setup] {line}", file=sys.stderr, flush=True))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
