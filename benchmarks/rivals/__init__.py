"""The libraries that dustaug is compared with, a module for each; `cases.py` says what they are asked to paint."""
