"""Launches a real Airflow (2.x or 3.x) from its own environment, and ends all of its processes.

On 3.x a task that starts before the API server answers is marked failed, so the scheduler is started last. 2.x refuses
to start next to a stale pid file, so those are deleted. A database that was migrated for this version is not migrated
again. `stop` from another thread makes `start` give up at once. A stack that did not start completely is ended, and the
error shows every component's log, the failed ones first.
"""

import os
import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from bot.sandbox.airflow.rest import AirflowRest
from bot.sandbox.airflow.settings import settings
from bot.sandbox.processes.children import Child, stop_all, wait_for
from bot.sandbox.processes.ports import free_port
from bot.sandbox.provision import environment, fingerprint

PLUGIN = Path(__file__).resolve().parents[2] / "plugin" / "windsock_airflow.py"
DAGS = Path(__file__).resolve().parents[1] / "dags"


class AirflowStack:
    """One Airflow: API server (or webserver), scheduler, on 3.x the DAG processor, optionally the triggerer.

    `database_url` is a SQLAlchemy address with psycopg, as the bot uses it; without one it is SQLite in `home`.
    `plugin_env` holds the WINDSOCK_… variables for the plugin, which is installed if its file exists.
    """

    username = password = "admin"  # noqa: S105 - a sandbox on the loopback interface

    def __init__(
        self,
        version: str,
        home: Path,
        dags_folder: Path,
        *,
        port: int = 0,
        database_url: str | None = None,
        plugin_env: Mapping[str, str] | None = None,
        extra_env: Mapping[str, str] | None = None,
        triggerer: bool = False,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.version, self.home, self.dags_folder = version, home.resolve(), dags_folder.resolve()
        self.major = int(version.split(".", maxsplit=1)[0])
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.metastore_url = database_url or f"sqlite:///{self.home / 'airflow.db'}"
        self._say = say
        self._given_up = threading.Event()
        self._environment = environment(f"airflow-{version}")
        self.home.mkdir(parents=True, exist_ok=True)
        self._env = self._settings({**(plugin_env or {}), **(extra_env or {})})
        self.components: dict[str, Child] = {name: self._component(name) for name in self._names(triggerer)}
        self.rest = AirflowRest(self.url, self.major, self.username, self.password)

    def _settings(self, extra: Mapping[str, str]) -> dict[str, str]:
        driver = self.metastore_url.replace("postgresql+psycopg://", "postgresql+psycopg2://")
        path = f"{self._environment.folder / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return settings(self.version, self.home, self.dags_folder, self.port, driver, {"PATH": path, **extra})

    def _names(self, triggerer: bool) -> list[str]:
        """The components in the order of their start: a component comes before those that call it."""
        names = ["webserver", "scheduler"] if self.major == 2 else ["api-server", "dag-processor", "scheduler"]
        return [*names, "triggerer"] if triggerer else names

    def _component(self, name: str) -> Child:
        words = self._command(name, *(["--skip-serve-logs"] if name in ("scheduler", "triggerer") else []))
        log = self.home / "components" / f"{name}.log"
        return Child(f"airflow {name}", words, log, env=self._env, cwd=self.home)

    def _command(self, *words: str) -> list[str]:
        return [str(self._environment.python), "-m", "airflow", *words]

    def start(self, seconds: float = 180) -> None:
        """Starts all components and waits until they are healthy. Raises RuntimeError with their logs if they are
        not."""
        self.rest = AirflowRest(self.url, self.major, self.username, self.password)
        self._given_up.clear()
        try:
            self._prepare()
            early = [child for name, child in self.components.items() if name not in ("scheduler", "triggerer")]
            for child in early:
                child.start()
            self._until(self.rest.api_is_healthy, "the API did not answer", seconds)
            for child in self.components.values():
                if child not in early:
                    child.start()
            self._until(self.rest.is_healthy, "the scheduler did not get healthy", seconds)
        except BaseException:
            self.stop(grace=2)
            raise

    def _prepare(self) -> None:
        self._drop_pid_files()
        plugins = self.home / "plugins"
        plugins.mkdir(exist_ok=True)
        (plugins / PLUGIN.name).unlink(missing_ok=True)
        if PLUGIN.exists():
            shutil.copy(PLUGIN, plugins)
        self.migrate()

    @property
    def is_migrated(self) -> bool:
        """Whether this version migrated this database (identified by its name, because host and port change)."""
        done = self.home / "migrated"
        return done.exists() and done.read_text() == self._mark()

    def _mark(self) -> str:
        return f"{fingerprint(self._environment.lock)} {self.metastore_url.rpartition('/')[2]}"

    def migrate(self) -> None:
        """Creates the metastore, and on 2.x the user, unless it is done. Raises RuntimeError with Airflow's output."""
        if self.is_migrated:
            return
        self._say("airflow db migrate")
        self.run("db", "migrate")
        if self.major == 2:
            self._say("airflow users create")
            names = ["--username", self.username, "--password", self.password, "--role", "Admin"]
            rest = ["--firstname", "Ada", "--lastname", "Admin", "--email", "admin@example.org"]
            self.run("users", "create", *names, *rest)
        (self.home / "migrated").write_text(self._mark())

    def run(self, *words: str, seconds: float = 180) -> str:
        """Runs ``airflow words…`` to its end and returns its output. Raises RuntimeError with the end of its log if it
        failed."""
        log = self.home / "components" / f"{'-'.join(words[:2])}.log"
        child = Child(f"airflow {words[0]}", self._command(*words), log, env=self._env, cwd=self.home)
        child.start()
        wait_for(lambda: not child.running or self._given_up.is_set(), seconds, every=0.05)
        child.stop(grace=1)
        if child.exit_code != 0:
            raise RuntimeError(f"airflow {' '.join(words[:2])} failed ({child.exit_code}):\n{child.tail()}")
        return log.read_text(errors="replace")

    def _until(self, look: Callable[[], bool], complaint: str, seconds: float) -> None:
        wait_for(lambda: look() or self.dead() or self._given_up.is_set(), seconds)
        if self.dead() or self._given_up.is_set() or not look():
            raise RuntimeError(f"Airflow {self.version}: {complaint}.\n{self.logs()}")

    def dead(self) -> list[str]:
        """The components that ended without being asked to."""
        return [name for name, child in self.components.items() if child.died]

    def pid(self, component: str) -> int:
        """The process id of ``scheduler``, ``api-server``, …"""
        return self.components[component].pid

    def logs(self, lines: int = 25) -> str:
        """The last lines of every component's log, the failed ones first."""
        names = sorted(self.components, key=lambda name: name not in self.dead())
        return "\n".join(f"--- {name}\n{self.components[name].tail(lines)}" for name in names)

    def stop(self, grace: float = 5) -> None:
        """Ends every component and its child processes; a second call does nothing."""
        self._given_up.set()
        stop_all(list(self.components.values()), grace)
        self.rest.close()
        self._drop_pid_files()

    def _drop_pid_files(self) -> None:
        for stale in self.home.glob("*.pid"):
            stale.unlink()

    def __enter__(self) -> "AirflowStack":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def install_dags(target: Path, *, broken: bool = False) -> Path:
    """Copies the demo DAGs to `target` (emptied first); with `broken` also the file that fails to import."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(DAGS, target, ignore=shutil.ignore_patterns("__pycache__", "broken"))
    if broken:
        for path in (DAGS / "broken").glob("*.py"):
            shutil.copy(path, target)
    return target
