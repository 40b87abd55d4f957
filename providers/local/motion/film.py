"""Write H.264 and AAC into MP4, and read recordings, through PyAV (the extra ``video``).

PyAV is imported when it is used: without the extra, everything else in this package still works.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from studio import imaging
from studio.errors import ProviderRejected

Floats = NDArray[np.floating[Any]]
Pixels = NDArray[np.uint8]

RATE = 25
"""Frames a second."""
SOUND_RATE = 44_100
"""Samples a second of the sound that is written."""

_QUALITY = "19"
"""x264's constant rate factor: 18 is where most people see no loss with mbtree on."""
_THREADS = 2
"""x264's bytes depend on the number of its threads; a fixed one makes them repeatable."""
_SOUND_BITS = 128_000
_DEMUXERS = {"audio/wav": "wav", "audio/mpeg": "mp3", "video/mp4": "mp4"}
"""Left to itself, FFmpeg guesses among some three hundred, playlists of addresses among them."""
_CODECS = frozenset(
    {
        *("pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le"),
        *("pcm_alaw", "pcm_mulaw", "mp3", "mp3float", "aac"),
    }
)
"""A WAV may hold what any of FFmpeg's hundred decoders of sound is to read."""
_BT709 = 1
_LIMITED = 1
"""Code points of ITU-T H.273: without them, players guess the colours by the picture's size."""


def size_of(width: int, height: int, resolution: str) -> tuple[int, int]:
    """Return the video's size: the picture's own shape, within 16:9 of ``resolution``.

    Args:
        width: of the picture, in pixels.
        height: of the picture, in pixels.
        resolution: ``"480p"`` or ``"720p"``: the shorter side, unless the longer one would be more
            than 16/9 of it.

    Returns:
        Width and height, both even (yuv420p halves them) and at least 16.
    """
    lines = int(resolution.removesuffix("p"))
    scale = min(lines / min(width, height), lines * 16 / 9 / max(width, height))
    across, down = (max(16, 2 * round(side * scale / 2)) for side in (width, height))
    return across, down


def write(frames: Iterable[Pixels], size: tuple[int, int], sound: Floats | None = None) -> bytes:
    """Return the frames as an MP4 file whose index comes first, so that it plays while it loads.

    Args:
        frames: RGB, each (height, width, 3), ``RATE`` of them a second.
        size: width and height in pixels, both even.
        sound: (channels, samples) in -1..1 at ``SOUND_RATE``, one or two channels.
    """
    import av  # noqa: PLC0415 - the extra may not be installed

    # A file, since moving the index to the front means reading what was written.
    with tempfile.TemporaryDirectory(prefix="studio-film-") as folder:
        path = Path(folder) / "film.mp4"
        with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as film:
            picture = _picture_stream(film, size)
            voice = None if sound is None else _sound_stream(film, len(sound))
            for frame in _video_frames(frames):
                film.mux(picture.encode(frame))
            film.mux(picture.encode(None))
            if sound is not None and voice is not None:
                for block in _sound_frames(sound):
                    film.mux(voice.encode(block))
                film.mux(voice.encode(None))
        return path.read_bytes()


def _picture_stream(film: Any, size: tuple[int, int]) -> Any:
    stream = film.add_stream(
        "libx264",
        rate=RATE,
        # Without mbtree: with it, and x264's assembly, the bytes of equal frames differ from run
        # to run (seen with FFmpeg 8.1.2 at widths such as 360 and 720; without it never).
        options={"crf": _QUALITY, "preset": "veryfast", "profile": "high", "mbtree": "0"},
    )
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.thread_count = _THREADS
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = _LIMITED
    return stream


def _sound_stream(film: Any, channels: int) -> Any:
    layout = "mono" if channels == 1 else "stereo"
    stream = film.add_stream("aac", rate=SOUND_RATE, layout=layout)
    stream.bit_rate = _SOUND_BITS
    return stream


def _video_frames(frames: Iterable[Pixels]) -> Iterator[Any]:
    import av  # noqa: PLC0415 - as above
    from av.video.reformatter import ColorRange, Colorspace  # noqa: PLC0415 - as above

    for number, pixels in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        frame = frame.reformat(
            format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
        )
        frame.pts = number
        yield frame


def _sound_frames(sound: Floats) -> Iterator[Any]:
    import av  # noqa: PLC0415 - as above

    layout = "mono" if len(sound) == 1 else "stereo"
    step = 1024  # samples in a frame of AAC
    for first in range(0, sound.shape[1], step):
        block = np.ascontiguousarray(sound[:, first : first + step], np.float32)
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=layout)
        frame.sample_rate, frame.pts = SOUND_RATE, first
        yield frame


def read_sound(data: bytes, rate: int, channels: int, seconds: float) -> Floats:
    """Return a recording as floats (channels, samples) in -1..1, at most ``seconds`` of it.

    Args:
        data: WAV, MP3 or MP4.
        rate: samples a second that are wanted.
        channels: 1 or 2.
        seconds: where to stop reading, whatever the file says of its own length.

    Raises:
        ProviderRejected: there is no sound in it that can be read.
    """
    import av  # noqa: PLC0415 - as above
    from av.audio.resampler import AudioResampler  # noqa: PLC0415 - as above

    if imaging.sniff(data) not in _DEMUXERS:
        raise _unreadable()
    most = round(seconds * rate)
    resampler = AudioResampler("fltp", "mono" if channels == 1 else "stereo", rate)
    blocks: list[Floats] = []
    have = 0
    try:
        with av.open(
            io.BytesIO(data),
            format=_DEMUXERS[imaging.sniff(data) or ""],
            options={"codec_whitelist": ",".join(_CODECS)},  # while it finds out what is inside
        ) as file:
            if file.streams.audio[0].codec_context.name not in _CODECS:
                raise _unreadable()
            for frame in file.decode(audio=0):
                frame.pts = None
                for block in resampler.resample(frame):
                    blocks.append(np.asarray(block.to_ndarray(), np.float32))
                    have += blocks[-1].shape[1]
                if have >= most:
                    break
            blocks += [
                np.asarray(each.to_ndarray(), np.float32) for each in resampler.resample(None)
            ]
    except (av.FFmpegError, IndexError, ValueError) as broken:
        raise _unreadable() from broken
    if not blocks or not sum(block.shape[1] for block in blocks):
        raise _unreadable()
    heard: Floats = np.concatenate(blocks, axis=1)[:, :most]
    return np.asarray(np.nan_to_num(np.clip(heard, -1, 1)), np.float32)


def _unreadable() -> ProviderRejected:
    return ProviderRejected(
        "The sound cannot be read.", provider="local", field="audio", allowed="a WAV or MP3 file"
    )


def fitted(sound: Floats, seconds: float) -> Floats:
    """Return the sound cut to ``seconds`` at ``SOUND_RATE``, or with silence after its end."""
    samples = round(seconds * SOUND_RATE)
    cut = sound[:, :samples]
    return np.pad(cut, ((0, 0), (0, samples - cut.shape[1])))
