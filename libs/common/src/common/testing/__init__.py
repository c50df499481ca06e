"""Fakes, the provider emulator and fixtures for tests, shipped with the contracts they stand for. Never imported in production."""
