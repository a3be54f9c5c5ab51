"""
Logs: one JSON object a line, to standard error, without a card number in it.

Nothing logs card data; `_without_card_numbers` is the net under that rule. It
looks at every string of every record for runs of 12 to 19 digits that pass the
Luhn check.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from bridge.scrub import hide_card_numbers, hide_in_value


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


def _without_card_numbers(
    _logger: object, _name: str, record: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    return {name: _scrubbed(value) for name, value in record.items()}


def _scrubbed(value: object) -> object:
    match value:
        case str():
            return hide_in_value(value)
        case bool() | None:
            return value
        case int() if value >= 10**11:
            text = str(value)
            hidden = hide_card_numbers(text)
            return value if hidden == text else hidden
        case dict():
            return {_scrubbed(name): _scrubbed(item) for name, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_scrubbed(item) for item in value]
        case int() | float():
            return value
    # The renderer would print its repr.
    return hide_card_numbers(repr(value))
