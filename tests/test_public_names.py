"""Every name that `import tcn_search as ts` promises can be had."""

from __future__ import annotations

import pytest

import tcn_search


@pytest.mark.parametrize("name", tcn_search.__all__)
def test_public_name(name: str) -> None:
    assert callable(getattr(tcn_search, name))
    assert getattr(tcn_search, name).__doc__
