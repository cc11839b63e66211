"""Unit tests of rules, written in TOML: a story of batches, and the alerts that it must make.

The story is played through the real pipeline (ingest, evaluation, telling) on a database of
its own, with a clock that the story moves. Nothing is asked of any vendor and nothing is sent.
"""
