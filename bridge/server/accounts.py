"""
Accounts: who may use the API.
"""

import hmac
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SingleAccount:
    """
    The one account of the settings.
    """

    account_sid: str
    auth_token: str = field(repr=False)

    def is_authentic(self, account_sid: str, username: str, password: str) -> bool:
        """
        Check credentials; see `bridge.api.port.Accounts`.
        """
        # All three are compared, whatever the first says.
        checks = [
            _same(account_sid, self.account_sid),
            _same(username, self.account_sid),
            _same(password, self.auth_token),
        ]
        return all(checks)


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
