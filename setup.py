"""What pip needs to know about rs_da_mm, and the files that mim looks for inside an installed package."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from setuptools import Command, find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent

# Base: what the package needs beside an OpenMMLab stack. Which stack is the user's choice, and pip cannot say "mmengine or
# onedl-mmengine" (both hold the package `mmengine`), so it is an extra; `import rs_da_mm` says so where there is none.
REQUIRES = [
    "numpy>=1.26",  # arrays of every raster and label
    "rasterio>=1.4",  # GeoTIFF in and out
    "safetensors>=0.4",  # weights that cannot hold code
    "torch>=2.6",  # the first that reads checkpoints through a list of harmless types; tested with 2.11
]

EXTRAS = {
    # OpenMMLab's own releases. Where full mmcv is installed, leave this extra out: mmcv-lite would be written over it.
    "upstream": [
        "mmengine>=0.10.4,<0.11",  # config, runner, hooks
        "mmcv-lite>=2.0.0,<2.2",  # mmsegmentation's image functions, without compiled operations
        "mmsegmentation>=1.2.2,<1.3",  # EncoderDecoder, heads, transforms
        "ftfy",  # imported by mmsegmentation, which does not ask for it
        "regex",  # as ftfy
        "numpy<2",  # mmcv-lite 2.1 was written for NumPy 1
        "opencv-python<4.12",  # later ones ask for NumPy 2
        "setuptools<81",  # mmengine 0.10 imports pkg_resources
    ],
    # mmagic's evaluators and visualizers, on top of `upstream`.
    "mmagic": [
        "mmagic==1.2.0",
        "diffusers==0.24.0",
        "transformers==4.36.2",
        "huggingface_hub<0.26",
        "albumentations<1.4",
        "pandas<3",
        "opencv-python-headless<4.12",
        "opencv-contrib-python<4.12",
    ],
    # The maintained OneDL forks, in place of `upstream`.
    "onedl": [
        "onedl-mmengine>=0.10.12,<0.11",
        "onedl-mmcv>=2.3.6,<2.4",
        "onedl-mmsegmentation>=1.4.2,<1.5",
    ],
    # Polygons, lines and points: maps as polygons, labels and references from vector files.
    "vectors": [
        "pyogrio>=0.11",
        "shapely>=2",
    ],
    # What the tests, benchmarks and checks use.
    "dev": [
        "hypothesis",
        "matplotlib",
        "mypy",
        "pyogrio",
        "pyproj",
        "pytest",
        "pytest-xdist",
        "ruff",
        "scikit-image",
        "scikit-learn",
        "scipy",
        "shapely",
        "timm",
        "xarray",
        "zarr",
    ],
}

MIM_FOLDER = Path("rs_da_mm", ".mim")
MIM_CONTENT = ("configs", "tools")
ONLY_IN_A_CLONE = ("quickstart.py", "run_tests.py", "_setup_env.py", "_stacks.py", "_logged_run.py", "benchmarks", "__pycache__")


def version() -> str:
    """Read the version without importing the package, which needs torch."""
    found = re.search(r'__version__ = "([^"]+)"', (ROOT / "rs_da_mm" / "version.py").read_text(encoding="utf-8"))
    if found is None:
        raise SystemExit('rs_da_mm/version.py holds no line __version__ = "…"')
    return found.group(1)


def long_description() -> str:
    """Read the README, where there is one: a partial copy of the sources builds as well."""
    readme = ROOT / "README.md"
    return readme.read_text(encoding="utf-8") if readme.is_file() else ""


def copy_for_mim(package_parent: Path) -> None:
    """Copy configs and tools to where mim and mmengine look for them: ``<package>/.mim``."""
    for name in MIM_CONTENT:
        target = package_parent / MIM_FOLDER / name
        if target.is_symlink():
            target.unlink()
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(ROOT / name, target, ignore=shutil.ignore_patterns(*ONLY_IN_A_CLONE))


class LinkForMim(Command):
    """Make ``rs_da_mm/.mim`` in the sources, so that mim finds the configs and tools of a development install."""

    description = "link configs and tools into rs_da_mm/.mim (copies where links are refused)"
    user_options: list[tuple[str, str, str]] = []  # noqa: RUF012  (setuptools asks for the attribute)

    def initialize_options(self) -> None:
        """There are no options."""

    def finalize_options(self) -> None:
        """There are no options."""

    def run(self) -> None:
        """Link, or copy where the system refuses links (Windows without developer mode)."""
        folder = ROOT / MIM_FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        try:
            for name in MIM_CONTENT:
                link = folder / name
                if link.is_symlink():
                    link.unlink()
                elif link.is_dir():
                    shutil.rmtree(link)
                link.symlink_to(Path("..", "..", name), target_is_directory=True)
        except OSError:
            copy_for_mim(ROOT)


class BuildWithMim(build_py):
    """Build the package with ``.mim`` inside: a copy in a wheel, links in the sources for an editable install."""

    def run(self) -> None:
        """Build as usual, then add what mim looks for."""
        super().run()
        if self.editable_mode:
            self.run_command("link_for_mim")
        else:
            copy_for_mim(Path(self.build_lib))


setup(
    name="rs_da_mm",
    version=version(),
    description="Remote-sensing segmentation and domain adaptation for the OpenMMLab ecosystem",
    long_description=long_description(),
    long_description_content_type="text/markdown",
    author="rs_da_mm contributors",
    license="Apache-2.0",
    keywords=["remote sensing", "semantic segmentation", "domain adaptation", "self-supervised learning", "OpenMMLab"],
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Science/Research",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: GIS",
        "Topic :: Scientific/Engineering :: Image Recognition",
    ],
    python_requires=">=3.10",
    packages=find_packages(include=["rs_da_mm", "rs_da_mm.*"]),
    package_data={"rs_da_mm": ["py.typed"]},
    include_package_data=False,
    install_requires=REQUIRES,
    extras_require=EXTRAS,
    cmdclass={"build_py": BuildWithMim, "link_for_mim": LinkForMim},
    zip_safe=False,
)
