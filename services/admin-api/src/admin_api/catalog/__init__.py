"""The model catalog: the aliases callers use, and the provider routes and prices behind each."""
