"""Compare samplers, and ways to keep them to the feasible space.

    python benchmarks/samplers.py

Nothing is trained. The score is a smooth made-up function over the real search space, at a sequence
length where about half of the architectures are infeasible and at one where nearly all are. Each
sampler searches it in three ways: with infeasible architectures pruned ("prune"), with ranges that
follow the feasible space ("dynamic"), and with fixed ranges folded onto it ("static"). Regret is
the difference between the best score found and the optimum; the table has its mean over the seeds
and the standard error. The run takes some minutes; `--samplers tpe random --seeds 2` is quick.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import statistics
import warnings
from collections.abc import Callable
from pathlib import Path

import optuna

from tcn_search.planning.architecture import Architecture
from tcn_search.search.samplers import make_sampler
from tcn_search.space.constraints import Constraints, broken_limits
from tcn_search.space.dimensions import Range
from tcn_search.space.search_space import SearchSpace, TaskSpace

SPACE = SearchSpace(
    nb_filters=Range(8, 64),
    kernel_size=Range(2, 8),
    levels=Range(1, 10),
    nb_stacks=[1, 2, 3],
    padding="causal",
    norm=["none", "layer", "weight"],
    use_skip_connections=True,
    readout="last",
)
LENGTHS = (400, 16_384)
WAYS = ("prune", "dynamic", "static")
NEEDS = {"gp": "torch", "cmaes": "cmaes"}


def grouped_tpe(seed: int) -> optuna.samplers.BaseSampler:
    """Return TPE that models parameters with changing ranges jointly, at their latest range."""
    return optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True, constant_liar=True)


def univariate_tpe(seed: int) -> optuna.samplers.BaseSampler:
    """Return TPE that models each parameter on its own."""
    return optuna.samplers.TPESampler(seed=seed, multivariate=False, constant_liar=True)


SAMPLERS: dict[str, Callable[[int], optuna.samplers.BaseSampler]] = {
    **{
        name: (lambda seed, name=name: make_sampler(name, seed))
        for name in ("tpe", "gp", "cmaes", "random")
    },
    "tpe, grouped": grouped_tpe,
    "tpe, univariate": univariate_tpe,
}


def score(architecture: Architecture, settings: dict[str, float], fewest: int) -> float:
    """Return the made-up score; lower is better.

    It is 0 at kernel 5, one level more than suffices, 1 stack, 32 filters, layer norm, learning
    rate 2e-3 and dropout 0.1.
    """
    return (
        ((architecture.kernel_size - 5) / 4) ** 2
        + ((architecture.levels - min(fewest + 1, 10)) / 4) ** 2
        + 0.1 * (architecture.nb_stacks - 1)
        + math.log2(architecture.level_filters[0] / 32) ** 2 / 4
        + {"layer": 0.0, "weight": 0.05, "none": 0.15}[architecture.norm]
        + math.log10(settings["learning_rate"] / 2e-3) ** 2 / 2
        + ((settings["dropout_rate"] - 0.1) / 0.3) ** 2 / 4
    )


class Landscape:
    """The score over the space of one task, and its optimum."""

    def __init__(self, seq_len: int, way: str) -> None:
        constraints = Constraints(receptive_field="prune" if way == "prune" else "narrow")
        self.space: TaskSpace = SPACE.for_task(
            "regression", seq_len, 2, 1, constraints, static=way == "static"
        )
        geometry = self.space.geometry
        self.infeasible_share = 1 - len(geometry.feasible) / len(geometry.points)
        self.fewest: dict[tuple[int, int], int] = {}
        for point in geometry.feasible:
            chosen = dict(zip(geometry.names, point, strict=True))
            shape = (chosen["kernel_size"], chosen["nb_stacks"])
            self.fewest[shape] = min(self.fewest.get(shape, 99), chosen["levels"])
        best = {"learning_rate": 2e-3, "dropout_rate": 0.1}
        self.optimum = min(
            self.score(
                Architecture(32, kernel, tuple(2**i for i in range(levels)), stacks, norm="layer"),
                best,
            )
            for (kernel, stacks), fewest in self.fewest.items()
            for levels in range(fewest, 11)
        )

    def score(self, architecture: Architecture, settings: dict[str, float]) -> float:
        return score(
            architecture, settings, self.fewest[architecture.kernel_size, architecture.nb_stacks]
        )

    def search(self, sampler: optuna.samplers.BaseSampler, trials: int) -> tuple[float, float]:
        """Return the regret after a number of trials, and the share of infeasible ones."""
        study, best, wasted = optuna.create_study(sampler=sampler), math.inf, 0
        for _ in range(trials):
            trial = study.ask()
            architecture, settings = self.space.suggest(trial)
            violations = self.space.violations(architecture)
            for violation in violations:
                trial.set_constraint(violation.name, violation.excess)
            if broken_limits(violations):
                wasted += 1
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                continue
            value = self.score(architecture, settings)
            best = min(best, value)
            study.tell(trial, value)
        worst = 2.0  # the score of a study without a feasible trial
        return min(best, worst) - self.optimum, wasted / trials


def line(name: str, seq_len: int, way: str, seeds: int, trials: int) -> str:
    landscape = Landscape(seq_len, way)
    found = [landscape.search(SAMPLERS[name](seed), trials) for seed in range(seeds)]
    regrets, wasted = zip(*found, strict=True)
    error = statistics.stdev(regrets) / math.sqrt(seeds) if seeds > 1 else math.nan
    return (
        f"{seq_len:>5}  {landscape.infeasible_share:>8.0%}  {name:<15}  {way:<7}  "
        f"{statistics.fmean(wasted):>6.0%}  {statistics.fmean(regrets):>6.4f} ± {error:.4f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Compare samplers, and ways to keep them to the feasible space."
    )
    parser.add_argument("--samplers", nargs="+", choices=SAMPLERS, default=list(SAMPLERS))
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument(
        "--append", type=Path, metavar="FILE", help="append the table to this markdown file too"
    )
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    lines = [f"{'steps':>5} {'too short'}  {'sampler':<15} {'way':<7}  pruned  regret"]
    print(lines[0], flush=True)
    for seq_len in LENGTHS:
        for name in arguments.samplers:
            if name in NEEDS and importlib.util.find_spec(NEEDS[name]) is None:
                lines.append(f"{seq_len:>5}  {name}: left out, {NEEDS[name]} is not installed")
                print(lines[-1], flush=True)
                continue
            for way in WAYS:
                lines.append(line(name, seq_len, way, arguments.seeds, arguments.trials))
                print(lines[-1], flush=True)
    if arguments.append is not None:
        table = "\n".join(lines)
        with arguments.append.open("a") as opened:
            opened.write(
                "\n## Samplers and the feasible space\n\n"
                f"Written by `python benchmarks/samplers.py`: {arguments.seeds} seeds, "
                f"{arguments.trials} trials, nothing trained, Optuna {optuna.__version__}. "
                f"Regret: lower is better.\n\n```\n{table}\n```\n"
            )


if __name__ == "__main__":
    main()
