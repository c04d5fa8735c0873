"""Bridges from the callbacks of training libraries to a run's context. One module a library."""
