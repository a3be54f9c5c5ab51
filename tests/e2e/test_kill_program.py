"""
SIGKILL from outside, at moments that can be seen from there.

`test_kill` kills a wrapped bridge at every step. This is the program as it is
shipped, `dtmf-engine serve`, killed by whoever it talks to: by the receiver of a
callback before it answers, and while the gateway has charged and is silent.
"""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path

import pytest

from bridge.ledger.reads import StoredSession
from bridge.ledger.store import Ledger
from tests.support.kill_rig import PATIENCE_S, Gateway, Script, gateway
from tests.support.media import ACCOUNT_SID, AUTH_TOKEN
from tests.support.processes import Served, serving
from tests.support.receiver import Receiver, receiving


pytestmark = pytest.mark.e2e

N_CALLBACKS = 28
"""Of a whole payment as `Script` makes it."""


@pytest.fixture(name="bank", scope="module")
def _bank() -> Iterator[Gateway]:
    with gateway() as bank:
        yield bank


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


class Killer:
    """
    Answers callbacks, and kills the bridge over one of them.

    Args:
        receiver: whose callbacks they are.
        n_fatal: which, counted from 1; 0 for none.
        is_gentle: ask it to stop, and let it.
    """

    def __init__(
        self, receiver: Receiver, n_fatal: int, *, is_gentle: bool = False
    ) -> None:
        self.served: Served | None = None
        self._is_gentle = is_gentle
        self.is_gone = False
        self.receiver = receiver
        self._n_fatal = n_fatal
        receiver.answer = self._answer

    def kill(self) -> None:
        """
        Kill the bridge, and wait until it is dead.
        """
        assert self.served is not None
        self.served.process.kill()
        self.served.process.wait(10)
        self.is_gone = True

    def stop(self) -> None:
        """
        Send SIGTERM, and wait until the bridge has ended.
        """
        assert self.served is not None
        self.served.terminate()
        with self.receiver.changed:
            self.is_gone = True
            self.receiver.changed.notify_all()

    def _answer(self, n_before: int) -> int:
        if n_before + 1 == self._n_fatal:
            if self._is_gentle:
                threading.Thread(target=self.stop, daemon=True).start()
            else:
                self.kill()
        return 204


def _pay(served: Served, receiver: Receiver, killer: Killer, amount: str) -> Script:
    killer.served = served
    script = Script(
        _port(served.media_url),
        _port(served.api_url),
        receiver,
        lambda: killer.is_gone,
        is_doomed=False,
    )
    script.run(amount)
    return script


def _session(folder: Path, script: Script) -> StoredSession:
    ledger = Ledger(f"sqlite:///{folder / 'data' / 'ledger.sqlite3'}")
    session = ledger.find_session(script.told.sid)
    assert ledger.callbacks() == []
    ledger.close()
    assert session is not None
    return session


def _restart(folder: Path, bank: Gateway, receiver: Receiver) -> None:
    with serving(folder, **_account(bank)) as again:
        receiver.wait_for(lambda forms: any("Result" in form for form in forms))
        assert again.terminate() == 0


def _account(bank: Gateway) -> dict[str, str]:
    # That of the rig's script.
    return {
        "sandbox_url": bank.url,
        "account_sid": ACCOUNT_SID,
        "auth_token": AUTH_TOKEN,
    }


@pytest.mark.parametrize("n_fatal", [2, 12, N_CALLBACKS - 1, N_CALLBACKS])
def test_a_receiver_kills_the_bridge_over_a_callback(
    tmp_path: Path, bank: Gateway, n_fatal: int
) -> None:
    """
    The callback comes again, those behind it follow, and ledger and gateway agree.
    """
    amount = f"{500 + n_fatal}.00"
    with receiving() as receiver:
        killer = Killer(receiver, n_fatal)
        with serving(tmp_path, **_account(bank)) as served:
            script = _pay(served, receiver, killer, amount)
        assert killer.is_gone
        receiver.answer = lambda _: 204
        n_before = len(receiver.forms)
        assert n_before == n_fatal
        _restart(tmp_path, bank, receiver)
        numbers = [int(form["SequenceNumber"]) for form in receiver.forms]
    # It was received, and nobody knew.
    assert numbers[n_before - 1 : n_before + 1] == [n_fatal, n_fatal]
    assert [n for n, _ in groupby(numbers)] == list(range(1, max(numbers) + 1))
    session = _session(tmp_path, script)
    assert session.is_ended
    assert session.result == receiver.forms[-1]["Result"]
    charges = bank.transactions(amount)
    assert len(charges) == (session.result == "success")
    assert session.result == ("success" if n_fatal == N_CALLBACKS else "internal-error")


@pytest.mark.parametrize("n_fatal", [1, 12])
def test_a_bridge_that_is_told_to_stop_says_everything_first(
    tmp_path: Path, bank: Gateway, n_fatal: int
) -> None:
    """
    SIGTERM in the middle of a payment: it ends, and its end is told, before the
    process does; the next start has nothing to do.
    """
    with receiving() as receiver:
        killer = Killer(receiver, n_fatal, is_gentle=True)
        with serving(tmp_path, **_account(bank), drain_timeout_s="0") as served:
            script = _pay(served, receiver, killer, f"{700 + n_fatal}.00")
            told = receiver.wait_for(lambda _forms: killer.is_gone)
            assert served.process.returncode == 0
        numbers = [int(form["SequenceNumber"]) for form in told]
        assert numbers == list(range(1, len(numbers) + 1))
        assert told[-1]["Result"] == "caller-hung-up"
        with serving(tmp_path, **_account(bank)) as again:
            assert again.terminate() == 0
        assert len(receiver.forms) == len(numbers)
    sid = script.told.sid or receiver.forms[0]["Sid"]
    ledger = Ledger(f"sqlite:///{tmp_path / 'data' / 'ledger.sqlite3'}")
    session = ledger.find_session(sid)
    assert (ledger.callbacks(), ledger.attempts()) == ([], [])
    ledger.close()
    assert session is not None
    assert session.result == "caller-hung-up"


def _kill_when_charged(bank: Gateway, amount: str, killer: Killer) -> None:
    deadline = time.perf_counter() + PATIENCE_S
    while not bank.transactions(amount):
        assert time.perf_counter() < deadline
    with killer.receiver.changed:
        killer.kill()
        killer.receiver.changed.notify_all()


def test_a_bridge_is_killed_while_the_gateway_is_silent(
    tmp_path: Path, bank: Gateway
) -> None:
    """
    It has charged; the next bridge asks, tells the agent, and charges nothing.
    """
    amount = "600.54"
    with receiving() as receiver:
        killer = Killer(receiver, 0)
        with (
            serving(tmp_path, **_account(bank)) as served,
            ThreadPoolExecutor() as pool,
        ):
            watching = pool.submit(_kill_when_charged, bank, amount, killer)
            script = _pay(served, receiver, killer, amount)
            watching.result()
        assert "Result" not in receiver.forms[-1]
        _restart(tmp_path, bank, receiver)
        last = receiver.forms[-1]
    assert last["Result"] == "success"
    (charge,) = bank.transactions(amount)
    assert charge["n_requests"] == 1
    assert last["PaymentConfirmationCode"] in charge["answer"]
    session = _session(tmp_path, script)
    assert [attempt.outcome for attempt in session.attempts] == ["approved"]
