"""An incident as a Slack message: headline, facts, evidence, buttons, footer, thread."""
