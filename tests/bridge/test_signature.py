"""
Signature: the published way of signing, vector by vector and against the SDK.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from bridge.signature import HEADER, is_signed, sign
from tests.support.strategies import stable


TOKEN = "12345"

PAYMENT = {
    "AccountSid": "AC1",
    "CallSid": "CA1",
    "Sid": "PK1",
    "DateCreated": "2021-08-10T03:55:53.408Z",
    "PaymentConnector": "PGP_MOCK",
    "PaymentMethod": "credit-card",
    "ChargeAmount": "9.99",
}

JSON_URL = (
    "https://example.com/j?bodySHA256="
    "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"
)

VECTORS: list[tuple[str, dict[str, str] | None, str]] = [
    (
        "https://mycompany.com/myapp.php?foo=1&bar=2",
        {
            "CallSid": "CA1234567890ABCDE",
            "Caller": "+14158675309",
            "Digits": "1234",
            "From": "+14158675309",
            "To": "+18005551212",
        },
        "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
    ),
    # With credentials they are signed with the rest of the URL.
    (
        "https://user:pass@mycompany.com/myapp.php?foo=1&bar=2",
        {
            "CallSid": "CA1234567890ABCDE",
            "Caller": "+14158675309",
            "Digits": "1234",
            "From": "+14158675309",
            "To": "+18005551212",
        },
        "CukzLTc1tT5dXEDIHm/tKBanW10=",
    ),
    ("wss://example.com/ws", None, "HXrgvHt0qTHu33oSxSjpOvWtO60="),
    ("https://example.com/cb?x=1", PAYMENT, "/+k4JNh/SmiMKypjpjDZomMT0c4="),
    (
        "https://example.com/cb?x=1",
        {**PAYMENT, "PaymentToken": ""},
        "n4CxSjN3hX/shGpK6h3KVDoSyos=",
    ),
    (JSON_URL, {}, "6GDIxue6P6vEr2mLx8Gq5cr0sCg="),
]


@pytest.mark.parametrize(("url", "form", "signature"), VECTORS)
def test_signature_is_that_of_the_published_vectors(
    url: str, form: dict[str, str] | None, signature: str
) -> None:
    """
    Signing gives it, checking takes it, and no other like it.
    """
    assert sign(TOKEN, url, form) == signature
    assert is_signed(signature, TOKEN, url, form)
    assert not is_signed(signature, TOKEN + "6", url, form)
    assert not is_signed(signature, TOKEN, url + "x", form)
    assert not is_signed(signature, TOKEN, url, {**(form or {}), "More": ""})
    for other in ("", signature[:-1], signature.swapcase(), signature + "=", "é"):
        assert not is_signed(other, TOKEN, url, form)


def test_signature_does_not_depend_on_the_order_of_the_form() -> None:
    """
    Names are sorted, capitals first.
    """
    form = {"b": "1", "B": "2", "a": "3"}
    url = "https://example.com/"
    backwards = dict(reversed(form.items()))
    assert sign(TOKEN, url, form) == sign(TOKEN, url, backwards)
    assert HEADER == "X-Twilio-Signature"


@stable
@given(
    form=st.dictionaries(
        st.text(st.characters(codec="utf-8"), min_size=1, max_size=12),
        st.text(st.characters(codec="utf-8"), max_size=20),
        max_size=8,
    ),
    url=st.sampled_from(
        [
            "https://example.com",
            "https://example.com:8443/cb?x=1&y=%20",
            "http://127.0.0.1:8081/",
        ]
    ),
    token=st.text("0123456789abcdef", min_size=1, max_size=32),
)
def test_signature_is_accepted_by_the_official_validator(
    form: dict[str, str], url: str, token: str
) -> None:
    """
    Whatever is in a form, the SDK agrees with us, and disagrees where we do.
    """
    validator = RequestValidator(token)
    signature = sign(token, url, form)
    assert validator.compute_signature(url, form) == signature
    assert validator.validate(url, form, signature)
    assert not validator.validate(url, {**form, "One more": "1"}, signature)
