"""
API errors: the body that SDKs read.
"""

import json

from bridge.api import errors
from bridge.api.errors import ApiError, invalid, not_found, pay_error
from bridge.pay.codes import MESSAGES, PayErrorCode


def test_error_body_has_the_four_fields_that_sdks_read() -> None:
    """
    With a `title` or a `type` it would be another kind of error to them.
    """
    error = ApiError(400, 64018, "Value needed")
    assert error.body() == {
        "code": 64018,
        "message": "Value needed",
        "more_info": "https://www.twilio.com/docs/errors/64018",
        "status": 400,
    }
    assert str(error) == "Value needed"


def test_error_codes_are_those_of_twilio_s_dictionary() -> None:
    """
    Clients switch on the numbers; each has one meaning.
    """
    codes = {name: value for name, value in vars(errors).items() if name.isupper()}
    del codes["MORE_INFO"]
    assert codes == {
        "BAD_REQUEST": 20001,
        "AUTHENTICATE": 20003,
        "METHOD_NOT_ALLOWED": 20004,
        "INVALID_TOKEN": 20101,
        "EXPIRED_TOKEN": 20104,
        "NOT_FOUND": 20404,
        "CONFLICT": 20409,
        "TOO_MANY_REQUESTS": 20429,
        "INTERNAL": 20500,
        "UNAVAILABLE": 20503,
        "CALL_NOT_IN_PROGRESS": 21220,
        "INVALID_STATUS_CALLBACK": 21609,
    }


def test_error_of_a_parameter_names_it_and_what_was_expected() -> None:
    """
    Its code is the general one unless it has one of its own.
    """
    general, special = invalid("Timeout", "a number"), invalid("Url", "one", 21609)
    assert (general.status, general.code) == (400, 64020)
    assert general.message == "Invalid Parameter Value: Timeout: expected a number"
    assert (special.status, special.code) == (400, 21609)


def test_error_of_a_payment_has_twilio_s_number_and_words() -> None:
    """
    The numbers run from 64001 to 64024, and each has its message.
    """
    assert [int(code) for code in PayErrorCode] == list(range(64001, 64025))
    assert set(MESSAGES) == set(PayErrorCode)
    plain = pay_error(PayErrorCode.CAPTURE_OR_STATUS)
    assert plain.body() == {
        "code": 64018,
        "message": "Value needed for either Capture or Status parameters",
        "more_info": "https://www.twilio.com/docs/errors/64018",
        "status": 400,
    }
    assert json.loads(json.dumps(plain.body())) == plain.body()
    more = pay_error(PayErrorCode.INCOMPLETE, "postal-code")
    assert more.message == "Required payment information incomplete: postal-code"


def test_error_of_a_path_says_it_in_twilio_s_words() -> None:
    """
    Clients have been seen to match the text.
    """
    path = f"/2010-04-01/Accounts/AC{'1' * 32}.json"
    error = not_found(path)
    assert (error.status, error.code) == (404, 20404)
    assert error.message == f"The requested resource {path} was not found"
