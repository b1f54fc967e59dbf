"""Scores rows with gradient-boosted trees. Standard library only; numpy speeds up many rows."""

import json
import math
import struct
import sys
from array import array
from importlib import resources

try:
    import numpy
except ImportError:
    numpy = None

MISSING_WORDS = frozenset(("", "na", "n/a", "nan", "null", "none", "-", "?"))
NUMPY_FROM_ROWS = 8  # below, plain Python is faster
NUMPY_BLOCK = 4096  # rows per step, to bound memory

_FLOAT32 = struct.Struct("<f")


class InputError(ValueError):
    """A cell that the model cannot take."""


def float32(value):
    """The nearest 32-bit number, as XGBoost compares and adds."""
    try:
        return _FLOAT32.unpack(_FLOAT32.pack(value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)


def is_missing(value):
    """None, NaN, and a few words in any case stand for "no value"."""
    if value is None:
        return True
    if isinstance(value, float):
        return value != value
    return isinstance(value, str) and value.strip().lower() in MISSING_WORDS


class Category:
    """Encodes a level as its place in the list; anything else is missing."""

    def __init__(self, column):
        self.codes = {level: float(code) for code, level in enumerate(column["categories"])}

    def encode(self, value):
        return math.nan if is_missing(value) else self.codes.get(str(value).strip(), math.nan)


class Number:
    """Encodes a number, or text that reads as one."""

    def __init__(self, column):
        self.name = column["name"]

    def encode(self, value):
        if is_missing(value):
            return math.nan
        try:
            number = float32(float(value))
        except (TypeError, ValueError, OverflowError):
            raise InputError("“%s” takes a number, and “%s” is not one." % (self.name, value)) from None
        if math.isinf(number):
            raise InputError("“%s” is too large to be a number here." % self.name)
        return number


KINDS = {"number": Number, "category": Category}


def logistic(margins):
    p1 = float32(1 / (math.exp(min(-margins[0], 88.7)) + 1))
    return [float32(1 - p1), p1]


def softmax(margins):
    top = max(margins)
    powers = [math.exp(margin - top) for margin in margins]
    total = math.fsum(powers)
    return [float32(power / total) for power in powers]


def identity(margins):
    return [margins[0]]


def exponential(margins):
    return [float32(math.exp(margins[0]))]


LINKS = {"logistic": logistic, "softmax": softmax, "identity": identity, "exp": exponential}


class Model:
    """A model read from `model.json` and `model.bin`.

    Per node: `split` is 2 * column + (1 where missing goes left), -1 in a leaf; `value` the threshold or the
    leaf's weight; `left` the left child, the right child stands next to it; `member` the set of levels that
    go right, -1 for a number.
    """

    def __init__(self, header, block):
        self.header = header
        self.schema = header["schema"]
        self.names = [column["name"] for column in self.schema["columns"]]
        self.classes = self.schema["classes"]
        self._encoders = [KINDS[column["kind"]](column) for column in self.schema["columns"]]
        self._link = LINKS[header["link"]]
        rest = self._read_arrays(block)
        width = header["set_bytes"]
        self._sets = [int.from_bytes(rest[at : at + width], "little") for at in range(0, len(rest), width)]
        self._table = None

    @classmethod
    def of_package(cls, package):
        root = resources.files(package)
        header = json.loads(root.joinpath("model.json").read_text("utf-8"))
        return cls(header, root.joinpath("model.bin").read_bytes())

    def _read_arrays(self, block):
        at = 0
        for name, code, length in self.header["arrays"]:
            values = array(code)
            size = values.itemsize * length
            values.frombytes(block[at : at + size])
            if sys.byteorder == "big":
                values.byteswap()
            setattr(self, "_" + name, values)
            at += size
        return block[at:]

    # From raw values to answers

    def encode(self, row):
        """One row, a mapping of column to value, to 32-bit numbers. An absent column is missing."""
        return [encoder.encode(row.get(name)) for name, encoder in zip(self.names, self._encoders)]

    def margins(self, rows):
        """Sums of leaves per row, the same numbers to the last bit with and without numpy."""
        encoded = [self.encode(row) for row in rows]
        if numpy is None or len(encoded) < NUMPY_FROM_ROWS:
            return [self._walk(values) for values in encoded]
        return self._walk_all(encoded)

    def predict(self, rows):
        """One answer per row: {"label", "probabilities"} or {"prediction"}."""
        return self.answers(self.margins(rows))

    def answers(self, margins):
        """What `predict` says, for margins already at hand."""
        return [self._answer(self._link(row)) for row in margins]

    def outputs(self, rows):
        """Bare numbers per row: probabilities in the order of the classes, or one prediction."""
        return [self._link(margins) for margins in self.margins(rows)]

    def _answer(self, outputs):
        if not self.classes:
            return {"prediction": outputs[0]}
        return {
            "label": self.classes[self._choose(outputs)],
            "probabilities": dict(zip(self.classes, outputs)),
        }

    def _choose(self, outputs):
        threshold = self.header["threshold"]
        if threshold is not None:
            return int(outputs[1] >= threshold)
        return max(range(len(outputs)), key=outputs.__getitem__)

    # Trees, one row at a time

    def _walk(self, values):
        split, value, left, member, sets = self._split, self._value, self._left, self._member, self._sets
        out = list(self._base)
        for root, group in zip(self._root, self._group):
            node = root
            code = split[node]
            while code >= 0:
                x = values[code >> 1]
                if x != x:
                    right = not code & 1
                elif member[node] < 0:
                    right = not x < value[node]
                else:
                    right = sets[member[node]] >> int(x) & 1
                node = left[node] + right
                code = split[node]
            out[group] = float32(out[group] + value[node])
        return out

    # Trees, all rows level by level

    def _walk_all(self, encoded):
        if self._table is None:
            self._table = self._arrays_for_numpy()
        out = []
        for start in range(0, len(encoded), NUMPY_BLOCK):
            matrix = numpy.array(encoded[start : start + NUMPY_BLOCK], dtype=numpy.float32)
            out += self._walk_block(matrix, *self._table).tolist()
        return out

    def _arrays_for_numpy(self):
        bits = numpy.array(
            [[bits >> code & 1 for code in range(self.header["set_bytes"] * 8)] for bits in self._sets]
            or [[0]],
            dtype=bool,
        )
        arrays = (self._split, self._value, self._left, self._member)
        return [numpy.array(values) for values in arrays] + [bits]

    def _walk_block(self, matrix, split, value, left, member, bits):
        rows = numpy.arange(len(matrix))
        out = numpy.tile(numpy.array(self._base, dtype=numpy.float32), (len(matrix), 1))
        for root, group, depth in zip(self._root, self._group, self._depth):
            node = numpy.full(len(matrix), root, dtype=numpy.int64)
            for _ in range(depth):
                code = split[node]
                x = matrix[rows, code >> 1]  # a leaf reads the last column, and stays where it is
                missing = numpy.isnan(x)
                right = ~(x < value[node])
                levels = numpy.flatnonzero((member[node] >= 0) & ~missing)
                if levels.size:
                    right[levels] = bits[member[node[levels]], x[levels].astype(numpy.int64)]
                right[missing] = (code[missing] & 1) == 0
                node = numpy.where(code < 0, node, left[node] + right)
            out[:, group] += value[node].astype(numpy.float32)
        return out
