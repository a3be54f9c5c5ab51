"""
A bridge as operators run it: TLS, several accounts, keys, limits, an audit log.
"""

import base64
import json
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from bridge.stream.events import Role
from bridge.stream.handshake import Claim, make_token
from tests.support.certificates import CERT, EXPIRED, KEY, trusting
from tests.support.live import live_call
from tests.support.processes import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    Served,
    environment,
    run_cli,
    serving,
)
from tests.support.receiver import receiving


pytestmark = pytest.mark.e2e

OTHER_SID, OTHER_TOKEN = "AC" + "b" * 32, "the-other-account-s-token"
KEY_SID, KEY_SECRET = "SK" + "c" * 32, "the-key-s-secret-0123"
CANARY = "4242424242424242"

ACCOUNTS = f"""
[[account]]
sid = "{ACCOUNT_SID}"
[[account.key]]
sid = "{KEY_SID}"
secret = "{KEY_SECRET}"

[[account]]
sid = "{OTHER_SID}"
auth_token = "{OTHER_TOKEN}"
"""


@dataclass(slots=True)
class Desk:
    """
    Somebody who drives the API.
    """

    api_url: str
    username: str = ACCOUNT_SID
    password: str = field(default=AUTH_TOKEN, repr=False)
    account_sid: str = ACCOUNT_SID

    def ask(self, path: str, **form: str) -> httpx.Response:
        """
        Get a path of the account, or post a form to it.
        """
        url = f"{self.api_url}/2010-04-01/Accounts/{self.account_sid}/Calls/{path}"
        login = (self.username, self.password)
        with httpx.Client(verify=trusting(), trust_env=False, auth=login) as client:
            if not form:
                return client.get(url)
            return client.post(url, data={"IdempotencyKey": f"{form}", **form})


def _wait_for(condition: Callable[[], object]) -> None:
    deadline = time.perf_counter() + 20
    while not condition():
        assert time.perf_counter() < deadline
        time.sleep(0.02)


def _audit(served: Served) -> list[dict[str, Any]]:
    text = (served.folder / "data" / "audit.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(name="served")
def _served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    # Providers that we play trust what OpenSSL is told to trust.
    monkeypatch.setenv("SSL_CERT_FILE", str(CERT))
    (tmp_path / "accounts.toml").write_text(ACCOUNTS)
    with serving(
        tmp_path,
        host="127.0.0.1",
        data_dir=str(tmp_path / "data"),
        accounts_file=str(tmp_path / "accounts.toml"),
        tls_cert=str(CERT),
        tls_key=str(KEY),
        playout_limit_ms="60000",
    ) as served:
        yield served


def test_payment_over_tls_leaves_an_audit_trail_without_a_digit(
    served: Served,
) -> None:
    """
    A key drives a payment on a call over TLS; the audit log says who did what,
    and neither it nor the log nor anything else in the folder has a digit.
    """
    assert served.media_url.startswith("wss://")
    assert served.api_url.startswith("https://")
    desk = Desk(served.api_url, KEY_SID, KEY_SECRET)
    with receiving() as receiver, live_call(served.media_url) as call:
        _wait_for(lambda: desk.ask(f"{call.call_sid}.json").status_code == 200)
        told = {"StatusCallback": receiver.url}
        reply = desk.ask(f"{call.call_sid}/Payments.json", **told, PostalCode="false")
        assert reply.status_code == 201, reply.text
        sid = reply.json()["sid"]
        path = f"{call.call_sid}/Payments/{sid}.json"
        for capture, digits in (
            ("payment-card-number", CANARY),
            ("expiration-date", "1239"),
            ("security-code", "987"),
        ):
            assert desk.ask(path, **told, Capture=capture).status_code == 202
            call.press(digits)
            receiver.wait_for_field(capture)
        assert desk.ask(path, **told, Status="complete").status_code == 202
        receiver.wait_for(lambda forms: "Result" in forms[-1])
    assert served.terminate() == 0
    entries = [e for e in _audit(served) if e.get("payment") == sid]
    assert [(e["action"], e.get("field")) for e in entries] == [
        ("start", None),
        *(
            step
            for name in ("payment-card-number", "expiration-date", "security-code")
            for step in (("armed", name), ("capture", name), ("disarmed", None))
        ),
        ("complete", None),
        ("ended", None),
    ]
    for entry in entries:
        assert entry["owner"] == ACCOUNT_SID
        assert entry["call"] == call.call_sid
        if entry["action"] in {"start", "capture", "complete", "armed"}:
            assert entry["by"] == KEY_SID
            assert entry["account"] == ACCOUNT_SID
            assert entry["address"] == "127.0.0.1"
        else:
            assert entry["by"] == "bridge"
    assert entries[-1]["result"] == "success"
    (served.folder / "accounts.toml").unlink()
    texts = [p.read_bytes() for p in served.folder.rglob("*") if p.is_file()]
    assert len(texts) >= 3
    for text in texts:
        assert CANARY.encode() not in text
        # Sids and times are digits, too: shorter runs would be found by chance.
        for place in range(len(CANARY) - 7):
            assert CANARY[place : place + 8].encode() not in text
        for secret in (AUTH_TOKEN, KEY_SECRET, OTHER_TOKEN):
            assert secret.encode() not in text


def test_accounts_see_their_own_calls_alone(served: Served) -> None:
    """
    A call of one account is not there for another one, whose own credentials are
    good, nor for a key of the first one under the other's path.
    """
    ours = Desk(served.api_url)
    theirs = Desk(served.api_url, OTHER_SID, OTHER_TOKEN, OTHER_SID)
    with live_call(served.media_url) as call:
        path = f"{call.call_sid}.json"
        _wait_for(lambda: ours.ask(path).status_code == 200)
        assert theirs.ask(path).status_code == 404
        form = {"StatusCallback": "https://127.0.0.1:1/"}
        payments = f"{call.call_sid}/Payments.json"
        assert theirs.ask(payments, **form).status_code == 404
        sid = ours.ask(payments, **form).json()["sid"]
        update = f"{call.call_sid}/Payments/{sid}.json"
        assert theirs.ask(update, **form, Status="cancel").status_code == 404
        for desk in (
            Desk(served.api_url, KEY_SID, KEY_SECRET, OTHER_SID),
            Desk(served.api_url, ACCOUNT_SID, AUTH_TOKEN, OTHER_SID),
            Desk(served.api_url, OTHER_SID, OTHER_TOKEN, ACCOUNT_SID),
            Desk(served.api_url, KEY_SID, AUTH_TOKEN),
        ):
            assert desk.ask(path).status_code == 401
        assert ours.ask(update, **form, Status="cancel").status_code == 202
    refused = [e for e in _audit(served) if e["action"] == "sign-in refused"]
    assert [e["address"] for e in refused] == ["127.0.0.1"] * 4


def test_token_is_changed_while_the_bridge_runs(served: Served) -> None:
    """
    A new token beside the old one, then without it; SIGHUP has the file read, and
    a file that cannot be used changes nothing.
    """
    new = "the-other-account-s-next-token"
    path = served.folder / "accounts.toml"
    entry = f'[[account]]\nsid = "{OTHER_SID}"\nauth_token = "{new}"'

    def answers() -> list[int]:
        desks = [
            Desk(served.api_url, OTHER_SID, token, OTHER_SID)
            for token in (OTHER_TOKEN, new)
        ]
        return [desk.ask(f"CA{'0' * 32}.json").status_code for desk in desks]

    assert answers() == [404, 401]
    for text, log, expected in (
        (
            entry + f'\nsecondary_auth_token = "{OTHER_TOKEN}"',
            '"action": "reloaded"',
            [404, 404],
        ),
        ("[[account", '"event": "not reloaded"', [404, 404]),
        (
            entry,
            '"action": "reloaded"',
            [401, 404],
        ),
    ):
        path.write_text(text)
        n_before = served.log.count(log)
        served.process.send_signal(signal.SIGHUP)
        _wait_for(lambda: served.log.count(log) > n_before)  # noqa: B023
        assert answers() == expected
    assert new not in served.log


def test_stream_s_token_decides_whose_call_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Out of development a leg is its account's by its token.
    """
    monkeypatch.setenv("SSL_CERT_FILE", str(CERT))
    (tmp_path / "accounts.toml").write_text(ACCOUNTS)
    audio = tmp_path / "caller.wav"
    run_cli("generate", "1", str(audio), "--tone-ms", "6000")
    call_sid = "CA" + "d" * 32
    token = make_token(OTHER_TOKEN, Claim("t1", Role.CALLER), 4_000_000_000)
    with serving(
        tmp_path,
        development="0",
        accounts_file=str(tmp_path / "accounts.toml"),
        tls_cert=str(CERT),
        tls_key=str(KEY),
    ) as served:
        url = f"{served.media_url}/media/twilio".replace("127.0.0.1", "localhost")
        done = run_cli(
            *("call", str(audio), "--url", url, "--call-sid", call_sid),
            *("--speed", "4", "--param", "call=t1", "--param", f"token={token}"),
            env={**environment(), "SSL_CERT_FILE": str(CERT)},
        )
        assert done.returncode == 0, done.stderr
        theirs = Desk(served.api_url, OTHER_SID, OTHER_TOKEN, OTHER_SID)
        assert theirs.ask(f"{call_sid}.json").json()["account_sid"] == OTHER_SID
        assert Desk(served.api_url).ask(f"{call_sid}.json").status_code == 404


def test_limits_are_those_of_the_settings(tmp_path: Path) -> None:
    """
    Guessers, busy accounts and busy addresses get 429, each for its own reason.
    """
    with serving(
        tmp_path, failed_sign_ins_per_minute="2", account_requests_per_minute="3"
    ) as served:
        good = Desk(served.api_url)
        path = f"CA{'0' * 32}.json"
        assert [good.ask(path).status_code for _ in range(4)] == [404] * 3 + [429]
        wrong = Desk(served.api_url, password="wrong")
        assert [wrong.ask(path).status_code for _ in range(3)] == [401, 401, 429]
        reply = wrong.ask(path)
        assert reply.json()["code"] == 20429
        assert 0 < int(reply.headers["Retry-After"]) <= 30
    with serving(tmp_path, address_requests_per_minute="1") as served:
        answers = [Desk(served.api_url).ask(path).status_code for _ in range(2)]
        assert answers == [404, 429]


def test_address_behind_a_proxy_is_the_client_s(tmp_path: Path) -> None:
    """
    Behind a proxy that is trusted, one guesser does not shut everybody else out.
    """

    def ask(served: Served, password: str, client: str) -> int:
        login = base64.b64encode(f"{ACCOUNT_SID}:{password}".encode()).decode()
        return httpx.get(
            f"{served.api_url}/2010-04-01/Accounts/{ACCOUNT_SID}/Calls/CA1.json",
            headers={"Authorization": f"Basic {login}", "X-Forwarded-For": client},
            trust_env=False,
        ).status_code

    for proxies, expected in (("127.0.0.0/8", 404), ("", 429)):
        with serving(
            tmp_path, failed_sign_ins_per_minute="1", trusted_proxies=proxies
        ) as served:
            assert ask(served, "wrong", "192.0.2.1") == 401
            assert ask(served, AUTH_TOKEN, "192.0.2.1") == 429
            assert ask(served, AUTH_TOKEN, "192.0.2.2") == expected


def test_callbacks_to_other_places_are_refused(tmp_path: Path) -> None:
    """
    Even in development nothing but the loopback and the public is called back.
    """
    with serving(tmp_path, playout_limit_ms="60000") as served:
        desk = Desk(served.api_url)
        with live_call(served.media_url) as call:
            _wait_for(lambda: desk.ask(f"{call.call_sid}.json").status_code == 200)
            for url in (
                "https://10.0.0.1/",
                "https://169.254.169.254/latest/meta-data",
                "https://[::ffff:10.0.0.1]/",
                "http://example.com/",
                "https://example.com:25/",
            ):
                reply = desk.ask(f"{call.call_sid}/Payments.json", StatusCallback=url)
                assert reply.status_code == 400
                assert reply.json()["code"] == 21609
                assert url not in reply.text


def test_process_is_hardened_and_says_so(tmp_path: Path) -> None:
    """
    No core of the server's process is ever written.
    """
    with serving(tmp_path) as served:
        (line,) = [text for text in served.log.splitlines() if "hardened" in text]
        limits = Path(f"/proc/{served.process.pid}/limits")
        if limits.exists():
            (core,) = [
                row for row in limits.read_text().splitlines() if "core file" in row
            ]
            assert core.split()[4:6] == ["0", "0"]
    assert json.loads(line)["core_limit"] is True


def test_check_tells_what_is_wrong_with_the_certificate() -> None:
    """
    A certificate that has expired is told before the bridge starts, with whatever
    else is wrong.
    """
    env = environment(
        account_sid=ACCOUNT_SID,
        auth_token=AUTH_TOKEN,
        host="192.0.2.1",
        tls_cert=str(EXPIRED),
        tls_key=str(KEY),
        accounts_file="/nowhere",
        callback_allow="everything",
    )
    done = run_cli("serve", "--check", env=env)
    networks = "expected networks such as 10.0.0.0/8, separated by commas"
    assert done.returncode == 1
    assert sorted(done.stderr.splitlines()) == [
        "DTMF_ACCOUNTS_FILE: /nowhere: no such file or directory",
        f"DTMF_CALLBACK_ALLOW: {networks}",
        f"DTMF_TLS_CERT: {EXPIRED}: certificate has expired",
    ]
