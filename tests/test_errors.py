"""The one check of whole numbers."""

from __future__ import annotations

import numpy as np
import pytest

from attngs.errors import ConfigError, check_whole


def test_whole_numbers_of_any_library_pass() -> None:
    assert check_whole("k", 3) == 3
    assert check_whole("k", 0, 0) == 0
    number = check_whole("k", np.int64(7))
    assert (number, type(number)) == (7, int)


@pytest.mark.parametrize("value", [0, -1, True, 1.0, "1", None, np.float64(2)])
def test_anything_else_is_named_with_its_remedy(value: object) -> None:
    with pytest.raises(ConfigError, match=r"^`k` must be a whole number of at least 1, got .+\.$"):
        check_whole("k", value)
