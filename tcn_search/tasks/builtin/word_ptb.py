"""The next word of the Penn Treebank.

As in Bai, Kolter, Koltun 2018, section 4.3 and appendix.
"""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tcn_search.arguments import positive_integer
from tcn_search.errors import InputError
from tcn_search.tasks.task import Task
from tcn_search.tasks.task_spec import TaskSpec
from tcn_search.tasks.training_data import SplitData

WINDOW = 80
SCORED = 40
CONTEXT_REASON = (
    f"each scored word follows at least {SCORED} that are given: windows of {WINDOW} words are "
    f"scored on their last {SCORED}"
)
END_OF_SENTENCE = "<eos>"
UNKNOWN = "<unk>"


def word_ptb(
    folder: str | Path, train_tokens: int | None = None, vocabulary: int | None = None
) -> Task:
    """Predict each next word of a text, judged by the perplexity: X (n, 80, 1), y (n, 40).

    The text may not be passed on, so nothing is downloaded: the user names a folder with
    ptb.train.txt, ptb.valid.txt and ptb.test.txt (or the same with .gz), one sentence a line. Each
    split is cut into windows of 80 words that begin every 40. A model predicts at the last 40 steps
    of a window, so each word, except the first 40 and the last few of a split, is predicted once,
    from at least 40 words. Loss and metrics are of these predictions only.

    Args:
        folder: folder of the three files.
        train_tokens: number of first words of the training text to use, if not all; for a small
            study.
        vocabulary: number of most frequent words of the training text, "<unk>" included, if not
            all; every other word becomes "<unk>". A perplexity holds for one vocabulary only.

    Raises:
        InputError: names the file or the argument.
    """
    files = [_find(Path(folder), split) for split in ("train", "valid", "test")]
    train, validation, test = (read_words(file) for file in files)
    if train_tokens is not None:
        train = train[: positive_integer("train_tokens", train_tokens)]
    words = _most_frequent(train, vocabulary)
    splits = [
        _windows(file, to_numbers(text, words))
        for file, text in zip(files, (train, validation, test), strict=True)
    ]
    spec = TaskSpec(
        name="word_ptb",
        kind="labelling",
        seq_len=WINDOW,
        input_channels=1,
        outputs=len(words),
        class_names=words,
        required_context=SCORED,
        context_reason=CONTEXT_REASON,
        scored_steps=SCORED,
        vocabulary=len(words),
    )
    return Task(
        spec=spec,
        train=splits[0],
        validation=splits[1],
        test=splits[2],
        inferred=f"the next of {len(words):,} words, {len(train):,} words to train on",
    )


def read_words(file: Path) -> list[str]:
    """Return the words of a text, with "<eos>" at the end of each line.

    Raises:
        InputError: names the file and the reason why it cannot be read.
    """
    opened = gzip.open if file.suffix == ".gz" else open
    try:
        with opened(file, "rt", encoding="utf-8") as lines:
            return [word for line in lines for word in (*line.split(), END_OF_SENTENCE)]
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise InputError(f"{file} cannot be read as text: {error}") from error


def read_new_text(file: Path, words: Sequence[str]) -> np.ndarray:
    """Return windows (n, 80, 1) of a text; the last ends with it, to predict how it goes on.

    Raises:
        InputError: no file, or a text that fills no window.
    """
    if not file.is_file():
        raise InputError(f"There is no file {file}.")
    numbers = to_numbers(read_words(file), words)
    if len(numbers) < WINDOW:
        raise InputError(f"{file} must have at least {WINDOW} words. Received: {len(numbers)}")
    starts = np.arange((len(numbers) - WINDOW) % SCORED, len(numbers) - WINDOW + 1, SCORED)
    return numbers[starts[:, None] + np.arange(WINDOW)][:, :, None].astype("float32")


def to_numbers(text: Sequence[str], words: Sequence[str]) -> np.ndarray:
    """Return each word's index in `words`, or that of "<unk>" for an unknown word."""
    numbers = {word: number for number, word in enumerate(words)}
    unknown = numbers[UNKNOWN]
    return np.array([numbers.get(word, unknown) for word in text], dtype="int32")


def _find(folder: Path, split: str) -> Path:
    for name in (f"ptb.{split}.txt", f"ptb.{split}.txt.gz"):
        if (folder / name).is_file():
            return folder / name
    raise InputError(
        f"There is no file {folder / f'ptb.{split}.txt'} (or .gz). word_ptb needs ptb.train.txt, "
        "ptb.valid.txt and ptb.test.txt, the Penn Treebank as prepared by Mikolov; the text may "
        "not be passed on with tcn_search."
    )


def _most_frequent(text: Sequence[str], vocabulary: int | None) -> tuple[str, ...]:
    """Return words by frequency, in alphabetical order where equally frequent."""
    counts = Counter(text)
    counts.setdefault(UNKNOWN, 0)
    words = sorted(counts, key=lambda word: (-counts[word], word))
    if vocabulary is None or positive_integer("vocabulary", vocabulary) >= len(words):
        return tuple(words)
    return (*[word for word in words if word != UNKNOWN][: vocabulary - 1], UNKNOWN)


def _windows(file: Path, numbers: np.ndarray) -> SplitData:
    """Return windows X (n, 80, 1) and y (n, 40), the words that follow each of the last 40."""
    if len(numbers) <= WINDOW:
        raise InputError(
            f"{file} must have more than {WINDOW} words to fill a window. Received: {len(numbers)}"
        )
    starts = np.arange(0, len(numbers) - WINDOW, SCORED)
    X = numbers[starts[:, None] + np.arange(WINDOW)]
    y = numbers[starts[:, None] + np.arange(WINDOW - SCORED + 1, WINDOW + 1)]
    return SplitData(X[:, :, None].astype("float32"), y)
