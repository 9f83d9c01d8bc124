"""Samplers: policies that propose the next trial, one function each.

A "dynamic" sampler follows ranges that change from trial to trial, and sees the feasible space as
it is. The others would drop every parameter with such a range from their model, so they see a
"static" space: fixed ranges, folded onto the feasible space.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import warnings
from collections.abc import Callable

import optuna

from tcn_search.arguments import received
from tcn_search.errors import InputError
from tcn_search.search.cma_es import CmaEs

Sampler = optuna.samplers.BaseSampler


def tpe(seed: int) -> Sampler:
    """Tree-structured Parzen estimator over all parameters jointly.

    It keeps away from the parameters of running trials.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True)


def gp(seed: int) -> Sampler:
    """Gaussian process. It learns from complete trials only."""
    _require("gp", "torch")
    return optuna.samplers.GPSampler(seed=seed, warn_independent_sampling=False)


def cmaes(seed: int) -> Sampler:
    """Covariance matrix adaptation; categorical choices are drawn at random."""
    _require("cmaes", "cmaes")
    # Optuna would warn at every trial; the constraints are stored for people who read the trials.
    warnings.filterwarnings(
        "ignore", message="Constraints have been set, but CmaEsSampler will not use them"
    )
    return CmaEs(seed=seed, warn_independent_sampling=False)


def random(seed: int) -> Sampler:
    """Draw every value with the same probability."""
    return optuna.samplers.RandomSampler(seed=seed)


_SAMPLERS: dict[str, Callable[[int], Sampler]] = {
    "tpe": tpe,
    "gp": gp,
    "cmaes": cmaes,
    "random": random,
    "grid": random,  # the grid's points are enqueued, see grid.py; nothing is left to draw
}
SAMPLERS = tuple(_SAMPLERS)
KERAS_TUNER = tuple(f"keras-tuner:{kind}" for kind in ("random", "bayesian", "hyperband"))
_BY_PATH = {"optuna.samplers.GPSampler": "gp", "optuna.samplers.CmaEsSampler": "cmaes"}
_DYNAMIC = ("tpe", "random", "grid")
_ONE_OBJECTIVE = ("cmaes", *KERAS_TUNER)


def make_sampler(name: str, seed: int) -> Sampler:
    """Make the sampler of that name, or of the class at that dotted path.

    Raises:
        InputError: a package is missing, there is no sampler at the path, or it cannot be used.
    """
    name = _BY_PATH.get(name, name)
    if name in KERAS_TUNER:
        return random(seed)  # KerasTuner's trials are enqueued, nothing is left to draw
    if name in _SAMPLERS:
        return _SAMPLERS[name](seed)
    found = _at_path(name)
    takes_seed = "seed" in inspect.signature(found).parameters
    try:
        return found(**({"seed": seed} if takes_seed else {}))
    except ImportError as error:
        raise InputError(f"sampler {name!r} needs a package that is missing: {error}") from error
    except Exception as error:  # a user's class may raise anything
        raise InputError(f"sampler {name!r} cannot be made with a seed alone: {error}") from error


def check_sampler(name: object, objectives: int) -> None:
    """Raise an InputError if no sampler has this name, or it takes fewer objectives."""
    if not isinstance(name, str) or (
        name not in (*_SAMPLERS, *KERAS_TUNER) and not _is_dotted(name)
    ):
        raise InputError(
            f"sampler must be one of {', '.join((*SAMPLERS, *KERAS_TUNER))}, or a dotted path "
            f'such as "optuna.samplers.QMCSampler". Received: {received(name)}'
        )
    if _BY_PATH.get(name, name) in _ONE_OBJECTIVE and objectives > 1:
        raise InputError(f'sampler "{name}" takes one objective. Received: {objectives}')


def is_dynamic(name: str) -> bool:
    """Return whether the sampler follows ranges that change from trial to trial."""
    return name in _DYNAMIC


def _is_dotted(name: str) -> bool:
    return "." in name and all(part.isidentifier() for part in name.split("."))


def _at_path(name: str) -> type[Sampler]:
    if not _is_dotted(name):
        raise InputError(
            'sampler must be a dotted path such as "optuna.samplers.QMCSampler". '
            f"Received: {received(name)}"
        )
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), attribute, None)
    except (Exception, SystemExit) as error:  # a user's module may run anything on import
        raise InputError(f"sampler {name!r} cannot be imported: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Sampler)):
        raise InputError(
            "sampler must be the path of a class derived from optuna.samplers.BaseSampler. "
            f"Received: {name!r}"
        )
    if issubclass(found, optuna.samplers.BruteForceSampler):
        raise InputError(
            f'sampler {name!r} cannot run a study. Use "grid": every feasible point once.'
        )
    if issubclass(found, optuna.samplers.CmaEsSampler) and not issubclass(found, CmaEs):
        raise InputError(f'sampler {name!r} would unpickle what is in the storage. Use "cmaes".')
    return found


def _require(sampler: str, package: str) -> None:
    """Raise an InputError if the package of a sampler's extra is missing."""
    if _is_missing(package):
        raise InputError(
            f"sampler \"{sampler}\" needs {package}: pip install 'tcn-search[{sampler}]'"
        )


def _is_missing(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is None
    except ValueError:  # a module of this name was imported, but is no package
        return True
