"""The NER wing: finds standards, measures, equipment and exemptions in construction language."""
