"""Input from Slack: commands, presses and submissions, verified, audited and answered."""
