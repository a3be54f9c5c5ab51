"""
Entries: all that has been keyed for one payment, and what is still wanted.
"""

from collections.abc import Collection
from datetime import date

from bridge.pay.cards import Brand, brand_of
from bridge.pay.fields import (
    BANK_FIELDS,
    CARD_FIELDS,
    MATCHED,
    MATCHERS,
    Entry,
    ErrorType,
    Field,
    FieldRules,
    security_code_length,
)
from bridge.pay.masks import mask
from bridge.pay.request import BankAccountType, ChargeRequest, PaymentRequest
from bridge.pay.settings import PaySettings, Reading
from bridge.secret import Secret


class Entries:
    """
    The fields of one payment.

    Args:
        request: what the payment was started with.
        settings: the operator's choices.
        today: the date against which expiry dates are judged.
        bank_account_types: those that the connector takes.
    """

    def __init__(
        self,
        request: PaymentRequest,
        settings: PaySettings,
        *,
        today: date,
        bank_account_types: Collection[BankAccountType],
    ) -> None:
        self._request = request
        self._rules = FieldRules(
            valid_card_types=request.valid_card_types,
            min_postal_code_length=request.min_postal_code_length,
            today=today,
            is_postal_code_exact=Reading.EXACT_POSTAL_CODE in settings.readings,
            has_check_digits=Reading.NO_CHECK_DIGITS not in settings.readings,
            min_account_length=settings.min_bank_account_digits,
        )
        self._has_account_type = request.bank_account_type in bank_account_types
        bases = CARD_FIELDS if request.is_card else BANK_FIELDS
        self._all = {
            field: Entry() for field in Field if MATCHED.get(field, field) in bases
        }
        self._wanted = tuple(field for field in self._all if self._is_wanted(field))

    # What can be asked.

    @property
    def fields(self) -> tuple[Field, ...]:
        """
        What can be captured in this payment, in the order of `Field`.
        """
        return tuple(self._all)

    @property
    def required(self) -> tuple[Field, ...]:
        """
        What is still to be captured, in the order of `Field`.
        """
        return tuple(f for f in self._wanted if not self._all[f].is_complete)

    @property
    def brand(self) -> Brand | None:
        """
        The card's brand, as far as it is known.
        """
        entry = self._all.get(Field.CARD_NUMBER)
        return None if entry is None else brand_of(entry.digits)

    def n_digits(self, field: Field) -> int:
        """
        Tell how many digits a field has.
        """
        return len(self._all[field].digits)

    def order_error(self, field: Field) -> ErrorType | None:
        """
        Tell why a field cannot be asked for yet, or `None`.
        """
        first = MATCHED.get(field)
        if first is not None and not self._all[first].is_complete:
            # There is nothing that a second entry could be compared with.
            return ErrorType.NO_MATCH
        if field is Field.SECURITY_CODE:
            is_card_known = self._all[Field.CARD_NUMBER].is_complete
            return None if is_card_known else ErrorType.CODE_BEFORE_CARD
        if field is Field.ACCOUNT_NUMBER and not self._has_account_type:
            return ErrorType.INVALID_ACCOUNT_TYPE
        return None

    def masked(self) -> tuple[tuple[Field, str], ...]:
        """
        Show what has been keyed, each field under its own name.
        """
        shown = []
        for field, entry in self._all.items():
            matcher = self._all.get(MATCHERS.get(field, field), entry)
            if field in MATCHED:
                continue
            if len(matcher.digits):
                # While it is keyed again, the second entry is what is seen.
                shown.append((field, mask(field, matcher)))
            elif len(entry.digits):
                shown.append((field, mask(field, entry)))
        return tuple(shown)

    # What is keyed.

    def begin(self, field: Field) -> None:
        """
        Forget a field, because it is keyed anew; its second entry goes with it.
        """
        self.clear(field)
        if field in MATCHERS:
            self.clear(MATCHERS[field])

    def clear(self, field: Field) -> None:
        """
        Forget what was keyed for one field.
        """
        self._all[field].clear()

    def append(self, field: Field, digit: int) -> None:
        """
        Add a digit, by its ASCII code.
        """
        self._all[field].digits.append(digit)

    def is_full(self, field: Field) -> bool:
        """
        Tell whether a field ends by itself with what was keyed so far.
        """
        first, digits = MATCHED.get(field), self._all[field].digits
        if first is not None:
            return len(digits) >= len(self._all[first].digits)
        return self._rules.is_full(field, digits, self.brand)

    def has_enough(self, field: Field) -> bool:
        """
        Tell whether a caller who stops here can have meant to stop.
        """
        if field in MATCHED:
            return self.is_full(field)
        return self._rules.has_enough(field, self._all[field].digits, self.brand)

    def finish(self, field: Field) -> ErrorType | None:
        """
        Judge a field that ended, and keep it or forget it.

        Returns:
            What is wrong with it, or `None`.
        """
        entry, first = self._all[field], MATCHED.get(field)
        if first is None:
            error = self._rules.error(field, entry.digits, self.brand)
        else:
            is_same = entry.digits == self._all[first].digits
            error = None if is_same else ErrorType.NO_MATCH
            # It has done its work; one copy of a number is enough.
            entry.clear()
        if error is not None:
            entry.clear()
            return error
        entry.is_complete = True
        if field is Field.CARD_NUMBER:
            self._drop_unfit_code()
        return None

    # What comes of it.

    def end_of_number(self) -> Secret:
        """
        Copy the last four digits of the card or account, to be read to the caller.
        """
        field = Field.CARD_NUMBER if self._request.is_card else Field.ACCOUNT_NUMBER
        number, end = self._all[field].digits, Secret()
        for place in range(max(0, len(number) - 4), len(number)):
            end.append(ord("0") + number[place])
        return end

    def charge_request(self) -> ChargeRequest:
        """
        Give what the gateway is asked: the secrets themselves, not copies.
        """

        def digits(field: Field) -> Secret | None:
            entry = self._all.get(field)
            return entry.digits if entry is not None and entry.is_complete else None

        return ChargeRequest(
            payment=self._request,
            card_number=digits(Field.CARD_NUMBER),
            expiration_date=digits(Field.EXPIRATION_DATE),
            security_code=digits(Field.SECURITY_CODE),
            postal_code=digits(Field.POSTAL_CODE),
            routing_number=digits(Field.ROUTING_NUMBER),
            account_number=digits(Field.ACCOUNT_NUMBER),
        )

    def unspeakable(self) -> list[Secret]:
        """
        Give what must not be read in anybody's answer.
        """
        hidden = (Field.CARD_NUMBER, Field.SECURITY_CODE, Field.ACCOUNT_NUMBER)
        return [self._all[field].digits for field in hidden if field in self._all]

    def wipe(self) -> None:
        """
        Forget everything.
        """
        for entry in self._all.values():
            entry.clear()

    # Private.

    def _is_wanted(self, field: Field) -> bool:
        request, first = self._request, MATCHED.get(field)
        if first is not None and first not in request.require_matching_inputs:
            return False
        match MATCHED.get(field, field):
            case Field.SECURITY_CODE:
                return request.security_code
            case Field.POSTAL_CODE:
                return request.postal_code
            case _:
                return True

    def _drop_unfit_code(self) -> None:
        # A security code was judged by the card it was keyed for.
        code = self._all[Field.SECURITY_CODE]
        if code.is_complete and len(code.digits) != security_code_length(self.brand):
            self.begin(Field.SECURITY_CODE)
