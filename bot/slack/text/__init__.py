"""Text for Slack: escaping, limits, Block Kit, columns, Markdown."""
