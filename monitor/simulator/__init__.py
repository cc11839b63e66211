"""A simulated world of call batches, and services on loopback that speak like the real ones.

Shared by the demo, the tests and the benchmarks. ``world`` is what happens, ``truth`` the log
of it; ``graine``, ``bland``, ``slack`` and ``mail`` are the services, ``wire`` records and
breaks their answers, ``serving`` puts them on a port.
"""
