"""The shipped tables are what they say they are, bit for bit."""

from __future__ import annotations

import re

import numpy as np
import pytest
from sklearn import datasets

from numerics.shipped import SHIPPED, read_shipped
from numerics.tables import load_table

_PEERS = {
    "breast-cancer": datasets.load_breast_cancer,
    "wine": datasets.load_wine,
    "digits": datasets.load_digits,
}


@pytest.mark.parametrize("name", _PEERS)
def test_equal_to_scikit_learn_bit_for_bit(name: str) -> None:
    peer = _PEERS[name]()
    sheet = read_shipped(name, lambda names: names)
    assert sheet.columns == tuple(map(str, peer.feature_names))
    assert sheet.values.shape == peer.data.shape == (SHIPPED[name].rows, SHIPPED[name].columns)
    assert np.ascontiguousarray(sheet.values).tobytes() == np.ascontiguousarray(peer.data).tobytes()


def test_every_table_has_its_origin_and_the_default_comes_first() -> None:
    assert set(SHIPPED) == set(_PEERS)
    assert next(iter(SHIPPED)) == "breast-cancer"
    for origin in SHIPPED.values():
        assert re.fullmatch(r"10\.24432/C5\w+", origin.doi)
        assert origin.licence == "CC BY 4.0"
        assert origin.doi in origin.citation and origin.title in origin.citation
        assert origin.changes


@pytest.mark.parametrize(("name", "shape"), [("breast-cancer", (569, 30)), ("wine", (178, 13)), ("digits", (1797, 61))])
def test_loading_gives_varying_columns_with_licence_and_source(name: str, shape: tuple[int, int]) -> None:
    table = load_table(name)
    assert table.shape == shape
    assert (table.name, table.source, table.licence) == (name, SHIPPED[name].citation, SHIPPED[name].licence)
    table.require_varying()


def test_digits_say_which_pixels_are_blank() -> None:
    table = load_table("digits")
    assert table.notes == ("dropped 3 constant columns: pixel_0_0, pixel_4_0, pixel_4_7",)
    everything = read_shipped("digits", lambda names: names)
    assert set(everything.columns) - set(table.columns) == {"pixel_0_0", "pixel_4_0", "pixel_4_7"}
    np.testing.assert_array_equal(table.values, everything.values[:, np.ptp(everything.values, axis=0) > 0])
