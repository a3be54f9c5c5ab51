"""
Ids that nobody can guess, and that nobody takes for a card number.

Logs hide whatever could be one; an id that was hidden could not be found.
"""

import secrets

from bridge.scrub import hide_card_numbers


def new_id(prefix: str, n_bytes: int) -> str:
    """
    Make an id: a prefix, and two hexadecimal digits a byte.
    """
    while True:
        made = prefix + secrets.token_hex(n_bytes)
        if hide_card_numbers(made) == made:
            return made
