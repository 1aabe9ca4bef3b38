"""The set-up step of tools/quickstart.py and tools/run_tests.py: one environment with everything in it.

Standard library only, and no syntax newer than Python 3.8, so that an old Python gets to say which one it should have been.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from _logged_run import Finished, Run, run_logged
from _stacks import STACKS, SetUpError, Stack, check_python, dotted, read_requirements

ROOT = Path(__file__).resolve().parent.parent
STAMP = "rs_da_mm-setup.json"
LOG = "rs_da_mm-setup.log"
ON_LINUX = sys.platform.startswith("linux")


def read_stamp(path: Path) -> dict[str, object]:
    """Read what an earlier set-up left; nothing where it left nothing that can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_stamp(path: Path, content: dict[str, object]) -> None:
    """Write the stamp whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(content) + "\n", encoding="utf-8")
    partial.replace(path)


def check_disk(folder: Path, need: float) -> None:
    """Refuse early when the disk cannot hold the environment, and beside it the downloads that pip keeps until the end.

    Raises:
        SetUpError: Naming the place, what is free and what is needed.
    """
    downloads = need * 0.45
    temporary = Path(tempfile.gettempdir())
    same_disk = folder.stat().st_dev == temporary.stat().st_dev
    for place, wanted in ((folder, need + same_disk * downloads), (temporary, downloads)):
        free = shutil.disk_usage(place).free / 2**30
        if free < wanted:
            raise SetUpError(
                f"{place} has {free:.1f} GiB free, and the set-up needs about {wanted:.1f} GiB there. Free some space, or use a "
                "larger disk: clone there for the environment, and set TMPDIR for the downloads."
            )


@dataclass
class SetUp:
    """Makes or completes one environment.

    Attributes:
        stack: What to install.
        here: Install into the Python that runs this, instead of into a folder of the clone.
        root: The clone.
        run: Runs a command; the tests put their own in.
    """

    stack: Stack
    here: bool = False
    root: Path = ROOT
    run: Run = run_logged

    @property
    def folder(self) -> Path:
        """The environment's folder."""
        return Path(sys.prefix) if self.here else self.root / self.stack.folder

    @property
    def python(self) -> Path:
        """The environment's Python, whether it is there yet or not."""
        if self.here:
            return Path(sys.executable)
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    @property
    def name(self) -> str:
        """What messages call the environment."""
        return f"the active one, {self.folder}," if self.here else self.stack.folder

    def prepare(self) -> Path:
        """Bring the environment up to date; when it is, that takes no time.

        Returns:
            The environment's Python.

        Raises:
            SetUpError: When Python, the disk, pip or the result is not as it must be.
        """
        start = time.monotonic()
        stamp = read_stamp(self.folder / STAMP)
        version = self.python_version(stamp)
        mark = self.fingerprint(version)
        if stamp.get("state") == "complete" and stamp.get("fingerprint") == mark and self.python.exists():
            print(f"Environment: {self.name} is up to date ({self.stack.name} stack, Python {dotted(version)}).", flush=True)
            return self.python
        self.check_owner(stamp)
        check_python(version, self.stack, None if self.here or stamp.get("state") != "complete" else self.folder)
        if not self.has_torch():
            check_disk(self.folder if self.folder.exists() else self.root, self.stack.disk if ON_LINUX else 4.0)
        self.announce(version, stamp)
        self.make_folder(stamp)
        self.install_packages()
        self.install_project()
        self.check_result()
        write_stamp(self.folder / STAMP, {"state": "complete", "made_here": self.is_ours(stamp), "fingerprint": mark})
        print(f"Environment: {self.name} is ready after {time.monotonic() - start:.0f} s; pip check is clean.", flush=True)
        return self.python

    def python_version(self, stamp: dict[str, object]) -> tuple[int, int]:
        """Major and minor version of the environment's Python, or of this one where this one is to make it."""
        configuration = self.folder / "pyvenv.cfg"
        if not self.here and stamp.get("state") == "complete" and configuration.is_file():
            for line in configuration.read_text(encoding="utf-8").splitlines():
                key, _, value = line.partition("=")
                if key.strip() in ("version", "version_info"):
                    major, minor = value.strip().split(".")[:2]
                    return int(major), int(minor)
        return sys.version_info[0], sys.version_info[1]

    def fingerprint(self, version: tuple[int, int]) -> str:
        """Sum up what the environment is made from, so that a change in any of it is noticed."""
        digest = hashlib.sha256(f"{self.stack.name} {dotted(version)} {self.root}".encode())
        for source in (self.stack.constraints, "setup.py"):
            digest.update((self.root / source).read_bytes())
        return digest.hexdigest()

    def has_torch(self) -> bool:
        """Whether torch, the bulk of it all, is installed already."""
        return any(self.folder.glob("[Ll]ib*/**/site-packages/torch/version.py"))

    def announce(self, version: tuple[int, int], stamp: dict[str, object]) -> None:
        """Say what is about to happen and how long it takes."""
        print(f"Environment: {self.name} gets the {self.stack.name} stack on Python {dotted(version)}:")
        print(f"  {self.stack.content},")
        print(f"  in the versions that {self.stack.constraints} gives, each with its reason there.")
        if ON_LINUX:
            print("  On Linux, PyTorch comes with the CUDA libraries, with a GPU or without: about 2.5 GB to download and")
            print(f"  {self.stack.disk} GB on disk, 2 minutes on a fast link, 10 minutes at 50 Mbit/s. This is done once.")
        else:
            print("  That is about 1 GB to download, a few minutes. This is done once.")
        if stamp.get("state") == "unfinished":
            print("  An earlier set-up did not get to its end here.")
        elif stamp.get("state") == "complete":
            print("  It was made for other versions than are asked for now: what differs is replaced.")
        print(f"  Everything that pip says is in {self.folder / LOG}.", flush=True)

    def is_ours(self, stamp: dict[str, object]) -> bool:
        """Whether this tool made the folder, or is about to; it removes and changes no other unless told to."""
        return stamp.get("made_here") is True or not self.here

    def check_owner(self, stamp: dict[str, object]) -> None:
        """Keep away from an environment that somebody made by other means.

        Raises:
            SetUpError: When the folder is there and this tool did not make it.
        """
        if not self.here and self.folder.exists() and stamp.get("made_here") is not True:
            raise SetUpError(
                f"{self.folder} was not made by this tool, which leaves it as it is. To install into it, run the same with its "
                f"own Python and --here: {self.python} {' '.join(sys.argv)} --here. Or move it away."
            )

    def make_folder(self, stamp: dict[str, object]) -> None:
        """Make the environment where it is missing, and make it anew where an interruption may have left it half-made."""
        if stamp.get("state") == "unfinished" and not self.here:
            shutil.rmtree(self.folder)
        new = not self.folder.exists()
        self.folder.mkdir(parents=True, exist_ok=True)
        write_stamp(self.folder / STAMP, {"state": "unfinished", "made_here": self.is_ours(stamp)})
        if new:
            self.must([sys.executable, "-m", "venv", "--prompt", f"rs_da_mm-{self.stack.name}", str(self.folder)])

    def install_packages(self) -> None:
        """Install every line of the constraints file."""
        pip = [str(self.python), "-m", "pip", "install", "--progress-bar", "off"]
        wanted = read_requirements(self.root / self.stack.constraints)
        for name in self.stack.built_afresh:
            self.must([*pip, "--no-cache-dir", "--no-deps", wanted[name]])
        self.must([*pip, "-r", self.stack.constraints])

    def install_project(self) -> None:
        """Make the clone importable in the environment: a path file there, and the metadata beside the sources.

        mim and mmengine find an installed package through pkg_resources, which does not see through pip's editable installs
        (it takes site-packages for the place), but does see this older kind.
        """
        self.must([str(self.python), "setup.py", "-q", "link_for_mim", "egg_info"])
        place = self.must([str(self.python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"])
        Path(place.output.splitlines()[-1]).joinpath("rs_da_mm.pth").write_text(f"{self.root}\n", encoding="utf-8")

    def check_result(self) -> None:
        """Hold the environment against its own requirements, and import the package from this clone."""
        self.must([str(self.python), "-m", "pip", "check"])
        question = "import pathlib, rs_da_mm; print(pathlib.Path(rs_da_mm.__file__).resolve().parent.parent)"
        found = self.must([str(self.python), "-I", "-c", question]).output.splitlines()[-1]
        if Path(found) != self.root:
            raise SetUpError(
                f"`import rs_da_mm` in {self.name} finds {found}, not this clone ({self.root}). Remove the other one first: "
                f"{self.python} -m pip uninstall rs_da_mm"
            )

    def must(self, command: list[str]) -> Finished:
        """Run a command that has to succeed."""
        finished = self.run(command, self.root, self.folder / LOG)
        if finished.status != 0:
            last = "\n".join("    " + line for line in finished.output.splitlines()[-20:])
            raise SetUpError(
                f"this command ended with status {finished.status}:\n  {' '.join(command)}\nIts last lines:\n{last}\n"
                f"All that it said is in {self.folder / LOG}. When the cause is gone, run the same again."
            )
        return finished


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that every command with a set-up step has."""
    parser.add_argument(
        "--stack",
        choices=tuple(STACKS),
        default="upstream",
        help="upstream (default): OpenMMLab's own releases and mmagic, in .venv; onedl: the OneDL forks, in .venv-onedl",
    )
    parser.add_argument("--here", action="store_true", help="install into the Python that runs this command, and use that")


def prepare(arguments: argparse.Namespace) -> Path:
    """Do the set-up step, or leave with a clear sentence.

    Returns:
        The Python to go on with.
    """
    try:
        return SetUp(STACKS[arguments.stack], here=arguments.here).prepare()
    except SetUpError as error:
        print(f"\nSet-up stopped: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print("\nSet-up interrupted; the next run begins where it is safe to.", file=sys.stderr)
        raise SystemExit(130) from None
