"""Dataset versions on disk, importers and health checks shared by the models."""
