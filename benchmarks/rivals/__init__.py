"""The libraries that dustaug is compared with, one module for each; `cases.py` says what they must paint."""
