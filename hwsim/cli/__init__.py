"""The command line: the roof. It looks at everything; nothing looks at it."""

from hwsim.cli.app import main

__all__ = ["main"]
