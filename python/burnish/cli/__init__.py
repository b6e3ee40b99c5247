"""The command line: ``burnish demo | compile | evaluate | show | plugins``."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; errors of Burnish are one message, not a traceback."""
    from burnish.cli.commands import commands
    from burnish.errors import BurnishError, ConfigError

    try:
        commands()
    except ConfigError as error:
        sys.exit(_say(str(error), 2))
    except BurnishError as error:
        sys.exit(_say(f"{type(error).__name__}: {error}", 1))
    except KeyboardInterrupt:
        sys.exit(_say("Interrupted. With --run-dir, the same command goes on from here.", 130))


def _say(message: str, status: int) -> int:
    print(message, file=sys.stderr)
    return status
