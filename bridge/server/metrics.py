"""
Metrics: counts and times of one bridge, for Prometheus.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """
    One bridge's metrics, in a registry of their own.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, registry=self.registry)

        self.calls = Gauge("dtmf_calls", "Calls in progress", registry=self.registry)
        self.streams = counter("dtmf_streams", "Streams by how they began", "outcome")
        self.messages_ignored = counter(
            "dtmf_messages_ignored", "Stream messages that were left out"
        )
        self.frames_dropped = counter(
            "dtmf_frames_dropped", "Frames not sent because a peer does not read"
        )
        self.analysis_failures = counter(
            "dtmf_analysis_failures", "Legs silenced because analysis failed"
        )
        self.digits = counter("dtmf_digits", "Digits that counted for a capture")
        self.sessions = counter("dtmf_sessions", "Pay sessions by result", "result")
        self.callbacks = counter(
            "dtmf_callbacks", "Callbacks by what became of them", "outcome"
        )
        self.feeds = Gauge("dtmf_feeds", "Feeds being read", registry=self.registry)
        self.feeds_ended = counter("dtmf_feeds_ended", "Feeds by why", "reason")
        self.ledger_refusals = counter(
            "dtmf_ledger_refusals", "Steps that the ledger would not write down"
        )
        self.reconciled = counter(
            "dtmf_attempts_reconciled",
            "Lost gateway answers by what came out",
            "outcome",
        )
        self.tick = Histogram(
            "dtmf_tick_seconds",
            "Duration of one tick of detection and masking",
            buckets=(0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05),
            registry=self.registry,
        )
