"""Tenants: the customers or departments whose keys and usage are kept apart."""
