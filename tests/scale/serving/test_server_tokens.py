"""Bearer tokens: whose a request is, and what is never said of a token."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from attngs.errors import AccessError, AssetError
from attngs.scale.serving.tokens import Tokens, digest_of

ANA, BEN = "ana-s3cret", "ben-s3cret"


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def toml(*pairs: tuple[str, str]) -> str:
    return "[tokens]\n" + "".join(f'"{digest}" = "{namespace}"\n' for digest, namespace in pairs)


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens.read(written(tmp_path / "tokens.toml", toml((digest_of(ANA), "ana"), (digest_of(BEN).upper(), "ben"))))


@pytest.mark.parametrize("header", [f"Bearer {ANA}", f"bearer  {ANA} "])
def test_a_token_is_of_one_namespace(tokens: Tokens, header: str) -> None:
    assert tokens.namespace_of(header) == "ana"
    assert tokens.namespace_of(f"Bearer {BEN}") == "ben"
    assert len(tokens) == 2


def test_json_has_the_same_shape(tmp_path: Path) -> None:
    path = written(tmp_path / "tokens.json", json.dumps({"tokens": {digest_of(ANA): "ana"}}))
    assert Tokens.read(path).namespace_of(f"Bearer {ANA}") == "ana"


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", f"Basic {ANA}", ANA])
def test_without_a_token_the_remedy_is_the_header(tokens: Tokens, header: str | None) -> None:
    with pytest.raises(AccessError, match="Authorization: Bearer TOKEN"):
        tokens.namespace_of(header)


@pytest.mark.parametrize("token", ["wrong", "ana", digest_of(ANA), ANA.upper(), "\ud800", "x" * 100_000])
def test_an_unknown_token_is_refused_and_not_shown(tokens: Tokens, token: str) -> None:
    with pytest.raises(AccessError, match="does not know the token") as caught:
        tokens.namespace_of(f"Bearer {token}")
    assert token not in str(caught.value)


def test_nothing_of_a_token_is_shown(tokens: Tokens) -> None:
    assert repr(tokens) == "<Tokens: 2>"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "holds no tokens"),
        ("tokens = 3", "holds no tokens"),
        ("[tokens]", "there are no tokens"),
        ("[tokens]\n[other]", "something else too"),
        ("[tokens", "not valid TOML"),
        (toml((ANA, "ana")), "token 1 is no SHA-256 digest"),
        (toml((digest_of(ANA), " ")), "namespace of token 1"),
        (toml((digest_of(ANA), "ana"), (digest_of(ANA), "ben")), "stands there twice"),
        (toml((digest_of(ANA), "ana"), (digest_of(ANA).upper(), "ben")), "token 2 stands there twice"),
        (f'[tokens]\n"{digest_of(ANA)}" = 7', "namespace of token 1"),
    ],
)
def test_a_file_of_another_shape_is_refused_with_its_remedy(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(AssetError, match=why) as caught:
        Tokens.read(written(tmp_path / "tokens.toml", text))
    assert ANA not in str(caught.value)
    assert "tokens.toml" in str(caught.value)


def test_json_that_names_a_token_twice_is_refused(tmp_path: Path) -> None:
    digest = digest_of(ANA)
    with pytest.raises(AssetError, match="stands there twice"):
        Tokens.read(written(tmp_path / "tokens.json", f'{{"tokens": {{"{digest}": "ana", "{digest}": "ben"}}}}'))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match=r"none\.toml.*No such file"):
        Tokens.read(tmp_path / "none.toml")
    path = tmp_path / "latin.toml"
    path.write_bytes(b"\xff")
    with pytest.raises(AssetError, match="not UTF-8"):
        Tokens.read(path)
