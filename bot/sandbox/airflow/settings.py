"""The environment that makes a real Airflow small, quiet and quick, for both majors.

An AIRFLOW__… variable or a PYTHONPATH of the caller's environment must not leak in. Every component of a stack gets the
same settings, otherwise their tokens and logs don't match.
"""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

_LEAKS = ("AIRFLOW", "WINDSOCK", "PYTHON", "VIRTUAL_ENV", "SQLALCHEMY", "GUNICORN")


def settings(
    version: str, home: Path, dags: Path, port: int, database: str, extra: Mapping[str, str]
) -> dict[str, str]:
    """All variables for the components of one stack. `database` is the address for Airflow's own driver."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_LEAKS)}
    own = (two if version.startswith("2.") else three)(home, f"http://127.0.0.1:{port}", port)
    return {**kept, **both(home, dags, database), **own, **extra}


def both(home: Path, dags: Path, database: str) -> dict[str, str]:
    """Settings for both majors."""
    return {
        "AIRFLOW_HOME": str(home),
        "HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(home / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "SequentialExecutor" if database.startswith("sqlite") else "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "8",
        "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": "8",
        "AIRFLOW__CORE__FERNET_KEY": "",
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
        "AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        "AIRFLOW__LOGGING__FAB_LOGGING_LEVEL": "ERROR",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
        "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "True",
        "PYTHONWARNINGS": "ignore",
        "PYTHONUNBUFFERED": "1",
        "GUNICORN_CMD_ARGS": "--no-control-socket",  # its socket would be in the home folder, where paths get too long
    }


def three(home: Path, url: str, port: int) -> dict[str, str]:
    """Airflow 3: one API server, tokens, the simple auth manager with known passwords."""
    people = {"admin": "ADMIN", "op": "OP", "user": "USER", "viewer": "VIEWER"}
    passwords = home / "passwords.json"
    passwords.write_text(json.dumps({name: name for name in people}))
    return {
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:{role}" for name, role in people.items()),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": secret(home),
        "AIRFLOW__API_AUTH__JWT_SECRET": secret(home),
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "5",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "40",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    }


def two(home: Path, url: str, port: int) -> dict[str, str]:
    """Airflow 2: a webserver with basic authentication; the scheduler parses the DAGs."""
    return {
        "AIRFLOW__API__AUTH_BACKENDS": "airflow.api.auth.backend.basic_auth,airflow.api.auth.backend.session",
        "AIRFLOW__WEBSERVER__WEB_SERVER_HOST": "127.0.0.1",
        "AIRFLOW__WEBSERVER__WEB_SERVER_PORT": str(port),
        "AIRFLOW__WEBSERVER__BASE_URL": url,
        "AIRFLOW__WEBSERVER__WORKERS": "1",
        "AIRFLOW__WEBSERVER__WORKER_CLASS": "gthread",
        "AIRFLOW__WEBSERVER__SECRET_KEY": secret(home),
        "AIRFLOW__WEBSERVER__ACCESS_LOGFILE": os.devnull,
        "AIRFLOW__SCHEDULER__MIN_FILE_PROCESS_INTERVAL": "5",
        "AIRFLOW__SCHEDULER__DAG_DIR_LIST_INTERVAL": "10",
        "AIRFLOW__SCHEDULER__PARSING_PROCESSES": "1",
        "AIRFLOW__SCHEDULER__SCHEDULER_ZOMBIE_TASK_THRESHOLD": "40",
        "AIRFLOW__SCHEDULER__ZOMBIE_DETECTION_INTERVAL": "5",
    }


def secret(home: Path) -> str:
    """The home's secret, created once and kept, so that a browser's session outlives a restart."""
    kept = home / "secret"
    if not kept.exists():
        kept.touch(mode=0o600)
        kept.write_text(secrets.token_hex(48))
    return kept.read_text()
