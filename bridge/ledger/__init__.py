"""
The ledger: what must survive a crash. Blocking; the server calls it in a thread.
"""
