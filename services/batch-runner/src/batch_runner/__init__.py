"""batch-runner: batches of calls, run by the gateway itself and answered line by line.

It owns the Postgres schema `batches`. What it serves today is in its README.
"""
