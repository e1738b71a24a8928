"""The tables, for SQLite and PostgreSQL alike; a change here comes with a migration (a test compares the two).

Keys made of foreign names can be longer than an index allows, so identities, subjects and groups are stored as digests
beside the names. A moment is a whole number of microseconds since 1970 in UTC, so both databases sort and compare it
alike.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    false,
)

from bot.store.driver.columns import ID, JSON_TEXT, Moment
from bot.store.driver.encoding import DIGEST

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


signals = Table(
    "signals", metadata,
    Column("id", ID, primary_key=True, autoincrement=True),
    Column("received_at", Moment, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("deployment", Text, nullable=False),
    Column("body", JSON_TEXT, nullable=False),
    # known before; it adds its exception or current figures and is not a second failure
    Column("again", Boolean, nullable=False, default=False),
)  # fmt: skip

# Identities of reported signals. A row is deleted when its opposite is reported (a repaired file may break again).
identities = Table(
    "identities", metadata,
    Column("identity", String(DIGEST), primary_key=True),
    Column("told_at", Moment, nullable=False),
    Column("bare", Boolean, nullable=False, default=False),  # the exception may follow
    sqlite_with_rowid=False,  # one tree less is one page less to write before a sender is answered
)  # fmt: skip

# The tables that are written while a sender waits.
TAKEN = (signals, identities)

# Signals that made the observer fail, kept for people to look at.
set_aside = Table(
    "set_aside", metadata,
    Column("signal_id", ID, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("error", Text, nullable=False),
)  # fmt: skip

incidents = Table(
    "incidents", metadata,
    Column("id", ID, primary_key=True, autoincrement=True),
    Column("key", String(DIGEST), nullable=False),
    # the key until it is resolved, then NULL: the database enforces at most one open incident per key
    Column("open_key", String(DIGEST), unique=True),
    Column("deployment", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("resolved_at", Moment),
    Column("page_at", Moment),
    Column("silenced", Boolean, nullable=False, server_default=false()),  # nothing of it notifies now
    Column("body", JSON_TEXT, nullable=False),
    Index(None, "key", "resolved_at"),
    Index(None, "state", "id"),
)  # fmt: skip

subjects = Table(
    "subjects", metadata,
    Column("id", ID, primary_key=True, autoincrement=True),
    Column("incident_id", ID, ForeignKey("incidents.id"), nullable=False),
    Column("thing", String(DIGEST), nullable=False),
    Column("run", String(DIGEST), nullable=False),
    Column("family", String(16), nullable=False),
    Column("deployment", Text, nullable=False),
    Column("dag_id", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("task_id", Text, nullable=False),
    Column("map_index", Integer, nullable=False),
    Column("try_number", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("hostname", Text, nullable=False),
    Column("source", String(64), nullable=False),
    Column("failed_at", Moment, nullable=False),
    Column("well_at", Moment),
    Column("tags", Text, nullable=False, server_default="[]"),  # of its DAG, as reported
    Column("retrying", Boolean, nullable=False, default=False),  # a failed try that will be retried: not a failure yet
    Index(None, "thing"),
    Index(None, "run"),
    Index(None, "incident_id", "dag_id"),
    Index(None, "dag_id", "well_at"),
)  # fmt: skip

entries = Table(
    "entries", metadata,
    Column("id", ID, primary_key=True, autoincrement=True),
    Column("incident_id", ID, ForeignKey("incidents.id"), nullable=False),
    Column("at", Moment, nullable=False),
    Column("what", String(32), nullable=False),
    Column("text", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("who_id", String(64), nullable=False),
    Column("detail", JSON_TEXT, nullable=False),
    Index(None, "incident_id", "id"),
)  # fmt: skip

alerts = Table(
    "alerts", metadata,
    Column("id", ID, primary_key=True, autoincrement=True),
    Column("incident_id", ID, ForeignKey("incidents.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("target", Text, nullable=False),
    Column("shown", Integer, nullable=False, default=0),
    Column("due_at", Moment, nullable=False),
    Column("claimed_until", Moment),
    Column("channel_id", String(64), nullable=False, default=""),
    Column("ref", String(255), nullable=False, default=""),
    Column("told", ID, nullable=False, default=0),
    Column("said", String(16), nullable=False, default=""),
    Column("tries", Integer, nullable=False, default=0),
    Column("error", Text, nullable=False, default=""),
    Column("owed_at", Moment),
    Column("posting", Boolean, nullable=False, default=False),
    Column("urgent", Boolean, nullable=False, default=False),
    Column("upto", ID, nullable=False, default=0),
    Column("grown", Integer, nullable=False, default=0),
    Column("shown_at", Moment),
    Column("posted_at", Moment),
    Column("rung", ID, nullable=False, default=0),
    Column("telling_at", Moment),
    Column("tell_at", Moment),
    Index(None, "incident_id", "kind", "target", unique=True),
    Index(None, "due_at"),
    Index(None, "posted_at"),
)  # fmt: skip

plans = Table(
    "plans", metadata,
    Column("id", String(32), primary_key=True),
    Column("incident_id", ID, ForeignKey("incidents.id")),
    Column("person_id", String(64), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("used_at", Moment),
    Column("body", JSON_TEXT, nullable=False),
)  # fmt: skip

remediations = Table(
    "remediations", metadata,
    Column("id", ID, primary_key=True, autoincrement=True),
    Column("plan_id", String(32), ForeignKey("plans.id"), nullable=False, unique=True),
    Column("incident_id", ID, ForeignKey("incidents.id")),
    Column("progress", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("asked_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("claimed_until", Moment),
    Column("tries", Integer, nullable=False),
    Column("answer", Text, nullable=False),
    Column("began_at", Moment),
    Column("ended_at", Moment),
    Column("tally", JSON_TEXT, nullable=False),
    Column("steps", Integer, nullable=False, default=0),
    Column("stopped_by", Text, nullable=False, default=""),
    Column("channel_id", String(64), nullable=False, default=""),
    Column("ref", String(64), nullable=False, default=""),
    Column("shown", Integer, nullable=False, default=0),
    Column("posting", Boolean, nullable=False, default=False),
    Column("backfill_id", Integer, nullable=False, default=0),
    Index(None, "progress", "due_at"),
    Index(None, "incident_id"),
)  # fmt: skip

# One row for each thing that an active remediation touches, so that a second one can't touch it.
at_work = Table(
    "at_work", metadata,
    Column("thing", String(DIGEST), primary_key=True),
    Column("remediation_id", ID, ForeignKey("remediations.id"), nullable=False),
    Index(None, "remediation_id"),
)  # fmt: skip

silences = Table(
    "silences", metadata,
    Column("id", ID, primary_key=True, autoincrement=True),
    Column("scope", Text, nullable=False),
    Column("deployment", Text, nullable=False),
    Column("until", Moment, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("severity", String(16), nullable=False, server_default="critical"),
    Column("role", String(16), nullable=False, server_default="admin"),
    Index(None, "until"),
)  # fmt: skip

# Events from other services that may be repeated for hours, by a digest of their identifying parts.
heard = Table(
    "heard", metadata,
    Column("event", String(64), primary_key=True),
    Column("at", Moment, nullable=False),
    Index(None, "at"),
)  # fmt: skip

# State that must survive a restart and belongs to no other table: watermarks, a sweep's last findings, tokens of a
# limit.
memory = Table(
    "memory", metadata,
    Column("key", String(200), primary_key=True),
    Column("value", JSON_TEXT, nullable=False),
)  # fmt: skip

# Recent failures in Airflow, and what reported each of them first: the figures of `coverage`.
failures = Table(
    "failures", metadata,
    Column("key", String(DIGEST), primary_key=True),
    Column("deployment", Text, nullable=False),
    Column("ended_at", Moment, nullable=False),
    Column("told_at", Moment),
    Column("by", String(8), nullable=False),
    Index(None, "deployment", "ended_at"),
)  # fmt: skip

audit = Table(
    "audit", metadata,
    Column("id", ID, primary_key=True, autoincrement=True),
    Column("at", Moment, nullable=False),
    Column("who", Text, nullable=False),
    Column("who_id", String(64), nullable=False),
    Column("verb", String(32), nullable=False),
    Column("argument", Text, nullable=False),
    Column("allowed", Boolean, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("incident_id", ID),
    Column("plan_digest", String(32), nullable=False),
    Column("deployment", Text, nullable=False, default=""),
    Column("second", Text, nullable=False, default=""),
    Column("second_id", String(64), nullable=False, default=""),
    Column("break_glass", Boolean, nullable=False, default=False),
    Column("link", Text, nullable=False, default=""),
    Index(None, "at"),
    Index(None, "incident_id", "id"),
    Index(None, "who_id", "id"),
)  # fmt: skip

# Plans that a first person confirmed and that wait for a second one; `shown` is the standing that their message shows.
approvals = Table(
    "approvals", metadata,
    Column("plan_id", String(32), ForeignKey("plans.id"), primary_key=True),
    Column("standing", String(16), nullable=False),
    Column("asked_at", Moment, nullable=False),
    Column("second", Text, nullable=False, default=""),
    Column("second_id", String(64), nullable=False, default=""),
    Column("shown", String(16), nullable=False, default=""),
    Column("channel_id", String(64), nullable=False, default=""),
    Column("ref", String(64), nullable=False, default=""),
    Index(None, "standing"),
)  # fmt: skip

# A temporary role beyond a person's own, with a reason; `told` is what was posted to the channel.
broken_glass = Table(
    "broken_glass", metadata,
    Column("id", ID, primary_key=True, autoincrement=True),
    Column("who", Text, nullable=False),
    Column("who_id", String(64), nullable=False),
    Column("role", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("began_at", Moment, nullable=False),
    Column("until", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("told", String(8), nullable=False, default=""),
    Index(None, "told"),
)  # fmt: skip
