"""Authorization: decisions of the access table with the DAG tags that it needs, and break-glass access."""
