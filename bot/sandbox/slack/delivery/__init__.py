"""What the local Slack sends to the app: envelopes, payloads, response URLs."""
