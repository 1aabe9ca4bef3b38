"""How one of several ranks ends when it has failed, so that the others end too and the first cause is what is told."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
import traceback
from pathlib import Path
from typing import NoReturn

from mmengine.dist import get_rank, is_distributed
from torch import distributed as torch_dist

_ECHO_SECONDS = 5.0
"""How long a rank that merely lost another one waits to be ended by the launcher, which then blames the one that was lost."""

_LOST_CONNECTION = ("Connection closed by peer", "Connection reset by peer", "Broken pipe", "Socket closed", "gloo::IoException")


def end_failed(error: BaseException, message: str | None, status: int = 1) -> NoReturn:
    """End this process because of an error, whether it is one of several ranks or not.

    Args:
        error: What was raised.
        message: The sentence to print; ``None`` prints the traceback.
        status: The exit status.

    Raises:
        SystemExit: In a process without ranks. A rank ends at once instead: an orderly end may wait for the others, which wait
            for this one.
    """
    if is_distributed() and lost_another_rank(error):
        print(f"rank {get_rank()}: the connection to another rank is lost; its message tells why.", file=sys.stderr, flush=True)
        time.sleep(_ECHO_SECONDS)
    told = "".join(traceback.format_exception(error)) if message is None else f"error: {message}\n"
    record_for_torchrun(told.strip())
    rank = f"rank {get_rank()}: " if is_distributed() else ""
    print(f"{rank}{told}", end="", file=sys.stderr, flush=True)
    if is_distributed():
        logging.shutdown()
        sys.stdout.flush()
        os._exit(status)
    raise SystemExit(status)


def lost_another_rank(error: BaseException) -> bool:
    """Whether an error says no more than that another rank is gone."""
    if isinstance(error, torch_dist.DistNetworkError | torch_dist.DistBackendError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _LOST_CONNECTION)


def record_for_torchrun(message: str) -> None:
    """Put a message into the file from which ``torchrun`` takes what it prints at the end; does nothing without ``torchrun``."""
    file = os.environ.get("TORCHELASTIC_ERROR_FILE")
    if not file:
        return
    extra = {"py_callstack": message, "timestamp": str(int(time.time()))}
    try:
        Path(file).write_text(json.dumps({"message": {"message": message, "extraInfo": extra}}), encoding="utf-8")
    except OSError as error:
        print(f"torchrun's error file cannot be written: {error}", file=sys.stderr)
