"""The command `nightingale-tts`. Everything it does is in nightingale.cli."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # built in: it is there at once, and Ctrl-C has no moment before it
import sys

# A Ctrl-C among the imports would print a traceback. Until `raise_on_signals` it ends the program as SIGTERM does.
if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)

from nightingale.cli.main import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
