"""Fakes, the provider emulator and fixtures for tests, shipped with the contracts they stand for. Production code never imports it."""
