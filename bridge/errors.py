"""
Errors of the bridge.

    BridgeError               never raised itself
      LocalProtocolError      our own code broke a machine's rules: a bug
      ConfigError             settings are wrong; lists every problem at once
      LedgerError             the database cannot serve as a ledger
      ProviderError           a bridge refused a stream of ours, or broke it off

What a peer sends wrong is no exception: machines answer it with an output.
A declined card is no exception either, it is a value (`bridge.pay.outcomes`).
"""

from collections.abc import Sequence


class BridgeError(Exception):
    """
    Base of every error the bridge raises on purpose.
    """


class LocalProtocolError(BridgeError):
    """
    A machine was driven against its rules. Never caught: it is a bug.
    """


class ProviderError(BridgeError):
    """
    A bridge could not be reached, or ended the stream, seen from a provider.
    """


class LedgerError(BridgeError):
    """
    The database cannot serve as a ledger: one line that says why.
    """


class ConfigError(BridgeError):
    """
    The settings cannot be used.

    Args:
        problems: one line each, naming the setting and what was expected.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__()
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "; ".join(self.problems)
