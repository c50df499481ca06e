"""alerts: tells people by e-mail and webhook what happened in the gateway.

It owns the Postgres schema `alerts`. What it does is in its README.
"""
