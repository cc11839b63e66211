"""Histories by hand: ``python -m tests.histories FIRST LAST [PROCESSES]``."""

import sys

from tests.histories.many import main

if __name__ == "__main__":
    sys.exit(main([int(each) for each in sys.argv[1:]]))
