"""Study files: every key has a default, and every mistake is an error that names the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from tcn_search import FinalSettings, Range, SearchSpace
from tcn_search.errors import InputError
from tcn_search.study.study_file import parse_change, read_study_file, seconds


def write(folder: Path, text: str) -> Path:
    file = folder / "mine.toml"
    file.write_text(text)
    return file


def test_only_the_task_is_needed(tmp_path: Path) -> None:
    study = read_study_file(write(tmp_path, '[task]\nname = "adding"\n'))
    assert (study.name, study.task_name, study.trials) == ("mine", "adding", 50)
    assert study.space == SearchSpace()
    assert study.search.objective == "val_loss"
    assert study.training == {}


def test_every_key_is_read(tmp_path: Path) -> None:
    study = read_study_file(
        write(
            tmp_path,
            """
            name = "all"
            [task]
            name = "adding"
            seq_len = 60
            [space]
            nb_filters = [8]
            kernel_size = { low = 2, high = 4 }
            dilations = [[1, 2, 4, 8], [1, 3, 9]]
            learning_rate = { low = 1e-4, high = 1e-2, log = true }
            [constraints]
            required_context = 30
            receptive_field = "prune"
            max_params = 200_000
            allow_blind_spots = true
            [training]
            epochs = 3
            batch_size = 8
            patience = 2
            [final]
            epochs = 9
            seeds = 2
            [search]
            trials = 7
            sampler = "random"
            pruner = "none"
            objectives = ["val_mae"]
            seed = 4
            """,
        )
    )
    assert (study.name, study.task_options, study.trials) == ("all", {"seq_len": 60}, 7)
    assert study.space.kernel_size == Range(2, 4)
    assert study.space.dilations == ((1, 2, 4, 8), (1, 3, 9))
    assert study.space.learning_rate == Range(1e-4, 1e-2, log=True)
    assert study.constraints.to_dict() == {
        "required_context": 30,
        "receptive_field": "prune",
        "max_params": 200_000,
        "allow_blind_spots": True,
    }
    assert study.training == {"epochs": 3, "batch_size": 8, "patience": 2}
    assert (study.search.sampler, study.search.pruner, study.search.objective) == (
        "random",
        "none",
        "val_mae",
    )
    assert study.search.seed == 4
    assert study.final == {"epochs": 9, "seeds": 2}
    assert study.final_settings() == FinalSettings(epochs=9, seeds=2)


def test_final_epochs_may_have_the_name_of_earlier_versions(tmp_path: Path) -> None:
    task = "[task]\nname = 'adding'\n"
    former = write(tmp_path, f"{task}[training]\nfinal_epochs = 9\n")
    assert read_study_file(former).final == {"epochs": 9}
    change = {"training.final_epochs": 5}
    assert read_study_file(former, change).final == {"epochs": 5}
    present = write(tmp_path, f"{task}[final]\nepochs = 9\n")
    assert read_study_file(present, change).final == {"epochs": 5}


def test_paths_of_data_are_relative_to_the_study_file(tmp_path: Path) -> None:
    study = read_study_file(write(tmp_path, '[task]\nname = "data/own.npz"\n'))
    assert study.task_name == str(tmp_path / "data/own.npz")


def test_a_data_file_is_a_study_with_every_default() -> None:
    study = read_study_file("some/where/gun.npz", {"search.trials": 3})
    assert (study.name, study.task_name, study.trials) == ("gun", "some/where/gun.npz", 3)


def test_changes_take_the_place_of_values_in_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, '[task]\nname = "adding"\n[training]\nepochs = 3\n')
    changes = dict(
        map(
            parse_change,
            ["training.epochs=5", "task.seq_len=40", "name=other", "space.norm=['none']"],
        )
    )
    study = read_study_file(file, changes)
    assert (study.training["epochs"], study.task_options, study.name, study.space.norm) == (
        5,
        {"seq_len": 40},
        "other",
        ("none",),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[task]\nname = 'adding'\n[training]\nfinal_epochs = 3\n[final]\nepochs = 4", "The epochs of final trainings must be given as [final] epochs or, as in earlier versions, as [training] final_epochs, not both. Received: 4 and 3"),
        ("[task]\nname = 'adding'\n[training]\nfinal_epochs = 0", "[final] epochs must be an integer of at least 1. Received: 0"),
        ("[task]\nname = 'adding'\n[space]\nkernel_sizes = [3]", "Unknown key 'space.kernel_sizes'. Did you mean 'space.kernel_size'?"),
        ("[task]\nname = 'adding'\n[training]\nlerning_rate = 1", "Unknown key 'training.lerning_rate'. Did you mean 'training.learning_rate'?"),
        ("[task]\nname = 'adding'\n[serch]\ntrials = 1", "Unknown key 'serch'. Did you mean 'search'?"),
        ("[task]\nname = 'adding'\n[search]\nzzzz = 1", "Unknown key 'search.zzzz'. Known here: trials, trial_timeout, sampler, pruner, objectives, seed, patience, warm_start, folds, "),
        ("[search]\ntrials = 1", "task is missing"),
        ("[task]\nseq_len = 1", "task.name is missing"),
        ("task = 'adding'", "task must be a section, [task]. Received: 'adding'"),
        ("[task]\nname = 'adding'\n[search]\ntrials = 0", "search.trials: Input should be greater than or equal to 1. Received: 0"),
        ("[task]\nname = 'adding'\n[training]\nepochs = 'ten'", "training.epochs: Input should be a valid integer. Received: 'ten'"),
        ("[task]\nname = 'adding'\n[training]\nepochs = 0", "[training] epochs must be an integer of at least 1. Received: 0"),
        ("[task]\nname = 'adding'\n[space]\nkernel_size = { low = 8, high = 2 }", "[space] kernel_size: A range's low must not be above its high. Received: low = 8, high = 2"),
        ("[task]\nname = 'adding'\n[search]\nsampler = 'tep'", "sampler must be one of tpe, gp, cmaes, random, grid, keras-tuner:random, keras-tuner:bayesian, keras-tuner:hyperband, or a dotted path such as \"optuna.samplers.QMCSampler\". Received: 'tep'"),
        ("[task]\nname = 'adding'\n[search]\nobjectives = []", "objectives must be at least one name. Received: ()"),
        ("space = 3\n[task]\nname = 'adding'", "space must be a section, [space]. Received: 3"),
        ("[task\nname", "is not valid TOML"),
    ],
)  # fmt: skip
def test_mistakes_are_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        read_study_file(write(tmp_path, text))
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert "mine.toml" in str(error.value)


def test_mistakes_on_the_command_line_are_refused() -> None:
    with pytest.raises(InputError, match="There is no study file none.toml."):
        read_study_file("none.toml")
    with pytest.raises(
        InputError, match="--set must be key=value, such as search.trials=5. Received: 'trials'"
    ):
        parse_change("trials")
    with pytest.raises(InputError, match=r"--set task.name.x: 'name' is a value, not a section."):
        read_study_file("gun.npz", {"task.name.x": 1})


def test_the_study_file_in_the_docs_has_the_defaults(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "study-file.md").read_text()
    study = read_study_file(write(tmp_path, page.split("```toml\n")[1].split("```")[0]))
    assert study.name == "osuleaf"
    filled = SearchSpace().for_task("classification", 427, 1, 6).space
    assert study.space == filled  # the page shows the defaults
    default = read_study_file("some.npz")
    assert (study.constraints, study.search) == (default.constraints, default.search)
    assert study.trials == default.trials


def test_the_settings_of_the_tcn_paper_can_be_given(tmp_path: Path) -> None:
    copy_memory = read_study_file(
        write(
            tmp_path,
            """
            [task]
            name = "adding"
            [space]
            clip_norm = [0.5, 1.0]
            [training]
            optimizer = "rmsprop"
            learning_rate = 5e-4
            """,
        )
    )
    assert copy_memory.training == {"optimizer": "rmsprop", "learning_rate": 5e-4}
    assert copy_memory.space == SearchSpace(clip_norm=[0.5, 1.0], learning_rate=None)
    text = read_study_file(
        write(
            tmp_path,
            """
            [task]
            name = "adding"
            [space]
            learning_rate = [2, 4.0]
            [training]
            optimizer = "sgd"
            schedule = "plateau"
            clip_norm = 0.4
            dropout_rate = 0.5
            """,
        )
    )
    assert text.training == {
        "optimizer": "sgd",
        "schedule": "plateau",
        "clip_norm": 0.4,
        "dropout_rate": 0.5,
    }
    assert list(text.space.settings) == ["learning_rate"]


def test_a_setting_is_either_searched_or_fixed(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        '[task]\nname = "adding"\n[space]\nbatch_size = [8, 16]\n[training]\nbatch_size = 32\n',
    )
    with pytest.raises(InputError) as error:
        read_study_file(file)
    assert str(error.value) == (
        f"{file}: batch_size must be given in [space] or in [training]. Received: [8, 16] and 32"
    )


@pytest.mark.parametrize(
    ("text", "expected"), [("90", 90), ("90s", 90), ("30m", 1800), ("1.5h", 5400)]
)
def test_times_are_read(text: str, expected: float) -> None:
    assert seconds("--timeout", text) == expected


@pytest.mark.parametrize("text", ["", "0", "-3", "3d", "m"])
def test_bad_times_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="--timeout must be a time above 0"):
        seconds("--timeout", text)


def test_a_time_limit_of_trials_is_seconds_or_a_text(tmp_path: Path) -> None:
    base = '[task]\nname = "adding"\n[search]\ntrial_timeout = '
    assert read_study_file(write(tmp_path, base + "90")).trial_timeout == 90.0
    assert read_study_file(write(tmp_path, base + '"10m"')).trial_timeout == 600.0
    with pytest.raises(
        InputError,
        match="search.trial_timeout must be a time above 0 such as 90s, 30m or 2h. Received: 0",
    ):
        read_study_file(write(tmp_path, base + "0"))
