"""The actions that change Airflow. Each has one file with its plan, dry run, steps, read-back and past-tense sentence.

`catalog` is the table of them.
"""
