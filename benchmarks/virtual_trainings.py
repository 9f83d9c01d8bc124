"""Made-up trainings for benchmarks of the search: losses, and seconds by the cost model.

The trials that the suite has recorded are at most 33 for one dataset, too few to learn a dataset's
losses from. So the loss is made up: a function of the default space of a classification, with
interactions (the best learning rate depends on size and norm, the best dropout rate on size, the
best norm and receptive field on the readout), learning curves that begin slowly with a small
learning rate, and noise.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable

import numpy as np
import optuna
from training_cost import training_cost
from virtual_workers import Training

from tcn_search.planning.architecture import Architecture
from tcn_search.settings import TrainingSettings
from tcn_search.space.search_space import TaskSpace
from tcn_search.workers.trial import TrialJob

CHANNELS = 1
SEQ_LEN = 400
CLASSES = 3
# Two trainings of a good network differ by a tenth: see "The search, seq_mnist" in
# docs/benchmarks.md.
NOISE_OF_A_TRIAL = 0.1
NOISE_OF_AN_EPOCH = 0.02
_BEST = 0.2
_READOUT = {"average": 0.0, "max": 0.06, "last": 0.12}
_NORM = {"batch": 0.0, "layer": 0.05, "weight": 0.08, "none": 0.16}
_NORM_OF_LAST_STEP = {"batch": 0.12, "layer": 0.0, "weight": 0.04, "none": 0.16}


def final_loss(architecture: Architecture, settings: TrainingSettings) -> float:
    """Return the validation loss after all epochs, without noise.

    0.2 is the best, and the entropy of the classes the worst.
    """
    filters = architecture.level_filters[0]
    blocks = architecture.levels * architecture.nb_stacks
    size = filters * blocks
    is_last = architecture.readout == "last"
    off = abs(math.log10(settings.learning_rate / _best_learning_rate(architecture)))
    dropout_rate = min(0.3, max(0.0, 0.08 * math.log2(size / 64)))
    norms = _NORM_OF_LAST_STEP if is_last else _NORM
    steps = SEQ_LEN if is_last else 120
    gap = (
        0.5 * off**2
        + 0.04 * math.log2(size / 256) ** 2
        + 0.15 * ((settings.dropout_rate - dropout_rate) / 0.3) ** 2
        + 0.04 * math.log2(architecture.receptive_field / steps) ** 2
        + 0.08 * ((architecture.kernel_size - 5) / 4) ** 2
        + _READOUT[architecture.readout]
        + norms[architecture.norm]
    )
    if architecture.use_skip_connections:
        gap += 0.03
    else:
        gap += 0.02 * max(0, blocks - 6)
    if architecture.padding == "causal" and not is_last:
        gap += 0.03
    return _BEST + (math.log(CLASSES) - _BEST) * (1 - math.exp(-gap))


def _best_learning_rate(architecture: Architecture) -> float:
    """Return the best learning rate: smaller for large networks, and without a norm."""
    size = architecture.level_filters[0] * architecture.levels * architecture.nb_stacks
    rate = 3e-3 * math.sqrt(256 / size)
    if architecture.norm == "none":
        rate /= 3
    return rate


def losses_of(job: TrialJob) -> list[float]:
    """Return the validation loss after each epoch; the noise is drawn from the trial's seed."""
    generator = np.random.default_rng(job.seed)
    epochs = job.settings.epochs
    end = final_loss(job.architecture, job.settings)
    relative = job.settings.learning_rate / _best_learning_rate(job.architecture)
    pace = epochs / 8 * min(3.0, max(0.5, relative**-0.5))  # epochs in which a gap falls to 1 / e
    gaps = np.exp(-np.arange(1, epochs + 1) / pace)
    losses = end + (math.log(CLASSES) - end) * (gaps - gaps[-1])
    noise = generator.normal(0, NOISE_OF_A_TRIAL)
    noise = noise + generator.normal(0, NOISE_OF_AN_EPOCH, epochs)
    return [float(value) for value in losses * np.exp(noise)]


def trainings(space: TaskSpace, seconds: float) -> Callable[[TrialJob], Training]:
    """Return what gives the training of a job.

    A training of all epochs takes time in proportion to the cost model, and `seconds` on average
    over configurations drawn at random.
    """
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    drawn = [space.suggest(study.ask())[0] for _ in range(500)]
    mean = statistics.fmean(training_cost(each, CHANNELS, SEQ_LEN) for each in drawn)

    def train(job: TrialJob) -> Training:
        cost = training_cost(job.architecture, CHANNELS, SEQ_LEN)
        return Training(losses_of(job), seconds * cost / mean / job.settings.epochs)

    return train
