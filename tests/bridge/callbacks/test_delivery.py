"""
Callback delivery: in order, one at a time, each delivered or given up once.
"""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.callbacks.delivery import (
    Callback,
    Delivered,
    DeliveryQueue,
    GivenUp,
    Output,
    Post,
    Postponed,
)
from bridge.callbacks.schedule import Fault, split_target
from bridge.errors import LocalProtocolError
from tests.support.strategies import stable


URL = "https://agent.example/cb"


def _callback(number: int, url: str = URL) -> Callback:
    return Callback(callback_id=number, url=url, form={"Sequence": str(number)})


def _post(number: int, attempt: int, url: str = URL) -> Post:
    return Post(
        callback_id=number, url=url, form={"Sequence": str(number)}, attempt=attempt
    )


def test_queue_posts_the_next_when_the_one_under_way_is_delivered() -> None:
    """
    Callbacks go one at a time, in the order they were queued.
    """
    queue = DeliveryQueue()
    is_empty = [queue.is_empty]
    queue.add(_callback(1), now=0.0)
    queue.add(_callback(2), now=0.0)
    assert queue.poll() == [_post(1, 1)]
    assert queue.poll() == []
    is_empty.append(queue.is_empty)
    queue.receive_status(204, now=1.0)
    assert queue.poll() == [Delivered(1, 1)]
    queue.receive_recorded(now=1.1)
    assert queue.poll() == [_post(2, 1)]
    is_empty.append(queue.is_empty)
    queue.receive_status(200, now=2.0)
    assert queue.poll() == [Delivered(2, 1)]
    is_empty.append(queue.is_empty)
    queue.receive_recorded(now=2.1)
    is_empty.append(queue.is_empty)
    assert is_empty == [True, False, False, False, True]
    assert queue.deadline() is None


def test_queue_posts_nothing_before_the_outbox_knows_what_is_delivered() -> None:
    """
    After a crash the receiver sees at most its last callback again, and none that
    is older than one it has seen.
    """
    queue = DeliveryQueue()
    queue.add(_callback(1), now=0.0)
    queue.receive_status(200, now=0.0)
    queue.poll()
    queue.add(_callback(2), now=1.0)
    queue.handle_deadline(now=1000.0)
    assert queue.poll() == []
    assert queue.deadline() is None
    queue.receive_recorded(now=1000.0)
    assert queue.poll() == [_post(2, 1)]


def test_queue_takes_no_record_of_what_has_not_ended() -> None:
    """
    To record a callback that is under way, or none, is a bug of ours.
    """
    queue = DeliveryQueue()
    message = "^a callback was recorded that had not ended$"
    for _ in range(3):
        with pytest.raises(LocalProtocolError, match=message):
            queue.receive_recorded(now=0.0)
        queue.add(_callback(1), now=0.0)


def test_queue_posts_without_the_fragment_that_it_obeys() -> None:
    """
    What is requested and signed is the URL alone.
    """
    queue = DeliveryQueue()
    queue.add(_callback(1, URL + "?a=1#rc=1&rp=5xx"), now=0.0)
    assert queue.poll() == [_post(1, 1, URL + "?a=1")]
    queue.receive_failure(Fault.CONNECT, now=0.0)
    assert queue.poll() == [GivenUp(1, 1, "no connection")]


def test_queue_tries_again_at_its_very_times_and_gives_up_in_the_end() -> None:
    """
    Eleven attempts, each due exactly so long after the last one failed.
    """
    queue = DeliveryQueue()
    queue.add(_callback(1), now=100.0)
    queue.add(_callback(2), now=100.0)
    assert queue.poll() == [_post(1, 1)]
    now = 100.0
    delays = [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 60.0, 60.0]
    for attempt, delay_s in enumerate(delays, 1):
        now += 2.5  # the receiver's own time
        queue.receive_status(503, now=now)
        assert queue.poll() == [Postponed(1, attempt, "status 503", delay_s)]
        assert queue.deadline() == now + delay_s
        queue.handle_deadline(now=now + delay_s - 0.001)
        assert queue.poll() == []
        now += delay_s
        queue.handle_deadline(now=now)
        assert queue.poll() == [_post(1, attempt + 1)]
        assert queue.deadline() is None
    queue.receive_status(503, now=now)
    # A dead letter keeps no other callback waiting.
    assert queue.poll() == [GivenUp(1, 11, "status 503")]
    queue.receive_recorded(now=now)
    assert queue.poll() == [_post(2, 1)]


def test_queue_counts_attempts_anew_for_each_callback() -> None:
    """
    What one callback suffered is not held against the next.
    """
    queue = DeliveryQueue()
    queue.add(_callback(1), now=0.0)
    queue.receive_failure(Fault.READ, now=0.0)
    queue.handle_deadline(now=0.5)
    queue.add(_callback(2), now=0.5)
    queue.receive_status(200, now=0.5)
    queue.receive_recorded(now=0.5)
    queue.receive_failure(Fault.READ, now=0.5)
    assert queue.poll() == [
        _post(1, 1),
        Postponed(1, 1, "no answer", 0.5),
        _post(1, 2),
        Delivered(1, 2),
        _post(2, 1),
        Postponed(2, 1, "no answer", 0.5),
    ]


def test_queue_lets_nothing_overtake_while_it_waits_for_a_retry() -> None:
    """
    A callback that comes during a pause waits behind the one that failed.
    """
    queue = DeliveryQueue()
    queue.add(_callback(1), now=0.0)
    queue.receive_failure(Fault.CONNECT, now=0.0)
    queue.poll()
    queue.add(_callback(2), now=0.1)
    assert queue.poll() == []
    assert queue.deadline() == 0.5
    queue.handle_deadline(now=0.5)
    assert queue.poll() == [_post(1, 2)]


@pytest.mark.parametrize("is_postponed", [False, True])
def test_queue_refuses_an_answer_when_nothing_is_under_way(
    *, is_postponed: bool
) -> None:
    """
    An answer to no post is a bug of ours.
    """
    queue = DeliveryQueue()
    if is_postponed:
        queue.add(_callback(1), now=0.0)
        queue.receive_status(500, now=0.0)
    message = "^an answer came to a callback that was not sent$"
    for status in (200, 404, 500):
        with pytest.raises(LocalProtocolError, match=message):
            queue.receive_status(status, now=0.0)
    with pytest.raises(LocalProtocolError, match=message):
        queue.receive_failure(Fault.READ, now=0.0)


answers = st.one_of(
    st.sampled_from([200, 204, 302, 404, 429, 500, 503]),
    st.sampled_from([Fault.CONNECT, Fault.READ]),
)
fragments = st.sampled_from(["", "", "#rc=0", "#rc=2&rp=all", "#rc=5&rp=4xx,rt"])


def _answer(queue: DeliveryQueue, answer: int | Fault, now: float) -> None:
    if isinstance(answer, Fault):
        queue.receive_failure(answer, now=now)
    else:
        queue.receive_status(answer, now=now)


@stable
@given(
    targets=st.lists(fragments, min_size=1, max_size=6),
    answered=st.lists(answers, max_size=40),
    n_early=st.integers(0, 6),
)
def test_queue_delivers_or_gives_up_everything_once_and_in_order(
    targets: list[str], answered: list[int | Fault], n_early: int
) -> None:
    """
    Whatever receivers do, each callback has one end, and they end in order.
    """
    queue = DeliveryQueue()
    waiting = [_callback(n, URL + target) for n, target in enumerate(targets)]
    outputs: list[Output] = []
    now = 0.0
    script = [*answered, *[200] * len(targets)]
    for callback in waiting[:n_early]:
        queue.add(callback, now=now)
    late = waiting[n_early:]
    is_open = False
    while True:
        outputs += queue.poll()
        if late and len(outputs) % 3 == 0:
            queue.add(late.pop(0), now=now)
        elif outputs and isinstance(outputs[-1], Post):
            answer = script.pop(0) if script else 200
            now += 1.0
            is_open = True
            _answer(queue, answer, now)
        elif outputs and isinstance(outputs[-1], Delivered | GivenUp) and is_open:
            is_open = False
            queue.receive_recorded(now=now)
        elif (due := queue.deadline()) is not None:
            now = max(now, due)
            queue.handle_deadline(now=now)
        elif late:
            queue.add(late.pop(0), now=now)
        else:
            break
    assert queue.is_empty
    ends = [out for out in outputs if isinstance(out, Delivered | GivenUp)]
    assert [end.callback_id for end in ends] == list(range(len(targets)))
    for number, target in enumerate(targets):
        own = [out for out in outputs if out.callback_id == number]
        posts, others = own[::2], own[1::2]
        attempts = list(range(1, len(posts) + 1))
        assert [p.attempt for p in posts if isinstance(p, Post)] == attempts
        assert [o.attempts for o in others if not isinstance(o, Post)] == attempts
        schedule = split_target(URL + target)[1]
        assert len(posts) <= 1 + len(schedule.delays_s)
    for before, after in pairwise(outputs):
        assert isinstance(before, Post) != isinstance(after, Post)
