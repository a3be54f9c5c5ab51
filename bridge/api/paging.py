"""
Pages of a list, in Twilio's fields.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from bridge.api.errors import BAD_REQUEST
from bridge.api.params import whole


DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 1000
"""What Twilio's SDKs ask for at most."""

MAX_PAGE = 9999


@dataclass(frozen=True, slots=True)
class Page:
    """
    Which part of a list is wanted.
    """

    number: int
    """From 0 on."""
    size: int

    @property
    def first(self) -> int:
        """
        How many entries come before it.
        """
        return self.number * self.size


def parse_page(query: Mapping[str, str]) -> Page:
    """
    Read `Page` and `PageSize`.

    Raises:
        ApiError: one is no number, or too large.
    """
    return Page(
        whole(query, "Page", 0, 0, MAX_PAGE, code=BAD_REQUEST),
        whole(query, "PageSize", DEFAULT_PAGE_SIZE, 1, MAX_PAGE_SIZE, code=BAD_REQUEST),
    )


def page_body(
    name: str,
    path: str,
    page: Page,
    entries: Sequence[Mapping[str, object]],
    *,
    has_more: bool,
) -> dict[str, object]:
    """
    Give one page.

    Args:
        name: of the list.
        path: where it is.
        page: which one it is.
        entries: of this page.
        has_more: whether there is a next page.
    """

    def uri(number: int) -> str:
        query = urlencode({"Page": number, "PageSize": page.size})
        return f"{path}?{query}"

    start = page.first
    return {
        name: list(entries),
        "page": page.number,
        "page_size": page.size,
        "start": start,
        "end": start + max(0, len(entries) - 1),
        "uri": uri(page.number),
        "first_page_uri": uri(0),
        "previous_page_uri": uri(page.number - 1) if page.number else None,
        "next_page_uri": uri(page.number + 1) if has_more else None,
    }
