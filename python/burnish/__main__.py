"""``python -m burnish``: the command line."""

from burnish.cli import main

main()
