"""What the command-line tools share: their common arguments, reading a config, and telling an error in one sentence."""

from __future__ import annotations

import argparse
import difflib
import os
import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config, DictAction
from mmengine.dist import is_distributed

from rs_da_mm.engine.rank_failures import end_failed, record_for_torchrun
from rs_da_mm.errors import InputError

RUNNER_KEYS = (
    "activation_checkpointing",
    "auto_scale_lr",
    "cfg",
    "channels_last",
    "compile",
    "compile_networks",
    "custom_hooks",
    "data_preprocessor",
    "default_hooks",
    "default_scope",
    "efficient_conv_bn_eval",
    "env_cfg",
    "experiment_name",
    "find_unused_parameters",
    "launcher",
    "load_from",
    "log_level",
    "log_processor",
    "model",
    "model_wrapper_cfg",
    "optim_wrapper",
    "param_scheduler",
    "randomness",
    "resume",
    "runner_type",
    "sync_bn",
    "test_cfg",
    "test_dataloader",
    "test_evaluator",
    "train_cfg",
    "train_dataloader",
    "val_cfg",
    "val_dataloader",
    "val_evaluator",
    "visualizer",
    "work_dir",
)
"""Keys that mmengine's runner or ``prepare_run`` reads: ``--cfg-options`` may give them without their standing in the config."""

MMENGINE_HOOKS = ("runtime_info", "timer", "sampler_seed", "logger", "param_scheduler", "checkpoint")
"""The default hooks of mmengine's runner, which it has even where the config does not name them."""

# What mmengine's registries and torch's data loader put around a message on its way up.
_BUILD_PREFIX = re.compile(r"^(?:class `\w+` in [^\s:]+\.py: )+")
_WORKER_PREFIX = re.compile(r"^Caught \w+ in .*?^rs_da_mm\.errors\.\w+: ", re.DOTALL | re.MULTILINE)


class OverrideAction(DictAction):
    """mmengine's ``KEY=VALUE``, where a single value keeps its spaces: GID's own folder has one in its name.

    An override without "=" is told instead of ending in a traceback.
    """

    @staticmethod
    def _parse_iterable(val: str) -> Any:
        plain = val.strip("'\"")
        if " " in plain and "," not in plain and not plain.startswith(("[", "(")):
            return plain
        return DictAction._parse_iterable(val)

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Take the overrides in."""
        for value in values or ():
            if "=" not in value:
                parser.error(f"{option_string} {value}: expected KEY=VALUE, like train_cfg.max_epochs=2")
        super().__call__(parser, namespace, values, option_string)


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add CONFIG, ``--work-dir``, ``--cfg-options`` and ``--launcher``, spelled as in every OpenMMLab tool."""
    parser.add_argument("config", help="the config file")
    parser.add_argument("--work-dir", help="where logs, checkpoints and pictures go (default: work_dirs/<config's name>)")
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=OverrideAction,
        metavar="KEY=VALUE",
        help='settings of the config to override, like train_cfg.max_epochs=2; lists as key="[a,b]"',
    )
    parser.add_argument("--launcher", choices=["none", "pytorch", "slurm"], default="none", help="what started the ranks")
    # torch.distributed.launch of old passes it; torchrun sets LOCAL_RANK itself.
    parser.add_argument("--local-rank", "--local_rank", type=int, default=0, help=argparse.SUPPRESS)


def read_config(arguments: argparse.Namespace, required: Sequence[str]) -> Config:
    """Read the config that the command line names, with its overrides.

    Args:
        arguments: What :func:`add_common_arguments` parsed.
        required: Top-level keys that the job cannot do without.

    Returns:
        The config, with ``launcher`` and ``work_dir`` set.

    Raises:
        InputError: When the file is missing or cannot be read, an override names no setting, or a required key is missing.
    """
    path = Path(arguments.config)
    config = read_config_file(path)
    if arguments.cfg_options:
        _check_overrides(arguments.cfg_options, config)
        config.merge_from_dict(arguments.cfg_options)
    for key in required:
        if config.get(key) is None:
            raise InputError(
                f"{path}: the key '{key}' is missing, and this job needs it. See configs/macunet_gid.py for one that has it."
            )
    _check_bands(path, config)
    _drop_disabled_hooks(config)
    config.launcher = arguments.launcher
    os.environ.setdefault("LOCAL_RANK", str(arguments.local_rank))
    if arguments.work_dir is not None:
        config.work_dir = arguments.work_dir
    elif config.get("work_dir") is None:
        config.work_dir = str(Path("work_dirs") / path.stem)
    return config


def read_config_file(path: Path) -> Config:
    """Read a config file, which is run as Python.

    Args:
        path: A ``.py`` or ``.json`` file.

    Returns:
        The config.

    Raises:
        InputError: When the file is missing or cannot be read.
    """
    if not path.is_file():
        raise InputError(f"{path}: there is no such config file. The project's own are in configs/: {_own_configs()}.")
    if path.suffix not in (".py", ".json"):
        raise InputError(f"{path}: a config is a .py or .json file, not {path.suffix or 'a file without ending'}.")
    try:
        return Config.fromfile(str(path))
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{path}: cannot be read as a config: {type(error).__name__}: {error}") from error


def _check_overrides(overrides: Mapping[str, Any], config: Config) -> None:
    """Refuse an override whose first word is neither in the config nor known to the runner: it would be ignored in silence."""
    for key in overrides:
        top = key.split(".", 1)[0]
        known = [*config.keys(), *RUNNER_KEYS]
        if top not in known:
            near = difflib.get_close_matches(top, known, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else f" The config has: {', '.join(sorted(config.keys()))}."
            raise InputError(f"--cfg-options {key}: neither the config nor the runner has a setting '{top}'.{hint}")


def _check_bands(path: Path, config: Config) -> None:
    """Refuse a network and a data preprocessor that were told different numbers of bands."""
    model = config.get("model") or {}
    mean = (model.get("data_preprocessor") or {}).get("mean")
    bands = (model.get("backbone") or {}).get("in_channels")
    if isinstance(mean, list | tuple) and isinstance(bands, int) and len(mean) not in (1, bands):
        raise InputError(
            f"{path}: model.backbone.in_channels is {bands}, and model.data_preprocessor.mean has {len(mean)} values. Both are "
            "the number of bands that LoadRaster reads: make them agree."
        )


def _drop_disabled_hooks(config: Config) -> None:
    """Take out the default hooks that are set to None: mmengine does so for its own six and fails at any other."""
    hooks = config.get("default_hooks", {})
    for name in [name for name, hook in hooks.items() if hook is None and name not in MMENGINE_HOOKS]:
        hooks.pop(name)


def _own_configs() -> str:
    folder = Path(__file__).resolve().parents[2] / "configs"
    return ", ".join(sorted(file.name for file in folder.glob("*.py"))) or "see the project's page"


def plain_message(error: BaseException) -> str:
    """Give an error's own sentence, without what the registries and the data loader's workers wrapped around it."""
    message = _WORKER_PREFIX.sub("", str(error))
    return _BUILD_PREFIX.sub("", message).strip()


def run_tool(main: Callable[[], None]) -> None:
    """Run a tool's ``main``; an :class:`~rs_da_mm.errors.InputError` becomes one sentence and exit status 1.

    A name that no registry knows is the config's fault too, so it is told the same way. Everything else keeps its traceback.
    One of several ranks ends in a way that ends the others too (:mod:`rs_da_mm.engine.rank_failures`).
    """
    try:
        main()
    except InputError as error:
        end_failed(error, plain_message(error))
    except KeyboardInterrupt as error:
        end_failed(error, "interrupted.", status=130)
    except Exception as error:
        message = _unknown_name(error)
        if message is None and not is_distributed():
            record_for_torchrun("".join(traceback.format_exception(error)))
            raise
        end_failed(error, message)


def _unknown_name(error: Exception) -> str | None:
    """What to say of a name that no registry knows."""
    # mmengine: KeyError('Foo is not in the mmseg::model registry. Please check whether …')
    found = re.search(r"(\w[\w.]*) is not in the (\S+) registry", str(error)) if isinstance(error, KeyError) else None
    if found is None:
        return None
    name, registry = found.groups()
    return (
        f"the config asks for type='{name}', which the registry '{registry}' does not have. Check the spelling, and that "
        "custom_imports names the package that defines it."
    )
