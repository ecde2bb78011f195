"""Reports on disk: what is loaded is what was saved, and damage is refused."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from theory.errors import InputError
from verify import results
from verify.compare import verify_cascade
from verify.report import Report
from verify.results import load_report, save_report


@pytest.fixture(scope="module")
def report() -> Report:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(60, 4)) * [3.0, 2.0, 1.0, 0.01]
    found = verify_cascade(x, latents=5, temperatures=8, seeds=2, steps=200, standardize=False)
    return found.with_meta({"version": "0", "command": "test λ"})


def assert_same(a: object, b: object) -> None:
    """Equal types and bits, field by field."""
    assert type(a) is type(b)
    for field in dataclasses.fields(a):  # type: ignore[arg-type]
        one, two = getattr(a, field.name), getattr(b, field.name)
        if dataclasses.is_dataclass(one):
            assert_same(one, two)
        elif isinstance(one, np.ndarray):
            assert one.dtype == two.dtype
            np.testing.assert_array_equal(one, two)
        else:
            assert one == two, field.name


def test_round_trip_to_the_last_bit(report: Report, tmp_path: Path) -> None:
    save_report(report, tmp_path / "new" / "folder")
    loaded = load_report(tmp_path / "new" / "folder")
    assert_same(loaded, report)
    assert loaded.to_text() == report.to_text()
    assert loaded.to_json() == report.to_json()
    assert sorted(p.name for p in (tmp_path / "new" / "folder").iterdir()) == ["report.json", "results.npz"]


def test_unmeasured_numbers_survive(report: Report, tmp_path: Path) -> None:
    # What could not be measured is None, and must not come back as NaN or 0.
    lost = tuple(dataclasses.replace(check, measured=None, exact=float("nan")) for check in report.checks)
    save_report(dataclasses.replace(report, checks=lost), tmp_path)
    assert load_report(tmp_path).checks == lost
    assert all(check.measured is None and check.exact is None for check in lost)
    assert "NaN" not in (tmp_path / "report.json").read_text(encoding="utf-8")


def test_equal_reports_make_equal_files(report: Report, tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_report(report, tmp_path / name)
    for file in ("report.json", "results.npz"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_arrays_need_no_pickle(report: Report, tmp_path: Path) -> None:
    save_report(report, tmp_path)
    with np.load(tmp_path / "results.npz", allow_pickle=False) as archive:
        assert {"sweep/decoder", "latents/statistics/signal_fraction", "spectrum/eigenvalues"} <= set(archive.files)
        assert all(archive[name].dtype != object for name in archive.files)


def _cut(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(whole[: len(whole) // 2])

    return damage


def _remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def _edit(change: Callable[[dict[str, object]], object]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        content = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        change(content)
        (folder / "report.json").write_text(json.dumps(content), encoding="utf-8")

    return damage


def _flip(folder: Path) -> None:
    raw = bytearray((folder / "results.npz").read_bytes())
    raw[len(raw) // 2] ^= 1
    (folder / "results.npz").write_bytes(raw)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_remove("report.json"), r"must be a report directory, but has no report\.json; give"),
        (_remove("results.npz"), r"cannot read .*results\.npz: No such file"),
        (_cut("report.json"), r"report\.json is damaged"),
        (_cut("results.npz"), r"results\.npz must have the SHA-256"),
        (_flip, r"damaged or belongs to another run"),
        (_edit(lambda c: c.update(schema="other 7")), r"schema .* got 'other 7'"),
        (_edit(lambda c: c.pop("checks")), r"damaged \(KeyError: 'checks'\)"),
        (_edit(lambda c: c["stored"]["sweep"].pop("plan")), "damaged"),  # type: ignore[index]
        (_edit(lambda c: c["stored"]["latents"].update(extra=1)), "damaged"),  # type: ignore[index]
        (_edit(lambda c: c["checks"][0].update(source=["nobody"])), "damaged"),  # type: ignore[index]
        (_edit(lambda c: c.update(stored=[])), "schema"),
        (lambda folder: (folder / "report.json").write_text("[1]"), "must hold a JSON object"),
        (lambda folder: (folder / "report.json").write_bytes(b"\xff\xfe"), "damaged"),
    ],
)
def test_damage_is_an_input_error_in_one_line(
    report: Report, tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    save_report(report, tmp_path)
    damage(tmp_path)
    with pytest.raises(InputError, match=message) as caught:
        load_report(tmp_path)
    assert "\n" not in str(caught.value)


def test_not_a_directory(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must be a report directory"):
        load_report(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="must be a report directory"):
        load_report(tmp_path / "file")
    with pytest.raises(InputError, match="must be a report directory"):
        load_report(tmp_path)


def test_unwritable_directory(report: Report, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot write .*--out"):
        save_report(report, tmp_path / "file")


def test_interruption_leaves_the_old_report(report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_report(report, tmp_path)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    # Ctrl-C between the arrays, which are equal here, and the words.
    monkeypatch.setattr(results, "write_text", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save_report(report.with_meta({}), tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["report.json", "results.npz"]
    assert load_report(tmp_path).meta == report.meta
