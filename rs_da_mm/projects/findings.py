"""What a look at somebody's files brings to light, told all together and not one by one."""

from __future__ import annotations

from dataclasses import dataclass, field

from rs_da_mm.errors import DatasetError


@dataclass
class Findings:
    """Problems, which must be solved first, and notes, which are only to be known.

    Attributes:
        problems: Each a sentence or two: what was found where, and what to do.
        notes: Likewise.
    """

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def require_none(self) -> None:
        """Stop where there is a problem.

        Raises:
            DatasetError: With all problems, numbered where there are several.
        """
        if not self.problems:
            return
        if len(self.problems) == 1:
            raise DatasetError(self.problems[0])
        listed = "\n".join(f"  {number}. {problem}" for number, problem in enumerate(self.problems, 1))
        raise DatasetError(f"{len(self.problems)} things stand in the way:\n{listed}")


def some(names: list[str], most: int = 3) -> str:
    """Spell a list of names, the first few of them."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
