"""The same seed gives the same study, with real trainings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tcn_search import Range, SearchSpace, Study, Task, TrainingSettings
from tcn_search.workers.executor import InProcessExecutor
from tests.conftest import waves

TASK = Task.from_arrays(*waves(24))
SPACE = SearchSpace(
    nb_filters=[4, 8], kernel_size=9, levels=Range(1, 2), nb_stacks=1, padding="causal"
)


def test_the_same_seed_gives_the_same_parameters_states_and_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    frames = []
    for name in ("one", "two"):
        study = Study(name, TASK, SPACE, training=TrainingSettings(epochs=2, batch_size=8))
        study.run(
            3, executor=InProcessExecutor(study.training_data), on_progress=lambda progress: None
        )
        frames.append(study.trials())
    asked = [
        column
        for column in frames[0]
        if not column.startswith(("seconds", "outside", "started", "completed", "score"))
    ]
    pd.testing.assert_frame_equal(frames[0][asked], frames[1][asked])
    np.testing.assert_allclose(frames[0]["score"], frames[1]["score"], rtol=1e-6)
