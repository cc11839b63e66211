"""A simulated world of call batches, and services on loopback that speak like the real ones.

Shared by the demo, the tests and the benchmarks. ``world`` is what happens, ``truth`` the log
of it; ``vendors`` has the service of each vendor, and with ``slack`` and ``mail`` that is all
of them. ``wire`` records and breaks their answers, ``serving`` puts them on a port.
"""
