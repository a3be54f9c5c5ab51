"""
The bridge: everything wired together, from start to the last callback.
"""

import asyncio
import contextlib
import os
import secrets
import signal
import ssl
from collections.abc import Callable, Coroutine, Iterator
from typing import Any
from urllib.parse import urlsplit

import structlog
from fastapi import FastAPI
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bridge.api.app import create_app
from bridge.connectors.base import Connector
from bridge.connectors.sandbox import IN_PROCESS_URL, SandboxConnector
from bridge.errors import ConfigError, LedgerError
from bridge.ledger.store import Ledger
from bridge.pay.settings import PaySettings
from bridge.server.accounts import AccountBook
from bridge.server.addresses import client_address, is_loopback
from bridge.server.analysis import Analyser
from bridge.server.api_port import ApiPort
from bridge.server.archive import Archive
from bridge.server.audit_log import FILE_NAME, AuditLog
from bridge.server.callback_worker import CallbackWorker
from bridge.server.feeds import Feeds
from bridge.server.limits import ApiLimits, RateLimiter
from bridge.server.media import MediaServer
from bridge.server.metrics import Metrics
from bridge.server.outbound import HttpOutbound
from bridge.server.payment import Tools
from bridge.server.payments import PaymentService
from bridge.server.prompts import read_voice
from bridge.server.records import RecordService
from bridge.server.recovery import Means, Recovery
from bridge.server.sandbox_server import make_gateway
from bridge.server.settings import Settings
from bridge.server.switchboard import Switchboard
from bridge.server.targets import TargetPolicy
from bridge.server.tls import load, make_context, tls_problems
from bridge.server.writer import LedgerWriter
from bridge.stream.events import GOING_AWAY
from dtmf_engine.bank import LegBank


SETTLE_TIMEOUT_S = 120.0
"""How long a stop waits for gateways: longer than any connector's timeout."""

LAST_CALLBACKS_TIMEOUT_S = 5.0
"""How long a stop waits for receivers; the outbox keeps what is left."""


class Bridge:
    """
    A media server, an API and what is between them.

    Args:
        settings: what the operator chose.
        ledger_of: opens the database behind an SQLAlchemy URL.
        outbound_of: opens a way out for HTTP; takes what `HttpOutbound` takes.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        ledger_of: Callable[[str], Ledger] = Ledger,
        outbound_of: Callable[..., HttpOutbound] = HttpOutbound,
    ) -> None:
        self.settings = settings
        self._ledger_of = ledger_of
        self._outbound_of = outbound_of
        self.metrics = Metrics()
        self.media_port = settings.media_port
        self.api_port = settings.api_port
        self._accounts = AccountBook(settings.read_accounts())
        self._tls = _tls_context(settings)
        self._voice = read_voice(settings.prompts_dir)
        self._audit = AuditLog()
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._log = structlog.get_logger()

    def stop(self) -> None:
        """
        Drain and end; a second call does not wait for calls in progress.
        """
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()

    def reload(self) -> None:
        """
        Read the accounts' file and the certificate again, reopen the audit log.

        What cannot be used is told in the log, and the old goes on.
        """
        settings = self.settings
        try:
            accounts = settings.read_accounts()
            _load_certificate(self._tls, settings)
            self._accounts.replace(accounts)
            self._audit.reopen()
        except ConfigError as error:
            self._log.error("not reloaded", problems=list(error.problems))
        except (OSError, ValueError) as error:
            # A file changed between the check and its use, or cannot be opened.
            self._log.error("not reloaded", problems=[type(error).__name__])
        else:
            self._audit.record("reloaded")

    async def run(self, ready: Callable[["Bridge"], None] = lambda _: None) -> None:
        """
        Serve until `stop`.

        Args:
            ready: called once both ports are open; `media_port` and `api_port`
                then hold what was taken.

        Raises:
            ConfigError: a port or the database cannot be used.
        """
        ledger = await self._open_ledger()
        gateways = self._outbound(gateway_targets(self.settings), reads_answers=True)
        receivers = self._outbound(callback_targets(self.settings), reads_answers=False)
        try:
            self._audit = _open_audit_log(self.settings)
            async with asyncio.TaskGroup() as group:
                await self._serve(group, ledger, gateways, receivers, ready)
        except* ConfigError as failed:
            raise failed.exceptions[0] from None
        finally:
            await gateways.close()
            await receivers.close()
            self._audit.close()
            ledger.close()

    @contextlib.contextmanager
    def stopped_by_signals(self) -> Iterator[None]:
        """
        Have SIGTERM and SIGINT call `stop`, and SIGHUP `reload`.
        """
        loop = asyncio.get_running_loop()
        verbs = {
            signal.SIGTERM: self.stop,
            signal.SIGINT: self.stop,
            signal.SIGHUP: self.reload,
        }
        for number, verb in verbs.items():
            loop.add_signal_handler(number, verb)
        try:
            yield
        finally:
            for number in verbs:
                loop.remove_signal_handler(number)

    async def _open_ledger(self) -> Ledger:
        settings = self.settings
        try:
            if not settings.database_url:
                settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            ledger = self._ledger_of(settings.sqlalchemy_url)
            await _or_close(ledger, ledger.serve)
        except LedgerError as error:
            raise ConfigError([f"DTMF_DATABASE_URL, DTMF_DATA_DIR: {error}"]) from None
        except Exception as error:  # noqa: BLE001 - every driver has its own
            # The driver's own text may quote the URL, password and all.
            raise ConfigError(
                [f"DTMF_DATABASE_URL, DTMF_DATA_DIR: {type(error).__name__} on opening"]
            ) from None
        return ledger

    async def _serve(
        self,
        group: asyncio.TaskGroup,
        ledger: Ledger,
        gateways: HttpOutbound,
        receivers: HttpOutbound,
        ready: Callable[["Bridge"], None],
    ) -> None:
        settings = self.settings
        writer = LedgerWriter(ledger, self.metrics)
        writing = group.create_task(writer.run())

        def spawn(work: Coroutine[Any, Any, None]) -> object:
            return group.create_task(work)

        callbacks = CallbackWorker(
            receivers,
            writer,
            auth_token_of=self._accounts.signing_token,
            timeout_s=settings.callback_timeout_s,
            spawn=spawn,
            metrics=self.metrics,
        )
        feeds = Feeds(
            self.metrics,
            per_account=settings.account_feeds,
            # Changes are written in the order in which they came.
            barrier=lambda: writer.submit(()),
        )
        # Half a minute at the first start on a machine: it is compiled.
        self._log.info("preparing the engine")
        bank = LegBank(
            settings.max_calls,
            profile=settings.profile,
            policy=settings.masking,
            seed=secrets.randbits(16),
        )
        tick_s = settings.tick_ms / 1000
        analyser = Analyser(bank, tick_s=tick_s, metrics=self.metrics)
        guard = None
        if settings.echo_guard:
            # Tones only, whatever the policy: the agent must be heard.
            bank = LegBank(
                settings.max_calls, profile=settings.profile, seed=secrets.randbits(16)
            )
            guard = Analyser(bank, tick_s=tick_s, metrics=self.metrics)
        switchboard = Switchboard(
            analyser,
            guard=guard,
            account_sid=settings.account_sid,
            playout_limit_s=settings.playout_limit_ms / 1000,
            metrics=self.metrics,
            over=lambda call: feeds.end_call(call.account_sid, call.call_sid or ""),
        )
        archive = Archive(ledger)
        tools = self._tools(
            switchboard, writer, callbacks, feeds, gateways, archive, spawn
        )
        connectors: dict[str, Connector] = {
            "Default": SandboxConnector(url=settings.sandbox_url or IN_PROCESS_URL)
        }
        payments = PaymentService(
            tools, connectors=connectors, targets=callback_targets(settings)
        )
        recovery = Recovery(
            Means(
                ledger=ledger,
                writer=writer,
                callbacks=callbacks,
                connectors=connectors,
                outbound=gateways,
                sandbox=tools.sandbox,
                metrics=self.metrics,
                audit=self._audit,
                readings=settings.readings,
                lost=self.stop,
                publish=feeds.publish,
            )
        )
        await recovery.end_captures()
        proxies = settings.networks("trusted_proxies")
        app = create_app(
            payments,
            self._accounts,
            RecordService(archive, switchboard, self._accounts, feeds, self._audit),
            limits=self._limits(),
            address_of=lambda peer, said: client_address(peer, said, proxies),
            readings=settings.readings,
            feed_origins=settings.feed_origins,
        )
        self._add_metrics(app)
        media = MediaServer(
            switchboard,
            accounts=self._accounts,
            public_url=settings.public_media_url,
            development=settings.development,
            metrics=self.metrics,
            tls=self._tls,
            handshakes=RateLimiter(settings.handshakes_per_minute),
            trusted_proxies=proxies,
        )
        api = ApiPort(app, tls=self._tls)
        await self._listen(media, api, group)
        recovery.deliver()
        recovering = [
            group.create_task(recovery.reconcile()),
            group.create_task(recovery.watch()),
        ]
        self._log.info("listening", media_port=self.media_port, api_port=self.api_port)
        ready(self)
        await self._stop.wait()
        # What is still to be found out is found out after the next start.
        for task in recovering:
            task.cancel()
        await self._drain(media, switchboard, payments, writer, callbacks)
        analyser.stop()
        if guard is not None:
            guard.stop()
        feeds.end_all()
        await api.stop()
        await writer.wait_idle()
        writing.cancel()
        self._log.info("stopped")

    def _outbound(self, policy: TargetPolicy, *, reads_answers: bool) -> HttpOutbound:
        return self._outbound_of(
            policy,
            reads_answers=reads_answers,
            ca_file=self.settings.ca_file,
        )

    def _limits(self) -> ApiLimits:
        settings = self.settings
        return ApiLimits(
            requests=RateLimiter(settings.address_requests_per_minute),
            account_requests=RateLimiter(settings.account_requests_per_minute),
            failed_sign_ins=RateLimiter(settings.failed_sign_ins_per_minute),
            now=asyncio.get_running_loop().time,
            failed=lambda address: self._audit.record(
                "sign-in refused", address=address
            ),
        )

    def _tools(
        self,
        switchboard: Switchboard,
        writer: LedgerWriter,
        callbacks: CallbackWorker,
        feeds: Feeds,
        outbound: HttpOutbound,
        archive: Archive,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> Tools:
        settings = self.settings
        return Tools(
            switchboard=switchboard,
            writer=writer,
            callbacks=callbacks,
            feeds=feeds,
            outbound=outbound,
            archive=archive,
            sandbox=make_gateway(),
            settings=PaySettings(
                star=settings.star,
                first_digit_timeout_s=settings.first_digit_timeout_s,
                field_timeout_s=settings.field_timeout_s,
                confirmation_timeout_s=settings.confirmation_timeout_s,
                session_timeout_s=settings.session_timeout_s,
                agent_timeout_s=settings.agent_timeout_s,
                max_failed_captures=settings.max_failed_captures,
                min_bank_account_digits=settings.min_bank_account_digits,
                readings=settings.readings,
            ),
            voice=self._voice,
            metrics=self.metrics,
            audit=self._audit,
            spawn=spawn,
        )

    async def _listen(
        self, media: MediaServer, api: ApiPort, group: asyncio.TaskGroup
    ) -> None:
        settings = self.settings
        try:
            self.media_port = await media.start(settings.host, settings.media_port)
        except OSError as error:
            raise ConfigError([_cannot_listen("DTMF_MEDIA_PORT", error)]) from None
        try:
            self.api_port = await api.start(settings.host, settings.api_port, group)
        except OSError as error:
            await media.stop()
            raise ConfigError([_cannot_listen("DTMF_API_PORT", error)]) from None

    async def _drain(
        self,
        media: MediaServer,
        switchboard: Switchboard,
        payments: PaymentService,
        writer: LedgerWriter,
        callbacks: CallbackWorker,
    ) -> None:
        """
        Let calls end, then end them; let gateways answer, then callbacks out.
        """
        self._log.info("draining", calls=switchboard.n_calls)
        media.stop_listening()
        payments.drain()
        await self._until(
            lambda: not switchboard.n_calls or self._hurry.is_set(),
            self.settings.drain_timeout_s,
        )
        switchboard.close_all(GOING_AWAY, "the bridge is shutting down")
        await media.stop()
        await self._until(lambda: not payments.n_active, SETTLE_TIMEOUT_S)
        await writer.wait_idle()
        # What was just written becomes a callback with the loop's next turn.
        await asyncio.sleep(0)
        await self._until(lambda: callbacks.is_idle, LAST_CALLBACKS_TIMEOUT_S)
        callbacks.stop()

    async def _until(self, done: Callable[[], bool], timeout_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not done():  # noqa: ASYNC110 - many conditions, one wait
                    await asyncio.sleep(0.02)

    def _add_metrics(self, app: FastAPI) -> None:
        @app.get("/metrics", include_in_schema=False)
        async def metrics() -> Response:
            text = generate_latest(self.metrics.registry)
            return Response(text, media_type=CONTENT_TYPE_LATEST)


def callback_targets(settings: Settings) -> TargetPolicy:
    """
    Give where clients may have callbacks sent.
    """
    return TargetPolicy(settings.networks("callback_allow"), settings.development)


def gateway_targets(settings: Settings) -> TargetPolicy:
    """
    Give where gateways may be.

    No client says that, so a sandbox on this machine is taken in production, too.
    """
    near = is_loopback(urlsplit(settings.sandbox_url).hostname or "")
    return TargetPolicy(
        settings.networks("gateway_allow"), settings.development or near
    )


async def _or_close(ledger: Ledger, work: Callable[[], None]) -> None:
    try:
        await asyncio.to_thread(work)
    except BaseException:
        ledger.close()
        raise


def _tls_context(settings: Settings) -> ssl.SSLContext | None:
    cert, key = settings.tls_cert, settings.tls_key
    return make_context(cert, key) if cert and key else None


def _load_certificate(tls: ssl.SSLContext | None, settings: Settings) -> None:
    """
    Give a context the certificate as it is now in its files.
    """
    cert, key = settings.tls_cert, settings.tls_key
    problems = tls_problems(cert, key)
    if problems:
        raise ConfigError(problems)
    if tls and cert and key:
        load(tls, cert, key)


def _open_audit_log(settings: Settings) -> AuditLog:
    try:
        return AuditLog(settings.data_dir / FILE_NAME)
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        text = f"DTMF_DATA_DIR: {settings.data_dir / FILE_NAME}: {reason}"
        raise ConfigError([text]) from None


def _cannot_listen(name: str, error: OSError) -> str:
    # asyncio puts the address into the text; the reason is in the number.
    reason = os.strerror(error.errno) if error.errno else str(error)
    return f"{name}: cannot listen: {reason.lower()}"
