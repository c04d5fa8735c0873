"""The similarity wing: pairs of requirements, their training, and search over specification libraries."""
