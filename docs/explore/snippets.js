"use strict";

/**
 * Code to copy: for each framework a program that reads picture.png and paints the pixels that the page shows.
 *
 *     dustaugSnippets.snippets({ spec, seed: 7, epoch: 3, index: 17, size: [224, 224] })
 *
 * It needs dustaug.js: in a page its global `dustaug`, in Node the file beside this one. The programs are formatted as
 * ruff formats Python, with lines of at most 88 characters.
 */
const dustaugSnippets = (() => {
  const LINE = 88;
  // A preset is named if at most so many of its fields were changed.
  const MOST_CHANGES = 2;
  const MAX_INDEX = 2n ** 63n - 1n;
  const MAX_INDEX_OF_JAX = 2n ** 31n - 1n;

  const TITLES = {
    numpy: "NumPy",
    albumentations: "Albumentations",
    torchvision: "torchvision",
    torch: "PyTorch",
    tensorflow: "TensorFlow",
    keras: "Keras",
    json: "JSON",
  };

  // ----------------------------------------------------------------------------------------------- how a spec is said

  /** What the function of a preset calls a field, where that has a name of its own. */
  const PARAMETERS = {
    random_erasing: { area_range: "scale", aspect_range: "ratio" },
    cutmix: { area_beta: "alpha" },
  };

  /**
   * How the call of a preset may begin for a spec: arguments in Python, the fields that they set, and how many of them
   * count as changes. Presets that are not listed begin without arguments.
   */
  const BEGINNINGS = {
    dust(spec) {
      if (spec.kind !== "rectangles") return [];
      const sizes = [2 / 224, 14 / 224];
      const relative = { height_fraction_range: sizes, width_fraction_range: sizes };
      return [
        { given: ["relative=True"], fields: relative, count: 1 },
        { given: [], fields: {}, count: 0 },
      ];
    },
    cutout(spec) {
      const [low, high] = spec.side_range ?? [0, 1];
      if (low !== high) return [];
      const fields = { side_range: [low, low] };
      return [
        { given: [pythonOf(low)], fields, count: 0 },
        { given: [pythonOf(low), "inside=True"], fields: { ...fields, p: 0.5, center: "inside" }, count: 1 },
      ];
    },
    patch_drop(spec) {
      const [rows, columns] = spec.grid_shape ?? [0, 1];
      const [low, high] = spec.count_range;
      const ratio = ratioOf(low, rows * columns);
      if (rows !== columns || rows > 255 || low !== high || ratio === null) return [];
      const given = [ratio, rows].slice(0, rows === 14 ? 1 : 2).map(pythonOf);
      return [{ given, fields: { grid_shape: [rows, rows], count_range: [low, low] }, count: given.length - 1 }];
    },
  };
  const WITHOUT_ARGUMENTS = [{ given: [], fields: {}, count: 0 }];

  /** Return the shortest ratio for which patch_drop hides so many of n cells, or null. */
  function ratioOf(count, n) {
    for (const scale of [1, 10, 100, 1000, 10000]) {
      const ratio = Math.ceil((count / n) * scale) / scale;
      if (ratio <= 1 && Math.floor(ratio * n + 1e-9) === count) return ratio;
    }
    return null;
  }

  /** Return the call of the preset that is closest to a spec, or null if none is close. */
  function presetOf(library, spec) {
    let best = null;
    for (const preset of library.presets) {
      for (const { given, fields, count } of BEGINNINGS[preset.name]?.(spec) ?? WITHOUT_ARGUMENTS) {
        const start = library.replaceSpec(preset.spec, fields);
        const isEnough = (changes) => makes(() => library.replaceSpec(start, changes), spec);
        const names = Object.keys(spec).filter((name) => spec[name] !== null && !same(start[name], spec[name]));
        const differing = Object.fromEntries(names.map((name) => [name, spec[name]]));
        // From each field at most one other follows. A page asks at each move of a slider.
        if (names.length > 2 * MOST_CHANGES || !isEnough(differing)) continue;
        const changes = fewest(differing, isEnough);
        const all = count + Object.keys(changes).length;
        if (all > MOST_CHANGES || (best !== null && best.count <= all)) continue;
        const keywords = keywordsOf(changes, PARAMETERS[preset.name]);
        best = { name: preset.name, given: [...given, ...keywords], count: all, isPlain: given.length === 0 };
      }
    }
    return best;
  }

  /** Leave out the fields that follow from the others. */
  function fewest(fields, isEnough) {
    let kept = fields;
    for (const name of Object.keys(fields).reverse()) {
      const others = Object.fromEntries(Object.entries(kept).filter(([other]) => other !== name));
      if (isEnough(others)) kept = others;
    }
    return kept;
  }

  /** Tell whether a function makes a spec; it may refuse its fields, if they do not go together. */
  function makes(make, spec) {
    try {
      return same(make(), spec);
    } catch (error) {
      if (error instanceof TypeError || error instanceof RangeError) return false;
      throw error;
    }
  }

  const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

  function keywordsOf(fields, names = {}) {
    return Object.entries(fields).map(([name, value]) => `${names[name] ?? name}=${pythonOf(value)}`);
  }

  function pythonOf(value) {
    if (Array.isArray(value)) return `(${value.map(pythonOf).join(", ")}${value.length === 1 ? "," : ""})`;
    if (typeof value === "string") return `"${value}"`;
    if (typeof value === "boolean") return value ? "True" : "False";
    return String(value);
  }

  function jsonOf(value) {
    return Array.isArray(value) ? `[${value.map(jsonOf).join(", ")}]` : JSON.stringify(value);
  }

  // ------------------------------------------------------------------------------------------------ lines of a program

  /** Return the lines of `head(given)tail`, broken as ruff does it. */
  function call(head, given, { tail = "", indent = 0 } = {}) {
    const inner = given.join(", ");
    const line = `${head}(${inner})${tail}`;
    if (line.length + indent <= LINE) return [line];
    const isOneLine = inner.length + 4 + indent <= LINE;
    return [`${head}(`, ...(isOneLine ? [inner] : given.map((each) => `${each},`)).map(indented), `)${tail}`];
  }

  /** Return the lines of `head[entries]`, or with other brackets, broken as ruff does it. */
  function collection(head, entries, [open, close] = "[]") {
    const line = `${head}${open}${entries.join(", ")}${close}`;
    return line.length <= LINE ? [line] : [`${head}${open}`, ...entries.map((entry) => indented(`${entry},`)), close];
  }

  const indented = (line) => `    ${line}`;

  /**
   * Return the lines of a call whose arguments are made from those that say the spec.
   *
   * They are the spec itself, on a line of its own before if it is long, or its fields where the call takes them, and
   * none for plain dust. `before` and `lines` are kept apart for a call that stands within a function.
   */
  function callWithSpec({ fields, preset }, head, argumentsOf, { takesFields = false, indent = 0 } = {}) {
    const isPlain = preset === null || (preset.isPlain && preset.name === "dust");
    if (isPlain && (takesFields || Object.keys(fields).length === 0)) {
      return { before: [], lines: call(head, argumentsOf(keywordsOf(fields)), { indent }) };
    }
    const name = `dustaug.${preset === null ? "Spec" : preset.name}`;
    const given = preset === null ? keywordsOf(fields) : preset.given;
    const lines = call(head, argumentsOf([`${name}(${given.join(", ")})`]), { indent });
    if (lines.length === 1) return { before: [], lines };
    return { before: call(`spec = ${name}`, given), lines: call(head, argumentsOf(["spec"]), { indent }) };
  }

  function linesWithSpec(...given) {
    const { before, lines } = callWithSpec(...given);
    return [...before, ...lines];
  }

  const READ = 'picture = np.array(Image.open("picture.png"))';
  const SAVE = 'Image.fromarray(dusted).save("dusted.png")';

  /** Return the lines that make the guide, the objects and the donor. */
  function termLines({ terms, guide, objects }, donor = 'np.array(Image.open("donor.png"))') {
    return [
      ...(terms.includes("donors") ? [`donors = ${donor}`] : []),
      ...(terms.includes("guide") ? guideLines(guide) : []),
      ...(terms.includes("objects") ? objectLines(objects) : []),
    ];
  }

  function objectLines(objects) {
    if (objects.length === 0) return ["objects = np.zeros((0, 4), int)"];
    const boxes = objects.map((box) => `[${box.join(", ")}]`);
    return ["# top, left, bottom, right", ...collection("objects = ", boxes)];
  }

  /** Return the lines of a guide: a digit for each weight if that says it, or two digits in hexadecimal. */
  function guideLines(guide) {
    const rows = rowsOf(guide);
    const weights = new Set(guide.data);
    weights.delete(0);
    const isMask = weights.size === 1;
    if (guide.columns <= LINE && (isMask || [...weights].every((weight) => weight < 10))) {
      const [weight] = weights;
      const digits = rows.map((row) => row.map((each) => (isMask ? Math.sign(each) : each)).join(""));
      const times = isMask && weight > 1 ? `${weight} * ` : "";
      const array = `${times}np.array([list(row) for row in rows.split()], np.uint8)`;
      return ['rows = """', ...digits, '"""', `guide = ${array}`];
    }
    const most = Math.floor((LINE + 1) / 3);
    const lines = rows.flatMap((row) => {
      const pairs = row.map((each) => each.toString(16).padStart(2, "0"));
      const starts = pairs.map((_, i) => i).filter((i) => i % most === 0);
      return starts.map((start) => pairs.slice(start, start + most).join(" "));
    });
    return [
      'weights = """',
      ...lines,
      '"""',
      `guide = np.array(bytearray.fromhex(weights), np.uint8).reshape(${guide.rows}, ${guide.columns})`,
    ];
  }

  function rowsOf({ data, rows, columns }) {
    return Array.from({ length: rows }, (_, y) => Array.from(data.slice(y * columns, (y + 1) * columns)));
  }

  const keyOf = ({ seed, epoch, index }) => [`seed=${seed}`, `epoch=${epoch}`, `index=${index}`];
  const termKeys = ({ terms }) => terms.map((term) => `${term}_key="${term}"`);
  const termArguments = ({ terms }) => terms.map((term) => `${term}=${term}`);
  const termEntries = ({ terms }) => terms.map((term) => `"${term}": ${term}`);

  /** What a program imports besides, if it uses it, as ruff sorts it. */
  const IMPORTS = [
    ["import albumentations as A", /\bA\.\w/],
    ["import dustaug", /\bdustaug\.\w/],
    ["import keras", /\bkeras\.\w/],
    ["import numpy as np", /\bnp\.\w/],
    ["import tensorflow as tf", /\btf\.\w/],
    ["import torch", /\btorch\.\w/],
  ];

  /** Return a program of its title, its imports, and its lines. */
  function program({ title }, from, lines) {
    const body = lines.join("\n");
    const used = IMPORTS.filter(([, use]) => use.test(body)).map(([line]) => line);
    return [...commentLines(title), ...used, ...from, ...(lines[0] === "" ? [] : [""]), body, ""].join("\n");
  }

  /** Return a text as comments, whatever characters it has. */
  function commentLines(text) {
    const lines = [];
    for (const word of text.split(/[\s\u0000-\u001f\u007f-\u009f\u2028\u2029]+/).filter(Boolean)) {
      const last = lines.length - 1;
      if (last >= 0 && lines[last].length + 1 + word.length <= LINE) lines[last] += ` ${word}`;
      else lines.push(`# ${word.slice(0, LINE - 2)}`);
    }
    return lines;
  }

  // ----------------------------------------------------------------------------------------------------- the programs

  function numpy(given) {
    const argumentsOf = (spec) => ["picture", ...spec, ...keyOf(given), ...termArguments(given)];
    return program(given, ["from PIL import Image"], [
      READ,
      ...termLines(given),
      ...linesWithSpec(given, "dusted = dustaug.add_dust", argumentsOf),
      SAVE,
    ]);
  }

  function albumentations(given) {
    const keys = [`seed=${given.seed}`, 'index_key="index"', 'epoch_key="epoch"', ...termKeys(given)];
    // The transform has an argument p of its own, which a seed forbids.
    const takesFields = !("p" in given.fields);
    const sample = ["image=picture", `index=${given.index}`, `epoch=${given.epoch}`, ...termArguments(given)];
    const [line, ...more] = call("dusted = transform", sample, { tail: '["image"]' });
    return program(given, ["from dustaug.albumentations import DustRectangles", "from PIL import Image"], [
      READ,
      ...termLines(given),
      ...linesWithSpec(given, "dust = DustRectangles", (spec) => [...spec, ...keys], { takesFields }),
      "transform = A.Compose([dust])",
      ...(more.length === 0 ? [line] : [...call("sample = transform", sample), 'dusted = sample["image"]']),
      SAVE,
    ]);
  }

  function torchvision(given) {
    const key = [`seed=${given.seed}`, `epoch=${given.epoch}`, "index=index"];
    const argumentsOf = (spec) => ["image", ...spec, ...key, ...termArguments(given)];
    const { before, lines } = callWithSpec(given, "add_dust", argumentsOf, { indent: 4 });
    const from = ["from dustaug.torch import add_dust", "from PIL import Image", "from torchvision.transforms import v2"];
    return program(given, from, [
      ...termLines(given, 'v2.functional.pil_to_tensor(Image.open("donor.png"))'),
      ...before,
      "",
      "",
      "def dust(image, index):",
      ...lines.map(indented),
      "    return image, index",
      "",
      "",
      "transform = v2.Compose([v2.PILToTensor(), dust])",
      `image, _ = transform(Image.open("picture.png"), ${given.index})`,
      "dusted = image.permute(1, 2, 0).numpy()",
      SAVE,
    ]);
  }

  function torch(given) {
    if (given.terms.includes("donors")) return torchWithDonors(given);
    const hasTerms = given.terms.length > 0;
    const sample = hasTerms ? "sample" : "picture";
    const argumentsOf = (spec) => ["photos", ...spec, `seed=${given.seed}`, ...termKeys(given)];
    const from = [
      "from dustaug.torch import DustDataset",
      "from PIL import Image",
      "from torch.utils.data import DataLoader",
    ];
    return program(given, from, [
      'picture = torch.from_numpy(np.array(Image.open("picture.png"))).permute(2, 0, 1)',
      ...termLines(given),
      ...(hasTerms ? collection("sample = ", ['"image": picture', ...termEntries(given)], "{}") : []),
      `photos = {${given.index}: ${sample}}  # stands for your data set`,
      ...linesWithSpec(given, "dataset = DustDataset", argumentsOf),
      `dataset.set_epoch(${given.epoch})`,
      `loader = DataLoader(dataset, sampler=[${given.index}])`,
      `images = next(iter(loader))${hasTerms ? '["image"]' : ""}`,
      "dusted = images[0].permute(1, 2, 0).numpy()",
      SAVE,
    ]);
  }

  /** A data set has no donors, but tensors have. */
  function torchWithDonors(given) {
    const argumentsOf = (spec) => ["picture", ...spec, ...keyOf(given), ...termArguments(given)];
    const read = (name) => `torch.from_numpy(np.array(Image.open("${name}.png"))).permute(2, 0, 1)`;
    return program(given, ["from dustaug.torch import add_dust", "from PIL import Image"], [
      `picture = ${read("picture")}`,
      ...termLines(given, read("donor")),
      ...linesWithSpec(given, "add_dust", argumentsOf),
      "dusted = picture.permute(1, 2, 0).numpy()",
      SAVE,
    ]);
  }

  function tensorflow(given) {
    const hasTerms = given.terms.length > 0;
    const sample = hasTerms ? "sample" : "picture";
    const key = [`seed=${given.seed}`, `epoch=${given.epoch}`, "indexed=True", ...termKeys(given)];
    // The numbers of `enumerate` end before the last index.
    const pairs =
      given.index === MAX_INDEX
        ? [`pair = np.int64(${given.index}), ${sample}`, "dataset = tf.data.Dataset.from_tensors(pair)"]
        : [`dataset = tf.data.Dataset.from_tensors(${sample}).enumerate(start=${given.index})`];
    return program(given, ["from dustaug.tensorflow import make_dust_fn", "from PIL import Image"], [
      READ,
      ...termLines(given),
      ...(hasTerms ? collection("sample = ", ['"image": picture', ...termEntries(given)], "{}") : []),
      ...linesWithSpec(given, "dust_fn = make_dust_fn", (spec) => [...spec, ...key]),
      ...pairs,
      `dusted = next(dataset.map(dust_fn).as_numpy_iterator())${hasTerms ? '["image"]' : ""}`,
      SAVE,
    ]);
  }

  function keras(given) {
    if (given.terms.includes("objects")) return kerasWithObjects(given);
    const keys = [`seed=${given.seed}`, 'index_key="index"', 'epoch_key="epoch"', ...termKeys(given), 'dtype="uint8"'];
    const entries = ['"images": picture', `"index": ${given.index}`, `"epoch": ${given.epoch}`, ...termEntries(given)];
    return program(given, ["from dustaug.keras import DustRectangles", "from PIL import Image"], [
      READ,
      ...termLines(given),
      ...linesWithSpec(given, "layer = DustRectangles", (spec) => [...spec, ...keys], { takesFields: true }),
      ...collection("sample = ", entries, "{}"),
      'dusted = keras.ops.convert_to_numpy(layer(sample)["images"])',
      SAVE,
    ]);
  }

  /** A layer takes no objects, but a flow does; with a batch size, the index is the position in the flow. */
  function kerasWithObjects(given) {
    const batch = { guide: "guide[np.newaxis]", objects: "[objects]" };
    const keys = [`seed=${given.seed}`, `epoch=${given.epoch}`, ...given.terms.map((term, i) => `${term}_key=${i + 1}`)];
    return program(given, ["from dustaug.keras import dust_flow", "from PIL import Image"], [
      READ,
      ...termLines(given),
      "",
      "",
      "class Photos(keras.utils.PyDataset):",
      "    batch_size = 1",
      "",
      "    def __len__(self):",
      `        return ${given.index + 1n}`,
      "",
      "    def __getitem__(self, i):",
      `        return ${["picture[np.newaxis]", ...given.terms.map((term) => batch[term])].join(", ")}`,
      "",
      "",
      ...linesWithSpec(given, "flow = dust_flow", (spec) => ["Photos()", ...spec, ...keys]),
      `images = flow[${given.index}][0]`,
      "dusted = images[0]",
      SAVE,
    ]);
  }

  function json({ changed, seed, epoch, index, terms, guide, objects }) {
    const object = (entries, indent) =>
      entries.length === 0 ? "{}" : `{\n${entries.map((entry) => `${indent}  ${entry}`).join(",\n")}\n${indent}}`;
    const list = (rows) => (rows.length === 0 ? "[]" : `[\n    ${rows.map(jsonOf).join(",\n    ")}\n  ]`);
    const fields = Object.entries(changed).map(([name, value]) => `"${name}": ${jsonOf(value)}`);
    const entries = [`"spec": ${object(fields, "  ")}`, `"seed": ${seed}`, `"epoch": ${epoch}`, `"index": ${index}`];
    if (terms.includes("guide") && guide !== null) entries.push(`"guide": ${list(rowsOf(guide))}`);
    if (terms.includes("objects") && objects !== null) entries.push(`"objects": ${list(objects)}`);
    return `${object(entries, "")}\n`;
  }

  const PROGRAMS = { numpy, albumentations, torchvision, torch, tensorflow, keras, json };

  // -------------------------------------------------------------------------------------------------------- the notes

  /** Return what to do instead where a framework cannot paint what is given, or null. */
  function refusalOf(id, { spec, terms, guide, objects }) {
    if (id === "json") return null;
    if (spec.normalize_mean !== null) {
      return "normalize_mean and normalize_std are for pictures of floats: leave them out for picture.png.";
    }
    if (terms.includes("guide") && guide === null) {
      return 'With center="guide" a guide says where dust lies: paint one on the picture first.';
    }
    if (terms.includes("objects") && objects === null) {
      const field = spec.per_object ? "per_object" : "max_hidden";
      return `With ${field} boxes say where the objects are: add one to the picture first.`;
    }
    if (terms.includes("donors") && id === "albumentations") {
      return "A transform of one picture has no donors: type dustaug.add_dust(images, spec, donors=…) with a batch.";
    }
    if (terms.includes("donors") && id === "keras") {
      return (
        "A layer has no donors that you choose: use make_dust_fn of dustaug.tensorflow with a donors_key, or " +
        "DustCutMix of dustaug.keras, which pairs the images of a batch."
      );
    }
    return null;
  }

  /** Return what to know of a program, or null. */
  function remarkOn(id, { index, terms }) {
    const remarks = [];
    if (id === "json") remarks.push('In Python, dustaug.Spec.from_dict(json.loads(text)["spec"]) is the spec.');
    if (id === "torchvision") {
      remarks.push(
        "DustRectangles of dustaug.torchvision draws its seeds from torch's generator, so a function of the pipeline " +
          "paints the dust of an index.",
      );
    }
    if (id === "torch" && terms.includes("donors")) remarks.push("A DustDataset has no donors, so dust the tensors.");
    if (id === "keras" && !terms.includes("objects") && index > MAX_INDEX_OF_JAX) {
      remarks.push("On the backend JAX an index must be below 2**31.");
    }
    if (id !== "json" && terms.includes("donors")) {
      remarks.push("donor.png is another picture of the same size, whose pixels the rectangles show.");
    }
    return remarks.length === 0 ? null : remarks.join(" ");
  }

  // -------------------------------------------------------------------------------------------------------- the entry

  /**
   * Return the code for each framework, as a list of `{id, title, code, note}`.
   *
   * The arguments are those of `addDust` in dustaug.js, and `title`, which becomes a comment. `code` is null where a
   * framework cannot paint the spec; `note` says what to use then, or what to know of the code, or is null.
   */
  function snippets({ spec: fields, seed, epoch = 0, index, guide = null, objects = null, title = "" }) {
    const library = typeof module === "undefined" ? dustaug : require("./dustaug.js");
    const spec = library.makeSpec(fields);
    const changed = library.changedFields(spec);
    const given = {
      spec,
      changed,
      fields: fewest(changed, (some) => makes(() => library.makeSpec(some), spec)),
      preset: presetOf(library, spec),
      seed: BigInt(seed),
      epoch: BigInt(epoch),
      index: BigInt(index),
      guide,
      objects,
      title,
      terms: [
        ...(spec.center === "guide" ? ["guide"] : []),
        ...(spec.per_object || spec.max_hidden !== null ? ["objects"] : []),
        ...(spec.fill === "donors" ? ["donors"] : []),
      ],
    };
    return Object.entries(PROGRAMS).map(([id, write]) => {
      const refusal = refusalOf(id, given);
      const code = refusal === null ? write(given) : null;
      return { id, title: TITLES[id], code, note: refusal ?? remarkOn(id, given) };
    });
  }

  return { snippets };
})();

if (typeof module !== "undefined") module.exports = dustaugSnippets;
