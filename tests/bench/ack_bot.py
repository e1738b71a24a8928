"""The bot as it is run, except that its Airflow is imagined and answers slowly; `python -m tests.bench.ack_bot`."""

from __future__ import annotations

import time
from typing import Any
from unittest.mock import patch

from bot.cli.serve import serve
from bot.config.settings import Settings
from tests.scenarios.imagined import Imagined

SLOW_SECONDS = 2.0


class Slow(Imagined):
    """Every question takes its time."""

    def _heard(self, question: str) -> None:
        super()._heard(question)
        time.sleep(SLOW_SECONDS)


def main() -> None:
    def connect(config: Any) -> Slow:
        return Slow(config.name)

    with patch("bot.app.windsock.connect", connect), patch("bot.app.windsock.warm_up"):
        serve(Settings())


if __name__ == "__main__":
    main()
