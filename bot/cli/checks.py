"""`windsock sweep`: runs the checks once."""

from __future__ import annotations

import json
from typing import Any

from bot.cli.session import FAULT, FINE, read_settings


def sweep(given: Any) -> int:
    from bot.checks.ask import ask_once
    from bot.config.checks import checks_of
    from bot.core.errors import Permanent, Temporary

    settings = read_settings()
    chosen = checks_of(settings)
    found: list[dict[str, Any]] = []
    for name, deployment in settings.airflow.items():
        url = deployment.metastore_url.get_secret_value()
        if url:
            try:
                found += ask_once(name, url, given.check, chosen)
            except (Temporary, Permanent) as error:
                found.append({"deployment": name, "check": "*", "findings": [], "error": error.message})
    if given.json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        for one in found:
            print(_sweep_line(one))
        if not found:
            print("no metastore is configured; set WINDSOCK_AIRFLOW__NAME__METASTORE_URL")
    return FAULT if any(one["findings"] or one["error"] for one in found) else FINE


def _sweep_line(one: dict[str, Any]) -> str:
    if one["error"]:
        return f"✗ {one['deployment']} {one['check']}: {one['error']}"
    if not one["findings"]:
        return f"✓ {one['deployment']} {one['check']}: well"
    return "\n".join(f"✗ {one['deployment']} {one['check']}: {sentence}" for sentence in one["findings"])
