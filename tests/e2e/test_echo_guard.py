"""
The echo guard, from its setting to the caller's ear, through real sockets.
"""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from bridge.server.bridge import Bridge
from bridge.server.settings import Settings
from tests.bridge.server.rig import INAUDIBLE, silent_line
from tests.support.media import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    CALL_SID,
    decode,
    run,
    stream,
    wait_until,
)
from tests.support.tones import dial


ECHO = silent_line(
    dial("5*", tone=640, pause=520, lead=1000, low_dbm0=-20, high_dbm0=-20), 4000
)


@pytest.mark.parametrize("is_guarded", [False, True])
def test_setting_decides_whether_the_caller_hears_an_echo(
    tmp_path: Path, *, is_guarded: bool
) -> None:
    """
    Without the guard the agent's octets reach the caller as they are; with it,
    one look-ahead late and without the tones.
    """
    settings = Settings.model_validate(
        {
            "account_sid": ACCOUNT_SID,
            "auth_token": AUTH_TOKEN,
            "media_port": 0,
            "api_port": 0,
            "data_dir": tmp_path,
            "development": True,
            "max_calls": 2,
            "playout_limit_ms": 60_000,
            "echo_guard": is_guarded,
        }
    )

    async def main() -> None:
        bridge = Bridge(settings)
        ready = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(bridge.run(lambda _: ready.set()))
            await ready.wait()
            async with (
                stream(bridge.media_port) as caller,
                stream(bridge.media_port) as agent,
            ):
                await caller.start(CALL_SID, call="c1", leg="caller")
                registry = bridge.metrics.registry
                await wait_until(lambda: registry.get_sample_value("dtmf_calls"))
                await agent.start("CA" + "9" * 32, call="c1", leg="agent")
                await agent.say(ECHO)
                heard = await caller.hear(len(ECHO))
            bridge.stop()
            bridge.stop()
        loudest = int(np.abs(decode(heard).astype(np.int32)).max())
        assert (loudest <= INAUDIBLE) == is_guarded

    run(main())
