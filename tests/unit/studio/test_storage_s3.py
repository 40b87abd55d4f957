"""The store of files in a bucket: over HTTP, with the client that users get, against moto's S3."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta

import boto3
import pytest
from moto.server import ThreadedMotoServer

from studio.clock import now
from studio.errors import NotFound, StudioUnavailable
from studio.storage import BlobStore

_BYTES = b"a picture, or what stands for one " * 1_000


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bucket, named and reached as deploy/compose/compose.yaml does it: by the environment."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    client = boto3.client("s3", endpoint_url=endpoint)
    client.create_bucket(Bucket="studio")
    return "s3://studio/files"


def test_a_bucket_keeps_files_as_a_folder_does(bucket: str) -> None:
    store = BlobStore(bucket)
    digest = store.put(_BYTES)
    assert digest == hashlib.sha256(_BYTES).hexdigest()
    assert store.put(_BYTES) == digest
    others = store.put_all([b"one", b"two"])
    assert store.get(digest) == _BYTES
    assert store.size(digest) == len(_BYTES)
    assert store.read(digest, 2, 7) == _BYTES[2:9]
    assert store.has(digest)
    assert {each.digest for each in store.list()} == {digest, *others}
    assert {each.bytes for each in store.list()} == {len(_BYTES), 3}


def test_what_is_not_in_a_bucket_is_not_found(bucket: str) -> None:
    store = BlobStore(bucket)
    missing = hashlib.sha256(b"never stored").hexdigest()
    assert not store.has(missing)
    for ask in (store.get, store.size):
        with pytest.raises(NotFound):
            ask(missing)
    assert store.clear(missing, before=now()).bytes == 0


def test_what_was_stored_lately_is_not_removed_from_a_bucket(bucket: str) -> None:
    store = BlobStore(bucket)
    digest = store.put(b"needed again")
    assert store.clear(digest, before=now() - timedelta(days=1)).bytes == 0
    assert store.get(digest) == b"needed again"
    later = now() + timedelta(days=1)
    assert store.clear(digest, before=later).bytes == len(b"needed again")
    assert store.clear(digest, before=later).gone
    with pytest.raises(NotFound):
        store.get(digest)


def test_another_process_sees_at_once_what_was_stored(bucket: str) -> None:
    mine, theirs = BlobStore(bucket), BlobStore(bucket)
    missing = hashlib.sha256(b"from over there").hexdigest()
    assert not mine.has(missing)
    theirs.put(b"from over there")
    assert mine.get(missing) == b"from over there"
    assert missing in {each.digest for each in mine.list()}


def test_a_bucket_that_is_not_there_is_said(bucket: str) -> None:
    with pytest.raises(StudioUnavailable, match="storage"):
        BlobStore("s3://nobody-made-this/files").put(_BYTES)
