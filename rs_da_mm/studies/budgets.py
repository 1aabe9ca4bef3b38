"""What a training was given, and whether other methods were given the same."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from rs_da_mm.engine.checkpoints import load_checkpoint_file
from rs_da_mm.studies.budget_hook import BUDGET_FILE, META_KEY


@dataclass(frozen=True)
class Budget:
    """What one training was given; None where nobody knows.

    Attributes:
        iterations: Steps of the loop.
        epochs: Passes, in trainings that have them.
        samples: Images fed, over all ranks.
        pixels: Their pixels.
        window: Smallest and largest side of an image fed, in pixels.
        labelled_windows: Different samples with a label in the training set; 0 where samples carry no label.
        dataset_windows: Different samples in the training set.
        batch_size: Images in a batch of one rank.
        ranks: Processes that trained together.
        early_stopping: The rule of an early stop, in words; empty without one.
        stopped_early: Whether it ended before the config's last epoch or iteration.
        parameters: Trainable parameters of the model.
        seconds: Time of training steps and of waiting for data; no validation.
        source: Where this was read.
    """

    iterations: int | None = None
    epochs: int | None = None
    samples: int | None = None
    pixels: int | None = None
    window: tuple[int, int] | None = None
    labelled_windows: int | None = None
    dataset_windows: int | None = None
    batch_size: int | None = None
    ranks: int | None = None
    early_stopping: str | None = None
    stopped_early: bool | None = None
    parameters: int | None = None
    seconds: float | None = None
    source: str = ""

    def to_json(self) -> dict[str, Any]:
        """Its fields as JSON holds them."""
        content: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return content

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Budget:
        """Read what :meth:`to_json` gave; what this version does not know is passed over."""
        known = {field.name for field in fields(cls)}
        found = {name: value for name, value in content.items() if name in known}
        window = found.get("window")
        return cls(**{**found, "window": None if window is None else (int(window[0]), int(window[1]))})


def measured_budget(work_dir: Path, config: Mapping[str, Any], checkpoint: Path) -> Budget:
    """Read what a finished training was really given.

    Args:
        work_dir: The training's. The count that it wrote at its end is read; where there is none, the checkpoint's meta data.
        config: Its effective config, for the rule of the early stop and for what was not counted.
        checkpoint: Its last checkpoint.

    Returns:
        The budget.
    """
    counted = work_dir / BUDGET_FILE
    if counted.is_file():
        return _budget(json.loads(counted.read_text(encoding="utf-8")), config, f"counted by the training ({BUDGET_FILE})")
    return checkpoint_budget(checkpoint, config)


def checkpoint_budget(checkpoint: Path, config: Mapping[str, Any]) -> Budget:
    """Read what a checkpoint says about the training that it is from.

    Args:
        checkpoint: The file; one that holds weights alone says nothing.
        config: The config that it is used with.

    Returns:
        The budget, with None where the file does not say.
    """
    content = load_checkpoint_file(checkpoint, map_location="cpu")
    meta = content.get("meta") if isinstance(content, Mapping) else None
    if not isinstance(meta, Mapping):
        return Budget(source=f"{checkpoint.name} holds weights alone")
    done = {"iterations": meta.get("iter"), "epochs": meta.get("epoch")}
    if META_KEY in meta:
        return _budget({**meta[META_KEY], **done}, config, f"counted by the training ({checkpoint.name})")
    return _budget(done, config, f"meta data of {checkpoint.name}")


def _budget(counts: Mapping[str, Any], config: Mapping[str, Any], source: str) -> Budget:
    iterations, epochs = counts.get("iterations"), counts.get("epochs")
    cfg = config.get("train_cfg") or {}
    last_epoch = counts.get("max_epochs") or cfg.get("max_epochs")
    last_iteration = cfg.get("max_iters")
    stopped_early = None
    if last_iteration is not None and iterations is not None:
        stopped_early = iterations < last_iteration
    elif last_epoch is not None and epochs is not None:
        stopped_early = epochs < last_epoch
    found = Budget.from_json({**counts, "stopped_early": stopped_early})
    rule = early_stopping(config)
    return Budget(**{**asdict(found), "early_stopping": rule, "source": source, "epochs": None if last_iteration else epochs})


def early_stopping(config: Mapping[str, Any]) -> str:
    """Put the early stop of a config in words, or nothing where there is none."""
    hooks = [*(config.get("default_hooks") or {}).values(), *(config.get("custom_hooks") or [])]
    for hook in hooks:
        if isinstance(hook, Mapping) and str(hook.get("type")).endswith("EarlyStoppingHook"):
            return f"{hook.get('monitor')}, patience {hook.get('patience', 5)}, min_delta {hook.get('min_delta', 0.1)}"
    return ""


def planned_budget(config: Mapping[str, Any]) -> dict[str, Any]:
    """Read what a config promises, to refuse unequal budgets before anything is trained.

    Returns:
        Settings by the quantity of :data:`~rs_da_mm.studies.description.BUDGET_QUANTITIES` that they decide.
    """
    loader, cfg = config.get("train_dataloader") or {}, config.get("train_cfg") or {}
    length = {key: cfg[key] for key in ("max_epochs", "max_iters") if key in cfg}
    return {
        "iterations": length,
        "epochs": length,
        "samples": {"batch_size": loader.get("batch_size")},
        "early_stopping": early_stopping(config),
    }


def differences(budgets: Mapping[str, Mapping[str, Any]], quantities: Sequence[str]) -> list[str]:
    """Say in which quantities budgets differ.

    Args:
        budgets: Of each method: the value of each quantity, or a list of values where they differ from seed to seed.
        quantities: What to compare.

    Returns:
        One phrase per quantity that differs or is not known everywhere: ``iterations (A 140; B and C 280)``.
    """
    found = []
    for quantity in quantities:
        values: dict[str, list[str]] = {}
        for method, budget in budgets.items():
            values.setdefault(quantity_in_words(quantity, budget.get(quantity)), []).append(method)
        if len(budgets) > 1 and (len(values) > 1 or UNKNOWN in values):
            listed = "; ".join(f"{_listed(methods)} {value}" for value, methods in values.items())
            found.append(f"{quantity.replace('_', ' ')} ({listed})")
    return found


UNKNOWN = "unknown"


def quantity_in_words(quantity: str, value: Any) -> str:
    """Write the value of a quantity of a budget; several values, of several seeds, with slashes."""
    if isinstance(value, list):
        return " / ".join(dict.fromkeys(quantity_in_words(quantity, one) for one in value)) or UNKNOWN
    if value is None:
        return "none" if quantity == "epochs" else UNKNOWN
    if value == "":
        return "none"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={inner}" for key, inner in value.items()) or "none"
    if isinstance(value, tuple):
        return f"{value[0]}" if value[0] == value[1] else f"{value[0]} to {value[1]}"
    return str(value)


def _listed(methods: Sequence[str]) -> str:
    return methods[0] if len(methods) == 1 else f"{', '.join(methods[:-1])} and {methods[-1]}"
