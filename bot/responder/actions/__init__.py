"""The actions that change Airflow, one file each: plan, dry run, steps, "is it done" and the past sentence.

`catalog` is the table.
"""
