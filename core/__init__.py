"""NEXA Fine-Tuning Studio: the training library behind the dashboard, the command line and the API."""

__version__ = "0.1.0"
