"""A few real training steps in a process of their own: ``python -m rs_da_mm.projects.training_probe CONFIG``.

Prints one line of JSON: what it measured, or why it could not. A process that runs out of memory takes nothing else with it.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner import set_random_seed

from rs_da_mm.engine.command_line import plain_message, read_config_file
from rs_da_mm.engine.out_of_memory import out_of_memory_message
from rs_da_mm.errors import InputError
from rs_da_mm.registry import DATASETS, MODELS

_STEPS = 5
_SECONDS = 60.0


def probe(config: Config) -> dict[str, Any]:
    """Build data set and network, and train for a few steps.

    Args:
        config: The config.

    Returns:
        ``device``, ``parameters``, ``load_seconds`` (of one window), ``step_seconds`` and ``predict_seconds`` (of one batch), and
        ``peak_bytes`` of the GPU or else of the process (``None`` where the system does not tell).

    Raises:
        InputError: When data set or network cannot be used so.
    """
    init_default_scope(config.get("default_scope", "mmseg"))
    set_random_seed(0)
    loader = config.train_dataloader
    dataset = DATASETS.build(loader["dataset"])
    batch = int(loader["batch_size"])
    places = [place % len(dataset) for place in range(batch)]
    dataset[places[0]]  # opens files and makes tables, which is not done for every window
    start = time.perf_counter()
    samples = [dataset[place] for place in places]
    load = (time.perf_counter() - start) / batch
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = MODELS.build(config.model)
    model.init_weights()
    model = model.to(device).train()
    wrapper = build_optim_wrapper(model, config.optim_wrapper)
    steps = _timed(lambda: model.train_step(pseudo_collate(samples), wrapper), device)
    model.eval()
    with torch.no_grad():
        predictions = _timed(lambda: model.val_step(pseudo_collate(samples)), device)
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU",
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "load_seconds": load,
        "step_seconds": steps,
        "predict_seconds": predictions,
        "peak_bytes": torch.cuda.max_memory_reserved(device) if device.type == "cuda" else _peak_of_process(),
    }


def _timed(run: Any, device: torch.device) -> float:
    """Seconds of a step: the median of those after the first, which prepares what the others use."""
    taken: list[float] = []
    begin = time.perf_counter()
    for number in range(_STEPS):
        start = time.perf_counter()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        taken.append(time.perf_counter() - start)
        if number and time.perf_counter() - begin > _SECONDS:
            break
    return statistics.median(taken[1:])


def _peak_of_process() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main(path: str) -> None:
    """Measure, and print what came of it."""
    config = read_config_file(Path(path))
    found: dict[str, Any]
    try:
        found = probe(config)
    except InputError as error:
        found = {"error": plain_message(error)}
    except Exception as error:
        told = out_of_memory_message(error, config)
        if told is None:
            raise
        found = {"out_of_memory": told}
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
