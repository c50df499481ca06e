"""Mechanics and contracts shared by the services. No product rule lives here."""
