"""The signed-in person's own account: name, password, sessions, and the tenants they belong to."""
