"""
How a process writes its log.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Literal

from sendyard.settings import Settings

Role = Literal["all", "web", "worker"]
"""Everything in one process, only the web side, or only the sending side."""


class JsonLines(logging.Formatter):
    """One JSON document a line, for programs that collect logs."""

    def format(self, record: logging.LogRecord) -> str:
        """Write time, level, source and message; a traceback as one text."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure_logging(settings: Settings) -> None:
    """Write logs to standard error in the form the settings name; replaces earlier handlers."""
    handler = logging.StreamHandler(sys.stderr)
    if settings.log_format == "json":
        handler.setFormatter(JsonLines())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S"))
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)
    # Alembic tells of every migration and uvicorn of every start; both are of interest to developers only.
    for chatty in ("alembic", "uvicorn", "uvicorn.error"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
