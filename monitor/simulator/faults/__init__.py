"""Everything that can go wrong between a vendor and whoever asks it, one named fault a row.

``server`` is a raw socket in front of a simulated vendor: it asks the vendor in process and
then sends, byte by byte, what the fault says. ``lines``, ``refusals`` and ``bodies`` hold
what fits every vendor, ``edits`` and ``lists`` what is wrong inside a vendor's JSON; where
ids, statuses, counts and times stand there is described once a vendor, in ``shapes``.
"""
