"use strict";

/**
 * dustaug in JavaScript: the contract of docs/determinism.md for one image of bytes, in plain JavaScript.
 *
 * `addDust` paints the very bytes of Python's `dustaug.add_dust`, and `sampleRectangles` returns its rectangles. A page
 * loads this file with a script tag, from a disk too, and gets the global `dustaug`; Node takes it by `require`.
 *
 *     const image = new Uint8Array(224 * 224 * 3).fill(255);
 *     dustaug.addDust(image, { height: 224, width: 224, channels: 3 }, {}, { seed: 7, epoch: 3, index: 17 });
 *
 * A spec is an object with the fields of `dustaug.Spec`, all of them or some, with arrays for tuples. Numbers are whole,
 * and words are whole numbers below 2 ** 32, unless a comment says otherwise. Where an exact number is to be rounded
 * which no double holds, BigInts compute it, once for each spec.
 */
const dustaug = (() => {
  // What stands here and at the end is written by docs/explore/generate.py: the contract's constants, tables and presets.
  // generated: constants
  const MAX_COUNT = 65535;
  const MAX_SIDE = 65535;
  const WORDS = 4294967296;
  const HALF_WORD = 2147483648;
  const PARTNER_BLOCK = 134217728;
  const OBJECT_BLOCK = 268435456;
  const SIZE_BLOCK = 536870912;
  const SIZE_BLOCKS_PER_RECTANGLE = 8;
  const COLOR_BLOCK = 1073741824;
  const COLOR_BLOCKS_PER_RECTANGLE = 256;
  const NOISE_BLOCK = 2147483648;
  const MAX_COLOR_CHANNELS = 1024;
  const MAX_NOISE_BYTES = 34359738368;
  const MAX_NOISE_HALVES = 17179869184;
  const AREA_TRIES = 10;
  const AREA_BITS = 30;
  const MAX_AREA_SCALE = 36;
  const MAX_LOG_ASPECT = 96;
  const MAX_CELL_SIDES = 8;
  const MAX_KEPT = 32;
  const MAX_GUIDE_SUM = 2147483647;
  const LIMITS = { seed: 18446744073709551615n, epoch: 4294967295n, index: 9223372036854775807n };
  const FILLS = {
    grey: {"per": "rectangle", "drawn": true},
    constant: {"per": "rectangle", "drawn": false},
    color: {"per": "channel", "drawn": true},
    noise: {"per": "value", "drawn": true},
    mean: {"per": "image", "drawn": false},
    donors: {"per": "donor", "drawn": false},
  };
  const KINDS = {
    rectangles: {"placed": true, "counted": true},
    grid: {"placed": false, "counted": true},
    lattice: {"placed": false, "counted": false},
  };
  const PLACEMENTS = {"normal": false, "uniform": false, "inside": true, "guide": false};
  // end of constants

  // ------------------------------------------------------------------------------------------------------ the fields

  /**
   * All fields in their order. `type` is int, float, bool or choice; `count` is how many numbers there are: 1, 2, "any",
   * or "one or any" for a number or one for each channel; `range` tells two ends from a pair (y, x). Limits are included,
   * but for `openLow`.
   */
  const fields = [
    { name: "p", type: "float", low: 0, high: 1, default: 1, help: "Probability that an image is dusted at all" },
    { name: "kind", type: "choice", choices: Object.keys(KINDS), default: "rectangles", help: "What is drawn" },
    {
      name: "count_range",
      type: "int",
      range: true,
      low: 0,
      high: MAX_COUNT,
      default: [0, 31],
      help: "Rectangles per image, or hidden cells of a grid",
    },
    { name: "center", type: "choice", choices: Object.keys(PLACEMENTS), default: "normal", help: "Where rectangles lie" },
    {
      name: "center_mean",
      type: "float",
      count: 2,
      low: 0,
      high: 1,
      default: [0.5, 0.5],
      help: "Mean of normal centres, y and x, in fractions of the sides",
    },
    {
      name: "center_std",
      type: "float",
      count: 2,
      low: 0,
      high: Infinity,
      default: [0.25, 0.25],
      help: "Standard deviation of normal centres, y and x",
    },
    {
      name: "half_height_range",
      type: "int",
      range: true,
      low: 0,
      high: 32767,
      default: null,
      help: "Half the height in pixels",
    },
    {
      name: "half_width_range",
      type: "int",
      range: true,
      low: 0,
      high: 32767,
      default: null,
      help: "Half the width in pixels",
    },
    {
      name: "side_range",
      type: "int",
      range: true,
      low: 0,
      high: MAX_SIDE,
      default: null,
      help: "Side of a square in pixels",
    },
    {
      name: "height_fraction_range",
      type: "float",
      range: true,
      low: 0,
      high: 1,
      default: null,
      help: "Height as a fraction of the image's",
    },
    {
      name: "width_fraction_range",
      type: "float",
      range: true,
      low: 0,
      high: 1,
      default: null,
      help: "Width as a fraction of the image's",
    },
    {
      name: "area_range",
      type: "float",
      range: true,
      low: 0,
      openLow: true,
      high: 1,
      default: null,
      help: "Share of the image's area",
    },
    {
      name: "aspect_range",
      type: "float",
      range: true,
      low: 0,
      openLow: true,
      high: Infinity,
      default: null,
      help: "Height / width, log-uniform",
    },
    {
      name: "area_beta",
      type: "float",
      low: 0.1,
      high: 1,
      default: null,
      help: "Share of the area from Beta(a, a), with the image's aspect",
    },
    {
      name: "halve_sizes",
      type: "bool",
      default: false,
      help: "Half the size for rectangles 2 and 3, a quarter for 4 to 7, and so on",
    },
    {
      name: "grid_shape",
      type: "int",
      count: 2,
      low: 1,
      high: MAX_COUNT,
      default: null,
      help: "Rows and columns of cells",
    },
    {
      name: "cell_sides",
      type: "int",
      count: "any",
      low: 0,
      high: MAX_SIDE,
      default: null,
      help: "Sides of square cells in pixels to choose from; 0 hides nothing",
    },
    {
      name: "cell_p",
      type: "float",
      low: 0,
      high: 1,
      default: null,
      help: "Probability that a cell is hidden, instead of a count",
    },
    {
      name: "period_range",
      type: "int",
      range: true,
      low: 1,
      high: MAX_SIDE,
      default: null,
      help: "Distance from one square or line to the next in pixels",
    },
    {
      name: "kept_share",
      type: "float",
      low: 0,
      high: 1,
      default: null,
      help: "Share of the period that stays, along each side",
    },
    {
      name: "lattice_hides",
      type: "choice",
      choices: ["squares", "lines"],
      default: "squares",
      help: "What a lattice hides",
    },
    { name: "keep", type: "bool", default: false, help: "Hide all but the rectangles or cells" },
    {
      name: "depth_range",
      type: "int",
      range: true,
      low: 0,
      high: MAX_SIDE,
      default: null,
      help: "Of volumes: slices that a rectangle reaches through",
    },
    {
      name: "depth_fraction_range",
      type: "float",
      range: true,
      low: 0,
      high: 1,
      default: null,
      help: "Of volumes: the same as a fraction",
    },
    { name: "spare_last", type: "bool", default: true, help: "Never paint the last row and the last column" },
    {
      name: "max_hidden",
      type: "float",
      low: 0,
      openLow: true,
      high: 1,
      default: null,
      help: "Share of any object that dust may hide",
    },
    { name: "per_object", type: "bool", default: false, help: "Dust each object as if it were an image" },
    { name: "fill", type: "choice", choices: Object.keys(FILLS), default: "grey", help: "What hides the picture" },
    {
      name: "fill_range",
      type: "int",
      range: true,
      low: 0,
      high: 255,
      default: [0, 255],
      help: "Brightness that is drawn, 0 to 255",
    },
    {
      name: "fill_value",
      type: "float",
      count: "one or any",
      low: 0,
      high: 255,
      default: null,
      help: "Brightness of a constant fill, one number or one for each channel",
    },
    {
      name: "normalize_mean",
      type: "float",
      count: "any",
      low: -Infinity,
      high: Infinity,
      default: null,
      help: "Of normalised images: the mean",
    },
    {
      name: "normalize_std",
      type: "float",
      count: "any",
      low: 0,
      openLow: true,
      high: Infinity,
      default: null,
      help: "Of normalised images: the standard deviation",
    },
  ];
  const FIELD = Object.fromEntries(fields.map((field) => [field.name, field]));
  const DEFAULTS = Object.fromEntries(fields.map((field) => [field.name, field.default]));

  /** The fields that say a size, of each kind. A spec has those of one group. */
  const sizesOfKind = {
    rectangles: [
      ["half_height_range", "half_width_range"],
      ["side_range"],
      ["height_fraction_range", "width_fraction_range"],
      ["area_range", "aspect_range"],
      ["area_beta"],
    ],
    grid: [["grid_shape"], ["cell_sides"]],
    lattice: [["period_range", "kept_share"]],
  };
  const SIZES = Object.values(sizesOfKind).flat();
  const DEPTH_FIELDS = ["depth_range", "depth_fraction_range"];
  const SIZE_HINTS = {
    grid: "grid_shape=(14, 14), or cell_sides=(16, 32) in pixels",
    lattice: "period_range=(96, 223)",
  };
  // What a spec of another kind does not keep.
  const OF_KIND = [
    "count_range",
    "center",
    "center_mean",
    "center_std",
    "halve_sizes",
    "cell_p",
    "lattice_hides",
    "keep",
    "per_object",
  ];

  // ------------------------------------------------------------------------------------- what errors say, as in Python

  /** Return a number as Python writes a float. */
  function reprFloat(number) {
    if (Number.isNaN(number)) return "nan";
    if (!Number.isFinite(number)) return number > 0 ? "inf" : "-inf";
    if (Object.is(number, -0)) return "-0.0";
    let [, digits, exponent] = /^-?([\d.]+)e([+-]\d+)$/.exec(number.toExponential());
    exponent = Number(exponent);
    if (exponent < -4 || exponent >= 16) {
      const sign = exponent < 0 ? "-" : "+";
      return `${number < 0 ? "-" : ""}${digits}e${sign}${String(Math.abs(exponent)).padStart(2, "0")}`;
    }
    if (exponent < 0) {
      return `${number < 0 ? "-" : ""}0.${"0".repeat(-exponent - 1)}${digits.replace(".", "")}`;
    }
    return Number.isInteger(number) ? `${number}.0` : String(number);
  }

  function reprString(text) {
    const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
    const escaped = text.replace(/\\/g, "\\\\").replace(/\n/g, "\\n").replace(/\t/g, "\\t").replace(/\r/g, "\\r");
    return quote + (quote === "'" ? escaped.replace(/'/g, "\\'") : escaped) + quote;
  }

  /** Return how Python writes a value; a whole number is an int unless `type` says float, and an array is a tuple. */
  function repr(value, type = "int") {
    if (value === null || value === undefined) return "None";
    if (typeof value === "boolean") return value ? "True" : "False";
    if (typeof value === "bigint") return String(value);
    if (typeof value === "number") {
      return type === "float" || !Number.isSafeInteger(value) ? reprFloat(value) : String(value);
    }
    if (typeof value === "string") return reprString(value);
    if (Array.isArray(value)) {
      const items = Array.from(value, (item) => repr(item, type));
      return items.length === 1 ? `(${items[0]},)` : `(${items.join(", ")})`;
    }
    if (typeof value === "object") {
      return `{${Object.entries(value)
        .map(([name, item]) => `${reprString(name)}: ${repr(item, type)}`)
        .join(", ")}}`;
    }
    return `a value of ${typeof value}`;
  }

  /** Return how an error shows what was given: short. */
  function shown(value, type) {
    const text = repr(value, type).split(/\s+/).filter(Boolean).join(" ");
    return text.length <= 100 ? text : `${text.slice(0, 99)}…`;
  }

  const typeError = (message) => new TypeError(message);
  /** Python's ValueError. */
  const valueError = (message) => new RangeError(message);

  /** Return what to type instead of a value that a field does not take, after a colon, or nothing. */
  function hintFor(name, value) {
    const numbers = Array.isArray(value) ? value : [value];
    if (numbers.length && numbers.every((number) => typeof number === "number")) {
      const given = shown(value);
      const instead = { fill: `fill="constant", fill_value=${given}`, center: `center_mean=${given}` };
      return name in instead ? `: type ${instead[name]}` : "";
    }
    const hints = { fill: GENERATED.fillHints, center: GENERATED.centerHints }[name] ?? {};
    const known = typeof value === "string" ? ownValue(hints, value.toLowerCase()) : undefined;
    return known ? `: type ${known}` : "";
  }

  const ownValue = (object, name) => (Object.hasOwn(object, name) ? object[name] : undefined);

  /** Return what to type instead of names that a spec does not have. */
  function hintForFields(unknown) {
    const known = unknown.map((name) => ownValue(GENERATED.fieldHints, name)).filter(Boolean);
    if (known.length) return `type ${[...new Set(known)].join(" and ")}`;
    if (unknown.some((name) => ["seed", "epoch", "index"].includes(name))) {
      return "a spec holds none of seed, epoch and index: type dustaug.add_dust(images, spec, seed=0, index=0)";
    }
    const near = unknown.map((name) => closest(name, Object.keys(FIELD))).filter(Boolean);
    return near.length ? `did you mean ${near.join(", ")}?` : "see help(dustaug.Spec)";
  }

  /**
   * Return the name that is most like a word, if any is: twice the letters in common runs, by Ratcliff and Obershelp
   * (1988), divided by the letters of both, is at least 0.6.
   */
  function closest(word, names) {
    // The others have too few letters.
    const likely = names.filter((name) => 2 * Math.min(name.length, word.length) >= 0.6 * (name.length + word.length));
    if (!likely.length) return undefined;
    const scored = likely.map((name) => [(2 * commonLetters(name, word)) / (name.length + word.length), name]);
    const best = scored.reduce((a, b) => (b[0] > a[0] || (b[0] === a[0] && b[1] > a[1]) ? b : a));
    return best[0] >= 0.6 ? best[1] : undefined;
  }

  function commonLetters(a, b) {
    let [length, atA, atB] = [0, 0, 0];
    for (let i = 0; i < a.length; i += 1) {
      for (let j = 0; j < b.length; j += 1) {
        let run = 0;
        while (i + run < a.length && j + run < b.length && a[i + run] === b[j + run]) run += 1;
        if (run > length) [length, atA, atB] = [run, i, j];
      }
    }
    if (!length) return 0;
    const before = commonLetters(a.slice(0, atA), b.slice(0, atB));
    return before + length + commonLetters(a.slice(atA + length), b.slice(atB + length));
  }

  // ------------------------------------------------------------------------------------------------ checks of the fields

  function checkNumber(name, value, { type, low, high, openLow = false }, of) {
    const whole = type === "int";
    let what = whole ? "a whole number" : "a number";
    if (of !== undefined) what = `two ${whole ? "whole " : ""}numbers`;
    const given = shown(of === undefined ? value : of);
    const isWhole = typeof value === "bigint" || Number.isInteger(value);
    if ((typeof value !== "number" && typeof value !== "bigint") || (whole && !isWhole)) {
      throw typeError(`${name} must be ${what}, got ${given}`);
    }
    const number = Number(value);
    const inside = low <= number && number <= high && Number.isFinite(number) && !(openLow && number === low);
    if (!inside) throw valueError(`${name} must be ${what} ${limits(low, high, openLow)}, got ${given}`);
    return number + 0; // Makes 0 of -0.
  }

  function limits(low, high, openLow) {
    if (low === -Infinity) return "that is finite";
    if (high === Infinity) return openLow ? `above ${low}` : `not below ${low}`;
    return openLow ? `above ${low}, up to ${high}` : `from ${low} to ${high}`;
  }

  function checkRange(name, value, field = FIELD[name]) {
    if (!Array.isArray(value) || value.length !== 2) {
      const hint = `type ${name}=(${field.type === "int" ? "1, 8" : "0.1, 0.5"})`;
      throw typeError(`${name} must be a tuple of two numbers, got ${shown(value)}: ${hint}`);
    }
    const [first, last] = Array.from(value, (item) => checkNumber(name, item, field, value));
    if (first > last) {
      const ordered = repr([last, first], field.type);
      throw valueError(`${name} must not be reversed, got ${shown(value)}: type ${name}=${ordered}`);
    }
    return [first, last];
  }

  function checkTuple(name, value, length) {
    const wanted = length === undefined ? "numbers, one per channel" : `${length} numbers`;
    if (!Array.isArray(value) || !value.length || (length !== undefined && value.length !== length)) {
      throw typeError(`${name} must be a tuple of ${wanted}, got ${shown(value)}`);
    }
    return Array.from(value, (item) => checkNumber(name, item, FIELD[name]));
  }

  function checkChoice(name, value, choices = FIELD[name].choices) {
    if (typeof value !== "string" || !choices.includes(value)) {
      const all = choices.map(reprString).join(", ");
      throw valueError(`${name} must be one of ${all}, got ${shown(value)}${hintFor(name, value)}`);
    }
    return value;
  }

  /** Completes and checks the fields of each way to say a size. */
  const COMPLETE_SIZE = {
    half_height_range(spec) {
      for (const name of ["half_height_range", "half_width_range"]) {
        spec[name] = spec[name] === null ? [1, 7] : checkRange(name, spec[name]);
      }
    },
    side_range(spec) {
      spec.side_range = checkRange("side_range", spec.side_range);
    },
    height_fraction_range(spec) {
      const names = ["height_fraction_range", "width_fraction_range"];
      for (const [name, other] of [names, [...names].reverse()]) {
        spec[name] = checkRange(name, spec[name] === null ? spec[other] : spec[name]);
      }
    },
    area_range(spec) {
      if (spec.area_range === null) {
        throw valueError("area_range must be given with aspect_range: type area_range=(0.02, 0.4)");
      }
      spec.area_range = checkRange("area_range", spec.area_range);
      spec.aspect_range = spec.aspect_range === null ? [0.3, 1 / 0.3] : checkRange("aspect_range", spec.aspect_range);
    },
    area_beta(spec) {
      spec.area_beta = checkNumber("area_beta", spec.area_beta, FIELD.area_beta);
    },
    grid_shape(spec) {
      const value = spec.grid_shape;
      if (!Array.isArray(value) || value.length !== 2) {
        throw typeError(`grid_shape must be a tuple of two numbers, got ${shown(value)}: type grid_shape=(14, 14)`);
      }
      const shape = Array.from(value, (item) => checkNumber("grid_shape", item, FIELD.grid_shape, value));
      if (shape[0] * shape[1] > MAX_COUNT) {
        throw valueError(`grid_shape must have at most ${MAX_COUNT} cells, got ${shown(shape)}`);
      }
      spec.grid_shape = shape;
    },
    cell_sides(spec) {
      const value = spec.cell_sides;
      if (!Array.isArray(value) || value.length < 1 || value.length > MAX_CELL_SIDES) {
        throw typeError(
          `cell_sides must be a tuple of 1 to ${MAX_CELL_SIDES} whole numbers, got ${shown(value)}: type ` +
            "cell_sides=(16, 32)",
        );
      }
      spec.cell_sides = checkTuple("cell_sides", value);
    },
    period_range(spec) {
      if (spec.period_range === null) {
        throw valueError("period_range must be given with kept_share: type period_range=(96, 223)");
      }
      spec.period_range = checkRange("period_range", spec.period_range);
      spec.kept_share = spec.kept_share === null ? 0.6 : checkNumber("kept_share", spec.kept_share, FIELD.kept_share);
      if (spec.kept_share === 1) {
        throw valueError("kept_share must be below 1, got 1.0: type kept_share=0.6, or p=0");
      }
    },
  };

  const made = new WeakSet();

  /**
   * Return a spec with all its fields, frozen, as Python's `Spec(**given).to_dict()` has them.
   *
   * Throws a TypeError where Python raises one, and a RangeError for a ValueError, with the same message.
   */
  function makeSpec(given = {}) {
    if (made.has(given)) return given;
    if (typeof given !== "object" || given === null || Array.isArray(given)) {
      throw typeError(
        `fields of Spec must be a mapping of names to values, got ${shown(given)}: type Spec.from_dict(spec.to_dict())`,
      );
    }
    const unknown = Object.keys(given).filter((name) => !Object.hasOwn(FIELD, name));
    if (unknown.length) {
      throw typeError(`fields of Spec must be known, got ${unknown.join(", ")}: ${hintForFields(unknown)}`);
    }
    const spec = { ...DEFAULTS };
    for (const [name, value] of Object.entries(given)) {
      if (value !== undefined) spec[name] = value;
    }
    checkFields(spec);
    made.add(spec);
    for (const value of Object.values(spec)) Object.freeze(value);
    return Object.freeze(spec);
  }

  function checkFields(spec) {
    spec.p = checkNumber("p", spec.p, FIELD.p);
    checkChoice("kind", spec.kind);
    spec.count_range = checkRange("count_range", spec.count_range);
    checkChoice("center", spec.center);
    for (const name of ["center_mean", "center_std"]) spec[name] = checkTuple(name, spec[name], 2);
    completeSize(spec);
    checkDepth(spec);
    if (spec.cell_p !== null) spec.cell_p = checkNumber("cell_p", spec.cell_p, FIELD.cell_p);
    checkChoice("lattice_hides", spec.lattice_hides);
    for (const name of ["spare_last", "per_object", "keep", "halve_sizes"]) {
      if (typeof spec[name] !== "boolean") throw typeError(`${name} must be True or False, got ${shown(spec[name])}`);
    }
    if (spec.max_hidden !== null) spec.max_hidden = checkNumber("max_hidden", spec.max_hidden, FIELD.max_hidden);
    checkChoice("fill", spec.fill);
    spec.fill_range = checkRange("fill_range", spec.fill_range);
    checkFillValue(spec);
    checkUse(spec);
    checkKind(spec);
    if (spec.keep) checkKeep(spec);
    if (spec.fill === "donors" && (spec.normalize_mean !== null || spec.normalize_std !== null)) {
      throw valueError('normalize_mean and normalize_std must be left out with fill="donors", which copies pixels');
    }
    checkNormalize(spec);
  }

  function completeSize(spec) {
    const given = SIZES.filter((group) => group.some((name) => spec[name] !== null));
    const names = given.flat().filter((name) => spec[name] !== null);
    const kindOf = (name) => Object.keys(KINDS).find((kind) => sizesOfKind[kind].flat().includes(name));
    const foreign = names.find((name) => kindOf(name) !== spec.kind);
    if (foreign !== undefined) {
      throw valueError(
        `${foreign} must be left out with kind=${repr(spec.kind)}, got ${shown(spec[foreign])}: type ` +
          `kind="${kindOf(foreign)}"`,
      );
    }
    if (given.length > 1) {
      throw valueError(`a size must be given in one unit, got ${names.join(", ")}: keep the fields of one unit`);
    }
    if (!given.length && spec.kind !== "rectangles") {
      throw valueError(`a size must be given with kind=${repr(spec.kind)}, got none: type ${SIZE_HINTS[spec.kind]}`);
    }
    COMPLETE_SIZE[(given[0] ?? SIZES[0])[0]](spec);
  }

  function checkDepth(spec) {
    const given = DEPTH_FIELDS.filter((name) => spec[name] !== null);
    if (given.length > 1) {
      throw valueError(`a depth must be given in one unit, got ${given.join(", ")}: leave one of them out`);
    }
    for (const name of given) spec[name] = checkRange(name, spec[name]);
  }

  function checkFillValue(spec) {
    if (spec.fill !== "constant") {
      if (spec.fill_value !== null) {
        throw valueError(
          `fill_value must be left out with fill=${repr(spec.fill)}, got ${shown(spec.fill_value)}: type ` +
            'fill="constant"',
        );
      }
    } else if (spec.fill_value === null) {
      throw valueError('fill_value must be given with fill="constant": type fill_value=0');
    } else if (Array.isArray(spec.fill_value)) {
      spec.fill_value = checkTuple("fill_value", spec.fill_value);
    } else {
      spec.fill_value = checkNumber("fill_value", spec.fill_value, FIELD.fill_value);
    }
  }

  const isDefault = (spec, name, value = DEFAULTS[name]) => repr(spec[name]) === repr(value);

  /** Refuse fields that would change nothing. */
  function checkUse(spec) {
    if (!FILLS[spec.fill].drawn && !isDefault(spec, "fill_range")) {
      throw valueError(
        `fill_range must be left out with fill=${repr(spec.fill)}, got ${repr(spec.fill_range)}: type fill="grey", ` +
          '"color" or "noise"',
      );
    }
    for (const name of ["center_mean", "center_std"]) {
      if ((spec.center !== "normal" || !KINDS[spec.kind].placed) && !isDefault(spec, name)) {
        const which = spec.center !== "normal" ? `center=${repr(spec.center)}` : `kind=${repr(spec.kind)}`;
        throw valueError(
          `${name} must be left out with ${which}, got ${repr(spec[name], "float")}: type center="normal"`,
        );
      }
    }
    if (spec.per_object && spec.center === "guide") {
      throw valueError(
        'per_object must be False with center="guide", got True: type center="inside", "uniform" or "normal"',
      );
    }
  }

  /** Refuse fields that another kind has. */
  function checkKind(spec) {
    const { placed, counted } = KINDS[spec.kind];
    const wrong = [];
    if (!placed) {
      wrong.push("center", "per_object", "halve_sizes");
    } else if (spec.halve_sizes && spec.height_fraction_range === null) {
      throw valueError(
        `halve_sizes must be given with sizes in fractions, got ${sizeFields(spec)[0]}: type ` +
          "height_fraction_range=(0, 0.5)",
      );
    }
    if (spec.halve_sizes && spec.per_object) {
      throw valueError("halve_sizes must be False with per_object, got True: the rectangles of all objects count");
    }
    if (spec.kind !== "grid") wrong.push("cell_p");
    if (spec.kind !== "lattice") wrong.push("lattice_hides");
    if (!counted) wrong.push("count_range", "keep");
    for (const name of wrong) {
      if (!isDefault(spec, name)) {
        const hint = name === "keep" ? ': type lattice_hides="lines"' : "";
        const given = shown(spec[name], FIELD[name].type);
        throw valueError(`${name} must be left out with kind=${repr(spec.kind)}, got ${given}${hint}`);
      }
    }
    if (spec.cell_p !== null && !isDefault(spec, "count_range")) {
      throw valueError(
        `count_range must be left out with cell_p, got ${repr(spec.count_range)}: leave out cell_p for as many cells`,
      );
    }
  }

  /** Refuse what cannot be kept. */
  function checkKeep(spec) {
    for (const name of ["per_object", ...DEPTH_FIELDS]) {
      if (!isDefault(spec, name)) {
        throw valueError(`${name} must be left out with keep=True, got ${shown(spec[name], FIELD[name].type)}`);
      }
    }
    if (spec.kind !== "rectangles") return;
    if (spec.max_hidden !== null) {
      const given = repr(spec.max_hidden, "float");
      throw valueError(`max_hidden must be left out with keep=True, got ${given}: it hides all the rest`);
    }
    if (spec.count_range[1] > MAX_KEPT) {
      const low = Math.min(spec.count_range[0], MAX_KEPT);
      throw valueError(
        `count_range must be at most ${MAX_KEPT} with keep=True, got ${repr(spec.count_range)}: type ` +
          `count_range=(${low}, ${MAX_KEPT})`,
      );
    }
  }

  function checkNormalize(spec) {
    const [mean, std] = [spec.normalize_mean, spec.normalize_std];
    if (mean === null && std === null) return;
    if (mean === null || std === null) throw valueError("normalize_mean and normalize_std must be given together");
    spec.normalize_mean = checkTuple("normalize_mean", mean);
    spec.normalize_std = checkTuple("normalize_std", std);
    if (mean.length !== std.length) {
      throw valueError(
        `normalize_mean and normalize_std must be of one length, got ${mean.length} and ${std.length} numbers`,
      );
    }
  }

  const sizeFields = (spec) => SIZES.find((group) => spec[group[0]] !== null);

  /** Return a copy with some fields changed, as `Spec.replace`: what only the old kind, size or fill had is dropped. */
  function replaceSpec(spec, changes) {
    const old = makeSpec(spec);
    if (typeof changes !== "object" || changes === null) {
      throw typeError(`changes must be an object of fields, got ${shown(changes)}: type { side_range: [8, 8] }`);
    }
    const next = { ...old };
    for (const name of ["fill", "center", "kind"]) {
      if (name in changes) checkChoice(name, changes[name]);
    }
    const put = (names, value = (name) => DEFAULTS[name]) => names.forEach((name) => (next[name] = value(name)));
    if ((changes.kind ?? old.kind) !== old.kind) put([...OF_KIND, ...SIZES.flat()]);
    for (const group of SIZES) {
      if (group.some((name) => name in changes)) put(SIZES.filter((other) => other !== group).flat());
    }
    for (const [name, other] of [DEPTH_FIELDS, [...DEPTH_FIELDS].reverse()]) {
      if ((changes[name] ?? null) !== null) put([other]);
    }
    if ((changes.fill ?? "constant") !== "constant") put(["fill_value"]);
    if ("fill" in changes && !FILLS[changes.fill].drawn) put(["fill_range"]);
    if (changes.fill === "donors") put(["normalize_mean", "normalize_std"]);
    if ((changes.center ?? "normal") !== "normal") put(["center_mean", "center_std"]);
    if ((changes.cell_p ?? null) !== null) put(["count_range"]);
    if ("count_range" in changes) put(["cell_p"]);
    return makeSpec({ ...next, ...changes });
  }

  /** Return the fields that differ from those of dust, which are those that `repr` of a spec shows, in their order. */
  function changedFields(spec) {
    const all = makeSpec(spec);
    const base = makeSpec({});
    const changed = fields.filter(({ name }) => all[name] !== null && !isDefault(all, name, base[name]));
    return Object.fromEntries(changed.map(({ name }) => [name, all[name]]));
  }

  /** Return a value of a field as Python writes it. */
  const reprField = (name, value) => repr(value, FIELD[name].type);

  /** Return what Python's `repr` of a spec is. */
  function reprSpec(spec) {
    const changed = Object.entries(changedFields(spec)).map(([name, value]) => `${name}=${reprField(name, value)}`);
    return `Spec(${changed.join(", ")})`;
  }

  // -------------------------------------------------------------------------------------------- exact numbers of a spec

  /** Round a double, halves to even. */
  function roundEven(number) {
    const floor = Math.floor(number);
    const rest = number - floor;
    return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
  }

  /** Return a fraction of a side in units of 2 ** -31, rounded up. */
  const ceilFraction = (number) => Math.ceil(number * HALF_WORD);

  /** Return a positive double as the quotient of two BigInts. */
  function ratioOf(number) {
    let denominator = 1n;
    while (!Number.isInteger(number)) {
      number *= 2;
      denominator *= 2n;
    }
    return [BigInt(number), denominator];
  }

  /** Return a quotient of BigInts, rounded to the nearest, halves to even. */
  function divideEven(numerator, denominator) {
    const quotient = numerator / denominator;
    const twice = 2n * (numerator % denominator);
    return twice > denominator || (twice === denominator && quotient % 2n === 1n) ? quotient + 1n : quotient;
  }

  /**
   * Return half the binary logarithm of an aspect in units of 2 ** -24, rounded from the exact value.
   *
   * Its bits come from squaring a number from 1 up to 2 over and over, with 160 bits, of which 25 squarings lose some 30.
   */
  function halfLog(aspect) {
    const within = Math.min(Math.max(aspect, 2 ** -MAX_LOG_ASPECT), 2 ** MAX_LOG_ASPECT);
    let exponent = Math.floor(Math.log2(within));
    while (2 ** exponent > within) exponent -= 1;
    while (2 ** (exponent + 1) <= within) exponent += 1;
    const bits = 160n;
    const [numerator, denominator] = ratioOf(within / 2 ** exponent);
    let number = (numerator << bits) / denominator;
    let fraction = 0;
    for (let i = 0; i < 24; i += 1) {
      number = (number * number) >> bits;
      const bit = number >> bits > 1n ? 1 : 0;
      number >>= BigInt(bit);
      fraction = 2 * fraction + bit;
    }
    // The last of these bits says whether to round up; no logarithm but that of a power of two is a half.
    return exponent * 2 ** 23 + Math.floor((fraction + 1) / 2);
  }

  const plans = new WeakMap();

  /** Return the numbers that belong to a spec and to no image. */
  function planOf(spec) {
    let plan = plans.get(spec);
    if (plan === undefined) {
      plan = makePlan(spec);
      plans.set(spec, plan);
    }
    return plan;
  }

  function makePlan(spec) {
    const plan = { dusted: roundEven(spec.p * WORDS) };
    if (spec.center === "normal") {
      plan.places = [0, 1].map((axis) => ({
        mean: ceilFraction(spec.center_mean[axis]),
        ...spread(spec.center_std[axis]),
      }));
    }
    if (spec.height_fraction_range !== null) {
      plan.fractions = [spec.height_fraction_range, spec.width_fraction_range].map((range) => range.map(ceilFraction));
    }
    if (spec.area_range !== null) {
      let scale = 0;
      while (scale < MAX_AREA_SCALE && spec.area_range[1] * 2 ** (scale + 1) <= 1) scale += 1;
      plan.areas = spec.area_range.map((area) => roundEven(area * 2 ** (AREA_BITS + scale)));
      plan.areaBase = HALF_WORD - (AREA_BITS + scale) * 2 ** 23;
      plan.aspects = spec.aspect_range.map(halfLog);
    }
    if (spec.area_beta !== null) {
      const [numerator, denominator] = ratioOf(spec.area_beta);
      plan.betaShift = 0;
      const scaled = () => divideEven(denominator << BigInt(32 - plan.betaShift), numerator);
      while (scaled() >= 2n ** 32n) plan.betaShift += 1;
      plan.betaScale = Number(scaled());
    }
    if (spec.cell_p !== null) plan.cell = roundEven(spec.cell_p * WORDS);
    if (spec.kept_share !== null) plan.hidden = ceilFraction(1 - spec.kept_share);
    return plan;
  }

  /** Return s and j: the standard deviation is s * 2 ** j in units of 2 ** -34. */
  function spread(std) {
    for (let shift = 0; shift < 32; shift += 1) {
      const scaled = roundEven(std * 2 ** (34 - shift));
      if (scaled < WORDS) return { std: scaled, shift };
    }
    return { std: WORDS - 1, shift: 31 };
  }

  // -------------------------------------------------------------------------------------------------------------- words

  /** Return the upper word of the product of two words. */
  function high(a, b) {
    const aLow = a & 0xffff;
    const aHigh = a >>> 16;
    const bLow = b & 0xffff;
    const bHigh = b >>> 16;
    const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
    const carry = aLow * bHigh + (middle & 0xffff);
    return (aHigh * bHigh + (middle >>> 16) + (carry >>> 16)) >>> 0;
  }

  /** Return the lower word of the product of two words. */
  const lower = (a, b) => Math.imul(a, b) >>> 0;

  // What is drawn next overwrites it: to make an array for each block takes longer than to fill it.
  const scratch = new Uint32Array(4);

  /** Return the four words of a block of one image, in an array that the next call may fill anew: Philox4x32-10. */
  function wordsOf(block, stream, words = scratch) {
    let c0 = block;
    let c1 = stream.indexLow;
    let c2 = stream.indexHigh;
    let c3 = stream.epoch;
    let k0 = stream.seedLow;
    let k1 = stream.seedHigh;
    for (let round = 0; round < 10; round += 1) {
      const before = c1 ^ k0;
      c1 = lower(0xcd9e8d57, c2);
      const next = (high(0xcd9e8d57, c2) ^ before) >>> 0;
      c2 = (high(0xd2511f53, c0) ^ c3 ^ k1) >>> 0;
      c3 = lower(0xd2511f53, c0);
      c0 = next;
      k0 = (k0 + 0x9e3779b9) >>> 0;
      k1 = (k1 + 0xbb67ae85) >>> 0;
    }
    words[0] = c0;
    words[1] = c1;
    words[2] = c2;
    words[3] = c3;
    return words;
  }

  /** Return one of the equally likely numbers of a range, both ends included. */
  const between = (word, [first, last]) => first + high(word, last - first + 1);

  /** Return a seed, an epoch or an index as a BigInt within its limits. */
  function checkWhole(name, value, most = LIMITS[name]) {
    let number;
    if (typeof value === "bigint") number = value;
    else if (typeof value === "number" && Number.isInteger(value)) {
      if (!Number.isSafeInteger(value)) {
        throw typeError(`${name} must be exact, got ${value}: type it as a BigInt or as a string of digits`);
      }
      number = BigInt(value);
    } else if (typeof value === "string" && /^-?\d+$/.test(value)) number = BigInt(value);
    else throw typeError(`${name} must be a whole number, got ${shown(value)}`);
    if (number < 0n || number > most) throw valueError(`${name} must be from 0 to ${most}, got ${shown(number)}`);
    return number;
  }

  function makeStream(seed, epoch, index) {
    if (seed === undefined || index === undefined) {
      throw typeError("seed and index must be given, got none: type {seed: 0, index: 0}");
    }
    const [s, e, i] = [checkWhole("seed", seed), checkWhole("epoch", epoch), checkWhole("index", index)];
    const mask = BigInt(WORDS - 1);
    return {
      seedLow: Number(s & mask),
      seedHigh: Number(s >> 32n),
      epoch: Number(e),
      indexLow: Number(i & mask),
      indexHigh: Number(i >> 32n),
    };
  }

  // ------------------------------------------------------------------------------------------------------------- curves

  /** Return how far from its mean, in units of 2 ** -29, a word puts a standard normal number. */
  function quantile(word) {
    const t = Math.max(word < HALF_WORD ? word : WORDS - 1 - word, 1);
    const octave = 31 - Math.clz32(t);
    const rest = t - 2 ** octave;
    const row = octave > 5 ? rest >>> (octave - 5) : rest << (5 - octave);
    const x = octave > 5 ? (rest << (37 - octave)) >>> 0 : 0;
    const [table, start] = [GENERATED.quantile, 3 * (32 * octave + row)];
    return table[start] - high(x, table[start + 1] - high(x, table[start + 2]));
  }

  /** Return half the binary logarithm of a number from 1 to 2 ** 31 - 1, in units of 2 ** -24. */
  function log(number) {
    const octave = 31 - Math.clz32(number);
    const rest = number - 2 ** octave;
    const row = octave > 6 ? rest >>> (octave - 6) : rest << (6 - octave);
    const x = octave > 6 ? (rest << (38 - octave)) >>> 0 : 0;
    const [table, start] = [GENERATED.log, 3 * row];
    const mantissa = table[start] + high(x, table[start + 1] - high(x, table[start + 2]));
    return octave * 2 ** 23 + Math.floor(mantissa / 512);
  }

  /** Return 2 to the power of v / 2 ** 24 - 128, in units of 2 ** -31. */
  function power(v) {
    const x = (v << 14) >>> 0;
    const [table, start] = [GENERATED.power, 3 * ((v >>> 18) % 64)];
    const mantissa = table[start] + high(x, table[start + 1] + high(x, table[start + 2]));
    return Math.floor(mantissa / 2 ** clip(128 - (v >>> 24), 0, 31));
  }

  const clip = (value, least, most) => Math.min(Math.max(value, least), most);

  // -------------------------------------------------------------------------------------------------------------- sizes

  /** Return a fraction of a side, in units of 2 ** -31, in whole pixels. */
  const pixels = (fraction, side) => (high(fraction, 4 * side) + 1) >>> 1;

  /** Return the words of the ten tries of a rectangle, two each. */
  function* triesOf(rectangle, stream) {
    for (let b = 0; b < AREA_TRIES / 2; b += 1) {
      const [first, second, third, fourth] = wordsOf(SIZE_BLOCK + SIZE_BLOCKS_PER_RECTANGLE * rectangle + b, stream);
      yield [first, second];
      yield [third, fourth];
    }
  }

  /** Draws the height and the width of a rectangle in pixels, for each way to say a size. */
  const DRAW_SIZE = {
    half_height_range(spec, height, width, rectangle, word) {
      const [low, last] = spec.half_height_range;
      const rest = lower(word, last - low + 1);
      return [2 * between(word, spec.half_height_range), 2 * between(rest, spec.half_width_range)];
    },
    side_range(spec, height, width, rectangle, word) {
      const side = between(word, spec.side_range);
      return [side, side];
    },
    height_fraction_range(spec, height, width, rectangle, word, stream) {
      const words = wordsOf(SIZE_BLOCK + SIZE_BLOCKS_PER_RECTANGLE * rectangle, stream);
      const [tall, wide] = planOf(spec).fractions.map((range, axis) => between(words[axis], range));
      if (!spec.halve_sizes) return [pixels(tall, height), pixels(wide, width)];
      const octave = 31 - Math.clz32(rectangle);
      return [Math.max(pixels(tall >>> octave, height), 1), Math.max(pixels(wide >>> octave, width), 1)];
    },
    area_range(spec, height, width, rectangle, word, stream) {
      const plan = planOf(spec);
      const turned = shapeOf(height, width);
      for (const [areaWord, aspectWord] of triesOf(rectangle, stream)) {
        const area = log(Math.max(between(areaWord, plan.areas), 1)) + plan.areaBase;
        const aspect = between(aspectWord, plan.aspects) + turned;
        const [tall, wide] = [pixels(power(area + aspect), height), pixels(power(area - aspect), width)];
        if (tall < height && wide < width) return [tall, wide];
      }
      return [0, 0];
    },
    area_beta(spec, height, width, rectangle, word, stream) {
      const fraction = drawShare(spec, rectangle, stream);
      return [pixels(fraction, height), pixels(fraction, width)];
    },
  };

  /** Return half the binary logarithm of width / height in units of 2 ** -24. */
  function shapeOf(height, width) {
    const ratio = Math.floor((Math.max(height, width) * 2 ** 15) / Math.min(height, width));
    const logarithm = log(ratio) - 15 * 2 ** 23;
    return width > height ? logarithm : -logarithm;
  }

  /** Return the fraction of both sides whose square is a share from Beta(a, a), by Jöhnk's tries. */
  function drawShare(spec, rectangle, stream) {
    const { betaScale, betaShift } = planOf(spec);
    const logOf = (word) => log(Math.max(word >>> 1, 1));
    const whole = 31 * 2 ** 23;
    const divided = (word) => high(whole - logOf(word), betaScale) * 2 ** betaShift;
    const raised = (number) => power(HALF_WORD - 2 * Math.min(number, 2 ** 30));
    for (const [w, v] of triesOf(rectangle, stream)) {
      if (spec.area_beta === 1) return power(HALF_WORD + logOf(w) - whole);
      const [first, second] = [divided(w), divided(v)];
      if (raised(first) + raised(second) <= HALF_WORD) {
        const common = Math.min(first, second);
        const [x, y] = [raised(first - common) >>> 1, raised(second - common) >>> 1];
        return power(HALF_WORD + log(Math.max(y, 1)) - log(Math.min(x + y, HALF_WORD - 1)));
      }
    }
    return 0;
  }

  // ------------------------------------------------------------------------------------------------------------- places

  /** Return where a rectangle of a size begins and ends along an axis, 0 for y and 1 for x. */
  function placeAlong(spec, axis, side, size, word) {
    const border = spec.spare_last ? side - 1 : side;
    if (spec.center === "inside") {
      const fitting = Math.min(size, border);
      const start = high(word, border - fitting + 1);
      return [start, start + fitting];
    }
    const center =
      spec.center === "uniform" ? high(word, side) : high(normalPlace(planOf(spec).places[axis], word), 2 * side);
    return around(center, size, border);
  }

  function around(center, size, border) {
    const start = center - Math.floor(size / 2);
    return [clip(start, 0, border), clip(start + size, 0, border)];
  }

  /** Return the place of a normal centre in units of 2 ** -31 of the side. */
  function normalPlace({ mean, std, shift }, word) {
    const distance = Math.min(high(quantile(word), std) * 2 ** shift, HALF_WORD);
    return word < HALF_WORD ? Math.max(mean - distance, 0) : Math.min(mean + distance, HALF_WORD);
  }

  /** Return the centre that a guide tells, whose weights sum up to `sums`. */
  function guidedCenter({ sums, rows, columns }, height, width, yWord, xWord) {
    const unit = high(yWord, sums[sums.length - 1]);
    let [low, last] = [0, sums.length - 1];
    while (low < last) {
      const middle = (low + last) >>> 1;
      if (sums[middle] > unit) last = middle;
      else low = middle + 1;
    }
    const [row, column] = [Math.floor(low / columns), low % columns];
    const cy = Math.floor((row * height + (((xWord >>> 16) * height) >>> 16)) / rows);
    const cx = Math.floor((column * width + (((xWord & 0xffff) * width) >>> 16)) / columns);
    return [cy, cx];
  }

  // --------------------------------------------------------------------------------------------------------- rectangles

  const box = (number, [top, bottom], [left, right]) => ({ number, top, left, bottom, right });
  const isEmpty = ({ top, left, bottom, right }) => top >= bottom || left >= right;

  /** Return numbered rectangles on something of a height and a width, with so many numbers taken before. */
  function drawOn(spec, height, width, stream, block, before, guide) {
    const header = wordsOf(block, stream);
    if (header[1] >= planOf(spec).dusted) return [];
    const count = between(header[0], spec.count_range);
    const words = new Uint32Array(4);
    if (spec.center === "guide" && guide.sums[guide.sums.length - 1] === 0) return [];
    const drawSize = DRAW_SIZE[sizeFields(spec)[0]];
    const drawn = [];
    for (let number = before + 1; number <= before + count; number += 1) {
      wordsOf(number, stream, words);
      const yWord = words[0];
      const xWord = words[1];
      const [tall, wide] = drawSize(spec, height, width, number, words[2], stream);
      if (spec.center === "guide") {
        const [cy, cx] = guidedCenter(guide, height, width, yWord, xWord);
        const [rows, columns] = borders(spec, height, width);
        drawn.push(box(number, around(cy, tall, rows), around(cx, wide, columns)));
      } else {
        const rows = placeAlong(spec, 0, height, tall, yWord);
        drawn.push(box(number, rows, placeAlong(spec, 1, width, wide, xWord)));
      }
    }
    return drawn;
  }

  const borders = (spec, height, width) => (spec.spare_last ? [height - 1, width - 1] : [height, width]);

  /** Return the rectangles of each object in turn, as if it were an image. */
  function drawPerObject(spec, height, width, stream, objects) {
    return objects.flatMap((object, j) => {
      const [top, left, bottom, right] = cutOff(object, height, width);
      if (top === bottom || left === right) return [];
      const drawn = drawOn(spec, bottom - top, right - left, stream, OBJECT_BLOCK + j, j * spec.count_range[1], null);
      return drawn.map((each) => ({
        number: each.number,
        top: each.top + top,
        left: each.left + left,
        bottom: each.bottom + top,
        right: each.right + left,
      }));
    });
  }

  const cutOff = ([top, left, bottom, right], height, width) => [
    clip(top, 0, height),
    clip(left, 0, width),
    clip(bottom, 0, height),
    clip(right, 0, width),
  ];

  function drawGrid(spec, height, width, stream) {
    const plan = planOf(spec);
    const header = wordsOf(0, stream);
    if (header[1] >= plan.dusted) return [];
    const count = between(header[0], spec.count_range);
    const cells = cellsOf(spec, height, width, stream);
    const words = cells.map(({ number }) => wordsOf(number, stream)[0]);
    let hidden;
    if (spec.cell_p !== null) {
      hidden = words.map((word) => word < plan.cell);
    } else {
      // A word and a place below 2 ** 16 are one number that a double holds, and typed arrays are sorted fast.
      const order = Float64Array.from(words, (word, i) => word * 2 ** 16 + i).sort();
      hidden = new Array(cells.length).fill(false);
      for (const each of order.subarray(0, count)) hidden[each % 2 ** 16] = true;
    }
    return cells.map((cell, i) => (hidden[i] === spec.keep ? { ...cell, bottom: cell.top } : cell));
  }

  function cellsOf(spec, height, width, stream) {
    let edges;
    if (spec.grid_shape !== null) {
      edges = [height, width].map((side, axis) => {
        const n = spec.grid_shape[axis];
        return range(n).map((i) => [Math.floor((i * side) / n), Math.floor(((i + 1) * side) / n)]);
      });
    } else {
      const side = spec.cell_sides[high(wordsOf(1, stream)[2], spec.cell_sides.length)];
      if (side === 0) return [];
      edges = [height, width].map((length) =>
        range(Math.ceil(length / side)).map((i) => [i * side, Math.min((i + 1) * side, length)]),
      );
    }
    return crossed(...clippedTo(edges, borders(spec, height, width)));
  }

  const range = (n) => Array.from({ length: n }, (_, i) => i);
  const clippedTo = (spans, limit) =>
    spans.map((each, axis) => each.map((span) => span.map((edge) => clip(edge, 0, limit[axis]))));
  const crossed = (rows, columns) =>
    rows.flatMap((row, i) => columns.map((column, j) => box(i * columns.length + j + 1, row, column)));

  function drawLattice(spec, height, width, stream) {
    const plan = planOf(spec);
    if (wordsOf(0, stream)[1] >= plan.dusted) return [];
    const [yWord, xWord, sizeWord] = wordsOf(1, stream, new Uint32Array(4));
    const period = between(sizeWord, spec.period_range);
    const size = high(plan.hidden, 2 * period);
    const limit = borders(spec, height, width);
    const phases = [high(yWord, period), high(xWord, period)];
    const spans = [height, width].map((side, axis) =>
      range(bandsAlong(side, period)).map((i) => [i * period - phases[axis], i * period - phases[axis] + size]),
    );
    const [rows, columns] = clippedTo(spans, limit);
    if (spec.lattice_hides === "squares") return crossed(rows, columns);
    const down = rows.map((row, i) => box(i + 1, row, [0, limit[1]]));
    return [...down, ...columns.map((column, i) => box(rows.length + i + 1, [0, limit[0]], column))];
  }

  const bandsAlong = (side, period) => Math.floor((side + period - 2) / period) + 1;

  /** Return the rectangles, with the number of the first, that cover what none of the given ones covers. */
  function allBut(drawn, height, width) {
    const some = drawn.filter((each) => !isEmpty(each));
    const edges = [...new Set([0, height, ...some.flatMap(({ top, bottom }) => [top, bottom])])].sort((a, b) => a - b);
    const rest = [];
    for (let i = 0; i + 1 < edges.length; i += 1) {
      const rows = [edges[i], edges[i + 1]];
      const covering = some.filter(({ top, bottom }) => top <= rows[0] && rows[1] <= bottom);
      let start = 0;
      for (const { left, right } of covering.sort((a, b) => a.left - b.left)) {
        if (left > start) rest.push(box(drawn[0].number, rows, [start, left]));
        start = Math.max(start, right);
      }
      if (start < width) rest.push(box(drawn[0].number, rows, [start, width]));
    }
    return rest;
  }

  function overlap(a, b) {
    const tall = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    return Math.max(tall, 0) * Math.max(wide, 0);
  }

  /** Return the rectangles; those that would hide too much of an object cover nothing. */
  function leaveOut(spec, drawn, objects, height, width) {
    const boxes = objects.map((object) => {
      const [top, left, bottom, right] = cutOff(object, height, width);
      return { top, left, bottom, right };
    });
    const left = boxes.map((each) => mayLose(overlap(each, each), spec.max_hidden));
    return drawn.map((each) => {
      const lost = boxes.map((object) => overlap(each, object));
      if (lost.some((pixelsLost, j) => pixelsLost > left[j])) return { ...each, bottom: each.top };
      lost.forEach((pixelsLost, j) => (left[j] -= pixelsLost));
      return each;
    });
  }

  /** Return the largest number of pixels that, divided by the area, is not above the share. */
  function mayLose(area, share) {
    const whole = Math.max(area, 1);
    let most = Math.floor(area * share);
    while (most > 0 && most / whole > share) most -= 1;
    while (most < area && (most + 1) / whole <= share) most += 1;
    return most;
  }

  function drawRectangles(spec, height, width, stream, guide, objects) {
    let drawn;
    if (spec.kind === "grid") drawn = drawGrid(spec, height, width, stream);
    else if (spec.kind === "lattice") drawn = drawLattice(spec, height, width, stream);
    else if (spec.per_object) drawn = drawPerObject(spec, height, width, stream, objects);
    else {
      drawn = drawOn(spec, height, width, stream, 0, 0, guide);
      if (spec.keep && drawn.length) drawn = allBut(drawn, height, width);
    }
    return spec.max_hidden === null ? drawn : leaveOut(spec, drawn, objects, height, width);
  }

  // ------------------------------------------------------------------------------------------ checks of what comes along

  function checkSize(spec, height, width, channels) {
    const areSides = [height, width].every((side) => Number.isInteger(side) && side >= 1 && side <= MAX_SIDE);
    if (!areSides) {
      throw valueError(`images must have sides from 1 to ${MAX_SIDE} pixels, got ${shown(height)} by ${shown(width)}`);
    }
    if (!Number.isSafeInteger(channels) || channels < 1) {
      throw valueError(`channels must be a whole number from 1 on, got ${shown(channels)}`);
    }
    const per = FILLS[spec.fill].per;
    if (per === "value") {
      const most = isDefault(spec, "fill_range") ? MAX_NOISE_BYTES : MAX_NOISE_HALVES;
      if (height * width * channels > most) {
        throw valueError(`images must have at most ${most} values each with fill="${spec.fill}"`);
      }
    }
    if (Array.isArray(spec.fill_value) && spec.fill_value.length !== channels) {
      throw valueError(
        `fill_value must have one number for each of the images' ${channels} channels, got ${spec.fill_value.length}`,
      );
    }
    if (per === "channel" && channels > MAX_COLOR_CHANNELS) {
      throw valueError(`images must have at most ${MAX_COLOR_CHANNELS} channels with fill="${spec.fill}", got ${channels}`);
    }
    checkCells(spec, height, width);
    checkArea(spec, height, width);
  }

  function checkCells(spec, height, width) {
    let [most, name, hint] = [0, "cell_sides", "larger sides"];
    if (spec.cell_sides !== null) {
      const side = Math.min(...spec.cell_sides.filter((each) => each > 0));
      most = Number.isFinite(side) ? Math.ceil(height / side) * Math.ceil(width / side) : 0;
    } else if (spec.period_range !== null) {
      [name, hint] = ["period_range", "longer periods"];
      const [rows, columns] = [height, width].map((side) => bandsAlong(side, spec.period_range[0]));
      most = spec.lattice_hides === "lines" ? rows + columns : rows * columns;
    }
    if (most > MAX_COUNT) {
      throw valueError(
        `${name} must give an image at most ${MAX_COUNT} rectangles, got ${repr(spec[name])} for ${height} by ` +
          `${width} pixels: type ${hint}`,
      );
    }
  }

  /** Refuse areas of which not even the smallest fits, in doubles as the contract has them. */
  function checkArea(spec, height, width) {
    if (spec.area_range === null || spec.per_object) return;
    const area = spec.area_range[0] * height * width;
    const lowest = Math.max(spec.aspect_range[0], area / ((width - 0.5) * (width - 0.5)));
    if (lowest > Math.min(spec.aspect_range[1], ((height - 0.5) * (height - 0.5)) / area)) {
      throw valueError(
        "area_range and aspect_range must allow a rectangle smaller than the image, got " +
          `area_range=${repr(spec.area_range, "float")} and aspect_range=${repr(spec.aspect_range, "float")} for an ` +
          `image of ${height} by ${width} pixels: type a smaller area_range or an aspect_range nearer to 1`,
      );
    }
  }

  /** Return a guide with the sums of its weights up to each cell, or null if the spec takes none. */
  function checkGuide(spec, guide) {
    if (spec.center !== "guide") {
      if (guide === undefined || guide === null) return null;
      throw typeError(
        `guide must be given with center="guide", got a guide with center=${repr(spec.center)}: type ` +
          'spec.replace(center="guide"), or leave guide out',
      );
    }
    if (guide === undefined || guide === null) {
      throw typeError('guide must be given with center="guide", got none: type guide: {data, rows, columns}');
    }
    const { data, rows, columns } = guide;
    const isShape = [rows, columns].every((n) => Number.isInteger(n) && n >= 1 && n <= MAX_SIDE);
    if (!isShape || data?.length !== rows * columns) {
      throw valueError(
        `guide must have from 1 to ${MAX_SIDE} rows and columns, and a weight for each cell, got ${shown(rows)} rows, ` +
          `${shown(columns)} columns and ${shown(data?.length)} weights`,
      );
    }
    const sums = new Float64Array(data.length);
    let sum = 0;
    for (let i = 0; i < data.length; i += 1) {
      if (!(Number.isInteger(data[i]) && data[i] >= 0 && data[i] <= 255)) {
        throw valueError(`guide must have whole numbers from 0 to 255 as weights, got ${shown(data[i])}`);
      }
      sum += data[i];
      sums[i] = sum;
    }
    if (sum > MAX_GUIDE_SUM) {
      throw valueError(`guide must have weights that sum to at most ${MAX_GUIDE_SUM}, got ${sum}`);
    }
    return { sums, rows, columns };
  }

  function checkObjects(spec, objects) {
    const takes = spec.per_object || spec.max_hidden !== null;
    if (objects === undefined || objects === null) {
      if (!takes) return [];
      const [field, without] = spec.per_object ? ["per_object", "per_object=False"] : ["max_hidden", "max_hidden=None"];
      throw typeError(
        `objects must be given with ${field}, got none: type objects: [[top, left, bottom, right], …], or ` +
          `spec.replace(${without})`,
      );
    }
    if (!takes) {
      throw typeError(
        "objects must be given with max_hidden or per_object, got a spec without: type spec.replace(max_hidden=0.4) " +
          "or spec.replace(per_object=True)",
      );
    }
    if (!Array.isArray(objects)) {
      throw typeError(`objects must be an array of boxes [top, left, bottom, right], got ${shown(objects)}`);
    }
    for (const object of objects) {
      if (!Array.isArray(object) || object.length !== 4 || !object.every(Number.isSafeInteger)) {
        throw typeError(`objects must be arrays of four whole numbers, got ${shown(object)}`);
      }
      if (object[0] > object[2] || object[1] > object[3]) {
        throw valueError(`objects must not be reversed, got [${object.join(", ")}] (top, left, bottom, right)`);
      }
    }
    const most = spec.count_range[1];
    if (spec.per_object && objects.length * most > MAX_COUNT) {
      const fewer = Math.floor(MAX_COUNT / objects.length);
      throw valueError(
        `objects must have at most ${Math.floor(MAX_COUNT / most)} boxes in each image with per_object and up to ` +
          `${most} rectangles a box, got ${objects.length} boxes: type ` +
          `spec.replace(count_range=(${Math.min(spec.count_range[0], fewer)}, ${fewer}))`,
      );
    }
    return objects;
  }

  /** Refuse a name that is not known: `epochs` instead of `epoch` would give other dust without a word. */
  function checkKeys(name, keys, known) {
    if (typeof keys !== "object" || keys === null) {
      throw typeError(`${name} must be given an object with seed and index, got ${shown(keys)}: type {seed: 0, index: 0}`);
    }
    const unknown = Object.keys(keys).find((key) => !known.includes(key));
    if (unknown !== undefined) {
      throw typeError(`${name} must be given names that it knows, got ${unknown}: type ${known.join(", ")}`);
    }
  }

  function checkImage(spec, data, { height, width, channels } = {}, what = "data") {
    if (!(data instanceof Uint8Array) && !(data instanceof Uint8ClampedArray)) {
      throw typeError(`${what} must be a Uint8Array or a Uint8ClampedArray, got ${shown(data?.constructor?.name)}`);
    }
    if (data.length !== height * width * channels) {
      throw valueError(
        `${what} must have height * width * channels = ${height * width * channels} bytes, got ${data.length}`,
      );
    }
  }

  function checkDonors(spec, donors, shape) {
    if (spec.fill !== "donors") {
      if (donors === undefined || donors === null) return;
      throw typeError(
        `donors must be given with fill="donors", got donors with fill=${repr(spec.fill)}: type ` +
          'spec.replace(fill="donors"), or leave donors out',
      );
    }
    if (donors === undefined || donors === null) {
      throw typeError(
        'donors must be given with fill="donors", got none: type donors: an array of the same size, or ' +
          'spec.replace(fill="grey")',
      );
    }
    checkImage(spec, donors, shape, "donors");
  }

  function checkLayout(spec) {
    const depth = DEPTH_FIELDS.find((name) => spec[name] !== null);
    if (depth !== undefined) {
      throw valueError(
        `layout must be one of NDHWC, NCDHW with ${depth}, got HWC: type spec.replace(${depth}=None) for images`,
      );
    }
    if (spec.normalize_mean !== null) {
      throw valueError("images must be floating-point with normalize_mean and normalize_std, got uint8");
    }
  }

  // ----------------------------------------------------------------------------------------------------------- painting

  /** Return the brightness of a rectangle: a number, one for each channel, or null where each pixel has its own. */
  function brightnessOf(spec, number, channels, stream) {
    if (spec.fill === "grey") return between(wordsOf(number, stream)[3], spec.fill_range);
    if (spec.fill === "constant") return spec.fill_value;
    if (spec.fill !== "color") return null;
    const brightness = [];
    const words = new Uint32Array(4);
    for (let channel = 0; channel < channels; channel += 1) {
      if (channel % 4 === 0) wordsOf(COLOR_BLOCK + COLOR_BLOCKS_PER_RECTANGLE * number + channel / 4, stream, words);
      brightness.push(between(words[channel % 4], spec.fill_range));
    }
    return brightness;
  }

  /** Return a brightness as a byte: rounded, halves up, where adding a half would round once more. */
  const byteOf = (brightness) => Math.floor(brightness) + (brightness - Math.floor(brightness) >= 0.5 ? 1 : 0);

  /** Return the image's own mean of each channel. */
  function meansOf(data, channels) {
    const n = data.length / channels;
    return range(channels).map((channel) => {
      let sum = 0;
      for (let i = channel; i < data.length; i += channels) sum += data[i];
      return Math.floor((2 * sum + n) / (2 * n));
    });
  }

  /** Call with the first value of each row of a rectangle, and the one after its last. */
  function eachRow({ top, left, bottom, right }, width, channels, call) {
    if (left >= right) return;
    for (let y = top; y < bottom; y += 1) {
      const start = y * width;
      call((start + left) * channels, (start + right) * channels);
    }
  }

  function paintBytes(data, rectangle, { width, channels }, bytes) {
    if (bytes.every((byte) => byte === bytes[0])) {
      eachRow(rectangle, width, channels, (start, stop) => data.fill(bytes[0], start, stop));
      return;
    }
    // The first row is painted, and the others are copies of it.
    const first = (rectangle.top * width + rectangle.left) * channels;
    const size = (rectangle.right - rectangle.left) * channels;
    for (let i = 0; i < size; i += 1) data[first + i] = bytes[i % channels];
    eachRow(rectangle, width, channels, (start) => data.copyWithin(start, first, first + size));
  }

  /** Paint what rectangles cover with noise. A value depends on its place alone, so each is drawn once. */
  function paintNoise(data, rectangles, { height, width, channels }, spec, stream) {
    const covered = coverOf(rectangles, height, width);
    for (let start = covered.indexOf(1); start >= 0; ) {
      const stop = covered.indexOf(0, start);
      const end = stop < 0 ? covered.length : stop;
      paintValues(data, start * channels, end * channels, spec, stream);
      start = stop < 0 ? -1 : covered.indexOf(1, stop);
    }
  }

  const noiseWords = new Uint32Array(4);

  /** Paint the values from `start` up to `stop` with noise. */
  function paintValues(data, start, stop, { fill_range: [low, last] }, stream) {
    const words = noiseWords;
    const n = last - low + 1;
    if (n === 256) {
      for (let i = start; i < stop; i += 1) {
        if (i === start || i % 16 === 0) wordsOf(NOISE_BLOCK + Math.floor(i / 16), stream, words);
        data[i] = words[(i >>> 2) & 3] >>> (8 * (i & 3));
      }
      return;
    }
    for (let i = start; i < stop; i += 1) {
      if (i === start || i % 8 === 0) wordsOf(NOISE_BLOCK + Math.floor(i / 8), stream, words);
      const half = (words[(i >>> 1) & 3] >>> (16 * (i & 1))) & 0xffff;
      data[i] = low + ((half * n) >>> 16);
    }
  }

  /** Return a one for each pixel that a rectangle covers, and a zero for the others. */
  function coverOf(rectangles, height, width) {
    const covered = new Uint8Array(height * width);
    for (const rectangle of rectangles) {
      eachRow(rectangle, width, 1, (start, stop) => covered.fill(1, start, stop));
    }
    return covered;
  }

  /**
   * Return the rectangles that `addDust` paints, in painting order, those that cover nothing among them: edges in pixels,
   * bottom and right outside, and the fill, 0 … 255: a number, one for each channel, or null where each pixel has its own.
   */
  function sampleRectangles(spec, keys) {
    const known = ["height", "width", "channels", "seed", "epoch", "index", "guide", "objects"];
    checkKeys("sampleRectangles", keys, known);
    const { height, width, channels = 3, seed, epoch = 0, index, guide, objects } = keys;
    const all = makeSpec(spec);
    checkSize(all, height, width, channels);
    const stream = makeStream(seed, epoch, index);
    const drawn = drawRectangles(all, height, width, stream, checkGuide(all, guide), checkObjects(all, objects));
    return drawn.map(({ number, top, left, bottom, right }) => ({
      top,
      left,
      bottom,
      right,
      fill: brightnessOf(all, number, channels, stream),
    }));
  }

  /**
   * Paint dust on one image, in place, and return it.
   *
   * @param {Uint8Array|Uint8ClampedArray} data - The image, row after row, all channels of a pixel together.
   * @param {{height: number, width: number, channels: number}} shape
   * @param {object} spec - Fields of `dustaug.Spec`; what is left out is as in the dust of the 2017 post.
   * @param {object} keys - `seed`, `epoch` and `index`, numbers, BigInts or strings of digits; where the spec takes them,
   *     `guide` ({data, rows, columns}), `objects` ([[top, left, bottom, right], …]) and `donors` (an image).
   */
  function addDust(data, shape, spec, keys) {
    checkKeys("addDust", keys, ["seed", "epoch", "index", "guide", "objects", "donors"]);
    const { seed, epoch = 0, index, guide, objects, donors } = keys;
    const all = makeSpec(spec);
    checkLayout(all);
    checkSize(all, shape?.height, shape?.width, shape?.channels);
    checkImage(all, data, shape);
    checkDonors(all, donors, shape);
    const stream = makeStream(seed, epoch, index);
    const { height, width, channels } = shape;
    const drawn = drawRectangles(all, height, width, stream, checkGuide(all, guide), checkObjects(all, objects));
    const means = all.fill === "mean" ? meansOf(data, channels) : null;
    // An image may be its own donor, or part of one.
    const copied = all.fill === "donors" ? Uint8Array.from(donors) : null;
    if (all.fill === "noise") {
      paintNoise(data, drawn, shape, all, stream);
      return data;
    }
    for (const rectangle of drawn) {
      if (isEmpty(rectangle)) continue;
      if (all.fill === "donors") {
        eachRow(rectangle, width, channels, (start, stop) => data.set(copied.subarray(start, stop), start));
      } else {
        const brightness = means ?? brightnessOf(all, rectangle.number, channels, stream);
        paintBytes(data, rectangle, shape, (Array.isArray(brightness) ? brightness : [brightness]).map(byteOf));
      }
    }
    return data;
  }

  /** Return which share of an image, 0 … 1, lies under rectangles; where they overlap counts once. */
  function coverage(rectangles, { height, width }) {
    const covered = coverOf(rectangles, height, width);
    let sum = 0;
    for (let i = 0; i < covered.length; i += 1) sum += covered[i];
    return sum / covered.length;
  }

  /** Return the partner of image `index` among n, by a permutation that belongs to (seed, epoch, n), as a BigInt. */
  function partnerOf(seed, epoch, index, n) {
    const total = checkWhole("n", n, LIMITS.index);
    let number = checkWhole("index", index, total - 1n);
    const stream = { ...makeStream(seed, epoch, 0), indexHigh: Number(total & BigInt(WORDS - 1)) };
    let bits = 1;
    while (4n ** BigInt(bits) < total) bits += 1;
    const half = 2n ** BigInt(bits);
    do {
      let [u, v] = [Number(number / half), Number(number % half)];
      for (let round = 0; round < 8; round += 1) {
        const word = wordsOf(PARTNER_BLOCK + round, { ...stream, indexLow: v })[0];
        [u, v] = [v, (u ^ (word >>> (32 - bits))) >>> 0];
      }
      number = BigInt(u) * half + BigInt(v);
    } while (number >= total);
    return number;
  }

  // generated: tables
  const GENERATED = {
    // Rows of three words: quantile.
    quantile: Uint32Array.of(
      3310576639, 1769344, 17617, 3308824912, 1734114, 16921, 3307107719, 1700277, 16265, 3305423706, 1667752, 15647,
      3303771601, 1636463, 15063, 3302150200, 1606341, 14511, 3300558370, 1577322, 13990, 3298995038, 1549346, 13496,
      3297459188, 1522357, 13028, 3295949858, 1496304, 12584, 3294466138, 1471140, 12162, 3293007160, 1446818, 11761,
      3291572104, 1423297, 11380, 3290160187, 1400539, 11017, 3288770666, 1378506, 10672, 3287402832, 1357164, 10342,
      3286056009, 1336482, 10028, 3284729555, 1316428, 9727, 3283422854, 1296975, 9440, 3282135319, 1278096, 9166,
      3280866388, 1259766, 8903, 3279615526, 1241961, 8652, 3278382217, 1224658, 8411, 3277165969, 1207837, 8180,
      3275966312, 1191478, 7959, 3274782793, 1175562, 7746, 3273614977, 1160071, 7542, 3272462447, 1144988, 7346,
      3271324805, 1130297, 7157, 3270201665, 1115984, 6976, 3269092657, 1102033, 6801, 3267997425, 1088431, 6633,
      3266915627, 2150174, 25572, 3264791025, 2099040, 24369, 3262716354, 2050312, 23249, 3260689291, 2003824, 22204,
      3258707671, 1959423, 21229, 3256769477, 1916973, 20317, 3254872821, 1876346, 19463, 3253015938, 1837427, 18661,
      3251197173, 1800110, 17909, 3249414971, 1764298, 17201, 3247667874, 1729902, 16534, 3245954506, 1696838, 15906,
      3244273574, 1665031, 15313, 3242623855, 1634410, 14752, 3241004198, 1604909, 14222, 3239413511, 1576468, 13720,
      3237850764, 1549030, 13245, 3236314978, 1522544, 12793, 3234805227, 1496960, 12365, 3233320632, 1472233, 11958,
      3231860357, 1448320, 11570, 3230423607, 1425182, 11202, 3229009627, 1402781, 10850, 3227617697, 1381082, 10515,
      3226247129, 1360054, 10196, 3224897271, 1339665, 9890, 3223567496, 1319886, 9599, 3222257209, 1300690, 9320,
      3220965839, 1282052, 9053, 3219692839, 1263948, 8797, 3218437689, 1246355, 8552, 3217199887, 1229251, 8318,
      3215978953, 2425016, 31936, 3213585873, 2361161, 30276, 3211254988, 2300625, 28742, 3208983105, 2243155, 27322,
      3206767272, 2188523, 26005, 3204604754, 2136524, 24782, 3202493012, 2086971, 23643, 3200429684, 2039694, 22581,
      3198412572, 1994539, 21590, 3196439623, 1951367, 20663, 3194508920, 1910048, 19794, 3192618666, 1870466, 18979,
      3190767179, 1832513, 18214, 3188952880, 1796090, 17495, 3187174285, 1761106, 16817, 3185429996, 1727477, 16178,
      3183718698, 1695125, 15575, 3182039148, 1663979, 15005, 3180390175, 1633972, 14466, 3178770669, 1605043, 13956,
      3177179583, 1577134, 13472, 3175615921, 1550192, 13014, 3174078743, 1524168, 12578, 3172567153, 1499014, 12164,
      3171080303, 1474689, 11770, 3169617384, 1451152, 11395, 3168177627, 1428364, 11038, 3166760300, 1406291, 10697,
      3165364707, 1384898, 10372, 3163990180, 1364156, 10062, 3162636086, 1344035, 9765, 3161301816, 1324506, 9481,
      3159986791, 2610829, 36317, 3157412279, 2538216, 34325, 3154908388, 2469585, 32492, 3152471295, 2404618, 30803,
      3150097480, 2343026, 29243, 3147783697, 2284553, 27799, 3145526943, 2228967, 26460, 3143324437, 2176057, 25216,
      3141173596, 2125636, 24058, 3139072018, 2077529, 22978, 3137017467, 2031581, 21970, 3135007855, 1987650, 21026,
      3133041232, 1945604, 20143, 3131115770, 1905325, 19314, 3129229760, 1866702, 18536, 3127381594, 1829636, 17804,
      3125569762, 1794033, 17114, 3123792843, 1759809, 16465, 3122049498, 1726884, 15851, 3120338465, 1695186, 15272,
      3118658551, 1664647, 14723, 3117008628, 1635204, 14204, 3115387628, 1606799, 13712, 3113794542, 1579377, 13245,
      3112228410, 1552890, 12802, 3110688322, 1527288, 12381, 3109173415, 1502529, 11980, 3107682866, 1478571, 11599,
      3106215893, 1455376, 11235, 3104771752, 1432908, 10888, 3103349732, 1411133, 10558, 3101949156, 1390020, 10242,
      3100569379, 2738784, 39180, 3097869775, 2660448, 36970, 3095246296, 2586530, 34942, 3092694709, 2516664, 33078,
      3090211123, 2450526, 31359, 3087791957, 2387822, 29772, 3085433906, 2328293, 28303, 3083133916, 2271700, 26940,
      3080889155, 2217832, 25674, 3078696997, 2166496, 24495, 3076554996, 2117515, 23396, 3074460877, 2070732, 22370,
      3072412514, 2026001, 21410, 3070407923, 1983189, 20511, 3068445245, 1942174, 19667, 3066522738, 1902846, 18875,
      3064638767, 1865102, 18130, 3062791794, 1828848, 17428, 3060980375, 1793996, 16767, 3059203145, 1760468, 16142,
      3057458820, 1728187, 15552, 3055746185, 1697087, 14994, 3054064092, 1667102, 14466, 3052411456, 1638174, 13965,
      3050787247, 1610247, 13490, 3049190489, 1583271, 13038, 3047620257, 1557197, 12610, 3046075670, 1531980, 12202,
      3044555892, 1507579, 11813, 3043060126, 1483955, 11443, 3041587614, 1461070, 11090, 3040137634, 1438892, 10754,
      3038709496, 2834463, 41111, 3035916144, 2752268, 38759, 3033202635, 2674773, 36604, 3030564467, 2601585, 34625,
      3027997507, 2532353, 32803, 3025497958, 2466763, 31122, 3023062317, 2404534, 29567, 3020687350, 2345413, 28127,
      3018370063, 2289172, 26789, 3016107680, 2235605, 25546, 3013897621, 2184524, 24387, 3011737484, 2135759, 23306,
      3009625030, 2089157, 22295, 3007558169, 2044574, 21349, 3005534944, 2001883, 20462, 3003553523, 1960965, 19630,
      3001612187, 1921711, 18848, 2999709323, 1884022, 18111, 2997843413, 1847804, 17417, 2996013026, 1812974, 16763,
      2994216815, 1779452, 16145, 2992453507, 1747167, 15561, 2990721901, 1716049, 15007, 2989020859, 1686038, 14483,
      2987349305, 1657074, 13987, 2985706217, 1629104, 13515, 2984090628, 1602077, 13067, 2982501618, 1575946, 12641,
      2980938313, 1550666, 12236, 2979399882, 1526198, 11849, 2977885534, 1502501, 11481, 2976394514, 1479540, 11130,
      2974926104, 2914242, 42536, 2972054399, 2829197, 40087, 2969265288, 2749048, 37843, 2966554084, 2673383, 35784,
      2963916486, 2601833, 33890, 2961348542, 2534072, 32142, 2958846612, 2469803, 30527, 2956407336, 2408764, 29031,
      2954027604, 2350714, 27643, 2951704533, 2295439, 26353, 2949435446, 2242744, 25151, 2947217854, 2192451, 24030,
      2945049433, 2144399, 22983, 2942928017, 2098441, 22003, 2940851579, 2054442, 21085, 2938818222, 2012279, 20223,
      2936826166, 1971839, 19414, 2934873741, 1933017, 18652, 2932959376, 1895719, 17934, 2931081591, 1859855, 17257,
      2929238993, 1825345, 16618, 2927430266, 1792112, 16014, 2925654168, 1760087, 15443, 2923909524, 1729205, 14902,
      2922195221, 1699405, 14389, 2920510204, 1670631, 13902, 2918853475, 1642831, 13439, 2917224083, 1615956, 12999,
      2915621126, 1589960, 12581, 2914043748, 1564800, 12182, 2912491130, 1540438, 11803, 2910962495, 1516834, 11441,
      2909457101, 2987578, 43716, 2906513239, 2900174, 41190, 2903654256, 2817819, 38879, 2900875316, 2740084, 36757,
      2898171989, 2666590, 34805, 2895540204, 2596997, 33006, 2892976213, 2531002, 31343, 2890476553, 2468331, 29803,
      2888038025, 2408739, 28375, 2885657661, 2352001, 27047, 2883332707, 2297918, 25811, 2881060599, 2246307, 24658,
      2878838951, 2197000, 23581, 2876665532, 2149846, 22573, 2874538259, 2104707, 21629, 2872455182, 2061455, 20744,
      2870414470, 2019974, 19911, 2868414407, 1980157, 19129, 2866453378, 1941906, 18391, 2864529864, 1905128, 17696,
      2862642432, 1869740, 17040, 2860789732, 1835665, 16419, 2858970485, 1802831, 15832, 2857183487, 1771170, 15277,
      2855427594, 1740620, 14750, 2853701723, 1711124, 14250, 2852004848, 1682628, 13775, 2850335995, 1655081, 13323,
      2848694237, 1628437, 12894, 2847078694, 1602652, 12485, 2845488527, 1577684, 12095, 2843922939, 1553496, 11724,
      2842381167, 3059760, 44795, 2839366202, 2970199, 42204, 2836438207, 2885817, 39832, 2833592223, 2806175, 37656,
      2830823704, 2730883, 35654, 2828128475, 2659593, 33809, 2825502691, 2591991, 32104, 2822942804, 2527798, 30525,
      2820445530, 2466761, 29061, 2818007830, 2408652, 27700, 2815626878, 2353263, 26433, 2813300048, 2300407, 25251,
      2811024892, 2249914, 24148, 2808799126, 2201627, 23115, 2806620614, 2155405, 22148, 2804487356, 2111117, 21240,
      2802397479, 2068644, 20387, 2800349223, 2027875, 19585, 2798340934, 1988710, 18830, 2796371054, 1951055, 18118,
      2794438117, 1914824, 17445, 2792540738, 1879938, 16810, 2790677610, 1846322, 16209, 2788847497, 1813909, 15639,
      2787049227, 1782634, 15100, 2785281693, 1752438, 14588, 2783543843, 1723266, 14101, 2781834679, 1695066, 13639,
      2780153252, 1667791, 13199, 2778498660, 1641395, 12780, 2776870045, 1615837, 12381, 2775266590, 1591076, 12001,
      2773687515, 3133804, 45853, 2770599564, 3042127, 43200, 2767600637, 2955754, 40772, 2764685655, 2874233, 38544,
      2761849966, 2797167, 36495, 2759089294, 2724196, 34605, 2756399703, 2655002, 32860, 2753777561, 2589298, 31244,
      2751219507, 2526824, 29745, 2748722427, 2467347, 28352, 2746283432, 2410655, 27055, 2743899832, 2356556, 25845,
      2741569122, 2304875, 24716, 2739288963, 2255452, 23659, 2737057169, 2208143, 22669, 2734871695, 2162813, 21740,
      2732730622, 2119341, 20867, 2730632148, 2077613, 20046, 2728574581, 2037526, 19273, 2726556328, 1998986, 18544,
      2724575887, 1961902, 17856, 2722631840, 1926195, 17206, 2720722851, 1891788, 16590, 2718847652, 1858612, 16008,
      2717005048, 1826600, 15455, 2715193903, 1795693, 14931, 2713413141, 1765834, 14433, 2711661741, 1736970, 13960,
      2709938732, 1709052, 13510, 2708243190, 1682034, 13082, 2706574238, 1655873, 12673, 2704931039, 1630528, 12284,
      2703312795, 3211567, 46936, 2700148163, 3117727, 44220, 2697074657, 3029313, 41736, 2694087079, 2945866, 39455,
      2691180669, 2866977, 37358, 2688351050, 2792280, 35425, 2685594195, 2721447, 33639, 2682906387, 2654186, 31985,
      2680284186, 2590230, 30451, 2677724406, 2529342, 29025, 2675224090, 2471303, 27698, 2672780484, 2415918, 26460,
      2670391026, 2363008, 25304, 2668053321, 2312410, 24222, 2665765134, 2263974, 23209, 2663524369, 2217563, 22258,
      2661329064, 2173054, 21365, 2659177375, 2130330, 20525, 2657067570, 2089286, 19734, 2654998018, 2049824, 18988,
      2652967181, 2011854, 18283, 2650973611, 1975292, 17618, 2649015937, 1940060, 16988, 2647092865, 1906088, 16392,
      2645203168, 1873309, 15826, 2643345686, 1841660, 15290, 2641519316, 1811083, 14781, 2639723013, 1781525, 14296,
      2637955785, 1752935, 13836, 2636216685, 1725267, 13397, 2634504815, 1698475, 12979, 2632819319, 1672520, 12580,
      2631159380, 3294357, 48069, 2627913093, 3198249, 45290, 2624760133, 3107697, 42746, 2621695182, 3022230, 40412,
      2618713365, 2941427, 38265, 2615810203, 2864916, 36286, 2612981573, 2792362, 34457, 2610223669, 2723463, 32764,
      2607532971, 2657948, 31194, 2604906217, 2595574, 29734, 2602340377, 2536117, 28375, 2599832635, 2479378, 27108,
      2597380365, 2425171, 25924, 2594981118, 2373332, 24817, 2592632603, 2323707, 23779, 2590332675, 2276156, 22806,
      2588079325, 2230551, 21891, 2585870665, 2186775, 21031, 2583704921, 2144719, 20221, 2581580423, 2104283, 19457,
      2579495598, 2065374, 18736, 2577448959, 2027908, 18054, 2575439106, 1991804, 17409, 2573464711, 1956990, 16798,
      2571524519, 1923397, 16219, 2569617342, 1890961, 15670, 2567742051, 1859625, 15148, 2565897574, 1829331, 14652,
      2564082896, 1800029, 14181, 2562297048, 1771670, 13731, 2560539109, 1744210, 13303, 2558808202, 1717606, 12895,
      2557103491, 3383263, 49273, 2553769501, 3284749, 46426, 2550531178, 3191925, 43820, 2547383073, 3104310, 41429,
      2544320192, 3021474, 39230, 2541337948, 2943034, 37203, 2538432117, 2868647, 35329, 2535598799, 2798005, 33594,
      2532834389, 2730831, 31985, 2530135543, 2666874, 30490, 2527499158, 2605907, 29097, 2524922349, 2547723, 27799,
      2522402425, 2492136, 26586, 2519936875, 2438973, 25451, 2517523353, 2388080, 24388, 2515159661, 2339312, 23390,
      2512843740, 2292538, 22453, 2510573654, 2247639, 21571, 2508347587, 2204502, 20741, 2506163826, 2163026, 19958,
      2504020758, 2123115, 19219, 2501916863, 2084682, 18520, 2499850701, 2047646, 17859, 2497820914, 2011932, 17233,
      2495826216, 1977469, 16640, 2493865386, 1944193, 16077, 2491937270, 1912043, 15542, 2490040769, 1880963, 15033,
      2488174839, 1850899, 14550, 2486338490, 1821802, 14089, 2484530778, 1793626, 13650, 2482750802, 1766328, 13232,
      2480997706, 3479350, 50562, 2477568917, 3378259, 47643, 2474238301, 3283003, 44971, 2471000269, 3193086, 42520,
      2467849702, 3108070, 40264, 2464781896, 3027562, 38185, 2461792519, 2951211, 36264, 2458877572, 2878700, 34485,
      2456033357, 2809745, 32835, 2453256446, 2744090, 31301, 2450543656, 2681501, 29873, 2447892028, 2621767, 28541,
      2445298801, 2564697, 27296, 2442761401, 2510113, 26132, 2440277420, 2457857, 25042, 2437844604, 2407782, 24018,
      2435460840, 2359753, 23057, 2433124144, 2313646, 22152, 2430832650, 2269348, 21300, 2428584603, 2226753, 20497,
      2426378348, 2185764, 19739, 2424212322, 2146292, 19022, 2422085052, 2108253, 18343, 2419995142, 2071571, 17701,
      2417941273, 2036172, 17092, 2415922193, 2001992, 16514, 2413936715, 1968967, 15965, 2411983714, 1937039, 15444,
      2410062118, 1906155, 14947, 2408170911, 1876263, 14475, 2406309122, 1847317, 14024, 2404475829, 1819271, 13594,
      2402670152, 3583775, 51950, 2399138327, 3479909, 48954, 2395707373, 3382030, 46212, 2392371554, 3289634, 43695,
      2389125616, 3202268, 41380, 2385964728, 3119530, 39245, 2382884443, 3041059, 37272, 2379880656, 2966532, 35446,
      2376949570, 2895656, 33751, 2374087665, 2828168, 32176, 2371291673, 2763829, 30709, 2368558553, 2702422, 29342,
      2365885473, 2643749, 28064, 2363269788, 2587632, 26868, 2360709024, 2533904, 25748, 2358200868, 2482417, 24697,
      2355743148, 2433031, 23709, 2353333827, 2385619, 22780, 2350970988, 2340065, 21905, 2348652828, 2296261, 21080,
      2346377646, 2254107, 20300, 2344143839, 2213512, 19564, 2341949892, 2174388, 18867, 2339794370, 2136658, 18207,
      2337675919, 2100248, 17581, 2335593252, 2065089, 16988, 2333545151, 2031117, 16424, 2331530457, 1998273, 15888,
      2329548072, 1966501, 15377, 2327596948, 1935749, 14892, 2325676090, 1905969, 14429, 2323784550, 1877114, 13987,
      2321921424, 3697878, 53454, 2318276999, 3591006, 50374, 2314736368, 3490287, 47555, 2311293636, 3395204, 44968,
      2307943400, 3305292, 42588, 2304680697, 3220137, 40394, 2301500954, 3139370, 38366, 2298399950, 3062656, 36488,
      2295373781, 2989697, 34745, 2292418829, 2920222, 33126, 2289531733, 2853984, 31617, 2286709366, 2790761, 30211,
      2283948816, 2730351, 28897, 2281247362, 2672568, 27667, 2278602461, 2617243, 26515, 2276011733, 2564222, 25434,
      2273472944, 2513363, 24418, 2270983999, 2464535, 23462, 2268542926, 2417617, 22562, 2266147871, 2372500, 21713,
      2263797084, 2329080, 20911, 2261488914, 2287264, 20153, 2259221804, 2246962, 19436, 2256994278, 2208094, 18757,
      2254804942, 2170584, 18113, 2252652472, 2134361, 17502, 2250535614, 2099359, 16922, 2248453176, 2065519, 16370,
      2246404028, 2032781, 15845, 2244387092, 2001094, 15345, 2242401344, 1970406, 14869, 2240445807, 1940670, 14415,
      2238519552, 3823270, 55090, 2234751371, 3713126, 51920, 2231090165, 3609317, 49018, 2227529866, 3511309, 46355,
      2224064912, 3418624, 43905, 2220690193, 3330837, 41645, 2217401001, 3247568, 39557, 2214192990, 3168473, 37623,
      2211062140, 3093244, 35829, 2208004725, 3021602, 34161, 2205017284, 2953294, 32607, 2202096597, 2888092, 31158,
      2199239663, 2825786, 29805, 2196443682, 2766187, 28538, 2193706033, 2709120, 27351, 2191024264, 2654427, 26237,
      2188396074, 2601960, 25191, 2185819306, 2551585, 24206, 2183291927, 2503180, 23279, 2180812026, 2456629, 22404,
      2178377800, 2411827, 21578, 2175987551, 2368677, 20797, 2173639671, 2327089, 20058, 2171332640, 2286977, 19358,
      2169065021, 2248265, 18695, 2166835450, 2210880, 18065, 2164642635, 2174754, 17467, 2162485348, 2139824, 16898,
      2160362421, 2106032, 16357, 2158272747, 2073321, 15841, 2156215267, 2041641, 15350, 2154188976, 2010943, 14882,
      2152192915, 3961935, 56879, 2148287860, 3848212, 53611, 2144493258, 3741023, 50619, 2140802855, 3639813, 47873,
      2137210914, 3544094, 45346, 2133712165, 3453427, 43015, 2130301754, 3367417, 40861, 2126975197, 3285714, 38866,
      2123728349, 3207999, 37015, 2120557366, 3133983, 35295, 2117458678, 3063408, 33692, 2114428961, 2996037, 32197,
      2111465122, 2931654, 30801, 2108564268, 2870064, 29494, 2105723698, 2811086, 28269, 2102940881, 2754558, 27119,
      2100213442, 2700328, 26039, 2097539153, 2648257, 25023, 2094915919, 2598219, 24065, 2092341765, 2550095, 23162,
      2089814833, 2503776, 22310, 2087333366, 2459163, 21503, 2084895707, 2416161, 20741, 2082500287, 2374685, 20018,
      2080145620, 2334653, 19333, 2077830301, 2295991, 18683, 2075552992, 2258630, 18065, 2073312428, 2222503, 17478,
      2071107402, 2187551, 16919, 2068936770, 2153716, 16387, 2066799441, 2120946, 15879, 2064694374, 2089190, 15396,
      2062620580, 4116359, 58847, 2058563067, 3998703, 55471, 2054619836, 3887794, 52380, 2050784421, 3783064, 49543,
      2047050900, 3684006, 46931, 2043413826, 3590167, 44523, 2039868182, 3501142, 42297, 2036409338, 3416567, 40236,
      2033033007, 3336112, 38323, 2029735217, 3259483, 36544, 2026512279, 3186409, 34888, 2023360758, 3116647, 33342,
      2020277453, 3049974, 31898, 2017259377, 2986189, 30547, 2014303736, 2925105, 29281, 2011407912, 2866553, 28092,
      2008569451, 2810378, 26975, 2005786048, 2756436, 25924, 2003055536, 2704595, 24934, 2000375875, 2654735, 24000,
      1997745140, 2606742, 23118, 1995161515, 2560512, 22284, 1992623287, 2515950, 21495, 1990128831, 2472966, 20747,
      1987676612, 2431477, 20038, 1985265173, 2391405, 19365, 1982893134, 2352678, 18726, 1980559182, 2315229, 18119,
      1978262072, 2278995, 17540, 1976000617, 2243918, 16989, 1973773688, 2209942, 16464, 1971580210, 2177016, 15964,
      1969419158, 4289724, 61024, 1965190458, 4167715, 57529, 1961080271, 4052692, 54329, 1957081909, 3944065, 51391,
      1953189235, 3841310, 48688, 1949396613, 3743959, 46194, 1945698847, 3651594, 43889, 1942091142, 3563837, 41754,
      1938569059, 3480348, 39772, 1935128483, 3400820, 37930, 1931765592, 3324976, 36213, 1928476830, 3252563, 34612,
      1925258879, 3183351, 33116, 1922108644, 3117130, 31716, 1919023230, 3053708, 30404, 1915999926, 2992911, 29172,
      1913036186, 2934576, 28014, 1910129624, 2878557, 26925, 1907277992, 2824715, 25898, 1904479175, 2772926, 24930,
      1901731178, 2723073, 24015, 1899032121, 2675048, 23151, 1896380224, 2628752, 22333, 1893773804, 2584092, 21557,
      1891211270, 2540982, 20822, 1888691110, 2499342, 20125, 1886211893, 2459096, 19462, 1883772259, 2420177, 18832,
      1881370914, 2382517, 18232, 1879006628, 2346057, 17660, 1876678232, 2310740, 17116, 1874384607, 2276511, 16596,
      1872124692, 4486168, 63447, 1867701972, 4359313, 59821, 1863402480, 4239706, 56501, 1859219274, 4126737, 53452,
      1855145989, 4019863, 50645, 1851176771, 3918598, 48057, 1847306230, 3822507, 45664, 1843529386, 3731201, 43447,
      1839841632, 3644326, 41389, 1836238695, 3561565, 39476, 1832716607, 3482628, 37694, 1829271672, 3407255, 36031,
      1825900448, 3335207, 34477, 1822599718, 3266265, 33022, 1819366475, 3200232, 31659, 1816197902, 3136925, 30379,
      1813091356, 3076176, 29176, 1810044355, 3017833, 28044, 1807054565, 2961754, 26977, 1804119788, 2907807, 25971,
      1801237952, 2855873, 25020, 1798407099, 2805839, 24121, 1795625381, 2757602, 23271, 1792891050, 2711066, 22465,
      1790202449, 2666141, 21701, 1787558008, 2622744, 20975, 1784956239, 2580798, 20286, 1782395727, 2540231, 19630,
      1779875127, 2500973, 19007, 1777393160, 2462964, 18412, 1774948608, 2426143, 17846, 1772540311, 2390454, 17305,
      1770167163, 4711197, 66166, 1765522132, 4578907, 62393, 1761005618, 4454157, 58938, 1756610399, 4336315, 55765,
      1752329849, 4224815, 52844, 1748157878, 4119153, 50150, 1744088875, 4018878, 47658, 1740117656, 3923582, 45350,
      1736239424, 3832901, 43208, 1732449730, 3746503, 41215, 1728744442, 3664089, 39359, 1725119713, 3585385, 37627,
      1721571955, 3510144, 36008, 1718097819, 3438140, 34493, 1714694171, 3369166, 33072, 1711358078, 3303032, 31739,
      1708086784, 3239565, 30485, 1704877704, 3178604, 29305, 1701728406, 3120002, 28193, 1698636598, 3063623, 27144,
      1695600119, 3009341, 26153, 1692616931, 2957041, 25216, 1689685106, 2906615, 24330, 1686802821, 2857961, 23489,
      1683968349, 2810988, 22692, 1681180053, 2765609, 21936, 1678436380, 2721742, 21217, 1675735855, 2679313, 20533,
      1673077075, 2638251, 19882, 1670458706, 2598490, 19262, 1667879478, 2559970, 18671, 1665338179, 2522631, 18107,
      1662833656, 4972321, 69240, 1657930575, 4833884, 65303, 1653161994, 4703317, 61696, 1648520374, 4579959, 58384,
      1643998799, 4463222, 55335, 1639590912, 4352580, 52521, 1635290853, 4247564, 49919, 1631093209, 4147748, 47508,
      1626992969, 4052752, 45270, 1622985487, 3962230, 43189, 1619066446, 3875870, 41249, 1615231826, 3793387, 39439,
      1611477878, 3714522, 37747, 1607801103, 3639041, 36163, 1604198225, 3566727, 34678, 1600666176, 3497381, 33284,
      1597202079, 3430824, 31973, 1593803228, 3366887, 30739, 1590467081, 3305417, 29576, 1587191241, 3246272, 28479,
      1583973448, 3189321, 27443, 1580811570, 3134442, 26463, 1577703591, 3081523, 25535, 1574647603, 3030459, 24656,
      1571641800, 2981153, 23822, 1568684468, 2933515, 23030, 1565773982, 2887461, 22277, 1562908798, 2842911, 21562,
      1560087449, 2799792, 20880, 1557308538, 2758035, 20231, 1554570734, 2717576, 19612, 1551872770, 2678355, 19022,
      1549213437, 5280086, 72749, 1544006099, 5134635, 68625, 1538940090, 4997425, 64847, 1534007511, 4867768, 61376,
      1529201120, 4745048, 58181, 1524514253, 4628715, 55232, 1519940770, 4518277, 52505, 1515474998, 4413291, 49978,
      1511111684, 4313357, 47631, 1506845958, 4218115, 45448, 1502673291, 4127237, 43414, 1498589468, 4040425, 41515,
      1494590557, 3957410, 39740, 1490672888, 3877943, 38078, 1486833023, 3801799, 36520, 1483067744, 3728771, 35057,
      1479374030, 3658668, 33681, 1475749042, 3591316, 32386, 1472190111, 3526554, 31165, 1468694722, 3464233, 30013,
      1465260501, 3404216, 28924, 1461885209, 3346375, 27895, 1458566730, 3290592, 26920, 1455303058, 3236757, 25996,
      1452092297, 3184770, 25120, 1448932647, 3134535, 24288, 1445822401, 3085963, 23498, 1442759935, 3038973, 22745,
      1439743707, 2993487, 22029, 1436772250, 2949432, 21347, 1433844165, 2906742, 20696, 1430958119, 2865352, 20076,
      1428112842, 5649839, 76792, 1422539795, 5496304, 72455, 1417115945, 5351438, 68480, 1411832988, 5214516, 64829,
      1406683301, 5084892, 61466, 1401659875, 4961990, 58363, 1396756248, 4845292, 55492, 1391966447, 4734334, 52831,
      1387284944, 4628695, 50360, 1382706610, 4527996, 48061, 1378226674, 4431893, 45918, 1373840699, 4340074, 43918,
      1369544543, 4252255, 42047, 1365334335, 4168175, 40296, 1361206456, 4087596, 38653, 1357157512, 4010302, 37110,
      1353184320, 3936093, 35660, 1349283887, 3864783, 34294, 1345453398, 3796205, 33006, 1341690200, 3730201, 31791,
      1337991790, 3666626, 30643, 1334355807, 3605348, 29557, 1330780016, 3546241, 28528, 1327262304, 3489191, 27554,
      1323800666, 3434090, 26629, 1320393205, 3380838, 25750, 1317038118, 3329342, 24916, 1313733691, 3279516, 24121,
      1310478296, 3231278, 23365, 1307270383, 3184552, 22645, 1304108475, 3139267, 21957, 1300991166, 3095356, 21301,
      1297917111, 6104911, 81496, 1291893696, 5941970, 76913, 1286028639, 5788189, 72712, 1280313162, 5642806, 68851,
      1274739207, 5505139, 65296, 1269299364, 5374580, 62013, 1263986797, 5250584, 58976, 1258795189, 5132659, 56160,
      1253718690, 5020363, 53545, 1248751871, 4913296, 51111, 1243889686, 4811094, 48842, 1239127435, 4713427, 46724,
      1234460731, 4619996, 44743, 1229885478, 4530525, 42887, 1225397840, 4444764, 41147, 1220994223, 4362483, 39512,
      1216671252, 4283470, 37975, 1212425756, 4207532, 36527, 1208254751, 4134488, 35162, 1204155425, 4064174, 33873,
      1200125124, 3996436, 32655, 1196161342, 3931134, 31503, 1192261711, 3868135, 30412, 1188423988, 3807318, 29378,
      1184646047, 3748570, 28396, 1180925873, 3691784, 27464, 1177261554, 3636862, 26578, 1173651270, 3583712, 25734,
      1170093292, 3532248, 24931, 1166585975, 3482390, 24166, 1163127751, 3434062, 23436, 1159717125, 3387194, 22739,
      1156352670, 6682799, 87015, 1149756886, 6508822, 82144, 1143330208, 6344581, 77679, 1137063306, 6189266, 73574,
      1130947613, 6042157, 69792, 1124975248, 5902608, 66299, 1119138939, 5770040, 63067, 1113431966, 5643933, 60071,
      1107848103, 5523817, 57286, 1102381572, 5409268, 54695, 1097026999, 5299899, 52278, 1091779378, 5195361, 50022,
      1086634039, 5095335, 47911, 1081586615, 4999529, 45933, 1076633019, 4907677, 44078, 1071769420, 4819534, 42335,
      1066992221, 4734876, 40696, 1062298040, 4653497, 39151, 1057683694, 4575205, 37695, 1053146184, 4499825, 36320,
      1048682679, 4427194, 35020, 1044290505, 4357163, 33790, 1039967132, 4289590, 32625, 1035710168, 4224347, 31521,
      1031517341, 4161312, 30472, 1027386502, 4100374, 29477, 1023315605, 4041426, 28530, 1019302708, 3984372, 27629,
      1015345965, 3929120, 26770, 1011443615, 3875584, 25952, 1007593984, 3823684, 25172, 1003795472, 3773344, 24427,
      1000046556, 7448303, 93492, 992691745, 7261375, 88282, 985518651, 7084863, 83503, 978517291, 6917903, 79109,
      971678496, 6759727, 75059, 964993828, 6609646, 71318, 958455501, 6467042, 67856, 952056315, 6331360, 64644,
      945789599, 6202098, 61660, 939649160, 6078804, 58881, 933629237, 5961064, 56289, 927724463, 5848506, 53868,
      921929825, 5740788, 51603, 916240640, 5637598, 49481, 910652523, 5538653, 47489, 905161359, 5443689, 45617,
      899763287, 5352468, 43856, 894454675, 5264768, 42197, 889232104, 5180386, 40632, 884092350, 5099133, 39154,
      879032371, 5020835, 37756, 874049293, 4945331, 36434, 869140396, 4872471, 35181, 864303106, 4802117, 33993,
      859534981, 4734139, 32865, 854833707, 4668416, 31793, 850197084, 4604837, 30774, 845623021, 4543295, 29803,
      841109529, 4483694, 28879, 836654715, 4425941, 27998, 832256772, 4369949, 27157, 827913980, 4315639, 26354,
      823624695, 8525132, 100874, 815200437, 8323445, 95255, 806972247, 8132989, 90101, 798929359, 7952837, 85359,
      791061882, 7782161, 80988, 783360709, 7620224, 76949, 775817433, 7466362, 73209, 768424280, 7319976, 69738,
      761174042, 7180529, 66512, 754060025, 7047532, 63507, 747076000, 6920542, 60704, 740216161, 6799157, 58084,
      733475088, 6683009, 55632, 726847711, 6571764, 53333, 720329281, 6465114, 51176, 713915342, 6362778, 49148,
      707601712, 6264497, 47239, 701384454, 6170033, 45439, 695259860, 6079166, 43742, 689224436, 5991694, 42138,
      683274880, 5907428, 40621, 677408073, 5826195, 39185, 671621063, 5747834, 37824, 665911053, 5672193, 36533,
      660275393, 5599135, 35307, 654711566, 5528528, 34142, 649217180, 5460251, 33033, 643789962, 5394191, 31978,
      638427749, 5330242, 30972, 633128479, 5268304, 30012, 627890186, 5208286, 29096, 622710997, 5150098, 28222,
      617589121, 10186515, 107933, 607510539, 9970716, 101804, 597641627, 9767167, 96176, 587970636, 9574867, 90997,
      578486765, 9392921, 86217, 569180061, 9220530, 81797, 560041328, 9056974, 77701, 551062054, 8901608, 73896,
      542234343, 8753847, 70356, 533550853, 8613163, 67056, 525004746, 8479076, 63974, 516589644, 8351151, 61092,
      508299585, 8228989, 58391, 500128986, 8112228, 55856, 492072614, 8000534, 53474, 484125553, 7893603, 51232,
      476283182, 7791155, 49119, 468541147, 7692930, 47126, 460895342, 7598692, 45242, 453341892, 7508220, 43460,
      445877132, 7421311, 41772, 438497593, 7337777, 40172, 431199988, 7257444, 38653, 423981197, 7180147, 37209,
      416838259, 7105737, 35836, 409768357, 7034073, 34528, 402768813, 6965024, 33282, 395837071, 6898466, 32093,
      388970698, 6834287, 30958, 382167369, 6772377, 29873, 375424864, 6712638, 28834, 368741061, 6654974, 27841,
      362113927, 13197678, 105716, 349021965, 12986317, 98700, 336134348, 12788981, 92221, 323437587, 12604596, 86221,
      310919212, 12432205, 80647, 298567654, 12270955, 75456, 286372155, 12120084, 70607, 274322678, 11978906, 66065,
      262409837, 11846809, 61800, 250624829, 11723237, 57785, 238959377, 11607694, 53995, 227405678, 11499728, 50409,
      215956359, 11398933, 47006, 204604433, 11304940, 43770, 193343263, 11217417, 40685, 182166531, 11136063, 37737,
      171068206, 11060603, 34912, 160042514, 10990793, 32198, 149083920, 10926408, 29586, 138187097, 10867248, 27063,
      127346913, 10813131, 24623, 116558405, 10763894, 22254, 105816765, 10719393, 19951, 95117323, 10679497, 17705,
      84455531, 10644094, 15509, 73826945, 10613081, 13356, 63227220, 10586374, 11240, 52652086, 10563897, 9155,
      42097343, 10545590, 7095, 31558848, 10531402, 5054, 21032501, 10521295, 3027, 10514233, 10515241, 1008,
    ),
    // Rows of three words: log.
    log: Uint32Array.of(
      0, 96813754, 744729, 96069025, 95324427, 722162, 190671291, 93880226, 700605, 283850912, 92479131, 680000,
      375650043, 91119240, 660290, 466108993, 89798762, 641425, 555266330, 88516009, 623357, 643158981, 87269385,
      606042, 729822324, 86057387, 589439, 815290272, 84878591, 573508, 899595355, 83731652, 558215, 982768792,
      82615295, 543526, 1064840562, 81528314, 529408, 1145839467, 80469563, 515834, 1225793196, 79437958, 502775,
      1304728379, 78432467, 490206, 1382670639, 77452111, 478103, 1459644648, 76495960, 466442, 1535674166, 75563128,
      455202, 1610782092, 74652773, 444364, 1684990500, 73764090, 433909, 1758320682, 72896317, 423818, 1830793181,
      72048723, 414075, 1902427829, 71220613, 404665, 1973243777, 70411322, 395571, 2043259528, 69620217, 386781,
      2112492963, 68846690, 378280, 2180961373, 68090163, 370057, 2248681479, 67350081, 362099, 2315669461, 66625914,
      354395, 2381940981, 65917155, 346934, 2447511201, 65223315, 339706, 2512394810, 64543930, 332702, 2576606038,
      63878552, 325912, 2640158677, 63226752, 319328, 2703066101, 62588120, 312942, 2765341278, 61962259, 306745,
      2826996792, 61348791, 300731, 2888044853, 60747351, 294891, 2948497313, 60157590, 289220, 3008365682, 59579169,
      283711, 3067661140, 59011765, 278358, 3126394546, 58455067, 273156, 3184576458, 57908773, 268097, 3242217134,
      57372596, 263178, 3299326552, 56846257, 258393, 3355914416, 56329487, 253737, 3411990165, 55822027, 249206,
      3467562987, 55323630, 244796, 3522641820, 54834053, 240501, 3577235372, 54353064, 236318, 3631352118, 53880441,
      232244, 3685000315, 53415966, 228274, 3738188006, 52959430, 224405, 3790923031, 52510632, 220634, 3843213029,
      52069376, 216956, 3895065449, 51635475, 213370, 3946487554, 51208745, 209872, 3997486426, 50789010, 206460,
      4048068976, 50376101, 203130, 4098241947, 49969850, 199880, 4148011918, 49570100, 196707, 4197385310, 49176695,
      193610, 4246368396, 48789485, 190584,
    ),
    // Rows of three words: power.
    power: Uint32Array.of(
      2147483648, 23257932, 126632, 2170868212, 23511194, 128011, 2194507417, 23767214, 129405, 2218404036, 24026022,
      130814, 2242560872, 24287648, 132239, 2266980759, 24552123, 133679, 2291666561, 24819479, 135134, 2316621173,
      25089745, 136606, 2341847524, 25362954, 138093, 2367348571, 25639139, 139597, 2393127307, 25918331, 141117,
      2419186755, 26200563, 142654, 2445529972, 26485868, 144207, 2472160047, 26774280, 145777, 2499080105, 27065833,
      147365, 2526293303, 27360561, 148970, 2553802834, 27658498, 150592, 2581611923, 27959679, 152232, 2609723834,
      28264140, 153889, 2638141863, 28571916, 155565, 2666869345, 28883044, 157259, 2695909648, 29197560, 158971,
      2725266179, 29515500, 160703, 2754942382, 29836903, 162452, 2784941738, 30161806, 164221, 2815267765, 30490246,
      166010, 2845924021, 30822263, 167817, 2876914102, 31157896, 169645, 2908241642, 31497183, 171492, 2939910317,
      31840165, 173360, 2971923842, 32186881, 175247, 3004285971, 32537374, 177156, 3037000500, 32891682, 179085,
      3070071267, 33249849, 181035, 3103502151, 33611916, 183006, 3137297074, 33977926, 184999, 3171459999, 34347922,
      187014, 3205994934, 34721946, 189050, 3240905930, 35100043, 191109, 3276197082, 35482258, 193190, 3311872529,
      35868634, 195293, 3347936457, 36259218, 197420, 3384393094, 36654055, 199570, 3421246719, 37053191, 201743,
      3458501653, 37456674, 203940, 3496162267, 37864551, 206160, 3534232978, 38276868, 208405, 3572718252, 38693676,
      210675, 3611622603, 39115023, 212969, 3650950594, 39540957, 215288, 3690706840, 39971530, 217632, 3730896002,
      40406792, 220002, 3771522796, 40846793, 222398, 3812591987, 41291585, 224820, 3854108391, 41741221, 227268,
      3896076880, 42195753, 229743, 3938502376, 42655235, 232244, 3981389855, 43119720, 234773, 4024744348, 43589263,
      237330, 4068570940, 44063919, 239914, 4112874773, 44543743, 242527, 4157661043, 45028793, 245168, 4202935003,
      45519124, 247837, 4248701965, 46014795, 250536,
    ),
    presets: [
      {"name": "dust", "call": "dust()", "title": "Dust", "paper": "2017 post", "url": "https://qiita.com/coz-a/items/b8f27f452677ec80a40a", "donors": false, "spec": {}},
      {"name": "cutout", "call": "cutout(56)", "title": "Cutout", "paper": "DeVries and Taylor, 2017", "url": "https://arxiv.org/abs/1708.04552", "donors": false, "spec": {"count_range": [1, 1], "center": "uniform", "side_range": [56, 56], "spare_last": false, "fill": "constant", "fill_value": 0.0}},
      {"name": "random_erasing", "call": "random_erasing()", "title": "Random Erasing", "paper": "Zhong et al., 2017", "url": "https://arxiv.org/abs/1708.04896", "donors": false, "spec": {"p": 0.5, "count_range": [1, 1], "center": "inside", "area_range": [0.02, 0.4], "aspect_range": [0.3, 3.3333333333333335], "spare_last": false, "fill": "noise"}},
      {"name": "hide_and_seek", "call": "hide_and_seek()", "title": "Hide-and-Seek", "paper": "Singh and Lee, 2017", "url": "https://arxiv.org/abs/1704.04232", "donors": false, "spec": {"kind": "grid", "cell_sides": [0, 16, 32, 44, 56], "cell_p": 0.5, "spare_last": false, "fill": "constant", "fill_value": [123.675, 116.28, 103.53]}},
      {"name": "grid_mask", "call": "grid_mask()", "title": "GridMask", "paper": "Chen et al., 2020", "url": "https://arxiv.org/abs/2001.04086", "donors": false, "spec": {"kind": "lattice", "period_range": [96, 223], "kept_share": 0.6, "spare_last": false, "fill": "constant", "fill_value": [123.675, 116.28, 103.53]}},
      {"name": "patch_drop", "call": "patch_drop(0.5)", "title": "PatchDrop", "paper": "Naseer et al., 2021", "url": "https://arxiv.org/abs/2105.10497", "donors": false, "spec": {"kind": "grid", "count_range": [98, 98], "grid_shape": [14, 14], "spare_last": false, "fill": "constant", "fill_value": 0.0}},
      {"name": "sprinkles", "call": "sprinkles()", "title": "Sprinkles", "paper": "YOLOv5", "url": "https://github.com/ultralytics/yolov5", "donors": false, "spec": {"p": 0.5, "count_range": [31, 31], "center": "uniform", "height_fraction_range": [0.0, 0.5], "width_fraction_range": [0.0, 0.5], "halve_sizes": true, "spare_last": false, "fill": "color", "fill_range": [64, 191]}},
      {"name": "cutmix", "call": "cutmix()", "title": "CutMix", "paper": "Yun et al., 2019", "url": "https://arxiv.org/abs/1905.04899", "donors": true, "spec": {"count_range": [1, 1], "center": "uniform", "area_beta": 1.0, "spare_last": false, "fill": "donors"}},
    ],
    fieldHints: {
      "alpha": "area_beta=1.0, count_range=(1, 1), center=\"uniform\", fill=\"donors\", or dustaug.cutmix(alpha=1.0)",
      "always_apply": "p=1.0",
      "beta": "area_beta=1.0, count_range=(1, 1), center=\"uniform\", fill=\"donors\", or dustaug.cutmix(alpha=1.0)",
      "center_range": "center_mean=(0.5, 0.5), center_std=(0.25, 0.25)",
      "color": "fill=\"color\"",
      "colour": "fill=\"color\"",
      "cutmix_alpha": "area_beta=1.0, count_range=(1, 1), center=\"uniform\", fill=\"donors\", or dustaug.cutmix(alpha=1.0)",
      "d1": "kind=\"lattice\", period_range=(96, 223)",
      "d2": "kind=\"lattice\", period_range=(96, 223)",
      "dropout_holes": "keep=True, count_range=(1, 8)",
      "factor": "p=0.5",
      "fill_color": "fill=\"constant\", fill_value=0",
      "fill_ratio": "area_range=(0.02, 0.4)",
      "grid_size": "kind=\"grid\", grid_shape=(14, 14), cell_p=0.5",
      "hole_depth_range": "depth_fraction_range=(0.1, 0.2), or depth_range=(4, 12) in slices",
      "hole_height_range": "height_fraction_range=(0.1, 0.2), or half_height_range=(4, 8) in pixels",
      "hole_width_range": "width_fraction_range=(0.1, 0.2), or half_width_range=(4, 8) in pixels",
      "holes": "count_range=(1, 8)",
      "holes_number_x": "kind=\"lattice\", period_range=(96, 223)",
      "holes_number_xy": "kind=\"lattice\", period_range=(96, 223)",
      "holes_number_y": "kind=\"lattice\", period_range=(96, 223)",
      "length": "side_range=(16, 16)",
      "line_width_range": "kind=\"lattice\", period_range=(32, 74), lattice_hides=\"lines\", kept_share=0.65",
      "mask_ratio": "kind=\"grid\", grid_shape=(14, 14), count_range=(147, 147), or dustaug.patch_drop(0.75)",
      "mask_size": "side_range=(16, 16)",
      "max_area": "area_range=(0.02, 0.4)",
      "max_aspect": "area_range=(0.02, 0.4), aspect_range=(0.3, 3.3)",
      "max_count": "count_range=(1, 8)",
      "max_h_size": "half_height_range=(1, 7)",
      "max_height": "half_height_range=(1, 7)",
      "max_holes": "count_range=(1, 8)",
      "max_spatial_size": "side_range=(4, 12), depth_range=(4, 12)",
      "max_w_size": "half_width_range=(1, 7)",
      "max_width": "half_width_range=(1, 7)",
      "mean": "normalize_mean=(0.485, 0.456, 0.406), normalize_std=(0.229, 0.224, 0.225)",
      "min_area": "area_range=(0.02, 0.4)",
      "min_aspect": "area_range=(0.02, 0.4), aspect_range=(0.3, 3.3)",
      "min_count": "count_range=(1, 8)",
      "min_height": "half_height_range=(1, 7)",
      "min_holes": "count_range=(1, 8)",
      "min_width": "half_width_range=(1, 7)",
      "mode": "fill=\"noise\", \"color\", or \"constant\" with fill_value=0",
      "n_holes": "count_range=(1, 8)",
      "num_grid_range": "kind=\"lattice\", period_range=(32, 74), lattice_hides=\"lines\", kept_share=0.65",
      "num_holes": "count_range=(1, 8)",
      "num_holes_range": "count_range=(1, 8)",
      "pad_size": "half_height_range=(8, 8), half_width_range=(8, 8)",
      "patch_size": "kind=\"grid\", cell_sides=(16,), cell_p=0.5",
      "prob": "p=0.5",
      "probability": "p=0.5",
      "ratio": "area_range=(0.02, 0.4), aspect_range=(0.3, 3.3), or dustaug.random_erasing(ratio=(0.3, 3.3))",
      "scale": "area_range=(0.02, 0.4), or dustaug.random_erasing(scale=(0.02, 0.4))",
      "size": "side_range=(16, 16), or dustaug.cutout(16)",
      "spatial_size": "side_range=(4, 12), depth_range=(4, 12)",
      "std": "normalize_mean=(0.485, 0.456, 0.406), normalize_std=(0.229, 0.224, 0.225)",
      "unit_size_max": "kind=\"lattice\", period_range=(96, 223)",
      "unit_size_min": "kind=\"lattice\", period_range=(96, 223)",
      "unit_size_range": "kind=\"lattice\", period_range=(96, 223)",
      "value": "fill=\"constant\", fill_value=0, or fill=\"noise\"",
    },
    fillHints: {
      "black": "fill=\"constant\", fill_value=0",
      "colour": "fill=\"color\"",
      "const": "fill=\"constant\", fill_value=0",
      "gaussian": "fill=\"noise\"",
      "gray": "fill=\"grey\"",
      "inpaint_ns": "fill=\"mean\"",
      "inpaint_telea": "fill=\"mean\"",
      "pixel": "fill=\"noise\"",
      "rand": "fill=\"color\"",
      "random": "fill=\"noise\"",
      "random_uniform": "fill=\"color\"",
      "white": "fill=\"constant\", fill_value=255",
    },
    centerHints: {
      "gaussian": "center=\"normal\"",
      "random": "center=\"uniform\"",
    },
  };
  // end of tables

  const presets = GENERATED.presets.map(({ spec, ...preset }) => ({ ...preset, spec: makeSpec(spec) }));

  for (const each of [fields, presets, sizesOfKind]) freeze(each);

  /** Freeze a value and all that it has: one page's default must not become that of all later specs. */
  function freeze(value) {
    if (typeof value !== "object" || value === null) return;
    Object.values(value).forEach(freeze);
    Object.freeze(value);
  }

  return {
    addDust,
    sampleRectangles,
    coverage,
    partnerOf,
    makeSpec,
    replaceSpec,
    changedFields,
    reprSpec,
    reprField,
    sizeFields: (spec) => sizeFields(makeSpec(spec)),
    fields,
    sizesOfKind,
    presets,
    limits: Object.freeze(LIMITS),
  };
})();

if (typeof module !== "undefined") module.exports = dustaug;
