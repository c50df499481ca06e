"""alerts: tells people by e-mail and webhook what happened in the gateway.

It owns the Postgres schema `alerts`. What it serves today is in its README.
"""
