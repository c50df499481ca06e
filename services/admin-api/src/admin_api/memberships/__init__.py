"""Memberships: who belongs to a tenant, and in which role."""
