"""file-service: uploaded files, the blobs behind them, and the only credentials to the storage they lie in.

It owns the Postgres schema `files`. What it serves today is in its README.
"""
