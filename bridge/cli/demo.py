"""
`dtmf-engine demo`: one whole payment call, through real sockets.
"""

import asyncio
import contextlib
import os
import secrets
import statistics
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import click
import httpx
import msgspec
from rich.console import Console
from rich.live import Live
from rich.table import Table

from bridge.cli.demo_agent import Agent, Receiver, Screen
from bridge.cli.files import load_mono, mulaw_octets, mulaw_wav
from bridge.server.provider import Leg, Playback, frames_of, play
from dtmf_engine.audit import AuditReport, Press, describe
from dtmf_engine.audit import audit as attack
from dtmf_engine.bank import DELAY_SAMPLES
from dtmf_engine.errors import DtmfEngineError
from dtmf_engine.g711 import decode_mulaw
from dtmf_engine.units import SAMPLE_RATE_HZ


AMOUNT = "49.90"
"""What the invoice of the demo comes to, in US dollars."""

OWN_FILES = (
    "caller.wav",
    "agent.wav",
    "callbacks.jsonl",
    "report.html",
    "server.log",
    "data/ledger.sqlite3",
    "data/ledger.sqlite3-wal",
    "data/ledger.sqlite3-shm",
)

_FIELDS = ("payment-card-number", "expiration-date", "security-code", "postal-code")


class DemoError(DtmfEngineError):
    """
    The demo cannot run here.
    """


class Cue(msgspec.Struct):
    """
    What the agent's software does, and when.
    """

    at_ms: float
    action: str
    value: str | None = None


class Key(msgspec.Struct):
    """
    One press of the caller.
    """

    digit: str
    start_ms: float
    end_ms: float


class CueSheet(msgspec.Struct):
    """
    The file `call.json` beside the two recordings.
    """

    cues: list[Cue]
    keys: list[Key]


@dataclass(slots=True)
class Outcome:
    """
    What came of the demo.
    """

    screen: Screen
    report: AuditReport
    caller: bytes
    """µ-law octets that the caller sent."""
    agent: bytes
    """µ-law octets that the agent heard."""
    callbacks: list[tuple[float, dict[str, str]]]
    """Seconds since the call began, and the form."""
    figures: list[tuple[str, str]] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """
        Whether the payment succeeded and nothing can be recovered.
        """
        return (
            self.screen.result == "success"
            and bool(self.report.presses)
            and self.report.is_clean
        )


@click.command(
    epilog="Example: dtmf-engine demo --out demo-out",
    short_help="One payment call from end to end, with a report.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default="demo-out",
    show_default=True,
    help="Folder for recordings, callbacks and report.",
)
@click.option(
    "--speed",
    type=click.FloatRange(0.5, 8),
    default=1.0,
    show_default=True,
    help="Faster than real time.",
)
def demo(out: Path, speed: float) -> None:
    """
    Run a bridge, play a recorded call into it, take the payment, prove it.

    A caller keys a published test card while a voice speaks between the digits;
    a scripted agent drives the REST API. Exit code 0 means that the payment
    succeeded and that nothing of the card can be recovered from what the agent
    heard.
    """
    if find_spec("matplotlib") is None:
        raise DemoError("matplotlib is missing: pip install 'dtmf-engine[plot]'")
    _prepare(out)
    console = Console()
    outcome = asyncio.run(_Demo(out, speed, console).run())
    _finish(outcome, out, console)
    sys.exit(0 if outcome.is_good else 1)


def _prepare(out: Path) -> None:
    (out / "data").mkdir(parents=True, exist_ok=True)
    for name in OWN_FILES:
        (out / name).unlink(missing_ok=True)


def call_folder() -> Path:
    """
    Find the recordings: in the installed package, or in the checkout.

    Raises:
        DemoError: in neither.
    """
    here = Path(__file__).resolve().parent
    for folder in (here / "demo_call", here.parent.parent / "samples" / "demo"):
        if (folder / "call.json").exists():
            return folder
    raise DemoError("the demo's recordings are missing: samples/demo/call.json")


class _Demo:
    def __init__(self, out: Path, speed: float, console: Console) -> None:
        folder = call_folder()
        self.sheet = msgspec.json.decode(
            (folder / "call.json").read_bytes(), type=CueSheet
        )
        self.caller = mulaw_octets(load_mono(folder / "caller.wav"))
        self.agent = mulaw_octets(load_mono(folder / "agent.wav"))
        self.out = out
        self.speed = speed
        self.console = console
        self.account_sid = "AC" + secrets.token_hex(16)
        self.auth_token = secrets.token_hex(16)
        self.call_sid = "CA" + secrets.token_hex(16)
        self.receiver = Receiver(self.auth_token, out / "callbacks.jsonl")
        self.begun = asyncio.Event()
        self.began_at = 0.0
        self.passage_ms: list[float] = []
        self.said: list[str] = []

    async def run(self) -> Outcome:
        async with self.receiver.listening(), self._bridge() as (media_url, api_url):
            agent = Agent(
                api_url,
                self.account_sid,
                self.auth_token,
                self.call_sid,
                self.receiver.url,
            )
            heard_agent = await self._call(media_url, agent)
        presses = [
            Press(key.digit, round(key.start_ms * 8), round(key.end_ms * 8))
            for key in self.sheet.keys
        ]
        report = attack(
            decode_mulaw(self.caller), decode_mulaw(heard_agent), presses=presses
        )
        outcome = Outcome(
            self.receiver.screen,
            report,
            self.caller,
            heard_agent,
            [(at - self.began_at, form) for at, form in self.receiver.arrivals],
        )
        outcome.figures = self._figures(outcome, agent)
        return outcome

    # The bridge, as a process of its own.

    @contextlib.asynccontextmanager
    async def _bridge(self) -> AsyncIterator[tuple[str, str]]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("DTMF_")}
        environment |= {
            "DTMF_MEDIA_PORT": "0",
            "DTMF_API_PORT": "0",
            "DTMF_DATA_DIR": str(self.out / "data"),
            "DTMF_ACCOUNT_SID": self.account_sid,
            "DTMF_AUTH_TOKEN": self.auth_token,
            "DTMF_DEVELOPMENT": "1",
            "DTMF_DRAIN_TIMEOUT_S": "5",
        }
        if self.speed != 1:
            environment["DTMF_PLAYOUT_LIMIT_MS"] = "60000"
        with (self.out / "server.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bridge", "serve"),
                env=environment,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
            try:
                yield await self._where(process)
            finally:
                if process.returncode is None:
                    process.terminate()
                await process.wait()

    async def _where(self, process: asyncio.subprocess.Process) -> tuple[str, str]:
        assert process.stdout is not None  # it is a pipe
        # At the first start on a machine the engine is compiled.
        async with asyncio.timeout(180):
            line = (await process.stdout.readline()).decode()
        places = dict(part.partition("=")[::2] for part in line.split()[1:])
        if not places:
            raise DemoError(f"the bridge did not start, see {self.out / 'server.log'}")
        self._say(f"bridge listens: {places['media']} and {places['api']}")
        return places["media"], places["api"]

    # The call.

    async def _call(self, media_url: str, agent: Agent) -> bytes:
        """
        Play both legs and the agent's script.

        Returns:
            What the agent heard.
        """
        caller_ear, agent_ear = Playback(), Playback()
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            agent_leg = group.create_task(
                play(
                    self._leg(media_url, "agent", self._patient(self.agent)),
                    agent_ear,
                    until=over.is_set,
                )
            )
            # The agent answers before the caller is put through.
            await asyncio.wait([agent_leg], timeout=0.3)
            caller_leg = group.create_task(
                play(
                    self._leg(media_url, "caller", self.caller),
                    caller_ear,
                    on_start=self._begin,
                )
            )
            script = group.create_task(self._script(agent))
            screen = group.create_task(self._show(over))
            await asyncio.gather(script, caller_leg)
            over.set()
            await asyncio.gather(agent_leg, screen)
        # Every frame of the caller comes out as one frame for the agent.
        frames = zip(caller_ear.sent_at, agent_ear.arrivals(), strict=False)
        self.passage_ms = [(received - sent) * 1000 for sent, received in frames]
        return bytes(agent_ear.heard)

    def _patient(self, octets: bytes) -> bytes:
        # The agent stays on the line until the caller has gone.
        return octets + bytes([0xFF]) * SAMPLE_RATE_HZ * 10

    def _leg(self, media_url: str, leg: str, octets: bytes) -> Leg:
        own_sid = self.call_sid if leg == "caller" else "CA" + secrets.token_hex(16)
        return Leg(
            url=f"{media_url}/media/twilio",
            source=frames_of(octets),
            call_sid=own_sid,
            stream_sid="MZ" + secrets.token_hex(16),
            account_sid=self.account_sid,
            parameters={"call": "demo", "leg": leg},
            speed=self.speed,
        )

    def _begin(self) -> None:
        self.began_at = asyncio.get_running_loop().time()
        self.begun.set()

    async def _script(self, agent: Agent) -> None:
        await self.begun.wait()
        loop = asyncio.get_running_loop()
        for cue in self.sheet.cues:
            due = self.began_at + cue.at_ms / 1000 / self.speed
            await asyncio.sleep(max(0.0, due - loop.time()))
            try:
                await self._act(agent, cue)
            except httpx.HTTPStatusError as error:
                self._say(f"refused: {error.response.text}")
                return
        await self.receiver.wait_for(lambda: bool(self.receiver.screen.result), 10)

    async def _act(self, agent: Agent, cue: Cue) -> None:
        screen = self.receiver.screen
        match cue.action, cue.value:
            case "start", _:
                await agent.start(AMOUNT)
                self._say(f"agent starts a payment of {AMOUNT} USD")
            case "capture", str(name):
                await agent.capture(name)
                self._say(f"agent asks for {name}")
            case "complete", _:
                await self.receiver.wait_for(lambda: screen.required == "", 5)
                await agent.complete()
                self._say("agent has the payment made")

    # What the agent sees.

    async def _show(self, over: asyncio.Event) -> None:
        if not self.console.is_terminal:
            await self._print_changes(over)
            return
        with Live(self._table(), console=self.console, refresh_per_second=12) as live:
            while not over.is_set():
                live.update(self._table())
                await asyncio.sleep(0.08)
            live.update(self._table())

    async def _print_changes(self, over: asyncio.Event) -> None:
        last = ""
        while not over.is_set():
            line = _one_line(self.receiver.screen)
            if line != last:
                self.console.print(f"  screen  {line}", highlight=False, soft_wrap=True)
                last = line
            await asyncio.sleep(0.02)

    def _table(self) -> Table:
        screen = self.receiver.screen
        table = Table(title="what the agent sees", title_justify="left")
        table.add_column("field")
        table.add_column("keyed", min_width=20)
        table.add_column("")
        for name in _FIELDS:
            state = ""
            if screen.is_captured(name):
                state = "[green]done"
            elif screen.capturing == name:
                state = f"[red]{screen.error}" if screen.error else "[yellow]keying"
            table.add_row(name, screen.values.get(name, ""), state)
        table.add_row("card type", screen.card_type, "")
        table.add_row("result", screen.result, screen.confirmation)
        return table

    def _say(self, text: str) -> None:
        self.said.append(text)
        self.console.print(text, highlight=False)

    # What was measured.

    def _figures(self, outcome: Outcome, agent: Agent) -> list[tuple[str, str]]:
        delays = self._key_delays_ms(outcome.callbacks)
        return [
            ("keys pressed", str(len(self.sheet.keys))),
            ("callbacks received, all signed", str(len(outcome.callbacks))),
            ("refused for a wrong signature", str(self.receiver.n_unsigned)),
            ("key down to the agent's screen", _spread(delays)),
            ("command to answer", _spread(agent.answers_ms)),
            ("look-ahead of the agent leg", f"{DELAY_SAMPLES / 8:.0f} ms"),
            ("a frame's way through the bridge", _spread(self.passage_ms)),
        ]

    def _key_delays_ms(
        self, callbacks: list[tuple[float, dict[str, str]]]
    ) -> list[float]:
        """
        Pair every key with the callback that tells of it.
        """
        told = [
            at_s
            for at_s, form in callbacks
            if form.get("PartialResult") == "true" or _is_final(form)
        ]
        pairs = zip(told, self.sheet.keys, strict=False)
        return [(at_s - key.start_ms / 1000 / self.speed) * 1000 for at_s, key in pairs]


def _is_final(form: dict[str, str]) -> bool:
    """
    Whether a callback tells that a field is done.
    """
    capture = form.get("Capture", "")
    return bool(capture) and capture not in form.get("Required", capture).split(",")


def _spread(values: list[float]) -> str:
    if not values:
        return "nothing measured"
    return f"median {statistics.median(values):.0f} ms, most {max(values):.0f} ms"


def _one_line(screen: Screen) -> str:
    if screen.result:
        return f"{screen.result} {screen.confirmation}"
    if screen.error:
        return f"{screen.capturing}: {screen.error}"
    if not screen.capturing:
        return "waiting"
    value = screen.values.get(screen.capturing, "")
    done = "done" if screen.is_captured(screen.capturing) else ""
    return f"{screen.capturing:20} {value:17} {screen.card_type:10} {done}".rstrip()


def _finish(outcome: Outcome, out: Path, console: Console) -> None:
    # matplotlib takes a second to import; it has no business in the call.
    from bridge.cli.report import write_report  # noqa: PLC0415

    (out / "caller.wav").write_bytes(mulaw_wav(outcome.caller))
    (out / "agent.wav").write_bytes(mulaw_wav(outcome.agent))
    (out / "report.html").write_text(write_report(outcome))
    console.print()
    for name, value in outcome.figures:
        console.print(f"{name:36} {value}", highlight=False)
    console.print("\naudit of agent.wav", highlight=False)
    for line in describe(outcome.report):
        console.print(f"  {line}", highlight=False)
    console.print(f"\nsee {out / 'report.html'}", highlight=False)
