"""`make demo`: starts a complete environment on one machine and triggers the first alerts; runs until Ctrl-C.

If a port is taken, the next free one is used. A second run reuses what was installed and migrated, but Airflow's
history and the bot's store start empty, because the local Slack has lost the old messages. Ctrl-C works at any moment,
even half-way through the start. The bot is started only after Airflow's scheduler sends heartbeats, otherwise its first
alert would be about a silent scheduler. The demo leaves no process and no lock behind, and a part that dies is reported
with the end of its log.
"""

import json
import os
import sys
import threading
import time
import webbrowser
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx

from bot.sandbox import postgres
from bot.sandbox.airflow.launcher import AirflowStack, install_dags
from bot.sandbox.demo.settings import clean, for_the_bot, for_the_plugin
from bot.sandbox.demo.shutdown import Failed, ending_by_signal, ignoring_signals, only_one
from bot.sandbox.demo.welcome import TO_TRY, addresses
from bot.sandbox.processes.children import Child, wait_for
from bot.sandbox.processes.ports import free_ports
from bot.sandbox.provision import ROOT, environment, is_current

AGAIN_SECONDS = 5.0  # a bot that ends again sooner than this is not restarted
WAREHOUSE = (
    *("ledger_daily", "invoices_daily", "payments_hourly"),
    *("refunds_hourly", "stock_daily", "shipments_daily"),
)
# The first one comes first: it is the alert that a new user waits for.
TRIGGERED = (
    *("sales_daily", "risk_report", *WAREHOUSE, "orders_hourly", "customers_import", "model_training"),
    *("mart_build", "currency_rates", "newsletter_weekly"),
)


def run(airflow: str = "3.3.2", headless: bool = False, as_json: bool = False, home: Path | None = None) -> int:
    """Runs the demo until Ctrl-C or SIGTERM. Returns 0 if it was ended by the user, 1 if it could not start.

    With `as_json` standard output gets one line of JSON when everything is up, and nothing else.
    """
    demo = Demo(airflow, home or ROOT / ".demo" / airflow)
    with ending_by_signal():
        try:
            with only_one(demo.home), demo:
                demo.bring_up()
                demo.present(headless, as_json)
                demo.follow()
        except KeyboardInterrupt:
            demo.say("ended; nothing is left running")
        except Failed as sorry:
            demo.say(str(sorry))
            return 1
    return 0


class Demo:
    """All parts in order: local Slack, PagerDuty, PostgreSQL, bot; Airflow starts in a thread at the same time."""

    def __init__(self, version: str, home: Path) -> None:
        self.version, self.home, self._begun = version, home, time.monotonic()
        home.mkdir(parents=True, exist_ok=True)
        self._exits = ExitStack()
        self._over, self._beats = threading.Event(), threading.Event()
        self._children: list[Child] = []
        self._stack: AirflowStack | None = None
        self.urls: dict[str, str] = {}

    def say(self, line: str) -> None:
        """Prints a line of progress with the seconds since the start."""
        print(f"[demo {time.monotonic() - self._begun:5.1f} s] {line}", file=sys.stderr, flush=True)

    def __enter__(self) -> "Demo":
        return self

    def __exit__(self, *_: object) -> None:
        with ignoring_signals():
            self.say("ending …")
            self._over.set()
            for child in self._parts():
                child.ask_to_end()
            self._exits.close()

    def bring_up(self) -> None:
        """Starts all parts in the order in which they are needed. Raises Failed with the reason if one doesn't
        start."""
        airflow_port, bot_port, slack_port, pager_port = free_ports(8080, 8090, 8091, 8092)
        self.urls["airflow"] = f"http://127.0.0.1:{airflow_port}"
        self.urls["bot"] = f"http://127.0.0.1:{bot_port}"
        # Leaving the pool waits for its thread, so it is entered first: everything that the thread waits for ends
        # before.
        pool = self._exits.enter_context(ThreadPoolExecutor(1, thread_name_prefix="airflow"))
        webhook = ["--webhook-url", f"{self.urls['bot']}/v1/pagerduty"]
        slack, pager = self._local("slack", slack_port), self._local("pagerduty", pager_port, *webhook)
        server = self._exits.enter_context(postgres.running(self.home / "pg"))
        airflow = pool.submit(self._airflow, server)
        self.urls["slack"], self.urls["pagerduty"] = self._hello(slack), self._hello(pager)
        self.say(f"local Slack at {self.urls['slack']}, local PagerDuty at {self.urls['pagerduty']}")
        self._await(airflow, self._beats)
        self._bot(server.url("airflow"))
        self._await(airflow)
        self._fail_dags()

    def _local(self, name: str, port: int, *more: str) -> Child:
        words = [sys.executable, "-m", f"bot.sandbox.{name}", "--port", str(port), *more]
        command = [*words, "--json", "--die-with-parent"]
        return self._start(Child(name, command, self._log(name), env=clean(), cwd=ROOT))

    def _start(self, child: Child) -> Child:
        self._exits.callback(child.stop, 5)
        child.start()
        self._children.append(child)
        return child

    def _log(self, name: str) -> Path:
        return self.home / "logs" / f"{name}.log"

    def _hello(self, child: Child) -> str:
        """The address that a local service prints as its first line."""

        def url() -> str:
            for line in child.log.read_text(errors="replace").splitlines():
                with suppress(ValueError, KeyError, TypeError):
                    return str(json.loads(line)["url"]).rstrip("/")
            return ""

        wait_for(lambda: url() or child.died, 30, every=0.05)
        return url() or self._blame(child)

    def _blame(self, child: Child) -> str:
        state = f"ended ({child.exit_code})" if child.died else "did not come up"
        raise Failed(f"{child.name} {state}. Its last words ({child.log}):\n{child.tail()}")

    def _bot(self, metastore: str) -> None:
        for old in self.home.glob("windsock.db*"):
            old.unlink()
        words = [sys.executable, "-m", "bot", "serve"]
        bot = self._start(
            Child("bot", words, self._log("bot"), env=for_the_bot(self.home, self.urls, metastore), cwd=ROOT)
        )
        ready = f"{self.urls['bot']}/readyz"
        if not wait_for(lambda: bot.died or answers(ready), 60, every=0.1) or bot.died:
            self._blame(bot)
        self.say(f"bot at {self.urls['bot']}")

    def _airflow(self, server: postgres.Postgres) -> AirflowStack:
        """Runs in the thread: installs Airflow's environment if necessary, gives it a fresh metastore, starts it."""
        self._provision()
        self.say(f"starting Airflow {self.version}")
        stack = self._stack = self._make_stack(server.url("airflow"))
        self._exits.callback(stack.stop)
        if self._over.is_set():
            raise Failed("ended before Airflow was started")
        self._fresh_metastore(server, stack)
        stack.start()
        self._beats.set()
        stack.rest.wait_for_dags(*TRIGGERED)
        return stack

    def _provision(self) -> None:
        env = environment(f"airflow-{self.version}")
        if is_current(env):
            return
        self.say(f"installing Airflow {self.version} into an environment of its own (once)")
        script = ROOT / "bot" / "sandbox" / "provision.py"
        child = Child("provision", [sys.executable, script, env.name], self._log("provision"), env=clean(), cwd=ROOT)
        self._exits.callback(child.stop, 2)
        child.start()
        shown = 0
        while child.running or shown < len(child.log.read_text().splitlines()):
            for line in child.log.read_text().splitlines()[shown:]:
                self.say(line.removeprefix("[setup] "))
                shown += 1
            self._over.wait(0.2)
        if child.exit_code:
            self._blame(child)

    def _make_stack(self, metastore: str) -> AirflowStack:
        port = int(self.urls["airflow"].rpartition(":")[2])
        dags = install_dags(self.home / "dags", broken=True)
        return AirflowStack(
            self.version,
            self.home / "airflow",
            dags,
            port=port,
            database_url=metastore,
            plugin_env=for_the_plugin(self.home, self.urls),
            extra_env={"AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False"},  # the one with a schedule succeeds
            say=self.say,
        )

    def _fresh_metastore(self, server: postgres.Postgres, stack: AirflowStack) -> None:
        """Creates the metastore from a template that was migrated once, so that each demo starts without earlier
        runs."""
        if not (stack.is_migrated and server.has_database("airflow_clean")):
            (stack.home / "migrated").unlink(missing_ok=True)
            server.drop_database("airflow_clean")
            server.drop_database("airflow")
            server.create_database("airflow")
            stack.migrate()
            server.create_database("airflow_clean", template="airflow")
            return
        server.drop_database("airflow")
        server.create_database("airflow", template="airflow_clean")

    def _await(self, airflow: "Future[AirflowStack]", milestone: threading.Event | None = None) -> None:
        """Waits until Airflow is up, or has reached the milestone; a part that dies ends the wait."""
        reached = milestone.is_set if milestone else airflow.done
        wait_for(lambda: reached() or airflow.done() or self._dead(), 600, every=0.1)
        if dead := self._dead():
            self._blame(dead[0])
        if milestone and milestone.is_set():
            return
        try:
            airflow.result(timeout=0)
        except (RuntimeError, AssertionError, TimeoutError, httpx.HTTPError) as sorry:
            raise Failed(f"Airflow {self.version} did not come up: {sorry}") from sorry
        self.say(f"Airflow {self.version} at {self.urls['airflow']} (admin / admin)")

    def _parts(self) -> list[Child]:
        return [*self._children, *(self._stack.components.values() if self._stack else ())]

    def _dead(self) -> list[Child]:
        return [child for child in self._parts() if child.died]

    def _fail_dags(self) -> None:
        assert self._stack is not None  # noqa: S101 - _await has seen it
        self._stack.rest.furnish()
        for dag in TRIGGERED:
            self._stack.rest.trigger(dag, unpause=False)
        self.say(f"{len(TRIGGERED)} DAGs triggered; most of them fail on purpose")

    def present(self, headless: bool, as_json: bool) -> None:
        """Prints where everything is, and what to try."""
        if as_json:
            names = ("slack", "airflow", "bot", "pagerduty")
            print(json.dumps({name: self.urls[name] for name in names}), flush=True)
        else:
            print(addresses(self.urls), TO_TRY, sep="\n", flush=True)
        graphical = sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        if graphical and not headless:
            webbrowser.open(self.urls["slack"])

    def follow(self) -> None:
        """Runs until Ctrl-C. A part that dies is reported once; the others continue, and the bot is restarted, as a
        supervisor would do in production."""
        named: set[int] = set()
        begun = time.monotonic()
        while True:
            for child in self._dead():
                if child.pid in named:
                    continue
                named.add(child.pid)
                self.say(f"{child.name} ended ({child.exit_code}). Its last words:\n{child.tail()}")
                if child.name == "bot" and time.monotonic() - begun > AGAIN_SECONDS:
                    begun = time.monotonic()
                    child.start()
                    self.say("bot started again; what it had accepted, and what was told meanwhile, is not lost")
            time.sleep(0.5)


def answers(url: str) -> bool:
    """Whether `url` answers 200."""
    with suppress(httpx.HTTPError):
        return httpx.get(url, timeout=2, trust_env=False).status_code == 200
    return False
