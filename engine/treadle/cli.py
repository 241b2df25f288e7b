"""The command line: `treadle generate`, `treadle infill`, `treadle check`, `treadle compile`.

In: files, `-` for standard input, or the name of a schema that ships with treadle. Out: the result on standard
output, for people or (`--json`) for programs; anything that went wrong as one line on standard error. Exit status 0:
done, accepted; 1: the instance is refused; 2: the constraint, the files or the arguments are wrong; 3: a mistake of
treadle's own.
The commands are in commands/, and call the same functions as `import treadle`; here they get their names.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

import treadle
from treadle.bench.commands import app as bench_app
from treadle.commands.check import check
from treadle.commands.compile import compile, warmup
from treadle.commands.generate import generate
from treadle.commands.infill import infill
from treadle.commands.reporting import BROKEN, INTERRUPTED, WRONG, complain
from treadle.commands.tune import tune
from treadle.errors import TreadleError

DEBUG = "TREADLE_DEBUG"
#: The class of all usage errors has moved between typer's releases, so it is taken from a public subclass of it:
#: a BadParameter is a UsageError is a ClickException.
USAGE_ERROR: Any = typer.BadParameter.__mro__[2]

app = typer.Typer(
    name="treadle",
    help="What a language model writes satisfies a JSON Schema, a grammar, a regular expression or a type, always.",
    epilog="Exit status: 0 done or accepted, 1 refused, 2 wrong constraint, file or argument.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(bench_app)
for command in (generate, infill, check, compile, warmup, tune):
    app.command()(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status. Never raises, unless TREADLE_DEBUG is set."""
    try:
        return _run(arguments)
    except TreadleError as error:
        return complain(error, WRONG)
    except KeyboardInterrupt:
        return complain("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has gone. Python would complain once more when it flushes at exit, so give it a sink.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if os.environ.get(DEBUG):
            raise
        return complain(
            f"internal error: {type(error).__name__}: {error} (set {DEBUG}=1 for the traceback)", BROKEN
        )


def _run(arguments: Sequence[str] | None) -> int:
    # typer prints usage errors as a box of several lines; without its standalone mode they come to us instead.
    try:
        status = app(args=arguments, prog_name="treadle", standalone_mode=False)
    except typer.Exit as leave:
        return leave.exit_code
    except typer.Abort:
        return INTERRUPTED
    except USAGE_ERROR as error:
        # The one class without a message of its own: no arguments at all. Its text is the help.
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()
            return WRONG
        return complain(error.format_message(), WRONG)
    return status if isinstance(status, int) else 0


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"treadle {treadle.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Say which version.")
    ] = False,
) -> None:
    """What a language model writes satisfies a JSON Schema, a grammar, a regular expression or a type, always."""
