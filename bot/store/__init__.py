"""The bot's database: functions of a transaction that take and return frozen values.

`database` opens it and hands out transactions; the other modules hold the functions for one kind of record each.
Callers never see a row.
"""
