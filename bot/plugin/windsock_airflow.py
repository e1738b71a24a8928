"""Tells Windsock what went wrong, from inside Airflow 2.11 and 3.x: one file, standard library only.

Hard case: the process that knows of a failure is about to end by `os._exit`, or is the scheduler, which must not
wait. The first delivers at once, two seconds at most, then falls back to a spool on disk; the second hands over to a
bounded queue and one thread. Rule: nothing here ever raises into Airflow, touches its database session or sends an
environment or a rendered field. The same failure told by listener and callback is one identity for the bot.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import os
import queue
import re
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from hashlib import sha256
from traceback import StackSummary, walk_tb
from typing import Any, Callable, NamedTuple, Optional, TypeVar
from urllib.parse import urlsplit

_mark: Any = None
try:
    from pluggy import HookimplMarker

    _mark = HookimplMarker("airflow")
    # A task process of Airflow 3 has only the SDK's base class loaded; the other one costs an import.
    if "airflow.sdk.plugins_manager" in sys.modules and "airflow.plugins_manager" not in sys.modules:
        from airflow.sdk.plugins_manager import AirflowPlugin
    else:
        from airflow.plugins_manager import AirflowPlugin
except ImportError:  # imported where there is no Airflow: a test, a linter

    class AirflowPlugin:  # type: ignore[no-redef]
        """Stands in for Airflow's base class."""


__version__ = "0.1.0"
__all__ = [
    "WindsockNotifier",  # noqa: F822 - made by __getattr__
    "WindsockPlugin",
    "deadline_missed",
    "deadline_missed_sync",
    "notify_dag_failure",
    "notify_dag_success",
    "notify_failure",
    "notify_retry",
    "notify_sla_miss",
    "notify_success",
]

log = logging.getLogger("windsock")

Signal = dict[str, Any]
Hook = TypeVar("Hook", bound=Callable[..., None])

ONE_TASK_SECONDS = 2.0  # what a task may lose to us, all its hooks together; grows back over a minute
LONG_LIVED_SECONDS = 10.0
QUEUE_LIMIT, BATCH_LIMIT, BATCH_BYTES = 1000, 100, 900_000
SPOOL_FILES, SPOOL_BYTES, SET_ASIDE_FILES = 10_000, 64 * 1024 * 1024, 100
CLAIM_SECONDS, DOWN_SECONDS = 60.0, 15.0
MESSAGE_CHARS, TRACEBACK_CHARS, FRAMES, CHAIN = 8_000, 16_000, 60, 8
IDLE_SECONDS, LONGEST_PAUSE, RETELL_SECONDS, TOLD_LIMIT = 5.0, 30.0, 60.0, 1000
# Answers that a person mends by a setting or that pass by themselves; any other 4xx is about the signal itself.
KEEP_STATUS = frozenset({401, 403, 404, 407, 408, 425, 429})


class Config(NamedTuple):
    """What the four variables say. `url` is the whole address that signals are posted to."""

    url: str
    token: str
    deployment: str
    spool: str


def _config() -> Optional[Config]:
    env = os.environ
    base = env.get("WINDSOCK_URL", "").strip().rstrip("/")
    if not base:
        _say_once("off", "Windsock is off: WINDSOCK_URL is not set", logging.INFO)
        return None
    url = base if base.endswith("/v1/signals") else base + "/v1/signals"
    spool = env.get("WINDSOCK_SPOOL") or os.path.join(_airflow_home(), "windsock-spool")
    deployment = env.get("WINDSOCK_DEPLOYMENT") or "default"
    return Config(url, env.get("WINDSOCK_TOKEN", "").strip(), deployment, spool)


def _airflow_home() -> str:
    home = getattr(sys.modules.get("airflow.configuration"), "AIRFLOW_HOME", None)
    return str(home or os.path.expanduser(os.environ.get("AIRFLOW_HOME") or "~/airflow"))


# --- what this process remembers; a forked child starts with nothing -------------------------------------------


class _Process:
    def __init__(self) -> None:
        self.service = False  # a scheduler, DAG processor, triggerer: it must not wait
        self.task = False  # runs one task, or looks after one
        self.tag = os.urandom(4).hex()  # names its claims; a process id is not unique between containers
        self.courier: Optional[_Courier] = None
        self.lock = threading.Lock()
        self.left, self.left_at = ONE_TASK_SECONDS, time.monotonic()
        self.told: dict[str, float] = {}
        self.said: set[str] = set()
        self.counted: dict[str, tuple[float, int, int]] = {}  # of a spool: when, files, bytes

    def allowance(self) -> float:
        """Seconds that may be spent on waiting now."""
        now = time.monotonic()
        self.left = min(ONE_TASK_SECONDS, self.left + (now - self.left_at) * ONE_TASK_SECONDS / 60)
        self.left_at = now
        return self.left

    def spend(self, seconds: float) -> None:
        self.left = max(0.0, self.left - seconds)

    def first_time(self, key: str) -> bool:
        """Whether `key` was not told within the last minute."""
        now = time.monotonic()
        if now - self.told.get(key, -RETELL_SECONDS) < RETELL_SECONDS:
            return False
        if len(self.told) >= TOLD_LIMIT:
            self.told.clear()
        self.told[key] = now
        return True


_process = _Process()


def _forget() -> None:
    global _process  # noqa: PLW0603 - a forked child has none of its parent's threads and locks
    _process = _Process()


os.register_at_fork(after_in_child=_forget)


def _say_once(key: str, message: str, level: int = logging.WARNING) -> None:
    if key not in _process.said:
        _process.said.add(key)
        log.log(level, message)


def _safely(work: Callable[..., Any], *args: Any) -> None:
    try:
        work(*args)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        with contextlib.suppress(Exception):
            log.warning("Windsock could not tell of this: %s", _text(type(error).__name__, 200), exc_info=True)


# --- reading Airflow's objects ---------------------------------------------------------------------------------


def _get(thing: Any, name: str) -> Any:
    """An attribute that is already loaded. A mapped (ORM) object is never asked for what it would have to load."""
    try:
        values = getattr(thing, "__dict__", None)
        if isinstance(values, dict):
            if name in values:
                return values[name]
            if "_sa_instance_state" in values and not isinstance(getattr(type(thing), name, None), property):
                return None
        return getattr(thing, name, None)
    except Exception:
        return None


def _identity_of(thing: Any, name: str) -> Any:
    """The same for what names the subject: without it there is nothing to tell, so an expired column is read."""
    value = _get(thing, name)
    if value is None:
        try:
            value = getattr(thing, name, None)
        except Exception:
            value = None
    return value


def _text(value: Any, limit: int) -> str:
    """`value` as text, head and tail kept when it is longer than `limit` characters."""
    try:
        text = value if isinstance(value, str) else str(value)
    except Exception:
        text = f"<{type(value).__name__} that cannot be shown>"
    if len(text) <= limit:
        return str(text)
    tail = limit // 4
    return f"{text[: limit - tail - 40]}\n… [{len(text) - limit:,} characters cut] …\n{text[-tail:]}"


def _word(value: Any) -> Optional[str]:
    """A short plain value: Airflow's states are enumerations."""
    value = getattr(value, "value", value)
    return None if value is None or value == "" else _text(value, 1000)


def _number(value: Any) -> Optional[int]:
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _moment(value: Any) -> Optional[str]:
    if isinstance(value, str) and value:
        return value[:40]
    if not isinstance(value, datetime):
        return None
    aware = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
    return aware.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _now() -> str:
    return str(_moment(datetime.now(timezone.utc)))


def _full(**fields: Any) -> Signal:
    return {name: value for name, value in fields.items() if value is not None}


# --- the exception ---------------------------------------------------------------------------------------------


def _type_name(error: BaseException) -> str:
    """As people write it: no prefix for builtins, none of the hash that Airflow gives to the modules of DAG files."""
    kind = type(error)
    module = re.sub(r"^unusual_prefix_[0-9a-f]+_", "", kind.__module__ or "")
    name = kind.__qualname__.rpartition("<locals>.")[2]
    return name if module in ("builtins", "__main__", "") else f"{module}.{name}"


def _chain(error: BaseException) -> Iterator[tuple[BaseException, str]]:
    """The error and what led to it, innermost cause last, each with the sentence that joins it to its cause."""
    seen: set[int] = set()
    current: Optional[BaseException] = error
    while current is not None and id(current) not in seen and len(seen) < CHAIN:
        seen.add(id(current))
        cause, context = current.__cause__, current.__context__
        if cause is not None:
            yield current, "The above exception was the direct cause of the following exception:"
            current = cause
        elif context is not None and not current.__suppress_context__:
            yield current, "During handling of the above exception, another exception occurred:"
            current = context
        else:
            yield current, ""
            return


def _traceback(error: BaseException) -> str:
    """The text Python would print, with long messages cut so that the innermost frames survive."""
    links = list(_chain(error))
    parts: list[str] = []
    for position, (link, joint) in reversed(list(enumerate(links))):
        if joint and position + 1 < len(links):
            parts.append(f"\n{joint}\n\n")
        frames = StackSummary.extract(walk_tb(link.__traceback__), limit=-FRAMES).format()
        parts += ["Traceback (most recent call last):\n", *frames] if frames else []
        parts.append(f"{_type_name(link)}: {_text(link, 1000)}\n")
        parts += [f"{_text(note, 500)}\n" for note in getattr(link, "__notes__", ())]
    text = "".join(parts)
    if len(text) <= TRACEBACK_CHARS:
        return text
    head = TRACEBACK_CHARS // 4
    return f"{text[:head]}\n… [{len(text) - TRACEBACK_CHARS:,} characters cut] …\n{text[head + 40 - TRACEBACK_CHARS :]}"


def _exception(error: Any) -> Optional[Signal]:
    """`error` is an exception, a sentence (Airflow found the task dead), or nothing."""
    if isinstance(error, BaseException):
        try:
            traceback = _traceback(error)
        except Exception:
            traceback = ""
        return {"type": _type_name(error), "message": _text(error, MESSAGE_CHARS), "traceback": traceback}
    if error is None or error == "":
        return None
    return {"type": "", "message": _text(error, MESSAGE_CHARS), "traceback": ""}


# --- signals ---------------------------------------------------------------------------------------------------


def _signal(kind: str, source: str, deployment: str, **fields: Any) -> Signal:
    occurred_at = fields.pop("occurred_at", None) or _now()
    return _full(v=1, kind=kind, deployment=deployment, occurred_at=occurred_at, source=source, **fields)


def _tags(dag: Any) -> Optional[list[str]]:
    tags = _get(dag, "tags")
    if not isinstance(tags, (list, tuple, set, frozenset)):
        return None
    return sorted(_text(_get(tag, "name") or tag, 200) for tag in tags)[:50]


def _log_url(ti: Any) -> Optional[str]:
    """Airflow 2 makes the link from the run, which only a loaded one may be asked for."""
    values = getattr(ti, "__dict__", {})
    if "_sa_instance_state" in values and "dag_run" not in values:
        return None
    return _word(_get(ti, "log_url"))


def _logical_date(ti: Any, context: Mapping[str, Any]) -> Optional[str]:
    run = context.get("dag_run") or _get(_get(ti, "_ti_context_from_server"), "dag_run")
    run = run if run is not None else getattr(ti, "__dict__", {}).get("dag_run")
    return _moment(_get(run, "logical_date")) or _moment(_get(run, "execution_date"))


def _task_signal(kind: str, source: str, deployment: str, ti: Any, error: Any, context: Mapping[str, Any]) -> Signal:
    task = _get(ti, "task")
    map_index = _number(_identity_of(ti, "map_index"))
    return _signal(
        kind,
        source,
        deployment,
        occurred_at=_moment(_get(ti, "end_date")),
        dag_id=_word(_identity_of(ti, "dag_id")),
        run_id=_word(_identity_of(ti, "run_id")),
        task_id=_word(_identity_of(ti, "task_id")),
        map_index=-1 if map_index is None else map_index,
        try_number=_number(_identity_of(ti, "try_number")),
        max_tries=_number(_get(ti, "max_tries")),
        state=_word(_get(ti, "state")),
        exception=_exception(error),
        tags=_tags(_get(task, "dag") or context.get("dag")),
        owner=_word(_get(task, "owner")),
        operator=_word(_get(ti, "operator") or _get(task, "task_type")),
        hostname=_word(_get(ti, "hostname")),
        pool=_word(_get(ti, "pool") or _get(task, "pool")),
        queue=_word(_get(ti, "queue") or _get(task, "queue")),
        log_url=_log_url(ti),
        logical_date=_logical_date(ti, context),
        start_date=_moment(_get(ti, "start_date")),
        end_date=_moment(_get(ti, "end_date")),
        pid=_number(_get(ti, "pid")),
    )


def _run_signal(kind: str, source: str, deployment: str, run: Any, reason: Any) -> Signal:
    """`run` is Airflow's object or, for a deadline, the REST answer as a dict."""
    read = run.get if isinstance(run, Mapping) else lambda name: _identity_of(run, name)
    loaded = run.get if isinstance(run, Mapping) else lambda name: _get(run, name)
    start, end = loaded("start_date"), loaded("end_date")
    duration = None
    if isinstance(start, datetime) and isinstance(end, datetime):
        duration = round((end - start).total_seconds(), 3)
    return _signal(
        kind,
        source,
        deployment,
        occurred_at=_moment(end),
        dag_id=_word(read("dag_id")),
        run_id=_word(read("run_id") or (read("dag_run_id") if isinstance(run, Mapping) else None)),
        state=_word(loaded("state") or loaded("_state")),
        logical_date=_moment(loaded("logical_date")) or _moment(loaded("execution_date")),
        run_type=_word(loaded("run_type")),
        reason=_word(reason),
        tags=_tags(loaded("dag")),
        start_date=_moment(start),
        end_date=_moment(end),
        duration=duration,
    )


def short_path(path: str, folders: tuple[str, ...] = ()) -> str:
    """The name of a DAG file that the hook (always an absolute path) and the metastore (on 3.x relative to the bundle)
    agree on: what follows one of `folders`, else a bundle's checkout, else the last folder called `dags`."""
    name = path.replace("\\", "/")
    for folder in folders:
        root = folder.replace("\\", "/").rstrip("/") + "/"
        if len(root) > 1 and name.startswith(root):
            name = name[len(root) :]
            break
    name = re.sub(r"^.*/dag_bundles/[^/]+/(?:tracking_repo/|versions/[^/]+/)?", "", name)
    return re.sub(r"^(?:.*/)?dags/", "", name) or path


def _bundle_folders() -> tuple[str, ...]:
    """Where Airflow 3 keeps DAG files on disk; on Airflow 2 nothing, for its metastore has the absolute path too."""
    if "airflow.sdk" not in sys.modules:
        return ()
    folders = [str(getattr(sys.modules.get("airflow.settings"), "DAGS_FOLDER", None) or "")]
    with contextlib.suppress(Exception):
        said = sys.modules["airflow.configuration"].conf.get("dag_processor", "dag_bundle_config_list")
        folders += [str((bundle.get("kwargs") or {}).get("path") or "") for bundle in json.loads(said)]
    return tuple(folder for folder in folders if folder)


def _import_signal(deployment: str, filename: Any, stacktrace: Any) -> Signal:
    path, trace = _text(filename, 1000), _text(stacktrace, TRACEBACK_CHARS)
    last = next((line for line in reversed(trace.splitlines()) if line.strip()), "").strip()
    found = re.match(r"([A-Za-z_][\w.]*): ?(.*)", last)
    kind, message = found.groups() if found else ("", last)
    return _signal(
        "import_error",
        "listener",
        deployment,
        file=short_path(path, _bundle_folders()),
        path=path,
        exception={"type": kind, "message": _text(message, MESSAGE_CHARS), "traceback": trace},
    )


def _identity(signal: Signal) -> str:
    names = ("deployment", "kind", "dag_id", "run_id", "task_id", "map_index", "try_number", "file")
    parts = [signal.get(name) for name in names]
    if signal["kind"] == "import_error":
        parts.append(signal["exception"]["traceback"])
    return sha256(json.dumps(parts, default=str).encode()).hexdigest()[:16]


# --- posting ---------------------------------------------------------------------------------------------------


class Answer(NamedTuple):
    """`status` is 0 when there was no answer; `text` says what was heard."""

    status: int
    text: str

    @property
    def taken(self) -> bool:
        return 200 <= self.status < 300

    @property
    def refused(self) -> bool:
        """The bot will never take it: it is about the signal, not about the moment."""
        return 400 <= self.status < 500 and self.status not in KEEP_STATUS


class _Post:
    """One request on a thread of its own: neither a name server nor a dripping server can make us wait longer."""

    def __init__(self, config: Config, body: bytes, seconds: float) -> None:
        self.config, self.body, self.seconds = config, body, seconds
        self.connection: Any = None
        self.answer = Answer(0, f"no answer within {seconds:.1f} s")

    def run(self) -> Answer:
        import http.client  # noqa: F401 - loaded here: a thread must not be the one that holds an import lock

        worker = threading.Thread(target=self._work, name="windsock-post", daemon=True)
        worker.start()
        worker.join(self.seconds)
        answer = self.answer
        if worker.is_alive():
            self._cut()
        return answer

    def _work(self) -> None:
        import http.client

        try:
            parts = urlsplit(self.config.url)
            kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
            self.connection = kind(parts.hostname or "", parts.port, timeout=self.seconds)
            headers = {"Content-Type": "application/json", "User-Agent": f"windsock-airflow/{__version__}"}
            if self.config.token:
                headers["Authorization"] = f"Bearer {self.config.token}"
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            self.connection.request("POST", path, self.body, headers)
            response = self.connection.getresponse()
            text = response.read(2000).decode("utf-8", "replace")
            self.answer = Answer(response.status, text)
        except Exception as error:
            self.answer = Answer(0, f"{type(error).__name__}: {error}")
        finally:
            self._cut()

    def _cut(self) -> None:
        try:
            channel = getattr(self.connection, "sock", None)
            if channel is not None:
                channel.shutdown(socket.SHUT_RDWR)
            if self.connection is not None:
                self.connection.close()
        except Exception:
            pass


def _post(config: Config, signals: list[Signal], seconds: float) -> Answer:
    try:
        whole: Any = signals[0] if len(signals) == 1 else {"signals": signals}
        return _Post(config, json.dumps(whole, default=str).encode(), seconds).run()
    except Exception as error:  # no thread to be had, something that JSON cannot say
        return Answer(0, f"{type(error).__name__}: {error}")


# --- the spool: one file a signal ------------------------------------------------------------------------------


class Spool:
    """A folder of signals that could not be delivered; any process with this plugin may send them on.

    A file is `NAME.json`; while one process sends it, `NAME.json.PID.claim`; `.bad` when it cannot be read and
    `.refused` when the bot will never take it, both left for a person to look at.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def keep(self, signal: Signal, ending: str = ".json", sync: bool = True) -> bool:
        """Write one signal so that it survives a crash (with `sync`: of the machine); False when it could not be kept."""
        try:
            body = json.dumps(signal, default=str).encode()
            os.makedirs(self.folder, mode=0o700, exist_ok=True)
            if not self._room(len(body), aside=ending != ".json"):
                return False
            # An import error is told again at every parse: one file is enough.
            written = 0 if signal["kind"] == "import_error" else time.time_ns() // 1000
            self._write(os.path.join(self.folder, f"{written:016d}-{_identity(signal)}"), ending, body, sync)
        except OSError as error:
            log.warning("Windsock lost a signal (%s): its spool %s: %s", _label(signal), self.folder, error)
            return False
        return True

    def _write(self, path: str, ending: str, body: bytes, sync: bool) -> None:
        draft = f"{path}.json.{_process.tag}.{threading.get_ident()}.tmp"
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(body)
                out.flush()
                if sync:
                    os.fsync(out.fileno())
            os.replace(draft, path + ending)
        except OSError:
            _quietly(os.unlink, draft)
            raise
        if sync:
            _sync_folder(self.folder)

    def _room(self, coming: int, aside: bool) -> bool:
        """Whether `coming` bytes may be added. Counted once a second: a full spool must not be slow as well."""
        key, now = f"{self.folder} {aside}", time.monotonic()
        at, files, size = _process.counted.get(key, (now - 2, 0, 0))
        if now - at > 1:
            at, (files, size) = now, self._count(aside)
        room = files < (SET_ASIDE_FILES if aside else SPOOL_FILES) and size < SPOOL_BYTES
        _process.counted[key] = (at, files + room, size + coming * room)
        if not room:
            _say_once("full", f"Windsock's spool {self.folder} is full: what comes now is lost (the oldest stay)")
        return room

    def _count(self, aside: bool) -> tuple[int, int]:
        with os.scandir(self.folder) as entries:
            sizes = [_size(entry) for entry in entries if not aside or entry.name.endswith((".bad", ".refused"))]
        return len(sizes), sum(sizes)

    def told_lately(self, signal: Signal) -> bool:
        """Whether another process told the same within the last minute: Airflow 2 parses each file in a new one."""
        mark, now = os.path.join(self.folder, f".told-{_identity(signal)}"), time.time()
        try:
            if now - os.stat(mark).st_mtime < RETELL_SECONDS:
                return True
        except OSError:
            pass
        _quietly(self._mark, mark, now)
        return False

    def _mark(self, mark: str, now: float) -> None:
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        _touch(mark)
        with os.scandir(self.folder) as entries:
            for entry in entries:
                if entry.name.startswith(".told-") and now - entry.stat().st_mtime > 60 * RETELL_SECONDS:
                    _quietly(os.unlink, entry.path)

    def waiting(self) -> bool:
        """Whether there is something to send, and it is worth trying now."""
        try:
            newest = os.stat(os.path.join(self.folder, ".down")).st_mtime
            if time.time() - newest < DOWN_SECONDS:
                return False
        except OSError:
            pass
        return next(self._claimable(), None) is not None

    def _claimable(self) -> Iterator[str]:
        try:
            names = sorted(os.listdir(self.folder))
        except OSError:
            return
        for name in names:
            # An old draft is a process that died while writing: it is read, and set aside when cut in half.
            if name.endswith(".json") or (name.endswith((".claim", ".tmp")) and self._stale(name)):
                yield name

    def _stale(self, name: str) -> bool:
        try:
            return time.time() - os.stat(os.path.join(self.folder, name)).st_mtime > CLAIM_SECONDS
        except OSError:
            return False

    def claim(self, count: int) -> list[tuple[str, Signal]]:
        """Up to `count` signals, oldest first, that no other process has: (path of the claim, signal)."""
        mine: list[tuple[str, Signal]] = []
        room = BATCH_BYTES
        for name in self._claimable():
            if len(mine) >= count or room <= 0:
                break
            path = os.path.join(self.folder, _stem(name) + f".json.{_process.tag}.claim")
            try:
                os.utime(os.path.join(self.folder, name))  # before the rename: a claim is never born stale
                os.rename(os.path.join(self.folder, name), path)
            except OSError:
                continue  # another process was first
            signal = self._read(path)
            if signal is not None:
                room -= len(json.dumps(signal))
                mine.append((path, signal))
        return mine

    def _read(self, path: str) -> Optional[Signal]:
        try:
            with open(path, "rb") as source:
                signal = json.loads(source.read())
            if isinstance(signal, dict) and signal.get("kind"):
                return signal
            reason = "not a signal"
        except (OSError, ValueError) as error:
            reason = str(error)
        aside = _stem(path) + ".bad"
        _quietly(os.rename, path, aside)
        log.warning("Windsock set a spooled file aside that it cannot read: %s (%s)", aside, reason)
        return None

    def give_back(self, claimed: list[tuple[str, Signal]]) -> None:
        """The bot is not there: the files wait, and other processes need not find it out again at once."""
        for path, _ in claimed:
            _quietly(os.rename, path, _stem(path) + ".json")
        _quietly(_touch, os.path.join(self.folder, ".down"))

    def sent(self, claimed: list[tuple[str, Signal]]) -> None:
        for path, _ in claimed:
            _quietly(os.unlink, path)

    def bot_is_up(self) -> None:
        _quietly(os.unlink, os.path.join(self.folder, ".down"))


def _stem(name: str) -> str:
    return name.split(".json", maxsplit=1)[0]


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_size
    except OSError:
        return 0


def _sync_folder(path: str) -> None:
    """Makes a rename in it survive a crash of the machine."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _touch(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    os.utime(path)


def _quietly(work: Callable[..., Any], *args: Any) -> None:
    with contextlib.suppress(OSError):
        work(*args)


# --- delivering ------------------------------------------------------------------------------------------------


def _label(signal: Signal) -> str:
    names = ("dag_id", "run_id", "task_id", "map_index", "try_number", "file")
    return " ".join([str(signal.get("kind")), *(str(signal[name]) for name in names if name in signal)])


def _tell(config: Config, signals: list[Signal], until: float) -> bool:
    """Post before the monotonic time `until`; a refused batch goes one by one, so that one bad signal costs no other.
    False: keep them all."""
    seconds = until - time.monotonic()
    if seconds < 0.02:
        return False
    answer = _post(config, signals, seconds)
    if answer.refused and len(signals) > 1:
        return all(_tell(config, [signal], until) for signal in signals)
    if answer.refused:
        log.warning("Windsock refused %s: %s %s", _label(signals[0]), answer.status, _text(answer.text, 500))
        Spool(config.spool).keep(signals[0], ".refused")
    elif answer.taken:
        Spool(config.spool).bot_is_up()
        _process.said.discard("down")
    else:
        _say_once("down", f"Windsock is not reached, signals are kept in {config.spool}: {answer.status} {answer.text}")
    return answer.taken or answer.refused


def _drain(config: Config, seconds: float, count: int = BATCH_LIMIT) -> bool:
    """Send what the spool holds for at most `seconds`; False when the bot did not take it."""
    spool, until = Spool(config.spool), time.monotonic() + seconds
    while time.monotonic() < until:
        claimed = spool.claim(count)
        if not claimed:
            return True
        if not _tell(config, [signal for _, signal in claimed], until):
            spool.give_back(claimed)
            return False
        spool.sent(claimed)
    return True


def _deliver_at_once(config: Config, signal: Signal) -> None:
    here, spool = _process, Spool(config.spool)
    seconds, started = here.allowance(), time.monotonic()
    try:
        if not _tell(config, [signal], started + seconds):
            spool.keep(signal)
        elif spool.waiting():
            _drain(config, seconds - (time.monotonic() - started), 20)
    finally:
        here.spend(time.monotonic() - started)


class _Courier:
    """The bounded queue of a long-lived process and its one thread, which lives only while there is work: Airflow
    forks from these processes, and a thread that is not there cannot hold a lock."""

    def __init__(self) -> None:
        self.queue: queue.Queue[tuple[Config, Signal]] = queue.Queue(QUEUE_LIMIT)
        self.lock = threading.Lock()
        self.thread: Optional[threading.Thread] = None
        self.carried: list[tuple[Config, Signal]] = []
        self.down_until, self.pause = 0.0, 0.5
        atexit.register(self.flush, ONE_TASK_SECONDS)

    def put(self, config: Config, signal: Signal) -> None:
        try:
            self.queue.put_nowait((config, signal))
        except queue.Full:
            Spool(config.spool).keep(signal, sync=False)  # whoever called must not wait for a disk
        self.wake()

    def wake(self) -> None:
        with self.lock:
            if self.thread is None or not self.thread.is_alive():
                self.thread = threading.Thread(target=self._run, name="windsock", daemon=True)
                self.thread.start()

    def _run(self) -> None:
        while True:
            try:
                if not self._turn():
                    return
            except Exception:
                log.warning("Windsock's thread goes on after a fault", exc_info=True)
                time.sleep(1.0)

    def _turn(self) -> bool:
        """Carry one batch, then the spool; False when there was nothing and the thread may end."""
        config = _config()
        self.carried = self._take(IDLE_SECONDS if time.monotonic() >= self.down_until else 1.0)
        if self.carried:
            self._carry(self.carried)
        self.carried = []
        if config is not None and time.monotonic() >= self.down_until and Spool(config.spool).waiting():
            self._remember(_drain(config, LONG_LIVED_SECONDS))
            return True
        with self.lock:
            if self.queue.empty() and time.monotonic() >= self.down_until and not self._spooled(config):
                self.thread = None
                return False
        return True

    @staticmethod
    def _spooled(config: Optional[Config]) -> bool:
        return config is not None and next(Spool(config.spool)._claimable(), None) is not None

    def _take(self, wait: float) -> list[tuple[Config, Signal]]:
        taken: list[tuple[Config, Signal]] = []
        size = 0
        try:
            while len(taken) < BATCH_LIMIT and size < BATCH_BYTES - 50_000:
                taken.append(self.queue.get(timeout=wait) if not taken else self.queue.get_nowait())
                size += len(json.dumps(taken[-1][1], default=str))
        except queue.Empty:
            pass
        return taken

    def _carry(self, batch: list[tuple[Config, Signal]]) -> None:
        config, signals = batch[0][0], [signal for _, signal in batch]
        told = False
        if time.monotonic() >= self.down_until:
            told = _tell(config, signals, time.monotonic() + LONG_LIVED_SECONDS)
            self._remember(told)
        if not told:
            self._keep(batch)
        for _ in batch:
            self.queue.task_done()

    def _remember(self, told: bool) -> None:
        self.pause = 0.5 if told else min(LONGEST_PAUSE, self.pause * 2)
        self.down_until = 0.0 if told else time.monotonic() + self.pause

    @staticmethod
    def _keep(batch: list[tuple[Config, Signal]]) -> None:
        for config, signal in batch:
            Spool(config.spool).keep(signal)

    def flush(self, seconds: float) -> None:
        """The process ends: wait a little for the thread, then put what is left on disk."""
        if self is not _process.courier:
            return  # a forked child runs its parent's exit hooks
        until = time.monotonic() + seconds
        while self.queue.unfinished_tasks and time.monotonic() < until:
            time.sleep(0.01)
        if self.queue.unfinished_tasks:
            left = self._take(0.001)
            self._keep(self.carried + left)
            self.carried = []
            for _ in left:
                self.queue.task_done()


def _courier() -> _Courier:
    with _process.lock:
        if _process.courier is None:
            _process.courier = _Courier()
        return _process.courier


def _send(signal: Signal, config: Config, hand_over: bool = False) -> None:
    """The one throat of this file. Run and deadline signals have no try, so only the others are told once."""
    if not ("file" in signal or ("dag_id" in signal and ("run_id" in signal or "task_id" in signal))):
        log.warning("Windsock cannot tell what this is about, so it tells nothing: %s", _label(signal))
        return
    if ("try_number" in signal or "file" in signal) and not _process.first_time(_identity(signal)):
        return
    if hand_over or _process.service:
        _courier().put(config, signal)
    else:
        _deliver_at_once(config, signal)


# --- the listener ----------------------------------------------------------------------------------------------


def _task_ended_badly(ti: Any, error: Any, previous_state: Any) -> None:
    config = _config()
    if config is not None:
        kind = "task_retrying" if _word(_identity_of(ti, "state")) == "up_for_retry" else "task_failed"
        _send(_task_signal(kind, "listener", config.deployment, ti, error, {}), config, previous_state is None)


def _task_ended_well(ti: Any, previous_state: Any) -> None:
    """A first try that succeeds heals nothing, unless a person marked it (the API server says no earlier state)."""
    if (_number(_identity_of(ti, "try_number")) or 0) < 2 and previous_state is not None:
        return
    config = _config()
    if config is not None:
        signal = _task_signal("task_succeeded", "listener", config.deployment, ti, None, {})
        _send(signal, config, previous_state is None)


def _run_ended(kind: str, run: Any, reason: Any) -> None:
    """Scheduler or API server: neither may wait, and neither may be asked for anything that is not loaded."""
    config = _config()
    if config is not None:
        _send(_run_signal(kind, "listener", config.deployment, run, reason), config, hand_over=True)


def _does_not_import(filename: Any, stacktrace: Any) -> None:
    config = _config()
    if config is None:
        return
    signal = _import_signal(config.deployment, filename, stacktrace)
    if _process.service or not Spool(config.spool).told_lately(signal):
        _send(signal, config)


def _starts(component: Any) -> None:
    """A job starts here: a long-lived process, unless it is the job that looks after one task."""
    if type(component).__name__.endswith("Marker"):
        _process.task = True
    elif not _process.task:
        _process.service = True
        config = _config()
        if config is not None and Spool(config.spool).waiting():
            _courier().wake()


def _stops(component: Any) -> None:
    if _process.service:
        if _process.courier is not None:
            _process.courier.flush(ONE_TASK_SECONDS)
        return
    config = _config()
    if config is not None and type(component).__name__.endswith("Marker") and Spool(config.spool).waiting():
        started = time.monotonic()
        _drain(config, _process.allowance(), 20)
        _process.spend(time.monotonic() - started)


def hookimpl(function: Hook) -> Hook:
    if _mark is not None:
        _mark(function)
    return function


class WindsockListener:
    """Airflow's hooks, with the arguments that both majors have. Airflow 2 does not guard its calls: we do."""

    @hookimpl
    def on_starting(self, component: Any) -> None:
        _safely(_starts, component)

    @hookimpl
    def before_stopping(self, component: Any) -> None:
        _safely(_stops, component)

    @hookimpl
    def on_task_instance_failed(self, previous_state: Any, task_instance: Any, error: Any) -> None:
        _safely(_task_ended_badly, task_instance, error, previous_state)

    @hookimpl
    def on_task_instance_success(self, previous_state: Any, task_instance: Any) -> None:
        _safely(_task_ended_well, task_instance, previous_state)

    @hookimpl
    def on_dag_run_failed(self, dag_run: Any, msg: Any) -> None:
        _safely(_run_ended, "run_failed", dag_run, msg)

    @hookimpl
    def on_dag_run_success(self, dag_run: Any, msg: Any) -> None:
        _safely(_run_ended, "run_succeeded", dag_run, msg)

    @hookimpl
    def on_new_dag_import_error(self, filename: Any, stacktrace: Any) -> None:
        _safely(_does_not_import, filename, stacktrace)

    @hookimpl
    def on_existing_dag_import_error(self, filename: Any, stacktrace: Any) -> None:
        _safely(_does_not_import, filename, stacktrace)


class WindsockPlugin(AirflowPlugin):  # type: ignore[misc]
    """Covers every DAG of the installation without a change to any of them."""

    name = "windsock"
    listeners = [WindsockListener()]  # noqa: RUF012 - what Airflow asks for


# --- callbacks, for those who prefer to say it in the DAG ------------------------------------------------------


def _from_task(kind: str, context: Mapping[str, Any]) -> None:
    config = _config()
    ti = context.get("ti") or context.get("task_instance")
    if config is not None and ti is not None:
        error = context.get("exception")
        _send(_task_signal(kind, "callback", config.deployment, ti, error, context), config)


def _from_run(kind: str, context: Mapping[str, Any]) -> None:
    config = _config()
    run = context.get("dag_run")
    if config is not None and run is not None:
        _send(_run_signal(kind, "callback", config.deployment, run, context.get("reason")), config)


def notify_failure(context: Mapping[str, Any]) -> None:
    """`on_failure_callback` of a task (or in `default_args`)."""
    _safely(_from_task, "task_failed", context)


def notify_retry(context: Mapping[str, Any]) -> None:
    """`on_retry_callback` of a task."""
    _safely(_from_task, "task_retrying", context)


def notify_success(context: Mapping[str, Any]) -> None:
    """`on_success_callback` of a task."""
    _safely(_from_task, "task_succeeded", context)


def notify_dag_failure(context: Mapping[str, Any]) -> None:
    """`on_failure_callback` of a DAG."""
    _safely(_from_run, "run_failed", context)


def notify_dag_success(context: Mapping[str, Any]) -> None:
    """`on_success_callback` of a DAG."""
    _safely(_from_run, "run_succeeded", context)


def _sla(dag: Any, task_list: Any, blocking_task_list: Any, slas: Any) -> None:
    config = _config()
    if config is None:
        return
    for miss in list(slas or [])[:BATCH_LIMIT]:
        date = _identity_of(miss, "execution_date")
        utc = date.astimezone(timezone.utc).isoformat() if isinstance(date, datetime) else None
        signal = _signal(
            "sla_missed",
            "callback",
            config.deployment,
            dag_id=_word(_identity_of(miss, "dag_id") or _identity_of(dag, "dag_id")),
            task_id=_word(_identity_of(miss, "task_id")),
            run_id=f"scheduled__{utc}" if utc else None,
            logical_date=_moment(date),
            tags=_tags(dag),
            tasks=_word(task_list),
            blocking_tasks=_word(blocking_task_list),
        )
        _send(signal, config)


def notify_sla_miss(
    dag: Any,
    task_list: Any,
    blocking_task_list: Any,
    slas: Any,
    blocking_tis: Any,  # noqa: ARG001 - Airflow's signature
) -> None:
    """`sla_miss_callback` of a DAG, Airflow 2 only: one signal a missed task."""
    _safely(_sla, dag, task_list, blocking_task_list, slas)


def _deadline(context: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    config = _config()
    if config is None:
        return
    deadline = context.get("deadline") or {}
    signal = _run_signal("deadline_missed", "deadline", config.deployment, context.get("dag_run") or {}, None)
    signal["occurred_at"] = _now()
    signal.update(_full(deadline_id=_word(deadline.get("id")), deadline=_moment(deadline.get("deadline_time"))))
    signal["alert"] = {_text(name, 100): _text(value, 500) for name, value in list(facts.items())[:20]}
    _send(signal, config)


def deadline_missed_sync(context: Optional[Mapping[str, Any]] = None, **facts: Any) -> None:
    """For `DeadlineAlert(callback=SyncCallback(deadline_missed_sync, kwargs={"name": "orders in time"}))`."""
    _safely(_deadline, context or {}, facts)


async def deadline_missed(context: Optional[Mapping[str, Any]] = None, **facts: Any) -> None:
    """For `DeadlineAlert(callback=AsyncCallback(deadline_missed))`: runs in the triggerer, never blocks its loop."""
    import asyncio

    try:
        await asyncio.get_running_loop().run_in_executor(None, _safely, _deadline, context or {}, facts)
    except RuntimeError as error:  # no thread to be had
        log.warning("Windsock could not tell of a missed deadline: %s", error)


def _make_notifier() -> Any:
    """Airflow's notifier base class costs an import, so the subclass is made when somebody asks for it."""
    try:
        from airflow.sdk.bases.notifier import BaseNotifier
    except ImportError:
        from airflow.notifications.basenotifier import BaseNotifier

    class WindsockNotifier(BaseNotifier):  # type: ignore[misc]
        """`on_failure_callback=WindsockNotifier()`; `kind` is for the other callbacks (`task_retrying`, …)."""

        template_fields = ()

        def __init__(self, kind: str = "task_failed", **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.kind = kind

        def notify(self, context: Any) -> None:
            of_run = self.kind.startswith("run_")
            _safely(_from_run if of_run else _from_task, self.kind, context)

    WindsockNotifier.__module__ = __name__
    WindsockNotifier.__qualname__ = "WindsockNotifier"
    return WindsockNotifier


def __getattr__(name: str) -> Any:
    if name != "WindsockNotifier":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    made = _make_notifier()
    globals()[name] = made
    return made
