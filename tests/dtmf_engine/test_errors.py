"""
Errors: what a caller may catch.
"""

import pytest

from dtmf_engine import AudioFormatError, DtmfEngineError, ParameterError


@pytest.mark.parametrize("kind", [AudioFormatError, ParameterError])
def test_errors_are_the_engine_s_and_value_errors(kind: type[DtmfEngineError]) -> None:
    """
    One name catches all that the engine raises, and `ValueError` catches it as well.
    """
    assert issubclass(kind, DtmfEngineError)
    assert issubclass(kind, ValueError)
    assert not issubclass(AudioFormatError, ParameterError)
