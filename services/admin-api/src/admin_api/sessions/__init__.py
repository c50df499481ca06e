"""Sessions: signing in with a password, and what a signed-in browser holds."""
