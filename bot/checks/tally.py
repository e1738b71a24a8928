"""How many runs of a deployment ended between two moments, and how many of them well: for the digest.

Rule: the newest runs are taken by id, which has an index; a day of more than that is counted as far as they reach.
"""

from __future__ import annotations

from datetime import datetime

from bot.checks.metastore import Metastore
from bot.responder.digest import RunTally

_SQL = """
select count(*) as ended, coalesce(sum(case when state = 'success' then 1 else 0 end), 0) as succeeded
from (select state, end_date from dag_run order by id desc limit 100000) as newest
where state in ('success', 'failed') and end_date >= :since and end_date < :until"""


class MetastoreTally:
    """`bot.responder.digest.Tally` of one deployment."""

    def __init__(self, metastore: Metastore) -> None:
        self._metastore = metastore

    def __call__(self, since: datetime, until: datetime) -> RunTally:
        (row,) = self._metastore.rows(_SQL, since=since, until=until)
        return RunTally(int(row["ended"]), int(row["succeeded"]))
