"""Postgres: engine and sessions, and the migration runner. Imported only by services that own a schema."""
