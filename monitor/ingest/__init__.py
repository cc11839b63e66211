"""From what a vendor answered to what is known: compare, write what changed, count.

Functions here run inside one short write transaction each. Nothing in this package asks a
vendor or decides about alerts.
"""
