"""The command line: ``burnish demo | compile | evaluate | traces | show | diff | cache | plugins``."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line; errors of Burnish are one message, not a traceback."""
    import click

    from burnish.cli.commands import commands
    from burnish.errors import BurnishError, ConfigError, RunStopped

    try:
        # On its own, click would turn Ctrl-C into a bare "Aborted!".
        commands(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except ConfigError as error:
        sys.exit(_say(str(error), 2))
    except RunStopped as error:
        sys.exit(_say(str(error), 1))
    except BurnishError as error:
        sys.exit(_say(f"{type(error).__name__}: {error}", 1))
    except (KeyboardInterrupt, click.Abort):
        _say(f"Interrupted. {_afterwards(sys.argv[1:])}".strip(), 130)
        sys.stdout.flush()
        # The run has ended and its journal is closed. What may still hold up the way out is user
        # code that blocks in a worker thread, which nothing can stop.
        os._exit(130)


def _afterwards(arguments: list[str]) -> str:
    """What the same command does when it is given again."""
    if arguments[:1] != ["compile"]:
        return ""
    if any(argument.partition("=")[0] == "--run-dir" for argument in arguments):
        return "The same command goes on from here."
    return (
        "Without --run-dir, the same command starts anew, with the replies that are in the cache. With it, it goes on."
    )


def _say(message: str, status: int) -> int:
    print(message, file=sys.stderr, flush=True)
    return status
