"""Whom the service alerts tells of what: policies, how it sends, and its history, which is asked for over NATS."""
