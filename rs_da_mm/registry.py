"""The registries of this package.

A class of ours is registered once, in mmengine's root registry, because ``Registry.get`` climbs from a child to the root: the
bare name then resolves under mmseg's, mmagic's and no default scope. The children made here hold nothing; they exist so that
``type='rs_da_mm.MACUNet'`` finds a scope of that name.
"""

from __future__ import annotations

from mmengine.registry import (
    DATA_SAMPLERS,
    DATASETS,
    EVALUATOR,
    HOOKS,
    LOG_PROCESSORS,
    LOOPS,
    METRICS,
    MODEL_WRAPPERS,
    MODELS,
    OPTIM_WRAPPER_CONSTRUCTORS,
    OPTIM_WRAPPERS,
    PARAM_SCHEDULERS,
    TASK_UTILS,
    TRANSFORMS,
    VISBACKENDS,
    VISUALIZERS,
    WEIGHT_INITIALIZERS,
    Registry,
)

__all__ = [
    "DATASETS",
    "DATA_SAMPLERS",
    "EVALUATOR",
    "HOOKS",
    "LOG_PROCESSORS",
    "LOOPS",
    "METRICS",
    "MODELS",
    "MODEL_WRAPPERS",
    "OPTIM_WRAPPERS",
    "OPTIM_WRAPPER_CONSTRUCTORS",
    "PARAM_SCHEDULERS",
    "ROOTS",
    "SCOPE",
    "TASK_UTILS",
    "TRANSFORMS",
    "VISBACKENDS",
    "VISUALIZERS",
    "WEIGHT_INITIALIZERS",
]

SCOPE = "rs_da_mm"

ROOTS: tuple[Registry, ...] = (
    DATASETS,
    DATA_SAMPLERS,
    EVALUATOR,
    HOOKS,
    LOG_PROCESSORS,
    LOOPS,
    METRICS,
    MODELS,
    MODEL_WRAPPERS,
    OPTIM_WRAPPERS,
    OPTIM_WRAPPER_CONSTRUCTORS,
    PARAM_SCHEDULERS,
    TASK_UTILS,
    TRANSFORMS,
    VISBACKENDS,
    VISUALIZERS,
    WEIGHT_INITIALIZERS,
)
"""Every root registry that this package registers in or resolves names through."""

# A location that is not empty keeps mmengine from looking for `rs_da_mm.utils.register_all_modules`.
_CHILDREN = tuple(Registry(root.name, parent=root, scope=SCOPE, locations=["rs_da_mm"]) for root in ROOTS)
