"""The only place where things are built and handed to each other.

Hard case: what is away at the start (Slack, an Airflow). The bot comes up all the same, takes signals, and keeps trying;
`/readyz` and `doctor` say what is missing. Rule: nothing is built at import; everything that was started is stopped, the
writer last.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from apscheduler.schedulers.background import BackgroundScheduler
from slack_bolt import App, BoltRequest
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web import WebClient

from bot.airflow.gateway import Gateway, GatewayConfig, connect, warm_up
from bot.app.sources import Sources
from bot.checks.metastore.connection import Metastore
from bot.checks.reconcile.from_api import ApiSource
from bot.checks.reconcile.from_metastore import MetastoreSource
from bot.checks.reconcile.reconcile import Reconcile
from bot.checks.sweep import Sweep
from bot.config.access import access
from bot.config.checks import checks_of
from bot.config.routes import policy_of
from bot.config.runbooks import read_all
from bot.config.schedules import digest_of, windows
from bot.config.settings import Settings, WrongSettings
from bot.config.tokens import TokenFiles
from bot.core.errors import Permanent, Temporary
from bot.core.incidents.alert import Kind
from bot.core.incidents.runbook import Runbook
from bot.core.signals.signal import Signal
from bot.core.signals.wire import parse
from bot.pagerduty.events import PagerDuty
from bot.responder.access import break_glass
from bot.responder.actions.variable import forget_old_values
from bot.responder.alerts import announcements, delivery, enrichment, overflow
from bot.responder.alerts.reminders import EVERY, remind, settle
from bot.responder.alerts.threads import tell
from bot.responder.incidents.silences import end_old_silences
from bot.responder.lookups.daily_digest import send_due
from bot.responder.remediation import approve, carry_out
from bot.responder.remediation.timed_pauses import end_pauses
from bot.responder.services import Desk
from bot.responder.signals import recoveries
from bot.responder.signals.canary import Canary
from bot.responder.signals.intake import Intake
from bot.responder.upkeep import EVERY as TIDY_EVERY
from bot.responder.upkeep import tidy
from bot.slack.alert import overflow as overflow_message
from bot.slack.alert.poster import Poster
from bot.slack.api.client import called, client
from bot.slack.api.people import REFRESH_SECONDS, People
from bot.slack.home import publisher
from bot.slack.interactions import approvals, owed_answers, payloads
from bot.slack.interactions.audit_trail import heard
from bot.slack.interactions.listeners import Listeners
from bot.slack.replies.daily_digest import digest
from bot.store import alerts, remediations
from bot.store.database import Store
from bot.store.signals import signals
from bot.store.state import Remembered
from bot.web.http import Edge

logger = logging.getLogger(__name__)
CONNECTIONS = 2  # with one, a refresh loses the commands of that moment
COMMANDS = 128  # that may wait for an Airflow at once; with Bolt's five, the sixth is not even acknowledged
FOLLOW_SECONDS = 10


class Windsock:
    """The bot, built from settings; `start` brings it to life, `stop` ends it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.runbooks = load_runbooks(settings)
        self.gateways = [connect(config) for config in gateway_configs(settings)]
        self._checks = checks_of(settings)
        self._sources = Sources(settings, self._checks)
        self.desk = desk_of(settings, self.gateways, self.runbooks, self._sources)
        self.intake = Intake(self.desk)
        self._metastores: list[Metastore] = []
        self.slack_client = client(settings.slack.bot_token.get_secret_value(), settings.slack.api_url)
        self.sweeps = [
            self._sweep(name) for name, one in settings.airflow.items() if one.metastore_url.get_secret_value()
        ]
        self.reconciles = [self._reconcile(gateway) for gateway in self.gateways]
        self._people: People | None = None
        self._homes: publisher.Homes | None = None
        self._owed = owed_answers.Owed()
        self._bolt = self._bolt_app() if settings.slack.bot_token.get_secret_value() else None
        self._scheduler = BackgroundScheduler(timezone="UTC")
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._sockets: list[SocketModeHandler] = []
        self._pager: PagerDuty | None = None
        self.canary = self._canary()

    def start(self) -> None:
        """Brings the store up to date, then everything to life. Raises WrongSettings when another bot has the store."""
        try:
            self.desk.store.hold()
        except ValueError as error:
            raise WrongSettings(str(error)) from None
        self.desk.store.migrate()
        self._take_over()
        self.intake.start()
        if self.gateways:
            warm_up()
        if self._bolt is not None:
            poster = Poster(self.slack_client, Remembered(self.desk.store))
            chores = (
                lambda: tell(self.desk, poster),
                lambda: overflow.tell(self.desk, partial(overflow_message.show, poster)),
                lambda: announcements.announce(self.desk, poster.announce),
                lambda: self._send_digest(poster),
                lambda: approve.tell(self.desk, partial(approvals.show, poster)),
                lambda: break_glass.tell(self.desk, partial(approvals.loud, poster)),
            )
            self._run("slack alerts", delivery.run, self.desk, Kind.slack, poster.show, self._stop, chores)
            if self.settings.slack.mode == "socket":
                self._run("slack sockets", self._connect)
        if self.desk.pages:
            self._pager = self._pagerduty()
            self._run("pages", delivery.run, self.desk, Kind.pagerduty, self._pager, self._stop)
        self._run("remediations", carry_out.run, self.desk, self.report, self._stop)
        self._run("context", enrichment.learn_loop, self.desk, self._stop)
        self._schedule()

    def _send_digest(self, poster: Poster) -> None:
        if (plan := digest_of(self.settings)) is not None:
            send_due(self.desk, plan, lambda told, channel: poster.notice(f"digest-{told.day}", digest(told), channel))

    def _take_over(self) -> None:
        """A store of one process holds no claims but those of the one that was killed; nobody waits for their end."""
        with self.desk.store.write() as t:
            if (upto := signals.newest(t)) < signals.observed(t):
                logger.warning("signals of this store were lost; those that arrive from now on are observed")
                signals.set_observed(t, upto)
            self.intake.observer.begin(signals.observed(t))
            alerts.try_at_once(t, self.desk.clock())
            if self.desk.store.is_sqlite:
                alerts.let_go(t)
                remediations.let_go(t)

    def stop(self) -> None:
        """Ends everything; what was accepted is committed first."""
        self._stop.set()
        for event in (self.desk.alerts_owed, self.desk.pages_owed, self.desk.remediation_owed, self.desk.news):
            event.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        for socket in self._sockets:
            # the SDK trips over a socket that closes at the same time
            with contextlib.suppress(OSError, AttributeError):
                socket.close()  # type: ignore[no-untyped-call]
        for thread in self._threads:
            thread.join(timeout=5)
        self.intake.stop()
        if self._pager is not None:
            self._pager.close()
        for gateway in self.gateways:
            gateway.close()
        for metastore in self._metastores:
            metastore.close()
        self._sources.close()
        self.desk.store.close()

    def report(self, told: Sequence[Signal]) -> object:
        """Signals of our own take the same road as everybody's."""
        return self.intake.take(told) if told else None

    def edge(self) -> Edge:
        """What the HTTP edge is given."""
        http = self._bolt is not None and self.settings.slack.mode == "http"
        secret = self.settings.pagerduty.webhook_secret.get_secret_value()
        tokens = TokenFiles(self.settings)
        signing = self.settings.slack.signing_secret.get_secret_value()
        return Edge(self.desk, self.intake, tokens, self.parts, self._dispatch if http else None, secret, signing)

    def parts(self) -> dict[str, str]:
        """What is wrong with each part, empty where it is well."""
        own = (self.intake.thread, self.intake.observer.thread)
        dead = [thread.name for thread in (*self._threads, *own) if not thread.is_alive()]
        return {
            "intake": "the writer has ended" if self.intake.thread.name in dead else self.intake.trouble,
            "observer": self.intake.observer.state(),
            "threads": f"ended: {', '.join(dead)}" if dead else "",
            "slack": self._slack_trouble(),
            "alerts": self._alert_trouble(),
            "checks": self._check_trouble(),
            "canary": self.canary.trouble() if self.canary else "",
        }

    def _canary(self) -> Canary | None:
        """The loops that it watches are those that this bot runs."""
        settings = self.settings.canary
        if not settings.interval:
            return None
        loops = ["remediations"]
        if self._bolt is not None:
            loops.append(Kind.slack.value)
        if self.desk.pages:
            loops.append(Kind.pagerduty.value)
        reach = (lambda: called(self.slack_client.auth_test)) if self._bolt is not None else None
        return Canary(self.desk, self.report, settings.interval, loops, reach, settings.dead_man_url)

    def _slack_trouble(self) -> str:
        if self._bolt is None:
            return "WINDSOCK_SLACK__BOT_TOKEN is not set: alerts are kept and shown nowhere"
        if self.settings.slack.mode == "socket" and not any(s.client.is_connected() for s in self._sockets):
            return "no socket to Slack is open: commands and presses do not arrive"
        return self.canary.outside_trouble if self.canary else ""

    def _alert_trouble(self) -> str:
        try:
            with self.desk.store.read() as t:
                failing = alerts.failing(t)
        except (Temporary, Permanent) as error:
            return error.message
        return f"{len(failing)} cannot be shown: {failing[0].error}" if failing else ""

    def _check_trouble(self) -> str:
        wrong = [f"{name}: {said}" for sweep in self.sweeps for name, said in list(sweep.errors.items())]
        return f"{len(wrong)} could not be asked; {wrong[0]}" if wrong else ""

    def _run(self, name: str, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _schedule(self) -> None:
        seconds = self.settings.sweep.interval.total_seconds()
        for sweep in self.sweeps if seconds else ():
            self._every(seconds, sweep.run)
        pause = self.settings.reconcile.interval.total_seconds()
        for one in self.reconciles if pause else ():
            self._every(pause, one.keep_up)
        if self.gateways:
            self._every(FOLLOW_SECONDS, lambda: recoveries.follow(self.desk, self.report))
        if self._people is not None and self.desk.access.groups:
            self._every(REFRESH_SECONDS, self._people.refresh)
        self._every(owed_answers.EVERY, self._owed.round)
        if self._homes is not None:
            self._every(publisher.EVERY, self._homes.round)
        self._every(5, lambda: end_old_silences(self.desk))
        self._every(5, lambda: end_pauses(self.desk))
        self._every(60, lambda: forget_old_values(self.desk))
        self._every(EVERY.total_seconds(), lambda: remind(self.desk))
        self._every(EVERY.total_seconds(), lambda: settle(self.desk))
        if keep := self.settings.store.keep:
            self._every(TIDY_EVERY.total_seconds(), lambda: tidy(self.desk, keep))
        if self.canary is not None:
            self._every(self.canary.interval.total_seconds(), self.canary.fly)
        self._scheduler.start()

    def _every(self, seconds: float, work: Callable[[], object]) -> None:
        def job() -> None:
            try:
                work()
            except Exception:  # the next round is another try
                logger.exception("a scheduled job failed")

        self._scheduler.add_job(job, "interval", seconds=seconds, max_instances=1, coalesce=True)

    def _sweep(self, name: str) -> Sweep:
        metastore = self._metastore(self.settings.airflow[name].metastore_url.get_secret_value())
        return Sweep(self._checks, metastore, name, self._report_bodies, Remembered(self.desk.store))

    def _reconcile(self, gateway: Gateway) -> Reconcile:
        url = self.settings.airflow[gateway.name].metastore_url.get_secret_value()
        source = MetastoreSource(self._metastore(url), gateway.name) if url else ApiSource(gateway, self.desk.clock)
        return Reconcile(gateway.name, source, self.desk.store, self.report, self.desk.clock)

    def _metastore(self, url: str) -> Metastore:
        self._metastores.append(Metastore(url))
        return self._metastores[-1]

    def _report_bodies(self, bodies: list[dict[str, Any]]) -> object:
        return self.report([parse(body, self.desk.clock()) for body in bodies])

    def _pagerduty(self) -> PagerDuty:
        settings = self.settings.pagerduty
        return PagerDuty(settings.routing_key.get_secret_value(), settings.events_url, "windsock")

    def _bolt_app(self) -> App:
        secret = self.settings.slack.signing_secret.get_secret_value()
        if self.settings.slack.mode == "http" and not secret:
            raise WrongSettings("WINDSOCK_SLACK__SIGNING_SECRET: is required in http mode; Slack signs with it")
        if self.settings.slack.mode == "socket" and not self.settings.slack.app_token.get_secret_value():
            raise WrongSettings("WINDSOCK_SLACK__APP_TOKEN: is required in socket mode (xapp-…)")
        # of this one workspace, and not looked up: Slack's API may be away when the first press arrives
        authorized = AuthorizeResult(enterprise_id=None, team_id=None, bot_token=self.slack_client.token)
        app = App(
            client=self.slack_client, authorize=lambda: authorized, signing_secret=secret or "unused in socket mode",
            token_verification_enabled=False, request_verification_enabled=False,  # the edge verifies, before Bolt
            listener_executor=ThreadPoolExecutor(COMMANDS, "slack listener"),
        )  # fmt: skip
        people = self._people = People(self.slack_client, self.desk.access.groups)
        self.desk.whois = lambda person: people.person(person.id, person.name)
        listeners = Listeners(self.desk, people, self.slack_client)
        self._homes = listeners.homes
        listeners.register(heard(app, self.desk, people, self._owed), self.settings.slack.command)
        return app

    def _connect(self) -> None:
        """Opens the sockets, however long Slack is away; afterwards the SDK keeps them open."""
        assert self._bolt is not None  # noqa: S101 - started only with a Bolt app
        token = self.settings.slack.app_token.get_secret_value()
        while len(self._sockets) < CONNECTIONS and not self._stop.is_set():
            try:
                handler = _Sockets(self._bolt, token, web_client=_socket_client(self.settings))
                handler.api_url = self.settings.slack.api_url
                handler.connect()  # type: ignore[no-untyped-call]
                self._sockets.append(handler)
            except Exception as error:  # noqa: BLE001 - the SDK raises its own, the socket's and the resolver's errors
                logger.warning("Slack's socket cannot be opened, tried again in 2 s: %s", error)
                self._stop.wait(2)
        self._stop.wait()

    def _dispatch(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str], str]:
        assert self._bolt is not None  # noqa: S101 - handed to the edge only with a Bolt app
        try:
            payloads.check(payloads.read(body, headers.get("content-type", "")), self.settings.slack.api_url)
        except payloads.Misshapen as error:
            return 400, {"content-type": "text/plain; charset=utf-8"}, str(error)
        request = BoltRequest(body=body.decode(), headers={name: [value] for name, value in headers.items()})
        answer = self._bolt.dispatch(request)
        return answer.status, {name: values[0] for name, values in answer.headers.items()}, answer.body


class _Sockets(SocketModeHandler):
    """Passes on only what listeners can read; the rest is acknowledged, or Slack would send it again."""

    api_url = ""

    def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]
        try:
            payloads.check(req.payload, self.api_url)
        except payloads.Misshapen as error:
            logger.warning("an envelope of Slack's cannot be read: %s", error)
            client.send_socket_mode_response(SocketModeResponse(envelope_id=req.envelope_id))
            return
        super().handle(client, req)


def _socket_client(settings: Settings) -> WebClient:
    return client("", settings.slack.api_url)


def gateway_configs(settings: Settings) -> Iterator[GatewayConfig]:
    for name, one in settings.airflow.items():
        yield GatewayConfig(
            name=name, url=one.url, username=one.username, password=one.password.get_secret_value(),
            token=one.token.get_secret_value(), token_command=one.token_command, ui_url=one.ui_url,
        )  # fmt: skip


def load_runbooks(settings: Settings) -> list[Runbook]:
    """The runbooks that are well; what is wrong with the others is logged."""
    books, wrong = read_all(settings.runbooks.path)
    for fault in wrong:
        logger.warning("runbook %s", fault)
    return books


def desk_of(
    settings: Settings, gateways: Sequence[Gateway], runbooks: Sequence[Runbook], sources: Sources | None = None
) -> Desk:
    """The desk. Raises WrongSettings for a route or a role that cannot be."""
    try:
        return Desk(
            store=Store(settings.store.url), policy=policy_of(settings), access=access(settings.access),
            runbooks=runbooks, maintenance=windows(settings.maintenance),
            airflows={gateway.name: gateway for gateway in gateways},
            public_url=settings.public_url, pages=bool(settings.pagerduty.routing_key.get_secret_value()),
            new_a_minute=settings.slack.new_messages_a_minute,
            **(sources.desk() if sources is not None else {}),
        )  # fmt: skip
    except ValueError as error:
        raise WrongSettings(str(error)) from None
