"""
How good and how fast the engine is, beside other people's detectors.

A BLAS that starts a thread a core would be compared with peers that have one,
and two workers would fight for two cores: one thread is asked for here, before
anything can import NumPy.
"""

import os


os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
