"""From a recording to a mouth: how far it opens, how wide it is, when the eyes blink.

Loudness in the band of voices opens the jaw; the balance of the bands shapes the lips: much above
2 kHz (ee, s) spreads them, hardly any (oo) rounds them. No words are recognised.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from providers.local.motion.film import RATE

Floats = NDArray[np.floating[Any]]

HEARD_RATE = 16_000
"""Samples a second that ``listen`` wants."""

_WINDOW = 1024
_VOICE, _LOW, _HIGH, _HISS = (150, 3_400), (150, 900), (1_600, 3_400), (4_000, 7_800)
"""Bands in Hz."""
_QUIETEST = 1e-4
"""RMS below which a whole recording counts as silence (-80 dB of full scale)."""
_RANGE = 30.0
"""Decibels below the loud parts at which the mouth is shut."""
_HEARD = 0.1
"""Loudness above which the balance of the bands means something."""
_OPENS, _CLOSES = 0.75, 0.5
"""Share of the way to its target that the jaw goes in one frame."""


@dataclass(frozen=True)
class Performance:
    """What a face does, a value for each frame.

    Attributes:
        opening: of the jaw, 0..1.
        spread: of the lips: -1 rounded, 1 wide.
        blink: 0 open, 1 shut.
        sway: of the head, (frames, 3): sideways, down, roll; each about -1..1.
    """

    opening: Floats
    spread: Floats
    blink: Floats
    sway: Floats


def perform(sound: Floats, seed: int, person: int = 0) -> Performance:
    """Return what a face does while the recording (samples,) at ``HEARD_RATE`` plays."""
    frames = max(1, math.ceil(len(sound) / HEARD_RATE * RATE))
    loud, spread = listen(sound, frames)
    chance = np.random.default_rng([seed, person])
    return Performance(
        _followed(loud, _OPENS, _CLOSES),
        _followed(spread, 0.4, 0.4),
        _blinks(frames, chance),
        _sway(frames, _followed(loud, 0.15, 0.08), chance),
    )


def listen(sound: Floats, frames: int) -> tuple[Floats, Floats]:
    """Return loudness (0..1) and spread (-1..1) for each of ``frames`` frames."""
    hop = HEARD_RATE / RATE
    padded = np.pad(sound, (_WINDOW // 2, _WINDOW + int(hop)))
    starts = np.minimum((np.arange(frames) * hop + hop / 2).astype(int), len(padded) - _WINDOW)
    windows = np.stack([padded[start : start + _WINDOW] for start in starts])
    power = np.abs(np.fft.rfft(windows * np.hanning(_WINDOW), axis=1)) ** 2 / _WINDOW**2
    voice, low, high, hiss = (_band(power, band) for band in (_VOICE, _LOW, _HIGH, _HISS))
    level = np.sqrt(voice)
    reference = float(np.percentile(level, 95))
    if reference < _QUIETEST:
        return np.zeros(frames), np.zeros(frames)
    decibels = 20 * np.log10(np.maximum(level / reference, 1e-6))
    loud = np.clip(1 + decibels / _RANGE, 0, 1) ** 2
    total = low + high + hiss + 1e-12
    hissing = hiss / total
    loud = loud * (1 - 0.6 * np.clip(hissing * 2 - 0.6, 0, 1))
    bright = np.log10((high + hiss + 1e-12) / (low + 1e-12))
    middle = float(np.median(bright[loud > _HEARD])) if (loud > _HEARD).any() else 0.0
    return loud, np.clip(bright - middle, -1, 1) * np.clip(loud * 3, 0, 1)


def _band(power: Floats, band: tuple[int, int]) -> Floats:
    first, last = (round(hertz / HEARD_RATE * _WINDOW) for hertz in band)
    return np.asarray(power[:, first:last].sum(axis=1))


def _followed(targets: Floats, rising: float, falling: float) -> Floats:
    """Return values that go to their targets at the speed of flesh."""
    values = np.empty(len(targets))
    now = 0.0
    for i, target in enumerate(targets):
        now += (target - now) * (rising if target > now else falling)
        values[i] = now
    return values


def _blinks(frames: int, chance: np.random.Generator) -> Floats:
    """Blink every two to five seconds, for a quarter of a second."""
    values = np.zeros(frames)
    shape = np.array([0.45, 1.0, 1.0, 0.65, 0.35, 0.1])
    at = int(chance.uniform(1.0, 2.5) * RATE)
    while at + len(shape) < frames:
        values[at : at + len(shape)] = shape
        at += int(chance.uniform(2.0, 5.0) * RATE)
    return values


def _sway(frames: int, loud: Floats, chance: np.random.Generator) -> Floats:
    """Return slow movements of the head that grow with speech; they begin at rest."""
    time = np.arange(frames) / RATE
    phases = chance.uniform(0, 2 * math.pi, (3, 2))
    speeds = chance.uniform(0.75, 1.25, (3, 2)) * np.array([0.23, 0.61])
    waves = np.sin(2 * math.pi * speeds[..., None] * time + phases[..., None])
    sway = (0.65 * waves[:, 0] + 0.35 * waves[:, 1]).T
    sway = sway * np.minimum(1, time * 1.5)[:, None]
    sway[:, 1] = 0.4 * sway[:, 1] + 0.8 * loud
    return np.asarray(sway)
