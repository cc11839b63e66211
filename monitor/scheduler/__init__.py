"""When things are done: polling vendors, judging on time, keeping house.

Only ``jobs`` knows the scheduling library. What is due stands in the database, never in it.
"""
