"""
A web server that receives callbacks, in a thread; the standard library's own.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

from tests.support.certificates import serving


@dataclass(slots=True)
class Receiver:
    """
    What has been received.
    """

    url: str = ""
    forms: list[dict[str, str]] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)
    answer: Callable[[int], int] = lambda _n: 204
    """Gives the status of the answer to the nth request, counted from 0."""
    n_requests: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(
        self, condition: Callable[[list[dict[str, str]]], bool], timeout_s: float = 15
    ) -> list[dict[str, str]]:
        """
        Wait until what was received fulfils a condition.

        Raises:
            AssertionError: it did not in time.
        """
        with self.changed:
            done = self.changed.wait_for(lambda: condition(self.forms), timeout_s)
            assert done, f"after {timeout_s} s there were {self.forms}"
            return list(self.forms)

    def wait_for_field(self, capture: str) -> dict[str, str]:
        """
        Wait until the last word on a field is spoken.
        """
        forms = self.wait_for(
            lambda forms: any(_is_last_word(form, capture) for form in forms)
        )
        return next(form for form in forms if _is_last_word(form, capture))


def _is_last_word(form: dict[str, str], capture: str) -> bool:
    if form.get("Capture") != capture or "PartialResult" in form:
        return False
    return "ErrorType" in form or capture not in form["Required"].split(",")


@contextmanager
def receiving(*, tls: bool = False) -> Iterator[Receiver]:
    """
    Receive callbacks on a free port while the block runs.

    Args:
        tls: whether to speak TLS, with the certificate of tests.
    """
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length).decode()
            if len(body) < length:
                return  # whoever sent it died over it
            form = dict(parse_qsl(body, keep_blank_values=True))
            with receiver.changed:
                status = receiver.answer(receiver.n_requests)
                receiver.n_requests += 1
                if status < 300:
                    receiver.forms.append(form)
                    receiver.signatures.append(self.headers["X-Twilio-Signature"])
                receiver.changed.notify_all()
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = serving().wrap_socket(server.socket, server_side=True)
    scheme = "https" if tls else "http"
    receiver.url = f"{scheme}://127.0.0.1:{server.server_port}/callbacks"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
