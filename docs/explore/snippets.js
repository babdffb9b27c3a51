"use strict";

// Code to copy: for each framework a program that reads picture.png and paints the pixels that the page shows.
//
// snippets({spec, seed, epoch, index, size, guide, objects, title}) returns a list of {id, title, code, note}, one for
// each tab. All arguments are those of dustaug.js; `spec` is complete. `code` is null where a framework cannot paint
// the spec, and `note` says what to use instead. The programs are formatted as ruff formats them.

(function (root) {
  const LINE_LENGTH = 88;
  const MOST_CHANGES = 2;
  const LAST_INDEX = 2n ** 63n - 1n;
  const FIRST_INDEX_THAT_JAX_LACKS = 2n ** 31n;

  // What preset functions call a field, where they have a name of their own for it.
  const PARAMETERS = {
    random_erasing: { area_range: "scale", aspect_range: "ratio" },
    cutmix: { area_beta: "alpha" },
  };

  // With which arguments a preset may begin for a spec: as Python's text, as the fields that they set, and how many
  // of them somebody must know besides those that are required.
  const BEGINNINGS = {
    dust: (spec) =>
      spec.kind === "rectangles"
        ? [
            { arguments: [], fields: {}, count: 0 },
            {
              arguments: ["relative=True"],
              fields: {
                height_fraction_range: [2 / 224, 14 / 224],
                width_fraction_range: [2 / 224, 14 / 224],
              },
              count: 1,
            },
          ]
        : [],
    cutout: (spec) => {
      const side = spec.side_range && spec.side_range[0];
      if (!spec.side_range || side !== spec.side_range[1]) return [];
      const fields = { side_range: [side, side] };
      return [
        { arguments: [pythonOf(side)], fields, count: 0 },
        {
          arguments: [pythonOf(side), "inside=True"],
          fields: { ...fields, p: 0.5, center: "inside" },
          count: 1,
        },
      ];
    },
    patch_drop: (spec) => {
      const [rows, columns] = spec.grid_shape || [0, 1];
      const [count, last] = spec.count_range;
      const ratio = ratioOf(count, rows * columns);
      if (rows !== columns || rows > 255 || count !== last || ratio === null) return [];
      const fields = { grid_shape: [rows, rows], count_range: [count, count] };
      const given = [pythonOf(ratio), ...(rows === 14 ? [] : [pythonOf(rows)])];
      return [{ arguments: given, fields, count: given.length - 1 }];
    },
  };
  const NO_ARGUMENTS = [{ arguments: [], fields: {}, count: 0 }];

  const TITLES = {
    numpy: "NumPy",
    albumentations: "Albumentations",
    torchvision: "torchvision",
    torch: "PyTorch",
    tensorflow: "TensorFlow",
    keras: "Keras",
    json: "JSON",
  };

  // What a program imports, if it uses it. Sorted as ruff sorts imports.
  const IMPORTS = [
    ["import albumentations as A", /\bA\.\w/],
    ["import dustaug", /\bdustaug\.\w/],
    ["import keras", /\bkeras\.\w/],
    ["import numpy as np", /\bnp\.\w/],
    ["import tensorflow as tf", /\btf\.\w/],
    ["import torch", /\btorch\.\w/],
  ];

  const PROGRAMS = {
    numpy(given) {
      return program(given, ["from PIL import Image"], [
        'picture = np.array(Image.open("picture.png"))',
        ...termsOf(given),
        ...statementsWithSpec(given, "dusted = dustaug.add_dust", (spec) => [
          "picture",
          ...spec,
          ...keyOf(given),
          ...termArguments(given),
        ]),
        SAVE,
      ]);
    },

    albumentations(given) {
      const keys = [
        `seed=${given.seed}`,
        'index_key="index"',
        'epoch_key="epoch"',
        ...given.terms.map((term) => `${term}_key="${term}"`),
      ];
      const sample = [
        "image=picture",
        ...given.terms.map((term) => `${term}=${term}`),
        `index=${given.index}`,
        `epoch=${given.epoch}`,
      ];
      const imports = ["from dustaug.albumentations import DustRectangles", "from PIL import Image"];
      return program(given, imports, [
        'picture = np.array(Image.open("picture.png"))',
        ...termsOf(given),
        // The argument p of the transform is another one than that of the spec.
        ...statementsWithSpec(given, "dust = DustRectangles", (spec) => [...spec, ...keys], {
          takesFields: !("p" in given.fields),
        }),
        "transform = A.Compose([dust])",
        ...(given.terms.length === 0
          ? statement("dusted = transform", sample, '["image"]')
          : [...statement("sample = transform", sample), 'dusted = sample["image"]']),
        SAVE,
      ]);
    },

    torchvision(given) {
      const imports = [
        "from dustaug.torch import add_dust",
        "from PIL import Image",
        "from torchvision.transforms import v2",
      ];
      const donor = given.donors ? ["donor = v2.functional.pil_to_tensor(Image.open(\"donor.png\"))"] : [];
      const painted = (spec) => [
        "image",
        ...spec,
        `seed=${given.seed}`,
        `epoch=${given.epoch}`,
        "index=index",
        ...termArguments(given),
      ];
      const { before, lines } = splitSpec(given, "add_dust", painted, { indent: 4 });
      return program(given, imports, [
        ...donor,
        ...termsOf(given, { donor: false }),
        ...before,
        "",
        "",
        "def dust(image, index):",
        ...lines.map((line) => `    ${line}`),
        "    return image, index",
        "",
        "",
        "transform = v2.Compose([v2.PILToTensor(), dust])",
        `image, _ = transform(Image.open("picture.png"), ${given.index})`,
        "dusted = image.permute(1, 2, 0).numpy()",
        SAVE,
      ]);
    },

    torch(given) {
      if (given.donors) {
        const imports = ["from dustaug.torch import add_dust", "from PIL import Image"];
        const read = (name) => [
          `${name} = torch.from_numpy(np.array(Image.open("${name}.png")))`,
          `${name} = ${name}.permute(2, 0, 1)`,
        ];
        return program(given, imports, [
          ...read("picture"),
          ...read("donor"),
          ...termsOf(given, { donor: false }),
          ...statementsWithSpec(given, "add_dust", (spec) => [
            "picture",
            ...spec,
            ...keyOf(given),
            ...termArguments(given),
          ]),
          "dusted = picture.permute(1, 2, 0).numpy()",
          SAVE,
        ]);
      }
      const imports = [
        "from dustaug.torch import DustDataset",
        "from PIL import Image",
        "from torch.utils.data import DataLoader",
      ];
      const hasTerms = given.terms.length > 0;
      return program(given, imports, [
        'picture = torch.from_numpy(np.array(Image.open("picture.png")))',
        "picture = picture.permute(2, 0, 1)",
        ...termsOf(given),
        ...(hasTerms ? [sampleOf(given, "image")] : []),
        `photos = {${given.index}: ${hasTerms ? "sample" : "picture"}}  # stands for your data set`,
        ...statementsWithSpec(given, "dataset = DustDataset", (spec) => [
          "photos",
          ...spec,
          `seed=${given.seed}`,
          ...given.terms.map((term) => `${term}_key="${term}"`),
        ]),
        `dataset.set_epoch(${given.epoch})`,
        `loader = DataLoader(dataset, sampler=[${given.index}])`,
        hasTerms ? 'images = next(iter(loader))["image"]' : "images = next(iter(loader))",
        "dusted = images[0].permute(1, 2, 0).numpy()",
        SAVE,
      ]);
    },

    tensorflow(given) {
      const imports = ["from dustaug.tensorflow import make_dust_fn", "from PIL import Image"];
      const terms = [...given.terms, ...(given.donors ? ["donors"] : [])];
      const element = terms.length > 0 ? "sample" : "picture";
      // Dataset.enumerate ends before the last index.
      const isLast = BigInt(given.index) === LAST_INDEX;
      return program(given, imports, [
        'picture = np.array(Image.open("picture.png"))',
        ...termsOf(given),
        ...(terms.length > 0 ? [sampleOf(given, "image")] : []),
        ...statementsWithSpec(given, "dust_fn = make_dust_fn", (spec) => [
          ...spec,
          `seed=${given.seed}`,
          `epoch=${given.epoch}`,
          "indexed=True",
          ...terms.map((term) => `${term}_key="${term}"`),
        ]),
        ...(isLast
          ? [`pair = np.int64(${given.index}), ${element}`, "dataset = tf.data.Dataset.from_tensors(pair).map(dust_fn)"]
          : [
              `dataset = tf.data.Dataset.from_tensors(${element})`,
              `dataset = dataset.enumerate(start=${given.index}).map(dust_fn)`,
            ]),
        `dusted = next(dataset.as_numpy_iterator())${terms.length > 0 ? '["image"]' : ""}`,
        SAVE,
      ]);
    },

    keras(given) {
      if (given.terms.includes("objects")) return kerasFlow(given);
      const keys = [
        `seed=${given.seed}`,
        'index_key="index"',
        'epoch_key="epoch"',
        ...given.terms.map((term) => `${term}_key="${term}"`),
        'dtype="uint8"',
      ];
      const entries = [
        '"images": picture',
        ...given.terms.map((term) => `"${term}": ${term}`),
        `"index": ${given.index}`,
        `"epoch": ${given.epoch}`,
      ];
      const imports = ["from dustaug.keras import DustRectangles", "from PIL import Image"];
      return program(given, imports, [
        'picture = np.array(Image.open("picture.png"))',
        ...termsOf(given),
        ...statementsWithSpec(given, "layer = DustRectangles", (spec) => [...spec, ...keys], { takesFields: true }),
        ...collection("sample = ", "{", entries, "}"),
        'dusted = keras.ops.convert_to_numpy(layer(sample)["images"])',
        SAVE,
      ]);
    },

    json(given) {
      const entries = Object.entries(given.changed).map(([name, value]) => `"${name}": ${jsonOf(value)}`);
      const spec = entries.length === 0 ? "{}" : `{\n    ${entries.join(",\n    ")}\n  }`;
      const listed = (lists) => (lists.length === 0 ? "[]" : `[\n    ${lists.map(jsonOf).join(",\n    ")}\n  ]`);
      const terms = [
        ...(given.terms.includes("guide") ? [`"guide": ${listed(rowsOf(given.guide))}`] : []),
        ...(given.terms.includes("objects") ? [`"objects": ${listed(given.objects)}`] : []),
      ];
      const key = [`"seed": ${given.seed}`, `"epoch": ${given.epoch}`, `"index": ${given.index}`];
      return `{\n  ${[`"spec": ${spec}`, ...key, ...terms].join(",\n  ")}\n}\n`;
    },
  };
  const SAVE = 'Image.fromarray(dusted).save("dusted.png")';

  // Keras' layer takes no objects. The position in a flow with a batch size is the index.
  function kerasFlow(given) {
    const values = given.terms.map((term) => (term === "objects" ? "[objects]" : `${term}[np.newaxis]`));
    const imports = ["from dustaug.keras import dust_flow", "from PIL import Image"];
    return program(given, imports, [
      'picture = np.array(Image.open("picture.png"))',
      ...termsOf(given),
      "",
      "",
      "class Photos(keras.utils.PyDataset):",
      "    batch_size = 1",
      "",
      "    def __len__(self):",
      `        return ${BigInt(given.index) + 1n}`,
      "",
      "    def __getitem__(self, i):",
      `        return ${["picture[np.newaxis]", ...values].join(", ")}`,
      "",
      "",
      ...statementsWithSpec(given, "flow = dust_flow", (spec) => [
        "Photos()",
        ...spec,
        `seed=${given.seed}`,
        `epoch=${given.epoch}`,
        ...given.terms.map((term, i) => `${term}_key=${i + 1}`),
      ]),
      `images = flow[${given.index}][0]`,
      "dusted = images[0]",
      SAVE,
    ]);
  }

  // Why a framework cannot paint what is given, or null.
  function refusal(id, given) {
    if (id === "json") return null;
    const { spec, terms } = given;
    if (spec.normalize_mean) {
      return "normalize_mean and normalize_std are for floats: paint picture.png without them, or after its normalising.";
    }
    if (terms.includes("guide") && !given.guide) {
      return 'With center="guide" a guide says where dust lies: paint one on the picture first.';
    }
    if (terms.includes("objects") && !given.objects) {
      const field = spec.per_object ? "per_object" : "max_hidden";
      return `With ${field} boxes say where objects are: add one to the picture first.`;
    }
    if (given.donors && id === "albumentations") {
      return "A transform of single pictures has no donors: type dustaug.add_dust(images, spec, donors=…) with a batch.";
    }
    if (given.donors && id === "keras") {
      return (
        "The layer has no donors: use dustaug.keras.DustCutMix, which pairs the images of a batch, or " +
        "dustaug.tensorflow.make_dust_fn with a donors_key in the data set."
      );
    }
    return null;
  }

  // What to know of a program, or null.
  function remark(id, given) {
    const remarks = [];
    if (id === "torchvision") {
      remarks.push(
        "The transform dustaug.torchvision.DustRectangles draws its seed from torch's generator, so dust with an index " +
          "of its own is a function in the pipeline."
      );
    }
    if (id === "torch" && given.donors) {
      remarks.push("A DustDataset has no donors: dust the tensors.");
    }
    if (id === "keras" && !given.terms.includes("objects") && BigInt(given.index) >= FIRST_INDEX_THAT_JAX_LACKS) {
      remarks.push("With the backend JAX an index must be below 2**31: use TensorFlow or PyTorch.");
    }
    if (given.donors && id !== "json") {
      remarks.push("donor.png is another picture of the same size, whose pixels the rectangles show.");
    }
    return remarks.length > 0 ? remarks.join(" ") : null;
  }

  function snippets({ spec, seed, epoch = 0, index, guide = null, objects = null, title = "", dustaug = library() }) {
    const given = {
      spec,
      seed: BigInt(seed),
      epoch: BigInt(epoch),
      index: BigInt(index),
      guide,
      objects,
      title,
      changed: dustaug.changedFields(spec),
      fields: fewestFields(dustaug, spec),
      preset: presetOf(dustaug, spec),
      donors: spec.fill === "donors",
      terms: [
        ...(spec.center === "guide" ? ["guide"] : []),
        ...(spec.per_object || spec.max_hidden !== null ? ["objects"] : []),
      ],
    };
    return Object.keys(PROGRAMS).map((id) => {
      const refused = refusal(id, given);
      return {
        id,
        title: TITLES[id],
        code: refused === null ? PROGRAMS[id](given) : null,
        note: refused === null ? remark(id, given) : refused,
      };
    });
  }

  function library() {
    return typeof module === "object" && module.exports ? require("./dustaug.js") : root.dustaug;
  }

  // How a spec is said ------------------------------------------------------------------------------------------

  // Return the call of a preset that makes a spec, as {name, arguments}, or null if more than a few fields differ.
  function presetOf(dustaug, spec) {
    let best = null;
    for (const preset of dustaug.presets) {
      const beginnings = (BEGINNINGS[preset.name] || (() => NO_ARGUMENTS))(spec);
      for (const beginning of beginnings) {
        const start = dustaug.replaceSpec(preset.spec, beginning.fields);
        const makes = (changes) => same(replaced(dustaug, start, changes), spec);
        const differing = Object.keys(spec).filter((name) => spec[name] !== null && !same(start[name], spec[name]));
        const changes = withoutNeedless(Object.fromEntries(differing.map((name) => [name, spec[name]])), makes);
        const count = beginning.count + Object.keys(changes).length;
        if (count > MOST_CHANGES || !makes(changes) || (best !== null && best.count <= count)) continue;
        const names = PARAMETERS[preset.name] || {};
        const keywords = Object.keys(changes).map((name) => `${names[name] || name}=${pythonOf(changes[name])}`);
        const isPlain = preset.name === "dust" && beginning.count === 0;
        best = { name: preset.name, arguments: [...beginning.arguments, ...keywords], count, isPlain };
      }
    }
    return best;
  }

  // Return the spec with changes, or null where they do not go together.
  function replaced(dustaug, spec, changes) {
    try {
      return dustaug.replaceSpec(spec, changes);
    } catch (error) {
      if (error instanceof TypeError || error instanceof RangeError) return null;
      throw error;
    }
  }

  // Return the fewest fields that make a spec: some follow from others.
  function fewestFields(dustaug, spec) {
    return withoutNeedless(dustaug.changedFields(spec), (fields) => {
      try {
        return same(dustaug.makeSpec(fields), spec);
      } catch (error) {
        if (error instanceof TypeError || error instanceof RangeError) return false;
        throw error;
      }
    });
  }

  // Leave out what changes nothing, the last fields first.
  function withoutNeedless(fields, isEnough) {
    let kept = fields;
    for (const name of Object.keys(fields).reverse()) {
      const { [name]: _, ...others } = kept;
      if (isEnough(others)) kept = others;
    }
    return kept;
  }

  // Return the shortest share of which patch_drop makes a count of n cells.
  function ratioOf(count, n) {
    for (const scale of [1, 10, 100, 1000, 10000]) {
      const ratio = Math.ceil((count / n) * scale) / scale;
      if (ratio <= 1 && Math.floor(ratio * n + 1e-9) === count) return ratio;
    }
    return null;
  }

  function same(one, other) {
    return JSON.stringify(one) === JSON.stringify(other);
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

  function keywordsOf(fields) {
    return Object.keys(fields).map((name) => `${name}=${pythonOf(fields[name])}`);
  }

  // Lines of Python -----------------------------------------------------------------------------------------------

  // Return the lines of `head(arguments)tail`, broken as ruff breaks them.
  function statement(head, given, tail = "", indent = 0) {
    const line = `${head}(${given.join(", ")})${tail}`;
    if (line.length + indent <= LINE_LENGTH) return [line];
    const inner = given.join(", ");
    if (inner.length + 4 + indent <= LINE_LENGTH) return [`${head}(`, `    ${inner}`, `)${tail}`];
    return [`${head}(`, ...given.map((argument) => `    ${argument},`), `)${tail}`];
  }

  // Return the lines of a list or a dict, broken as ruff breaks them.
  function collection(head, open, entries, close) {
    const line = `${head}${open}${entries.join(", ")}${close}`;
    if (line.length <= LINE_LENGTH) return [line];
    return [`${head}${open}`, ...entries.map((entry) => `    ${entry},`), close];
  }

  // Return the statement that takes a spec, and before it the spec if it is too long to stand within.
  function splitSpec(given, head, argumentsWith, { takesFields = false, indent = 0 } = {}) {
    const { preset, fields } = given;
    const isPlain = preset === null || preset.isPlain;
    if (isPlain && (takesFields || Object.keys(fields).length === 0)) {
      return { before: [], lines: statement(head, argumentsWith(keywordsOf(fields)), "", indent) };
    }
    const call = preset === null ? "dustaug.Spec" : `dustaug.${preset.name}`;
    const keywords = preset === null ? keywordsOf(fields) : preset.arguments;
    const within = statement(head, argumentsWith([`${call}(${keywords.join(", ")})`]), "", indent);
    if (within.length === 1) return { before: [], lines: within };
    return {
      before: statement(`spec = ${call}`, keywords),
      lines: statement(head, argumentsWith(["spec"]), "", indent),
    };
  }

  function statementsWithSpec(given, head, argumentsWith, options) {
    const { before, lines } = splitSpec(given, head, argumentsWith, options);
    return [...before, ...lines];
  }

  function keyOf(given) {
    return [`seed=${given.seed}`, `epoch=${given.epoch}`, `index=${given.index}`];
  }

  function termArguments(given) {
    return [...given.terms.map((term) => `${term}=${term}`), ...(given.donors ? ["donors=donor"] : [])];
  }

  // Return the line that makes a dict of the picture and all that belongs to it.
  function sampleOf(given, name) {
    const donors = given.donors ? ['"donors": donor'] : [];
    const entries = [`"${name}": picture`, ...given.terms.map((term) => `"${term}": ${term}`), ...donors];
    return `sample = {${entries.join(", ")}}`;
  }

  // Return the lines that make the donor, the guide and the objects.
  function termsOf(given, { donor = true } = {}) {
    return [
      ...(given.donors && donor ? ['donor = np.array(Image.open("donor.png"))'] : []),
      ...(given.terms.includes("guide") ? guideLines(given.guide) : []),
      ...(given.terms.includes("objects") ? objectLines(given.objects) : []),
    ];
  }

  function objectLines(objects) {
    if (objects.length === 0) return ["objects = np.zeros((0, 4), int)"];
    const boxes = objects.map((box) => `[${box.join(", ")}]`);
    // Ruff joins a list of one list to the brackets around it.
    return collection("objects = np.array", "(", [`[${boxes.join(", ")}]`], ")").length === 1
      ? [`objects = np.array([${boxes.join(", ")}])`]
      : ["objects = np.array(", "    [", ...boxes.map((box) => `        ${box},`), "    ]", ")"];
  }

  function rowsOf({ data, rows, columns }) {
    return Array.from({ length: rows }, (_, y) => Array.from(data.slice(y * columns, (y + 1) * columns)));
  }

  // Return the lines that make a guide: one digit for each weight where that says it, else two of hexadecimals.
  function guideLines(guide) {
    const weights = [...new Set(guide.data)].filter((weight) => weight > 0);
    const isMask = weights.length === 1;
    const rows = rowsOf(guide);
    if (guide.columns <= LINE_LENGTH && (isMask || weights.every((weight) => weight < 10))) {
      const digits = rows.map((row) => row.map((weight) => (isMask ? Number(weight > 0) : weight)).join(""));
      const factor = isMask && weights[0] > 1 ? `${weights[0]} * ` : "";
      return [
        'rows = """',
        ...digits,
        '"""',
        `guide = ${factor}np.array([list(row) for row in rows.split()], np.uint8)`,
      ];
    }
    const perLine = Math.floor((LINE_LENGTH + 1) / 3);
    const lines = rows.map((row) => {
      const pairs = row.map((weight) => weight.toString(16).padStart(2, "0"));
      const parts = [];
      for (let start = 0; start < pairs.length; start += perLine) {
        parts.push(pairs.slice(start, start + perLine).join(" "));
      }
      return parts.join("\n");
    });
    return [
      'weights = """',
      ...lines,
      '"""',
      "guide = np.array(bytearray.fromhex(weights), np.uint8)",
      `guide = guide.reshape(${guide.rows}, ${guide.columns})`,
    ];
  }

  // Return a program: its title as a comment, its imports, its lines.
  function program(given, froms, lines) {
    const body = lines.join("\n");
    const plain = IMPORTS.filter(([, use]) => use.test(body)).map(([line]) => line);
    // A function or a class has two empty lines before it, whatever came before.
    return [...commentOf(given.title), ...plain, ...froms, ...(lines[0] === "" ? [] : [""]), body, ""].join("\n");
  }

  // Return a text as comments of lines that are not too long.
  function commentOf(text) {
    const lines = [];
    // eslint-disable-next-line no-control-regex
    for (const word of String(text).replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ").split(" ")) {
      if (word === "") continue;
      const last = lines.length - 1;
      if (last >= 0 && lines[last].length + 1 + word.length <= LINE_LENGTH) lines[last] += ` ${word}`;
      else lines.push(`# ${word.slice(0, LINE_LENGTH - 2)}`);
    }
    return lines;
  }

  if (typeof module === "object" && module.exports) module.exports = { snippets };
  else root.dustaugSnippets = { snippets };
})(typeof globalThis === "object" ? globalThis : this);
