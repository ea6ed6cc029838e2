"""The command `nightingale-tts`: calls nightingale.cli.main."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # built in, unlike `signal`: importing it takes no time
import sys

# Ctrl-C during the imports would print a traceback. Until `raise_on_signals` it ends the process, as SIGTERM does.
if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)

from nightingale.cli.main import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
