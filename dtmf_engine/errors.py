"""
Errors of the engine.

    DtmfEngineError
      ParameterError     (also ValueError)  an argument is outside its range
      AudioFormatError   (also ValueError)  samples or a file cannot be used
      NothingInCommonError (also ValueError) two recordings are not of one call
"""


class DtmfEngineError(Exception):
    """
    Base of every error the engine raises on purpose.
    """


class ParameterError(DtmfEngineError, ValueError):
    """
    An argument is wrong; the message names it and says what was expected.
    """


class AudioFormatError(DtmfEngineError, ValueError):
    """
    Samples or a file cannot be used as audio; the message says why.
    """


class NothingInCommonError(DtmfEngineError, ValueError):
    """
    Two recordings that should be of one call have nothing in common.
    """
