"""What a run was made with: the machine, the libraries, and the state of the code."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from rs_da_mm.raster import library_versions
from rs_da_mm.version import __version__

_PACKAGE = Path(__file__).resolve().parents[1]
_TIMEOUT = 5.0

# Each package under the name that people know, and the distributions that it comes in; the first that is installed counts.
_DISTRIBUTIONS = {
    "torchvision": ("torchvision",),
    "mmengine": ("mmengine", "onedl-mmengine", "mmengine-lite"),
    "mmcv": ("mmcv", "onedl-mmcv", "mmcv-lite"),
    "mmseg": ("mmsegmentation", "onedl-mmsegmentation"),
    "mmagic": ("mmagic",),
    "NumPy": ("numpy",),
    "OpenCV": ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless"),
    "safetensors": ("safetensors",),
}


def collect_environment() -> dict[str, str]:
    """Collect what a run depends on beside its config and data.

    Nothing in it names a user, a host or a folder.

    Returns:
        Text by name, in the order in which it reads well: this package, Python, the machine, and every library with its version
        (``'not installed'`` where it is not).
    """
    return {
        "rs_da_mm": __version__,
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "OS": platform.platform(),
        "CPU": f"{_cpu_model()}, {available_cores()} of {os.cpu_count() or '?'} cores, {torch.get_num_threads()} threads",
        **_gpus(),
        "torch": str(torch.__version__),
        **{name: _installed(candidates) for name, candidates in _DISTRIBUTIONS.items()},
        **library_versions(),
    }


def git_state(folder: str | Path | None = None) -> dict[str, str | bool] | None:
    """Find out which commit a folder's code is at.

    Args:
        folder: A folder inside a repository; this package's own when it is not given.

    Returns:
        ``commit`` (40 hexadecimal digits), ``branch`` (absent when none is checked out) and ``dirty``, whether files that git
        knows differ from the commit (absent when that took more than 5 s). ``None`` where there is no repository, no commit or no
        git, and for this package when it lies in a repository that is not its own.
    """
    place = _PACKAGE if folder is None else Path(folder)
    # A package installed into the environment of somebody's project lies in that project's repository, and is not part of it.
    if folder is None and _git(place, "ls-files", "--error-unmatch", "version.py") is None:
        return None
    commit = _git(place, "rev-parse", "--verify", "HEAD")
    if not commit:
        return None
    branch = _git(place, "symbolic-ref", "--short", "--quiet", "HEAD")
    # Only files that git knows: looking for others walks through data sets.
    changes = _git(place, "status", "--porcelain", "--untracked-files=no", "--ignore-submodules")
    return {
        "commit": commit,
        **({"branch": branch} if branch else {}),
        **({"dirty": bool(changes)} if changes is not None else {}),
    }


def git_states(config: str | Path | None = None) -> dict[str, dict[str, str | bool]]:
    """Find out which commits a run is made from.

    Args:
        config: The config's file. Its repository is the run's, or the current folder's where the file is in none.

    Returns:
        The states by name: ``rs_da_mm``, where it runs from its own repository; ``project``, where the config lies in another.
    """
    own = git_state()
    states = {} if own is None else {"rs_da_mm": own}
    own_root = None if own is None else _git(_PACKAGE, "rev-parse", "--show-toplevel")
    folders = [*([Path(config).absolute().parent] if config else []), Path.cwd()]
    for folder in folders:
        root = _git(folder, "rev-parse", "--show-toplevel") if folder.is_dir() else None
        if root is None:
            continue
        if root != own_root:
            project = git_state(folder)
            if project is not None:
                states["project"] = project
        break
    return states


def _git(folder: Path, *words: str) -> str | None:
    """Ask git, which writes nothing; ``None`` when it fails, for whatever reason."""
    command = ["git", "-C", str(folder), "--no-optional-locks", "-c", "core.fsmonitor=false", *words]
    # Under a git hook these variables name the hook's repository.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIMEOUT, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", errors="replace").strip() if done.returncode == 0 else None


def _installed(candidates: tuple[str, ...]) -> str:
    for distribution in candidates:
        try:
            found = version(distribution)
        except PackageNotFoundError:
            continue
        return found if distribution == candidates[0] else f"{found} ({distribution})"
    return "not installed"


def _gpus() -> dict[str, str]:
    """The GPUs, equal ones together, and what drives them."""
    if not torch.cuda.is_available():
        return {"GPU": "Apple's" if torch.backends.mps.is_available() else "none"}
    kinds: dict[str, int] = {}
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        kind = f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB, capability {properties.major}.{properties.minor}"
        kinds[kind] = kinds.get(kind, 0) + 1
    compiled = f"ROCm {torch.version.hip}" if torch.version.hip else str(torch.version.cuda)
    return {
        "GPU": "; ".join(f"{count} x {kind}" for kind, count in kinds.items()),
        "CUDA": compiled,
        "cuDNN": str(torch.backends.cudnn.version()),
    }


def available_cores() -> int:
    """Cores that this process may use; a container or a batch system may allow fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cpu_model() -> str:
    fallback = platform.processor() or platform.machine()
    if sys.platform == "darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT, check=True)
        except (OSError, subprocess.SubprocessError):
            return fallback
        return done.stdout.strip() or fallback
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return fallback
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), fallback)
