"""
The state diagram in bridge/pay/README.md, from the table.

    python -m tests.support.diagram     write it
"""

from pathlib import Path

from bridge.pay.states import diagram


README = Path(__file__).resolve().parents[2] / "bridge" / "pay" / "README.md"
_BEGIN, _END = "```mermaid\n", "```\n<!-- end of diagram -->"


def with_diagram(text: str) -> str:
    """
    Give the page's text with the diagram of today's table.
    """
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return before + _BEGIN + diagram() + "\n" + _END + after


if __name__ == "__main__":
    README.write_text(with_diagram(README.read_text()))
