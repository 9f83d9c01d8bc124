"""The files of docs/deploy: they can be parsed, hold what each needs, and name options that exist."""

from __future__ import annotations

import argparse
import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tcn_search.cli.main import _parser

DOCS = Path(__file__).parents[1] / "docs"
DEPLOY = DOCS / "deploy"
PAGE = DOCS / "many-machines.md"
FILES = sorted(DEPLOY.iterdir())


def parsed(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text())


def commands(file: Path) -> list[str]:
    """Return the `tcn-search` commands of a file, each on one line."""
    text = file.read_text()
    if file.suffix == ".md":  # what is in its prose is no whole command
        blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        text = "".join(block for language, block in blocks if language == "")
    if file.suffix == ".yaml":
        entrypoint = str(parsed(file.name).get("spec", {}).get("entrypoint", ""))
        text = "".join(re.findall(r"^#(.*\n)", text, re.MULTILINE)) + entrypoint
    text = re.sub(r"\\\n\s*", "", text)
    found = re.findall(r"tcn-search [a-z]+\b[^\n&]*", text)
    return [command.rstrip('"') if command.count('"') % 2 else command for command in found]


COMMANDS = [(file.name, command) for file in [*FILES, PAGE] for command in commands(file)]


def options_of(command: str) -> set[str]:
    """Return the options of a `tcn-search` command."""
    subparsers = next(
        action
        for action in _parser(command)._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    return set(subparsers.choices[command]._option_string_actions)


def test_the_page_names_every_file() -> None:
    linked = set(re.findall(r"\]\(deploy/([\w.-]+)\)", PAGE.read_text()))
    assert linked == {file.name for file in FILES}


@pytest.mark.parametrize("name", ["ray-cluster.yaml", "slurm.sbatch", "rayjob.yaml"])
def test_every_cluster_file_runs_a_study_on_its_cluster(name: str) -> None:
    (command,) = (command for file, command in COMMANDS if file == name)
    words = shlex.split(command)
    assert words[1] == "run"
    assert words[3:7] == ["--executor", "ray", "--address", "auto"]
    assert words[7] == "--storage"
    assert "postgresql://" in (DEPLOY / name).read_text()


@pytest.mark.parametrize(("file", "command"), COMMANDS)
def test_commands_have_options_that_exist(file: str, command: str) -> None:
    program, name, *words = shlex.split(command)
    assert program == "tcn-search"
    used = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert used <= options_of(name), f"{file}: {command}"


def test_the_script_for_slurm_is_valid_for_bash() -> None:
    script = DEPLOY / "slurm.sbatch"
    subprocess.run(["bash", "-n", str(script)], check=True)
    lines = script.read_text().splitlines()
    assert lines[0] == "#!/bin/bash"
    options = [line.split()[1].partition("=")[0] for line in lines if line.startswith("#SBATCH ")]
    assert {"--nodes", "--ntasks-per-node", "--time", "--no-kill"} <= set(options)
    assert len(options) == len(set(options))
    first_command = next(n for n, line in enumerate(lines) if line and not line.startswith("#"))
    assert not any(line.startswith("#SBATCH") for line in lines[first_command:])


def test_the_cluster_of_ray_up_has_what_its_launcher_needs() -> None:
    cluster = parsed("ray-cluster.yaml")
    assert {"cluster_name", "provider", "auth", "available_node_types"} <= set(cluster)
    assert cluster["provider"]["type"] == "aws"
    types = cluster["available_node_types"]
    assert cluster["head_node_type"] in types
    for node in types.values():
        assert {"resources", "node_config"} <= set(node)
        assert "InstanceType" in node["node_config"]
    workers = sum(node.get("max_workers", 0) for node in types.values())
    assert workers == cluster["max_workers"]
    text = (DEPLOY / "ray-cluster.yaml").read_text()
    assert not re.search(r"\d{12}|arn:|ami-|AKIA", text), "names of an account"


def test_the_cluster_of_ray_up_fits_the_schema_of_ray() -> None:
    ray = pytest.importorskip("ray")
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((Path(ray.__file__).parent / "autoscaler/ray-schema.json").read_text())
    jsonschema.validate(parsed("ray-cluster.yaml"), schema)


def test_the_rayjob_has_what_kuberay_needs() -> None:
    job = parsed("rayjob.yaml")
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    cluster = job["spec"]["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    images = set()
    for group in groups:
        assert "rayStartParams" in group
        (container,) = group["template"]["spec"]["containers"]
        images.add(container["image"])
        assert container["resources"]["limits"] == container["resources"]["requests"]
    (image,) = images
    assert image.rpartition(":")[2] == cluster["rayVersion"]
    for group in cluster["workerGroupSpecs"]:
        assert group["groupName"]
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
    head = cluster["headGroupSpec"]["template"]["spec"]
    mounted = {mount["name"] for mount in head["containers"][0]["volumeMounts"]}
    assert mounted == {volume["name"] for volume in head["volumes"]}


def test_all_files_name_one_version_of_ray() -> None:
    versions = set()
    for file in [*FILES, PAGE]:
        versions |= set(
            re.findall(r"(?:rayproject/ray|tcn-search):(\d+\.\d+\.\d+)", file.read_text())
        )
    assert versions == {parsed("rayjob.yaml")["spec"]["rayClusterSpec"]["rayVersion"]}


def test_no_file_has_a_password() -> None:
    for file in [*FILES, PAGE]:
        assert not re.search(r"postgresql://[^@\s]*:[^@\s]*@", file.read_text()), file.name
    service = parsed("compose.yaml")["services"]["postgresql"]
    assert service["environment"]["POSTGRES_PASSWORD"] == "${POSTGRES_PASSWORD:?}"
