"""The metrics log, one public face: `MetricsLog` writes it, `LogTail` reads its lines, `RunLog` its curves.

The code is in events.py (lines) and series.py (meaning).
"""

from core.runs.events import KINDS, LOG_VERSION, LogTail, MetricsLog
from core.runs.series import RunLog

__all__ = ["KINDS", "LOG_VERSION", "LogTail", "MetricsLog", "RunLog"]
