"""`tcn-search check`: exit codes, the verdict, and one line for bad input."""

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import pytest

from tcn_search import Architecture
from tcn_search.cli.main import main
from tcn_search.planning.cost import tcn_parameters

GOOD = ["check", "--seq-len", "600", "--kernel-size", "8", "--dilations", "1,2,4,8,16,32"]


def test_a_network_that_covers(capsys: pytest.CaptureFixture) -> None:
    assert main([*GOOD, "--filters", "24", "--channels", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Yes: it sees all 600 steps required (sequence length 600)")
    assert any(line.startswith("Multiply-adds") and "last step only" in line for line in lines)


def test_a_network_that_does_not_cover(capsys: pytest.CaptureFixture) -> None:
    assert main(["check", "--seq-len", "600", "--kernel-size", "8", "--dilations", "1,2,4,8"]) == 1
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith(
        "No: it sees 211 of the 600 steps required (sequence length 600). Add 2 levels"
    )


def test_every_option_reaches_the_report(capsys: pytest.CaptureFixture) -> None:
    options = ["--stacks", "2", "--padding", "same", "--norm", "layer", "--filters", "4,5,4,5,4,5"]
    assert main([*GOOD, *options, "--no-skip-connections", "--required-context", "100"]) == 0
    out = capsys.readouterr().out
    assert (
        "nb_filters=[4, 5, 4, 5, 4, 5], kernel_size=8, dilations=[1, 2, 4, 8, 16, 32], nb_stacks=2"
        in out
    )
    assert "padding='same', use_skip_connections=False, norm='layer'" in out
    assert "100 of a sequence length of 600" in out


TASK = ["check", "--kernel-size", "8", "--dilations", "1,2,4,8,16,32"]


def test_patches_are_named_where_the_steps_of_the_tcn_are_patches(
    capsys: pytest.CaptureFixture,
) -> None:
    options = "check --seq-len 336 --kernel-size 3 --dilations 1,2,4 --patch 16 --patch-stride 8"
    assert main(options.split()) == 1
    verdict = capsys.readouterr().out.partition("\n")[0]
    assert verdict == (
        "No: it sees 29 of the 41 patches required (sequence length 41 patches of 16 steps). Add "
        "one level (dilation 8), or kernel 4, or 2 stacks."
    )
    assert main([*options.split(), "--readout", "average"]) == 0
    assert capsys.readouterr().out.startswith("Yes: the output sees all 41 patches (sequence")
    assert main([*options.split()[:-1], "5"]) == 2
    assert "patch_stride must be a divisor of patch = 16. Received: 5" in capsys.readouterr().err
    for option, rule in (
        (["--patch", "337"], "patch must be at most the 336 steps of a sequence. Received: 337"),
        (["--readout", "sequence"], "patch must be 1 where every step has an output. Received: 16"),
    ):
        assert main([*options.split()[:-2], *option]) == 2
        assert rule in capsys.readouterr().err


def parameters(filters: int, channels: int) -> int:
    architecture = Architecture(nb_filters=filters, kernel_size=8, dilations=(1, 2, 4, 8, 16, 32))
    return tcn_parameters(architecture, channels)


def test_a_task_sets_the_required_context(
    capsys: pytest.CaptureFixture, tmp_path: Path, wave_file: Path
) -> None:
    assert main([*TASK, "--task", "copy_memory", "--seq-len", "520"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Yes: it sees all 511 steps required (sequence length 520)")
    assert out.splitlines()[-1] == (
        "copy_memory requires 511 steps: each symbol is asked for 510 steps after it was seen: a network that "
        "misses just that step is blind."
    )
    patches = ["--task", "copy_memory", "--seq-len", "520", "--readout", "last", "--patch", "2"]
    assert main([*TASK, *patches]) == 0
    assert "copy_memory requires 511 steps: " in capsys.readouterr().out
    adding = ["--task", "adding", "--seq-len", "20"]
    assert main([*TASK, *adding, "--readout", "last"]) == 0
    assert capsys.readouterr().out.endswith(
        "adding requires 20 steps: the marked numbers may stand anywhere in the sequence.\n"
    )
    for readout in ("max", "average", "flatten"):
        assert main([*TASK, *adding, "--readout", readout]) == 0
        assert "adding requires" not in capsys.readouterr().out
    assert main([*TASK, "--task", "adding"]) == 0
    assert f"{parameters(64, 2):,} (the TCN, its head apart)" in capsys.readouterr().out
    study = tmp_path / "own.toml"
    study.write_text(
        '[task]\nname = "copy_memory"\nseq_len = 520\n[constraints]\nrequired_context = 520\n'
    )
    main([*TASK, "--task", str(study)])
    assert "each symbol is asked for" not in capsys.readouterr().out
    study.write_text(f'[task]\nname = "{wave_file}"\n[constraints]\nrequired_context = 9\n')
    assert main([*TASK, "--task", str(study)]) == 0
    verdict, described, *_ = capsys.readouterr().out.splitlines()
    assert verdict.startswith("Yes: it sees all 9 steps required (sequence length 16)")
    assert described == (
        "waves: 60 sequences × 16 steps × 2 channels (32 training, 8 validation, 20 test); classification, 2 classes "
        "(from y_train: integers, shape (40,))"
    )


def test_the_data_of_a_task_is_read_from_a_directory(
    capsys: pytest.CaptureFixture, tmp_path: Path, wave_file: Path
) -> None:
    (tmp_path / "ucr").mkdir()
    (tmp_path / "ucr" / "GunPoint.npz").symlink_to(wave_file)
    (tmp_path / "own.toml").write_text('[task]\nname = "gunpoint"\n')
    for task in ("gunpoint", str(tmp_path / "own.toml")):
        assert main([*TASK, "--task", task, "--data-dir", str(tmp_path)]) == 0
        assert capsys.readouterr().out.startswith(
            "Yes: it sees all 16 steps required (sequence length 16)"
        )


def test_embedded_words_have_as_many_channels_as_the_network(
    capsys: pytest.CaptureFixture, tmp_path: Path
) -> None:
    for split in ("train", "valid", "test"):
        (tmp_path / f"ptb.{split}.txt").write_text("one two \n" * 40)
    (tmp_path / "words.toml").write_text('[task]\nname = "word_ptb"\nfolder = "."\n')
    assert main([*TASK, "--filters", "6", "--task", str(tmp_path / "words.toml")]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Yes: it sees all 40 steps required (sequence length 80)")
    assert f"{parameters(6, 6):,} (the TCN, its head apart)" in out
    assert out.rstrip().endswith("windows of 80 words are scored on their last 40.")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            [*GOOD, "--kernel-size", "0"],
            "kernel_size must be an integer of at least 1. Received: 0",
        ),
        ([*GOOD, "--dilations", ""], "dilations must be integers of at least 1 and commas"),
        (
            [*GOOD, "--dilations=-1,2"],
            "dilations must all be integers of at least 1. Received: [-1, 2]",
        ),
        ([*GOOD, "--seq-len", "0"], "seq_len must be an integer of at least 1. Received: 0"),
        (
            [*GOOD, "--padding", "full"],
            "padding must be one of 'causal', 'same', 'valid'. Received: 'full'",
        ),
        (
            [*GOOD, "--required-context", "601"],
            "required_context must be at most the sequence length, 600",
        ),
        ([*GOOD, "--layer", "tcn"], "--layer chooses a TCN of a saved model"),
        (GOOD[:3], "--kernel-size is missing; or give a saved model, MODEL.keras."),
        (["check", "--kernel-size", "3", "--dilations", "1"], "--seq-len is missing"),
        ([*GOOD, "--task", "seq_mnist"], "Task 'seq_mnist' has no option 'seq_len'. It has: "),
        (["check", "nowhere.keras", "--seq-len", "3"], "There is no file nowhere.keras."),
        (
            ["check", "some.keras", "--kernel-size", "3"],
            "some.keras defines the network's kernel_size itself",
        ),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    arguments: list[str], text: str, capsys: pytest.CaptureFixture
) -> None:
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"tcn-search check: {text}")
    assert printed.err.count("\n") == 1


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys\nfrom tcn_search.cli.main import main\n"
        f"main({GOOD!r})\n"
        "heavy = {'keras', 'tensorflow', 'numpy', 'pandas', 'matplotlib', 'optuna', 'pydantic', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.slow
def test_a_cold_start_takes_no_longer_than_eight_bare_ones() -> None:
    commands = {
        "bare": [sys.executable, "-c", "pass"],
        "check": [sys.executable, "-m", "tcn_search", *GOOD],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(9):
        for name, command in commands.items():
            started = time.perf_counter()
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
            seconds[name].append(time.perf_counter() - started)
    assert median(seconds["check"]) <= 8 * median(seconds["bare"])


def test_a_readout_that_pools_covers_any_sequence(
    capsys: pytest.CaptureFixture, tmp_path: Path, wave_file: Path
) -> None:
    short = ["check", "--seq-len", "600", "--kernel-size", "3", "--dilations", "1,2"]
    assert main(short) == 1
    assert main([*short, "--readout", "average"]) == 0
    assert "Yes: the output sees all 600 steps" in capsys.readouterr().out
    assert main([*short, "--readout", "average", "--required-context", "20"]) == 1
    capsys.readouterr()
    assert main([*short, "--readout", "flat"]) == 2
    assert "readout must be one of 'last'" in capsys.readouterr().err
    small = ["check", "--kernel-size", "2", "--dilations", "1", "--readout", "max", "--task"]
    study = tmp_path / "own.toml"
    for rule, code in (("auto", 0), ("seq_len", 1)):
        study.write_text(
            f'[task]\nname = "{wave_file}"\n[constraints]\nrequired_context = "{rule}"\n'
        )
        assert main([*small, str(study)]) == code
    assert main([*small, "copy_memory"]) == 0
