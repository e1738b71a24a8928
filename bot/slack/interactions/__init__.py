"""What Slack sends: commands, presses and submissions, verified, audited and answered."""
