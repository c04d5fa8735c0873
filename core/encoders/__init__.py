"""The text encoders that trainings of text models start from. No torch, no trained versions."""
