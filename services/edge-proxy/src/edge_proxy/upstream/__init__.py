"""The way to a provider: one small transport interface, its implementation, and the errors of the way."""
