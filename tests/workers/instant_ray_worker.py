"""A worker on a Ray cluster that trains nothing; Ray imports this module in the worker's process."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from tcn_search.trial_status import TrialStatus
from tcn_search.workers.ray_worker import RayWorker
from tcn_search.workers.trial import EpochReport, TrialJob, TrialOutcome
from tests.study.synthetic import loss_of

EPOCH_SECONDS = 0.02
HANGS = "hangs"  # as the contender of a job


class InstantWorker(RayWorker):
    """A worker whose trials have the losses of `loss_of`, and report their process."""

    def prepare(self, versions: Mapping[str, str]) -> str:
        return ""

    def train(self, job: TrialJob) -> dict[str, Any]:
        if job.contender == HANGS:
            time.sleep(3600)
        curve: list[dict[str, Any]] = []
        status = TrialStatus.COMPLETE
        for epoch in range(1, job.settings.epochs + 1):
            time.sleep(EPOCH_SECONDS)
            loss = loss_of(job, epoch)
            curve.append({"val_loss": loss, "loss": 0.5, "seconds": EPOCH_SECONDS})
            report = EpochReport(
                number=job.number,
                epoch=epoch,
                best=loss,
                numbers={**curve[-1], "process": os.getpid()},
            )
            if not self.report(report):
                status = TrialStatus.PRUNED
                break
        outcome = TrialOutcome(
            number=job.number,
            status=status,
            score=loss,
            best_epoch=len(curve),
            curve=curve,
            parameters=100,
            seconds={"build": 0.0, "total": EPOCH_SECONDS * len(curve)},
        )
        return {"outcome": outcome.to_dict(), "model": None}
