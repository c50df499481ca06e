"""Personal access tokens: with which a person's programs use the Admin API."""
