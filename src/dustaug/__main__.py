"""Run the command line: ``python -m dustaug``."""

from .cli import main

main()
