"""Importers: annotated files of other tools become clean rows, with a reason for each row left out."""

from core.datasets.importers.ner import FORMATS, import_ner
from core.datasets.importers.rows import ImportResult, Rejected

__all__ = ["FORMATS", "ImportResult", "Rejected", "import_ner"]
