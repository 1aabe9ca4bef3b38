"""What ``tools/compare.py`` does: read the study, run what is missing, and make its tables, bars and panels."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from rs_da_mm.errors import InputError
from rs_da_mm.studies.bars import draw_bars
from rs_da_mm.studies.budget_report import budget_warnings, refuse_unequal
from rs_da_mm.studies.cells import check_metric_names
from rs_da_mm.studies.children import StopRequest
from rs_da_mm.studies.description import folder_name
from rs_da_mm.studies.execution import Execution, Options, Reporter
from rs_da_mm.studies.exports import study_markdown, write_tables
from rs_da_mm.studies.panel_figure import draw_panels
from rs_da_mm.studies.panel_windows import PanelWindows
from rs_da_mm.studies.plan import Job, Plan, make_plan, only
from rs_da_mm.studies.preparation import Preparation, Tools
from rs_da_mm.studies.reading import load_study
from rs_da_mm.studies.records import read_record
from rs_da_mm.studies.reporting import LineReporter, LiveReporter
from rs_da_mm.studies.requirements import check_configs
from rs_da_mm.studies.results import Results, collect_results, unmet_needs
from rs_da_mm.studies.stage_configs import StageConfigs

Needs = Mapping[tuple[str, str | None], tuple[str, ...]]


@dataclass(frozen=True)
class Request:
    """What is asked of a study.

    Attributes:
        study: The study file.
        work_dir: The folder of all studies.
        options: How jobs are run.
        only: Methods, groups and seeds to run, see :func:`~rs_da_mm.studies.plan.only`; all when empty.
        dry_run: Only say what would be run.
        table_only: Run nothing, make the tables of what is there.
    """

    study: Path
    work_dir: Path = Path("work_dirs") / "studies"
    options: Options = field(default_factory=Options)
    only: tuple[str, ...] = ()
    dry_run: bool = False
    table_only: bool = False


def compare(request: Request, tools: Tools, reporter: Reporter | None = None, stop: StopRequest | None = None) -> int:
    """Run a study and write ``table.md``, ``runs.csv``, ``study.json``, ``bars.png``, ``bars.svg`` and ``panels*.png``.

    Args:
        request: What is asked.
        tools: The commands that train and test.
        reporter: Is told what goes on; by default a live display in a terminal, and lines elsewhere.
        stop: Asks for a stop; by default Ctrl-C, SIGTERM and a closed terminal do.

    Returns:
        0 when everything is done; 1 when something failed, or somebody else is at it; 75 after a stop, 130 after Ctrl-C.

    Raises:
        StudyError: When the study, its configs, or what an earlier start has left, cannot be used.
    """
    study = load_study(request.study)
    plan = make_plan(study)
    configs = StageConfigs(study, plan)
    check_configs(configs)
    preparation = Preparation(configs, request.work_dir / study.name, tools)
    needs = unmet_needs(preparation)
    runnable = _without(only(plan, study, list(request.only)) if request.only else plan, needs)
    windows = PanelWindows(preparation, study.panels)
    if request.dry_run:
        print(describe_plan(preparation, runnable, needs))
        return 0
    status = 0
    if not request.table_only:
        with contextlib.ExitStack() as stack:
            stop = stop if stop is not None else stack.enter_context(StopRequest())
            if reporter is None:
                reporter = stack.enter_context(LiveReporter()) if sys.stdout.isatty() else LineReporter()
            for (method, group), words in needs.items():
                reporter.event(f"{', '.join(filter(None, [method, group]))}: needs {', '.join(words)}; passed over")
            status = Execution(preparation, runnable, request.options, stop, reporter, windows.indices).run()
    results = collect_results(preparation, plan, needs)
    refuse_unequal(results)
    paths = write_results(results, preparation, windows)
    check_metric_names(results)
    print(f"\n{study_markdown(results, preparation)}\n" + "\n".join(f"  {path}" for path in paths))
    for sentence in budget_warnings(results):
        print(f"Warning: {sentence}", file=sys.stderr)
    return status


def write_results(results: Results, preparation: Preparation, windows: PanelWindows) -> list[Path]:
    """Write everything that a study shows.

    Args:
        results: What there is.
        preparation: Knows the configs.
        windows: Reads the windows of the panels.

    Returns:
        The files.
    """
    folder = preparation.root
    paths = [*write_tables(results, preparation, folder), *draw_bars(results, folder)]
    if results.study.panels is not None:
        for group in results.study.group_names:
            paths += _write_panels(results, preparation, windows, group)
    return paths


def describe_plan(preparation: Preparation, plan: Plan, needs: Needs) -> str:
    """Say what would be run, in which order and how.

    Args:
        preparation: Knows what is there.
        plan: The jobs.
        needs: What is missing.

    Returns:
        A line per job, with the command line of those that can be prepared now.
    """
    lines = [f"{', '.join(filter(None, place))}: needs {', '.join(words)}; passed over" for place, words in needs.items()]
    pending: set[str] = set()
    for job in plan.jobs.values():
        if any(name in pending for name in job.after):
            pending.add(job.name)
            lines.append(f"{job.title}: after {', '.join(plan.jobs[name].title for name in job.after if name in pending)}")
            continue
        indices = _recorded_indices(preparation, job)
        prepared = preparation.prepare(job, indices)
        standing, differences = preparation.standing(prepared, read_record(prepared.folder))
        if standing != "done":
            pending.add(job.name)
        words = {
            "done": "done",
            "new": "to be run",
            "resume": "to be resumed",
            "again": "to be run again",
            "changed": f"was run with other settings ({differences}); needs --redo",
        }[standing]
        lines.append(f"{job.title}: {words}" + ("" if standing == "done" else f"\n    {shlex.join(prepared.words)}"))
    return "\n".join([*lines, f"{len(pending)} of {len(plan.jobs)} runs to be done"])


def _recorded_indices(preparation: Preparation, job: Job) -> list[int] | None:
    record = read_record(preparation.folder(job)) if job.kind == "panel" else None
    return None if record is None else list(record.identity.get("indices", []))


def _without(plan: Plan, needs: Needs) -> Plan:
    """Leave out the tests of methods that need what is not there, and whatever only they need."""
    kept: set[str] = set()
    for job in reversed(plan.jobs.values()):
        is_wanted = job.kind in ("test", "panel") and (job.method, job.group) not in needs
        if is_wanted or job.name in kept:
            kept.update((job.name, *job.after))
    return replace(plan, jobs={name: job for name, job in plan.jobs.items() if name in kept})


def _write_panels(results: Results, preparation: Preparation, windows: PanelWindows, group: str | None) -> list[Path]:
    jobs = [job for job in preparation.configs.plan.jobs.values() if job.kind == "panel" and job.group == group]
    try:
        shown, meta = windows.shown(jobs)
    except InputError as error:
        print(f"Warning: no panels{'' if group is None else f' of {group}'}: {error}", file=sys.stderr)
        return []
    methods = [job.method for job in jobs if any(job.method in window.predictions for window in shown)]
    if not shown or not methods:
        return []
    path = preparation.root / ("panels.png" if group is None else f"panels_{folder_name(group)}.png")
    found = results.study.group(group)
    title = results.study.title if found is None else f"{results.study.title}: {found.title}"
    seed = next((job.seed for job in jobs if job.seed is not None), None)
    said = f"test windows, evenly spread{'' if seed is None else f'; seed {seed}'}"
    if results.is_miniature(group):
        said += "; synthetic miniature, says nothing about the real data"
    draw_panels(shown, methods, meta, title, said, path)
    return [path]
