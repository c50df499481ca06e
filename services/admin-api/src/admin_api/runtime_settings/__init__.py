"""Settings of the installation that are changed while it runs. They are kept in `control.settings`, one row each."""
