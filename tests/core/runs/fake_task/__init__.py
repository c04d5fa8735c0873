"""A model that trains by counting: the worker's tests need a task that takes a second and no torch."""
