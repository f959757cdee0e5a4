"""What `attngs fit` learns: a few weights on a sentence's features, whose sum becomes a probability.

    logit_i = bias + sum_f weight_f * (x_if - mean_f) / scale_f
    p_i     = sigmoid(intercept + slope * logit_i + size * log S)

The second line is Platt's calibration, fitted on predictions for examples that the weights had not seen. The more sentences a context has,
the more seldom each of them is evidence; `size` accounts for that, so a probability means the same in a short text and in a long one. A
probe is saved as JSON and safetensors.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from attngs.errors import AssetError, ConfigError
from attngs.protocols import Floats
from attngs.text.files import write_whole
from attngs.text.sentences import Splitter, UnitSize

FORMAT, VERSION = "attngs-probe", 1
SETTINGS, WEIGHTS = "marker.json", "probe.safetensors"

EMBEDDED = "all-MiniLM-L6-v2"
"""The embedded marker's name in a probe; `attngs.reading.embedded` has it too, but loads torch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelIdentity:
    """The model whose features a probe weighs. Only sizes are compared: fine-tuned copies may be tried."""

    name: str
    model_type: str
    layers: int
    """Readable attention layers of the whole model."""
    heads: int
    hidden_size: int
    vocabulary_size: int

    def difference(self, other: ModelIdentity) -> str:
        """The sizes in which two models differ, in words; empty if there are none."""
        names = ("model_type", "layers", "heads", "hidden_size", "vocabulary_size")
        pairs = [(name, getattr(self, name), getattr(other, name)) for name in names]
        return ", ".join(f"{name.replace('_', ' ')} {mine} instead of {theirs}" for name, mine, theirs in pairs if mine != theirs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A logit and the number of sentences -> a probability."""

    slope: float = 1.0
    intercept: float = 0.0
    size: float = 0.0

    def __call__(self, logits: Floats) -> Floats:
        """Probabilities `(S,)` of the sentences of one context; they rise and fall with the logits."""
        odds = self.intercept + self.slope * logits + self.size * math.log(max(len(logits), 1))
        return np.asarray(0.5 * (1 + np.tanh(0.5 * odds)))  # a sigmoid that cannot overflow


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Probe:
    """A linear marker.

    Raises:
        ConfigError: The parts do not fit together, or a number is not finite.
    """

    features: tuple[str, ...]
    mean: Floats
    scale: Floats
    weights: Floats
    """`(F,)`, as are `mean` and `scale`."""
    bias: float
    calibration: Calibration
    model: ModelIdentity
    unit: UnitSize = "auto"
    """The unit that was scored, and so is marked."""
    window: int | None = None
    """Tokens that were read together; `None` for the model's own choice."""
    threshold: float = 0.5
    """The probability above which marks had the best F1 on examples that the probe had not seen."""
    method: str = "probe"
    """The winner on held-out examples: `probe` (learned weights), `setting` (a layer, heads, a position) or `default`."""
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What was chosen and measured, for people to read."""

    def __post_init__(self) -> None:
        if not self.features or any(values.shape != (len(self.features),) for values in (self.mean, self.scale, self.weights)):
            shapes = ", ".join(str(values.shape) for values in (self.mean, self.scale, self.weights))
            raise ConfigError(f"a probe on {len(self.features)} features needs as many means, scales and weights, got {shapes}.")
        numbers = np.concatenate([self.mean, self.scale, self.weights, [self.bias, self.threshold]])
        calibration = (self.calibration.slope, self.calibration.intercept, self.calibration.size)
        if not np.isfinite(numbers).all() or not all(map(math.isfinite, calibration)) or not (self.scale > 0).all():
            raise ConfigError("the probe holds a number that is not finite, or a scale that is not above 0; fit it again.")
        Splitter(self.unit)  # says which units there are
        if not 0 < self.threshold < 1 or self.calibration.slope < 0:
            raise ConfigError(f"the probe's threshold is {self.threshold!r} and its slope {self.calibration.slope!r}; fit it again.")

    def logits(self, features: Floats) -> Floats:
        """`(S, F)` in the order of `self.features` -> `(S,)`."""
        return np.asarray((features - self.mean) / self.scale @ self.weights + self.bias)

    def probabilities(self, features: Floats) -> Floats:
        """The probability that each sentence of a context is evidence: `(S, F)` -> `(S,)`."""
        return self.calibration(self.logits(features))

    def check_model(self, model: ModelIdentity) -> None:
        """Make sure that this is the kind of model that the probe was fitted for.

        Raises:
            ConfigError: It is another kind; the message names both models.
        """
        if difference := model.difference(self.model):
            option = "default" if self.model.name == EMBEDDED else self.model.name
            raise ConfigError(
                f"the probe was fitted for `{self.model.name}`, but the marker is `{model.name}`: {difference}. Name that model "
                f"(`--marker {option}`), or fit a probe for this one."
            )

    def save(self, folder: Path) -> None:
        """Write `probe.safetensors`, then `marker.json` with its hash: nobody reads halves of two probes.

        Raises:
            InputError: The folder cannot be written to.
        """
        from safetensors.numpy import save

        tensors = {"mean": self.mean, "scale": self.scale, "weights": self.weights, "bias": np.array([self.bias])}
        data = save({name: np.ascontiguousarray(values, dtype=np.float64) for name, values in tensors.items()})
        plain = {"format": FORMAT, "version": VERSION, "sha256": hashlib.sha256(data).hexdigest()} | {
            name: getattr(self, name) for name in ("method", "unit", "window", "threshold", "features")
        }
        plain |= {"model": asdict(self.model), "calibration": asdict(self.calibration), "settings": dict(self.settings)}
        write_whole(Path(folder) / WEIGHTS, data)
        write_whole(Path(folder) / SETTINGS, json.dumps(plain, indent=2, allow_nan=False) + "\n")

    @classmethod
    def load(cls, folder: str | Path) -> Probe:
        """Read what `save` wrote.

        Raises:
            AssetError: A file is missing, damaged, or of a version that this one does not know.
        """
        folder = Path(folder)
        plain = _settings(folder)
        tensors = _tensors(folder, str(plain.get("sha256")))
        try:
            return cls(
                features=tuple(map(str, plain["features"])),
                mean=tensors["mean"],
                scale=tensors["scale"],
                weights=tensors["weights"],
                bias=float(tensors["bias"][0]),
                calibration=_build(Calibration, plain["calibration"]),
                model=_build(ModelIdentity, plain["model"]),
                unit=plain["unit"],
                window=plain["window"],
                threshold=float(plain["threshold"]),
                method=str(plain["method"]),
                settings=plain["settings"],
            )
        except (ConfigError, KeyError, TypeError, ValueError, IndexError) as error:
            raise AssetError(f"the probe in `{folder}` is damaged: {type(error).__name__}: {error} Fit it again.") from error


def _build(kind: Any, values: Mapping[str, object]) -> Any:
    return kind(**{field.name: values[field.name] for field in fields(kind)})


def _settings(folder: Path) -> Mapping[str, Any]:
    path = folder / SETTINGS
    try:
        plain: object = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise AssetError(f"`{path}` cannot be read: {error.strerror or error}. Pass the folder that `attngs fit --out` wrote.") from error
    except (ValueError, RecursionError) as error:
        raise AssetError(f"`{path}` is not JSON: {error}. Fit the probe again.") from error
    if not isinstance(plain, Mapping) or plain.get("format") != FORMAT:
        raise AssetError(f"`{path}` is not the `{SETTINGS}` of a probe. Pass the folder that `attngs fit --out` wrote.")
    if plain.get("version") != VERSION:
        raise AssetError(f"`{path}` has the format version {plain.get('version')!r}; this attngs knows {VERSION}. Fit the probe again.")
    return plain


def _tensors(folder: Path, expected: str) -> Mapping[str, Floats]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    path = folder / WEIGHTS
    try:
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != expected:
            raise AssetError(f"`{path}` is damaged, or belongs to another `{SETTINGS}`: its sha256 is not the expected one. Fit it again.")
        return {name: values.astype(np.float64) for name, values in load(data).items()}
    except OSError as error:
        raise AssetError(f"`{path}` cannot be read: {error.strerror or error}. Pass the folder that `attngs fit --out` wrote.") from error
    except (SafetensorError, ValueError) as error:
        raise AssetError(f"`{path}` is damaged: {error}. Fit the probe again.") from error
