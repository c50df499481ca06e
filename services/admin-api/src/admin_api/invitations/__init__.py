"""Invitations: one-time links with which somebody joins a tenant or the platform, or chooses a new password."""
