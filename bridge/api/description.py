"""
The API's own description (OpenAPI), made of the values that are taken.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from bridge.api.feed_token import DEFAULT_TTL_S, MAX_TTL_S
from bridge.api.paging import DEFAULT_PAGE_SIZE, MAX_PAGE, MAX_PAGE_SIZE
from bridge.pay.cards import CardType
from bridge.pay.fields import CARD_FIELDS, Field
from bridge.pay.request import BankAccountType, PaymentMethod, TokenType
from bridge.pay.states import State


Schema = Mapping[str, Any]

_TEXT: Schema = {"type": "string"}
_FLAG: Schema = {"type": "string", "enum": ["true", "false"]}

_COMMON: Mapping[str, Schema] = {
    "IdempotencyKey": {"type": "string", "minLength": 1, "maxLength": 255},
    "StatusCallback": {"type": "string", "format": "uri", "maxLength": 4000},
}

_ERROR: Schema = {
    "type": "object",
    "required": ["code", "message", "more_info", "status"],
    "additionalProperties": False,
    "properties": {
        "code": {"type": "integer"},
        "message": _TEXT,
        "more_info": _TEXT,
        "status": {"type": "integer"},
    },
}

_PAYMENT: Schema = {
    "type": "object",
    "required": [
        *("account_sid", "call_sid", "date_created", "date_updated", "sid", "uri"),
    ],
    "additionalProperties": False,
    "properties": {
        "account_sid": _TEXT,
        "call_sid": _TEXT,
        "date_created": _TEXT,
        "date_updated": _TEXT,
        "sid": _TEXT,
        "uri": _TEXT,
    },
}

_OPTIONAL: Schema = {"type": ["string", "null"]}

_RECORD: Schema = {
    "type": "object",
    "required": [*_PAYMENT["required"], "status", "sequence_number", "currency"],
    "properties": {
        **_PAYMENT["properties"],
        "status": {"type": "string", "enum": [str(state) for state in State]},
        "sequence_number": {"type": "integer"},
        "currency": _TEXT,
        "partial_result": {"type": "boolean"},
        "pay_error_code": {"type": ["integer", "null"]},
        "connector_parameters": {"type": "object", "additionalProperties": _TEXT},
    },
    # All the others are a callback's, in snake case.
    "additionalProperties": _OPTIONAL,
}

_PAGE: Schema = {
    "type": "object",
    "required": ["payments", "page", "page_size", "uri", "next_page_uri"],
    "additionalProperties": False,
    "properties": {
        "payments": {"type": "array", "items": _RECORD},
        **{name: {"type": "integer"} for name in ("page", "page_size", "start", "end")},
        **dict.fromkeys(("uri", "first_page_uri"), _TEXT),
        **dict.fromkeys(("previous_page_uri", "next_page_uri"), _OPTIONAL),
    },
}

_FEED_TOKEN: Schema = {
    "type": "object",
    "required": ["account_sid", "call_sid", "token", "date_expires", "feed_uri"],
    "additionalProperties": False,
    "properties": {
        "account_sid": _TEXT,
        "call_sid": _TEXT,
        "token": _TEXT,
        "date_expires": _TEXT,
        "feed_uri": _TEXT,
    },
}

_MEANINGS = {
    400: "A parameter is missing or cannot be used, or the command makes no sense now",
    401: "No or wrong credentials",
    404: "No such call or payment",
    408: "The body did not arrive in time",
    409: "The payment has ended or is being processed",
    413: "The body is too large",
    414: "The URL is too long",
    429: "Too many requests",
    500: "A bug",
    503: "Shutting down, or the ledger cannot be reached",
}


def _one_of(values: Iterable[str]) -> Schema:
    return {"type": "string", "enum": [str(value) for value in values]}


def _form(properties: Mapping[str, Schema]) -> Schema:
    return {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": list(_COMMON),
                    "properties": {**_COMMON, **properties},
                }
            }
        },
    }


_START = _form(
    {
        "BankAccountType": _one_of(BankAccountType),
        "ChargeAmount": {"type": "string", "pattern": r"^[0-9]{1,6}(\.[0-9]{1,4})?$"},
        "Confirmation": _FLAG,
        "Currency": {"type": "string", "pattern": "^[A-Za-z]{3}$"},
        "Description": {"type": "string", "maxLength": 500},
        "Input": _one_of(["dtmf"]),
        "MinPostalCodeLength": {"type": "integer", "minimum": 1, "maximum": 10},
        "Parameter": {"type": "string", "description": "A JSON object of one level"},
        "PaymentConnector": {"type": "string", "maxLength": 500},
        "PaymentMethod": _one_of(PaymentMethod),
        "PostalCode": _FLAG,
        "RequireMatchingInputs": {
            "type": "string",
            "description": "Some of these with commas between: "
            + ", ".join(CARD_FIELDS),
        },
        "SecurityCode": _FLAG,
        "Timeout": {"type": "integer", "minimum": 1, "maximum": 600},
        "TokenType": _one_of(TokenType),
        "ValidCardTypes": {
            "type": "string",
            "description": "Some of these with blanks between: " + ", ".join(CardType),
        },
    }
)

_UPDATE = _form({"Capture": _one_of(Field), "Status": _one_of(["complete", "cancel"])})


def _answers(status: int, meaning: str, schema: Schema) -> Schema:
    answers: dict[str, Schema] = {
        str(status): {
            "description": meaning,
            "content": {"application/json": {"schema": schema}},
        }
    }
    for refusal, why in _MEANINGS.items():
        answers[str(refusal)] = {
            "description": why,
            "content": {"application/json": {"schema": _ERROR}},
        }
    return answers


def _whole_number(name: str, low: int, high: int, default: int) -> Schema:
    bounds = {"minimum": low, "maximum": high, "default": default}
    return {"name": name, "in": "query", "schema": {"type": "integer", **bounds}}


START: dict[str, Any] = {
    "operationId": "CreatePayments",
    "requestBody": _START,
    "responses": _answers(201, "The payment was started", _PAYMENT),
    "security": [{"Basic": []}],
}

UPDATE: dict[str, Any] = {
    "operationId": "UpdatePayments",
    "requestBody": _UPDATE,
    "responses": _answers(202, "The command is being carried out", _PAYMENT),
    "security": [{"Basic": []}],
}

FETCH_CALL: dict[str, Any] = {
    "operationId": "FetchCall",
    "responses": _answers(200, "The call", {"type": "object"}),
    "security": [{"Basic": []}],
}

LIST: dict[str, Any] = {
    "operationId": "ListPayments",
    "parameters": [
        _whole_number("Page", 0, MAX_PAGE, 0),
        _whole_number("PageSize", 1, MAX_PAGE_SIZE, DEFAULT_PAGE_SIZE),
    ],
    "responses": _answers(200, "The call's payments, the newest first", _PAGE),
    "security": [{"Basic": []}],
}

FETCH: dict[str, Any] = {
    "operationId": "FetchPayments",
    "responses": _answers(200, "The payment", _RECORD),
    "security": [{"Basic": []}],
}

FEED_TOKEN: dict[str, Any] = {
    "operationId": "CreateFeedToken",
    "requestBody": {
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "Ttl": {
                            "type": "integer",
                            "minimum": 1,
                            "maximum": MAX_TTL_S,
                            "default": DEFAULT_TTL_S,
                        }
                    },
                }
            }
        }
    },
    "responses": _answers(201, "A token for the call's feed", _FEED_TOKEN),
    "security": [{"Basic": []}],
}

FEED: dict[str, Any] = {
    "operationId": "ReadFeed",
    "responses": {
        **_answers(200, "", {}),
        "200": {
            "description": "Server-sent events; see bridge/api/README.md",
            "content": {"text/event-stream": {"schema": _TEXT}},
        },
        "204": {"description": "The call is over and its feed has said so"},
    },
    # Or a feed token in the parameter `token`.
    "security": [{"Basic": []}],
}
