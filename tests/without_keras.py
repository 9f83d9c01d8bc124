"""The pytest plugin of `make test-fast`: skip every test that needs a tensor library.

No list of tests has to be kept. Importing a tensor library, by a test or by what it calls, skips
the test at that moment, or its module where the module does it, so no library is ever loaded.
"""

from __future__ import annotations

import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import pytest

TENSOR_LIBRARIES = ("keras", "tensorflow", "jax", "torch")


class _SkippingLoader(Loader):
    def exec_module(self, module: ModuleType) -> None:
        pytest.skip("needs a tensor library", allow_module_level=True)


class _TensorLibraryFinder(MetaPathFinder):
    """Find tensor libraries, so that asking whether one is installed skips nothing."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if fullname in TENSOR_LIBRARIES:
            return ModuleSpec(fullname, _SkippingLoader())
        return None


def pytest_configure() -> None:
    sys.meta_path.insert(0, _TensorLibraryFinder())
