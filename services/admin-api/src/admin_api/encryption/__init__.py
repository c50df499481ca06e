"""Sealing everything again under the newest encryption key, so that an old one can go."""
