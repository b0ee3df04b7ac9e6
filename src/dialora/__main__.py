"""`python -m dialora`, and the command `dialora`: the command line, with an answer to Ctrl-C from the first moment on.

What it needs is imported when Ctrl-C is handled already: importing takes longer than it takes to think better of it.
"""

import os
import signal
import sys

INTERRUPTED = 130
STOPPED = b"Interrupted: stopped.\nThe same command goes on from here.\n"


def main() -> int:
    """Run the command line and return its exit code."""
    # A process in the background may have been told to ignore it.
    is_ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_ours:
        signal.signal(signal.SIGINT, _leave)
    from dialora.cli import main as run

    if is_ours:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        code = run()
    except KeyboardInterrupt:  # once more, while the first one was answered
        return _leave()
    # What is left takes no time, and libraries that are interrupted in it print tracebacks.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return code


def _leave(*_: object) -> int:
    """End the process at once: nothing has begun, and an exception in the middle of an import may be lost there."""
    os.write(2, STOPPED)
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main())
