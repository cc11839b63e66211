"""``python -m monitor`` is the command ``offhook``."""

from monitor.cli.main import main

main()
