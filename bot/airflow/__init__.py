"""The edge to Airflow: one set of verbs for every deployment, whichever major version it runs.

`gateway.connect` gives an `Airflow` (see `bot.core.airflow.protocol`); `airflow2` speaks to
Airflow 2.x, `airflow3` to Airflow 3.x.
Hard case: a write whose answer was lost. It may have happened, so it is `Temporary(acted=None)` and is never
repeated here. Rule: nothing leaves this package but the frozen values of the core, `Temporary` and `Permanent`.
"""
