"""alerta, a consolidated alert service on PostgreSQL: a peer that keeps what it accepts, as we do."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.sandbox import postgres
from bot.sandbox.processes.ports import free_port
from bot.sandbox.provision import ROOT, Environment, provision
from tests.bench.bot_process import answers, wait_until

WORKERS, THREADS = 2, 8
ENVIRONMENT = Environment("alerta", Path(__file__).with_name("alerta.txt"), ROOT / ".airflow" / "peer-alerta", 13)


@contextmanager
def alerta(folder: Path) -> Iterator[str]:
    """The address of an alerta behind gunicorn, with a PostgreSQL of its own that waits for the disk."""
    provision(ENVIRONMENT, lambda _: None)
    port = free_port(0)
    with postgres.running(durable=True) as server, (folder / "alerta.log").open("wb") as log:
        server.create_database("alerta")
        own = {"DATABASE_URL": server.dsn("alerta").replace("postgresql:", "postgres:"), "DATABASE_NAME": "alerta",
               "SECRET_KEY": secrets.token_hex(16), "AUTH_REQUIRED": "False"}  # fmt: skip
        words = [str(ENVIRONMENT.folder / "bin" / "gunicorn"), "-w", str(WORKERS), "--threads", str(THREADS),
                 "-b", f"127.0.0.1:{port}", "alerta:create_app()"]  # fmt: skip
        tables = [str(ENVIRONMENT.python), "-c", "from alerta import create_app; create_app()"]
        subprocess.run(tables, env=os.environ | own, stdout=log, stderr=log, check=True, timeout=60)
        process = subprocess.Popen(words, env=os.environ | own, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: answers(f"{url}/management/gtg"), 60, "alerta")
            yield url
        finally:
            process.terminate()
            process.wait(timeout=15)
