"""Run the command line: ``python -m dustaug.cli``."""

from . import main

main()
