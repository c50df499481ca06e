"""Users: the people who sign in to the portal and the Admin API."""
