"""mmengine's storage on local disks, where a file appears whole or not at all."""

from __future__ import annotations

from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

from rs_da_mm.files import atomic_write_bytes

ATOMIC = "AtomicLocalBackend"


class AtomicLocalBackend(LocalBackend):
    """Writes under a temporary name, brings the file onto the disk, reads it back, and only then puts it in its place."""

    def put(self, obj: bytes | memoryview, filepath: str | Path) -> None:
        """Write a file.

        Raises:
            OSError: When that fails; a file already there is then as it was.
        """
        atomic_write_bytes(filepath, obj, check=True)

    def put_text(self, obj: str, filepath: str | Path, encoding: str = "utf-8") -> None:
        """Write a text file; see :meth:`put`."""
        self.put(obj.encode(encoding), filepath)


register_backend(ATOMIC, AtomicLocalBackend, force=True)
