"""`python -m swaptiers` is `swaptiers`."""

from swaptiers.cli import main

main()
