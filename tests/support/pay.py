"""
A caller, an agent and a gateway for pay sessions, in made-up time.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

from bridge.pay.fields import MATCHED, Field
from bridge.pay.outcomes import Outcome
from bridge.pay.outputs import ChargeWanted, Output, Refusal, Report
from bridge.pay.request import ChargeRequest, PaymentMethod, PaymentRequest
from bridge.pay.session import PaySession
from bridge.pay.settings import PaySettings
from bridge.secret import Secret


# Published test numbers, by Stripe, Braintree or Adyen.
VISA = "4242424242424242"
VISA_13 = "4222222222222"
MASTERCARD = "5555555555554444"
MASTERCARD_2 = "2223003122003222"
AMEX = "378282246310005"
MAESTRO = "6771798021000008"
DISCOVER = "6011111111111117"
JCB = "3566002020360505"
DINERS_CLUB = "30569309025904"
DINERS_CLUB_36 = "36227206271667"
DINERS_CLUB_16 = "3056930009020004"
DECLINED = "4000000000000002"
# Published by Twilio: a routing number, and an account of its TEST mode.
ROUTING = "121181976"
ACCOUNT = "123456789"

TODAY = date(2026, 6, 15)
URL = "https://agent.example/callbacks"

CHARGE = PaymentRequest(status_callback=URL, charge_amount=Decimal("9.99"))
TOKENIZE = replace(CHARGE, charge_amount=None)
ACH = replace(CHARGE, payment_method=PaymentMethod.ACH_DEBIT)
SETTINGS = PaySettings()

KEYS = {
    Field.CARD_NUMBER: VISA,
    Field.EXPIRATION_DATE: "1230",
    Field.SECURITY_CODE: "123",
    Field.POSTAL_CODE: "94109#",
    Field.ROUTING_NUMBER: ROUTING,
    Field.ACCOUNT_NUMBER: ACCOUNT + "#",
}
KEYS |= {matcher: KEYS[field].rstrip("#") for matcher, field in MATCHED.items()}
"""What a caller presses who makes no mistake."""


def secret(digits: str) -> Secret:
    """
    Give digits as a secret.
    """
    return Secret(digits.encode("ascii"))


class PayScene:
    """
    One session, and all it said.

    Args:
        request: what it is started with.
        settings: the operator's choices.
        now: when it starts.
    """

    def __init__(
        self,
        request: PaymentRequest = CHARGE,
        settings: PaySettings = SETTINGS,
        now: float = 1000.0,
    ) -> None:
        self._watch(PaySession(request, settings, today=TODAY, now=now), now)

    @classmethod
    def of(cls, session: PaySession, now: float = 1000.0) -> "PayScene":
        """
        Make a scene of a session that has just been started.
        """
        scene = cls.__new__(cls)
        scene._watch(session, now)
        return scene

    def _watch(self, session: PaySession, now: float) -> None:
        self.now = now
        self.session = session
        self.outputs: list[Output] = []
        """All so far."""
        self.take()

    @property
    def reports(self) -> list[Report]:
        """
        All reports so far.
        """
        return [output for output in self.outputs if isinstance(output, Report)]

    def last(self) -> Report:
        """
        The latest report.
        """
        return self.reports[-1]

    @property
    def charge(self) -> ChargeRequest:
        """
        What the gateway was asked.
        """
        (wanted,) = [out for out in self.outputs if isinstance(out, ChargeWanted)]
        return wanted.request

    def take(self) -> list[Output]:
        """
        Take what the session says now.
        """
        outputs = self.session.poll()
        self.outputs += outputs
        return outputs

    def capture(self, field: Field, url: str = URL) -> Refusal | None:
        """
        Have the agent ask for a field.
        """
        refusal = self.session.capture(field, url, now=self.now)
        self.take()
        return refusal

    def press(self, keys: str) -> list[Output]:
        """
        Have the caller press keys, two a second.
        """
        outputs = []
        for key in keys:
            outputs += self.wait(0.5)
            self.session.receive_digit(key, now=self.now)
            outputs += self.take()
        return outputs

    def fill(self, *fields: Field) -> None:
        """
        Have fields captured without a mistake; without any named, all required.
        """
        for field in fields or self.session.required:
            assert self.capture(field) is None
            self.press(KEYS[field])

    def complete(self, url: str = URL) -> Refusal | None:
        """
        Have the agent complete.
        """
        refusal = self.session.complete(url, now=self.now)
        self.take()
        return refusal

    def cancel(self, url: str = URL) -> Refusal | None:
        """
        Have the agent give up.
        """
        refusal = self.session.cancel(url, now=self.now)
        self.take()
        return refusal

    def hang_up(self) -> list[Output]:
        """
        Have the caller hang up.
        """
        self.session.receive_hang_up(now=self.now)
        return self.take()

    def agent(self, *, is_there: bool) -> list[Output]:
        """
        Have the agent leg go, or come back.
        """
        session = self.session
        receive = session.receive_agent_back if is_there else session.receive_agent_gone
        receive(now=self.now)
        return self.take()

    def answer(self, outcome: Outcome) -> list[Output]:
        """
        Have the gateway answer.
        """
        self.session.receive_outcome(outcome, now=self.now)
        return self.take()

    def wait(self, seconds: float) -> list[Output]:
        """
        Let time pass; deadlines are handled when they are due.
        """
        until = self.now + seconds
        outputs: list[Output] = []
        while (due := self.session.deadline()) is not None and due <= until:
            self.now = max(self.now, due)
            self.session.handle_deadline(now=self.now)
            outputs += self.take()
            assert self.session.deadline() != due, "a deadline was handled in vain"
        self.now = until
        return outputs

    def secrets(self) -> list[Secret]:
        """
        Give every secret the session holds.
        """
        entries = self.session._entries._all.values()
        return [*(entry.digits for entry in entries), self.session._spoken]


_HIDE = bytes(255 - value for value in range(256))


def count_in_memory(hidden: bytes) -> int:
    """
    Count how often bytes lie in this process's writable memory.

    Args:
        hidden: the bytes sought, each taken from 255, so that what is sought
            is nowhere because it is sought.
    """
    return sum(part.translate(_HIDE).count(hidden) for part in _memory(len(hidden)))


def _memory(overlap: int) -> Iterator[bytes]:
    size = 1 << 22
    with Path("/proc/self/mem").open("rb", buffering=0) as memory:
        for line in Path("/proc/self/maps").read_text().splitlines():
            bounds, rights, *rest = line.split(maxsplit=5)
            name = rest[3] if len(rest) > 3 else "[heap]"
            if not rights.startswith("rw") or name != "[heap]":
                continue
            start, end = (int(bound, 16) for bound in bounds.split("-"))
            for place in range(start, end, size):
                memory.seek(place)
                try:
                    yield memory.read(min(size + overlap, end - place))
                except OSError:  # a guard page, or gone since
                    break
