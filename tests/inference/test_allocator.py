"""Memory that a process keeps."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from rs_da_mm.inference import allocator

COUNT = """
import resource, runpy, sys

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        kept = [bytearray(24 << 20) for _ in range(4)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

keep = runpy.run_path(sys.argv[1])["keep_freed_memory"]
before = faults()
assert keep() is True
faults()
print(before, faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is another")
def test_freed_memory_is_not_asked_for_again():
    done = subprocess.run([sys.executable, "-c", COUNT, Path(allocator.__file__)], check=True, capture_output=True, text=True)
    before, after = map(int, done.stdout.split())
    assert after < before / 10


def test_other_systems_are_left_alone(monkeypatch):
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    monkeypatch.setattr(allocator.ctypes, "CDLL", None)
    assert allocator.keep_freed_memory() is False
