"""The edge to Airflow: one protocol for every deployment, whichever major version it runs.

`gateway.connect` returns an `Airflow` (see `bot.core.airflow.protocol`); `airflow2` and `airflow3` implement it. A
write whose answer was lost may have happened: it is `Temporary(acted=None)` and is never repeated here. Only the core's
frozen values, `Temporary` and `Permanent` leave this package.
"""
