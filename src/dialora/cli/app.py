"""The application that commands are entered in, and how it ends: exit codes, a line for each thing that is wrong."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from dialora.errors import Cancelled, DialoraError, Interrupted
from dialora.printable import clean_message

MAX_LINES = 12
"""Of what is wrong."""

app = typer.Typer(
    name="dialora",
    help="On your own dialogues: is LoRA as good as full fine-tuning, how sure are we, and what did each cost?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback with an error.")] = False,
) -> None:
    """On your own dialogues: is LoRA as good as full fine-tuning, how sure are we, and what did each cost?

    Exit codes: 0 done, 1 the work failed, 2 bad input, 130 interrupted (the same command goes on).
    """
    if version:
        from dialora import __version__

        typer.echo(f"dialora {__version__}")
        raise typer.Exit


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code; a DialoraError is one line per problem, not a traceback."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        if not {"--help", "--version"} & set(arguments):
            from dialora.store import require_posix  # what help has no use for

            require_posix()
        # Outside of standalone mode click gives back the code of an Exit, and what a command returns.
        code = app(arguments, standalone_mode=False)
        if code == Interrupted.exit_code:  # typer's way with Ctrl-C
            raise KeyboardInterrupt
    except DialoraError as error:
        if "--debug" in arguments:
            raise
        _print_error(error)
        return error.exit_code
    except OSError as error:
        if "--debug" in arguments:
            raise
        from dialora.store import explain_disk_error

        explained = explain_disk_error(error)
        _print_error(explained)
        return explained.exit_code
    except (KeyboardInterrupt, typer.Abort):
        _print_error(Interrupted("stopped."))
        return Interrupted.exit_code
    except Exception as error:
        # click's usage errors know their own exit code (2) and how to show themselves.
        if not hasattr(error, "show"):
            raise
        error.show()
        return int(getattr(error, "exit_code", 2))
    return code if isinstance(code, int) else 0


def _print_error(error: DialoraError) -> None:
    name = type(error).__name__
    lines = clean_message(str(error))
    for line in lines[:MAX_LINES]:
        typer.echo(f"{name}: {line}", err=True)
    if len(lines) > MAX_LINES:
        typer.echo(f"{name}: and {len(lines) - MAX_LINES:,} more.", err=True)
    if isinstance(error, Interrupted) and not isinstance(error, Cancelled):
        typer.echo("The same command goes on from here.", err=True)


__all__ = ["app", "main"]
