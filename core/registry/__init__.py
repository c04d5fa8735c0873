"""Registry: immutable model versions and the aliases that point at them. No model code."""
