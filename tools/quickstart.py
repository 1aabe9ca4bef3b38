"""From a fresh clone to a trained land-cover model: `python tools/quickstart.py`.

Sets up the environment if need be, makes a miniature of the GID data set (synthetic, in GID's own layout), trains MACU-Net on it
with a short schedule, and shows what came out. Nothing that it prints is a result on the real GID, and the schedule is not the
paper's: the command that it runs is shown, with every setting that it changes.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import time
from pathlib import Path

import _setup_env

ROOT = _setup_env.ROOT
CONFIG = "configs/macunet_gid.py"
DATA = "data/GID/Large-scale Classification_5classes"
NOTE = "SAMPLE_DATA.txt"
SCORES = ("OA", "AA", "Kappa", "mIoU", "FWIoU", "mF1")


def parse_arguments(words: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    _setup_env.add_arguments(parser)
    parser.add_argument("--size", choices=("small", "default"), default="default", help="size of the miniature")
    parser.add_argument("--work-dir", default="work_dirs/quickstart", help="where checkpoints, log and pictures go")
    parser.add_argument("--max-epochs", type=int, default=6, help="epochs of the short schedule (default: 6)")
    return parser.parse_args(words)


def short_schedule(max_epochs: int) -> list[str]:
    """The settings that make a training of minutes out of the config's: fewer and shorter epochs, smaller batches."""
    return [
        f"train_cfg.max_epochs={max_epochs}",
        "train_dataloader.sampler.draws=1",
        "train_dataloader.batch_size=8",
        "default_hooks.logger.interval=5",
    ]


def training_command(work_dir: str, options: list[str]) -> list[str]:
    """What trains, without the Python in front."""
    return ["tools/train.py", CONFIG, "--work-dir", work_dir, "--cfg-options", *options]


def best_checkpoint(work_dir: Path, since: float) -> Path:
    """The checkpoint of the best validation that was written since then."""
    found = [path for path in work_dir.glob("best_*.pth") if path.stat().st_mtime >= since]
    return max(found, key=lambda path: path.stat().st_mtime)


def run(python: str, command: list[str]) -> None:
    """Run one of the project's tools, with its output as it comes; leave with its status when it fails."""
    status = subprocess.run([python, *command], cwd=ROOT, check=False).returncode
    if status != 0:
        print(f"\nStopped: `python {shlex.join(command)}` ended with status {status}; the reason is above.", file=sys.stderr)
        sys.exit(status)


def make_miniature(python: str, size: str) -> None:
    """Make the miniature where there is no data; what lies there already stays as it is."""
    root = ROOT / DATA
    if not root.exists():
        run(python, ["tools/make_sample_data.py", "gid", "--root", "data", "--size", size])
    elif (root / NOTE).is_file():
        print(f"{DATA}: a miniature is there already and is used as it is.")
    else:
        print(
            f"Stopped: {DATA} holds data that is not a miniature, and the quickstart is for the miniature only. To train on it: "
            f"python tools/train.py {CONFIG}",
            file=sys.stderr,
        )
        sys.exit(1)


def last_scores(scalars: Path) -> str:
    """Read the scores of the last evaluation from the file of numbers that every training writes, a JSON object per line."""
    rows = [json.loads(line) for line in scalars.read_text(encoding="utf-8").splitlines()]
    scores: dict[str, float] = next((row for row in reversed(rows) if "mIoU" in row), {})
    return "  ".join(f"{name} {scores[name]:.2f}" for name in SCORES if name in scores)


def show_results(work_dir: Path, since: float) -> None:
    """List what the training left: checkpoints, log, scores and pictures.

    Args:
        work_dir: Where it went.
        since: When the training began; older files belong to an earlier run.
    """
    new = [path for path in work_dir.rglob("*") if path.is_file() and path.stat().st_mtime >= since]
    for title, pattern in (("Checkpoints", "*.pth"), ("Log", "*.log"), ("Pictures: image, label, prediction", "*.png")):
        print(f"\n{title}:")
        for path in sorted(path for path in new if path.match(pattern))[-6:]:
            print(f"  {path}")
    for scalars in (path for path in new if path.name == "scalars.json"):
        print(f"\nLast validation, percent, on the miniature (the evaluation is the table above):\n  {last_scores(scalars)}")


def main() -> None:
    """Set up, make the miniature, train, and show."""
    arguments = parse_arguments()
    start = time.monotonic()
    python = str(_setup_env.prepare(arguments))
    print("\n== The miniature: synthetic scenes in GID's layout. No score on it says anything about GID.", flush=True)
    make_miniature(python, arguments.size)
    command = training_command(arguments.work_dir, short_schedule(arguments.max_epochs))
    print("\n== The training: a schedule of minutes, made by these --cfg-options. It is not the paper's, nor the config's own.")
    print(f"   python {shlex.join(command)}\n", flush=True)
    began = time.time() - 1  # file systems keep coarser times than the clock
    run(python, command)
    best = best_checkpoint(ROOT / arguments.work_dir, began)
    print("\n== The evaluation, on windows that neither training nor the choice of the checkpoint has seen.")
    command = ["tools/test.py", CONFIG, str(best), "--work-dir", arguments.work_dir]
    print(f"   python {shlex.join(command)}\n", flush=True)
    run(python, command)
    show_results(ROOT / arguments.work_dir, began)
    minutes = (time.monotonic() - start) / 60
    print(f"\nDone after {minutes:.1f} minutes. The scores are those of a miniature and a short schedule.")
    print(f"With the real data set in {DATA}, the config's own schedule is: python tools/train.py {CONFIG}")


if __name__ == "__main__":
    main()
