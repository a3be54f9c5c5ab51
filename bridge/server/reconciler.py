"""
The reconciler: a `Reconciliation`, carried out.
"""

import asyncio
from typing import assert_never

from bridge.connectors.base import Attempt, Connector, Failure, GatewayCall
from bridge.connectors.reconciliation import LookUp, Output, Reconciliation, Settled
from bridge.connectors.sandbox_gateway import SandboxGateway
from bridge.pay.outcomes import Outcome
from bridge.server.clock import utc_now
from bridge.server.outbound import Outbound, ask_gateway
from bridge.server.runner import Runner


async def reconcile(
    attempt: Attempt,
    connector: Connector,
    pauses_s: tuple[float, ...],
    outbound: Outbound,
    sandbox: SandboxGateway,
) -> Outcome:
    """
    Find out what became of an attempt.

    Args:
        attempt: whose answer was lost.
        connector: of its gateway.
        pauses_s: before each lookup.
        outbound: for gateways elsewhere.
        sandbox: for the one in this process.

    Returns:
        Its outcome; `Unknown` when patience has ended.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[Outcome] = loop.create_future()
    machine = Reconciliation(
        attempt,
        connector,
        pauses_s,
        age_s=(utc_now() - attempt.sent_at).total_seconds(),
        now=loop.time(),
    )

    async def look_up(call: GatewayCall) -> None:
        try:
            answer = await ask_gateway(call, outbound, sandbox)
        except Exception:  # noqa: BLE001 - worker top
            answer = Failure.NO_ANSWER
        if isinstance(answer, Failure):
            runner.step(lambda now: machine.receive_failure(answer, now=now))
        else:
            status, body = answer
            runner.step(lambda now: machine.receive_answer(status, body, now=now))

    def handle(output: Output) -> None:
        match output:
            case LookUp(call=call):
                group.create_task(look_up(call))
            case Settled(outcome=outcome):
                found.set_result(outcome)
            case _:
                assert_never(output)

    runner = Runner(machine, handle)
    async with asyncio.TaskGroup() as group:
        try:
            runner.step(lambda _now: None)
            return await found
        finally:
            runner.stop()
