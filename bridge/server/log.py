"""
Logs: one JSON object a line, to standard error, without a card number in it.

Nothing logs card data; `_without_card_numbers` is the net under that rule. It
looks at every string of every record for runs of 12 to 19 digits that pass the
Luhn check.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog


_RUN = re.compile(r"(?<!\d)\d(?:[ -]?\d){11,18}(?!\d)")


def configure_logging(level: str) -> None:
    """
    Set up structlog, and the standard library's logging under it.
    """
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _without_card_numbers,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
    # Libraries speak through the same pipe, warnings and worse only: their
    # debug output prints bodies.
    handler = _Forward()
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


class _Forward(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().log(
            record.levelno, "library", logger=record.name, text=record.getMessage()
        )


def scrub(text: str) -> str:
    """
    Replace everything in a text that could be a card number.
    """
    return _RUN.sub(lambda m: "[digits]" if _is_luhn(m.group()) else m.group(), text)


def _is_luhn(text: str) -> bool:
    digits = [int(c) for c in text if c.isdecimal()]
    doubled = [2 * d - 9 if d > 4 else 2 * d for d in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _without_card_numbers(
    _logger: object, _name: str, record: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    return {
        name: scrub(value) if isinstance(value, str) else value
        for name, value in record.items()
    }
