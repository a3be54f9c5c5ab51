"""
Timers: the nearest deadline is told, and what counts of two that are due.
"""

from bridge.pay.timers import Timer, Timers


def test_timers_tell_the_nearest_deadline() -> None:
    """
    Started anew, stopped, or never meant to run: only what runs counts.
    """
    timers = Timers()
    assert timers.deadline() is None
    timers.start(Timer.SESSION, 10.0, 100.0)
    timers.start(Timer.DIGIT, 10.0, 5.0)
    assert timers.deadline() == 15.0
    timers.start(Timer.DIGIT, 12.0, 5.0)
    assert timers.deadline() == 17.0
    timers.start(Timer.DIGIT, 13.0, None)
    assert timers.deadline() == 110.0
    timers.start(Timer.FIELD, 13.0, 1.0)
    timers.stop(Timer.FIELD, Timer.AGENT)
    assert timers.deadline() == 110.0
    timers.stop()
    assert timers.deadline() is None


def test_timer_that_stands_first_counts_when_several_are_due() -> None:
    """
    The session's end before the agent's absence before a field's end.
    """
    timers = Timers()
    for timer in reversed(Timer):
        timers.start(timer, 0.0, 5.0)
    assert timers.due(4.999) is None
    for timer in Timer:
        assert timers.due(5.0) is timer
        timers.stop(timer)
    assert timers.due(1e9) is None
