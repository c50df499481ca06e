"""Cryptography used by more than one service: keyed hashes of API keys, and sealing of stored credentials."""
