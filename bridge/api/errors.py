"""
Errors of the REST API, in the shape that Twilio's SDKs read.
"""

from typing import TypeVar

from bridge.api.paths import shown_path
from bridge.pay.codes import PayErrorCode, message_of


Answer = TypeVar("Answer")

MORE_INFO = "https://www.twilio.com/docs/errors/{code}"
"""Clients show this link; the codes are Twilio's, so are the explanations."""

BAD_REQUEST = 20001
AUTHENTICATE = 20003
METHOD_NOT_ALLOWED = 20004
INVALID_TOKEN = 20101
EXPIRED_TOKEN = 20104
NOT_FOUND = 20404
CONFLICT = 20409
TOO_MANY_REQUESTS = 20429
INTERNAL = 20500
UNAVAILABLE = 20503
CALL_NOT_IN_PROGRESS = 21220
INVALID_STATUS_CALLBACK = 21609


class ApiError(Exception):
    """
    An answer that is not what was asked for.

    Args:
        status: of HTTP.
        code: Twilio's.
        message: one line.
    """

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = int(code)
        self.message = message

    def body(self) -> dict[str, int | str]:
        """
        Give the JSON body.

        It has no `title` and no `type`: an SDK would take it for a problem
        document (RFC 9457) and raise another exception than its users catch.
        """
        return {
            "code": self.code,
            "message": self.message,
            "more_info": MORE_INFO.format(code=self.code),
            "status": self.status,
        }


def not_found(path: str) -> ApiError:
    """
    Say that there is nothing at a path, in Twilio's words.
    """
    message = f"The requested resource {shown_path(path)} was not found"
    return ApiError(404, NOT_FOUND, message)


def found(answer: Answer | None, path: str) -> Answer:
    """
    Give what was found at a path.

    Raises:
        ApiError: nothing was.
    """
    if answer is None:
        raise not_found(path)
    return answer


def invalid(
    name: str, expected: str, code: int = PayErrorCode.INVALID_PARAMETER
) -> ApiError:
    """
    Say which parameter is wrong and what was expected.
    """
    return ApiError(400, code, f"Invalid Parameter Value: {name}: expected {expected}")


def pay_error(code: PayErrorCode, what: str = "") -> ApiError:
    """
    Refuse with one of the codes of payments, in its own words.

    Args:
        code: which.
        what: more about it.
    """
    return ApiError(400, code, message_of(code, what))
