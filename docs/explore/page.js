"use strict";

/**
 * The page that shows dust on a picture. dustaug.js paints; this script asks people what, and shows it.
 *
 * `state` is all that a person chose. Whoever changes it calls `refresh`, which paints once per frame, and only what
 * differs from what is shown. The address holds the state, so that a link shows the same pixels elsewhere.
 */
const dustaugPage = (() => {
  const SIZES = [32, 64, 96, 128, 160, 192, 224, 256, 320, 384, 512];
  const CODES = ["numpy", "albumentations", "torchvision", "torch", "tensorflow", "keras", "json"];
  const CHANNELS = 3;
  const NINE = 9;
  // Cells of a guide along the longer side of the picture.
  const GUIDE_CELLS = 14;
  const MAX_BOXES = 24;
  // A photograph of more pixels than this may not fit into the memory of a phone.
  const MAX_PIXELS = 2 ** 27;
  // A canvas with a longer side stays empty in some browsers, and none says so.
  const MAX_SIDE = 2 ** 15 - 1;
  // Levels of lists in the spec of a link: a spec has two.
  const MAX_DEPTH = 9;
  const LIMITS = dustaug.limits;
  const DEFAULTS = { seed: 7n, epoch: 0n, index: 0n, size: 224, crop: true, picture: "coffee", donor: "", code: "numpy" };

  const FIELD = Object.fromEntries(dustaug.fields.map((field) => [field.name, field]));

  /** What a person chose. `guide` is {data, rows, columns} or null; `objects` are boxes [top, left, bottom, right]. */
  const state = { ...DEFAULTS, spec: dustaug.makeSpec({}), guide: null, objects: [] };

  /** The picture at training size: RGB bytes, row after row. `version` grows when the pixels change. */
  const picture = { data: new Uint8Array(0), height: 0, width: 0, version: 0 };
  /** The pixels for fill="donors", of the same size, and the name of the picture that they are of. */
  const donor = { data: new Uint8Array(0), name: "" };
  /** A picture of the user's own, decoded; it never goes into the address. */
  let own = null;
  /** The same for fill="donors", as {pixels, number}; without it, the donor is one of the pictures of the page. */
  let ownDonor = null;
  let guideVersion = 0;

  const $ = (id) => document.getElementById(id);

  /** Make an element: properties that are functions are listeners, `text` is its text, others are attributes. */
  function make(tag, properties = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name === "text") element.textContent = value;
      else if (typeof value === "function") element.addEventListener(name, value);
      else if (value !== false && value !== null) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children);
    return element;
  }

  const clip = (value, low, high) => Math.min(Math.max(value, low), high);
  const percent = (share) => `${(100 * share).toFixed(1)} %`;

  // ----------------------------------------------------------------------------------------------------------- messages

  /** Return a message with what it quotes cut off where it is long, as links and files may hold anything. */
  function shorten(text) {
    const line = text.replace(/\S{81,}/g, (word) => `${word.slice(0, 80)}…`);
    return line.length > 600 ? `${line.slice(0, 600)}…` : line;
  }

  function show(id, text) {
    const element = $(id);
    if (element.textContent !== text) element.textContent = text;
    element.hidden = text === "";
  }

  /** Show what is wrong, in the words of the contract. The pictures stay as they are. */
  const showError = (text) => show("error", shorten(text));

  let noticeTimer = 0;

  /** Show what is worth knowing, for a while, with a button for what may be done about it. */
  function showNotice(text, action = null) {
    show("notice", text);
    if (text !== "" && action !== null) {
      $("notice").append(" ", make("button", { type: "button", class: "quiet", text: action.title, click: action.run }));
    }
    clearTimeout(noticeTimer);
    noticeTimer = setTimeout(() => show("notice", ""), 12_000);
  }

  /** Tell those who hear the page, and nobody else. */
  function say(text) {
    $("said").textContent = text;
  }

  // ----------------------------------------------------------------------------------------------- pictures and their size

  /** Return the bytes of a data: URL as a file. The page may fetch nothing, not even that. */
  function blobOf(url) {
    const [head, body] = url.split(",");
    const bytes = Uint8Array.from(atob(body), (letter) => letter.charCodeAt(0));
    return new Blob([bytes], { type: /^data:([^;]*)/.exec(head)[1] });
  }

  /** Return a file's pixels, RGBA: turned as its EXIF says, and with the numbers that are in it, whatever its profile. */
  async function decode(blob) {
    const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none", imageOrientation: "from-image" });
    const { width, height } = bitmap;
    if (width * height > MAX_PIXELS) {
      throw new Error(`it has ${width} × ${height} pixels, and this page reads up to ${MAX_PIXELS}`);
    }
    if (Math.max(width, height) > MAX_SIDE) {
      throw new Error(`it has ${width} × ${height} pixels, and this page reads up to ${MAX_SIDE} on a side`);
    }
    const canvas = make("canvas", { width, height });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(bitmap, 0, 0);
    bitmap.close();
    return { width, height, data: context.getImageData(0, 0, width, height).data };
  }

  const decoded = new Map();

  /** Return the pixels of a picture that comes with the page; each is decoded once. */
  function bundled(name) {
    if (!decoded.has(name)) decoded.set(name, decode(blobOf(dustaugPictures.find((entry) => entry.name === name).url)));
    return decoded.get(name);
  }

  /** Return where the middle of a picture lies that has the aspect of a size. */
  function middleOf(source, height, width) {
    const columns = Math.min(source.width, Math.max(1, Math.floor((source.height * width) / height)));
    const rows = Math.min(source.height, Math.max(1, Math.floor((source.width * height) / width)));
    const [left, top] = [(source.width - columns) >> 1, (source.height - rows) >> 1];
    return { left, top, columns, rows };
  }

  /** Return a value on white. */
  const onWhite = (value, alpha) => Math.floor((value * alpha + 255 * (255 - alpha) + 127) / 255);

  /**
   * Return part of a picture at another size, RGB: each pixel is the mean of the area that it covers, rounded, halves up.
   *
   * With the overlaps of old and new pixels as weights, all sums are whole numbers that doubles hold. So every browser
   * gets the same bytes, where its own scaling would differ.
   */
  function scale(source, { left, top, columns, rows }, height, width) {
    const across = overlaps(columns, width);
    const down = overlaps(rows, height);
    const area = columns * rows;
    const data = new Uint8Array(height * width * CHANNELS);
    const line = new Float64Array(width * CHANNELS);
    const sums = new Float64Array(width * CHANNELS);
    let scaled = -1;
    for (let y = 0; y < height; y += 1) {
      sums.fill(0);
      for (const { from, weight } of down[y]) {
        if (from !== scaled) addUp(source, top + from, left, across, line);
        scaled = from;
        for (let i = 0; i < sums.length; i += 1) sums[i] += weight * line[i];
      }
      for (let i = 0; i < sums.length; i += 1) {
        data[y * sums.length + i] = Math.floor((2 * sums[i] + area) / (2 * area));
      }
    }
    return data;
  }

  /** Return for each new pixel of a side which old ones it covers, and how much of each, in units of 1 / count. */
  function overlaps(length, count) {
    return Array.from({ length: count }, (_, i) => {
      const [start, stop] = [i * length, (i + 1) * length];
      const parts = [];
      for (let from = Math.floor(start / count); from * count < stop; from += 1) {
        parts.push({ from, weight: Math.min(stop, (from + 1) * count) - Math.max(start, from * count) });
      }
      return parts;
    });
  }

  /** Sum up a row of a picture for each new column. */
  function addUp(source, row, left, across, line) {
    for (let x = 0; x < across.length; x += 1) {
      let [red, green, blue] = [0, 0, 0];
      for (const { from, weight } of across[x]) {
        const i = 4 * (row * source.width + left + from);
        const alpha = source.data[i + 3];
        red += weight * onWhite(source.data[i], alpha);
        green += weight * onWhite(source.data[i + 1], alpha);
        blue += weight * onWhite(source.data[i + 2], alpha);
      }
      line[3 * x] = red;
      line[3 * x + 1] = green;
      line[3 * x + 2] = blue;
    }
  }

  let loading = 0;
  // How often a picture was chosen: one that takes long to decode gives way to a later choice.
  let choices = 0;

  const sourceOf = (name) => (name === "own" ? own : bundled(name));

  /** Return the sides of a picture at a training size. */
  function sidesOf(source, { size, crop }) {
    if (crop) return { height: size, width: size };
    const longer = Math.max(source.width, source.height);
    const side = (length) => Math.max(1, Math.round((length * size) / longer));
    return { height: side(source.height), width: side(source.width) };
  }

  // The choice of the picture that is shown, to go back to when the spec cannot be painted on another.
  let lastGood = null;

  /**
   * Bring the chosen picture to the chosen size, and return whether it is shown. Boxes and guide move with it, unless they
   * are those of a link.
   */
  async function loadPicture({ moves = true } = {}) {
    loading += 1;
    const turn = loading;
    const other = chooseDonor();
    const [source, donorSource] = await Promise.all([sourceOf(state.picture), bundled(other)]);
    // While these were decoded, the user may have chosen another.
    if (turn !== loading) return false;
    const { height, width } = sidesOf(source, state);
    try {
      checkPaint(state, { height, width });
    } catch (error) {
      own = lastGood.own;
      Object.assign(state, lastGood.choice);
      syncPicture();
      showError(error.message);
      return false;
    }
    lastGood = { own, choice: { picture: state.picture, donor: state.donor, size: state.size, crop: state.crop } };
    const whole = { left: 0, top: 0, columns: source.width, rows: source.height };
    const part = state.crop ? middleOf(source, height, width) : whole;
    picture.data = scale(source, part, height, width);
    Object.assign(picture, { height, width, version: picture.version + 1 });
    scaleDonor(donorSource, other);
    const before = frameShown;
    frameShown = { source, part, height, width };
    if (moves && before !== null) moveTerms(before, frameShown);
    showOriginal();
    syncPicture();
    refresh();
    return true;
  }

  /** Return the name of a picture beside the chosen one, which is that of before if it can be. */
  function chooseDonor() {
    const others = dustaugPictures.map(({ name }) => name).filter((name) => name !== state.picture);
    if (!others.includes(state.donor)) [state.donor] = others;
    return state.donor;
  }

  /** Make the donor of a picture of the page, or of the user's own if there is one. */
  function scaleDonor(bundledSource, bundledName) {
    const { height, width } = picture;
    const source = ownDonor?.pixels ?? bundledSource;
    const name = ownDonor === null ? bundledName : `own ${ownDonor.number}`;
    Object.assign(donor, { data: scale(source, middleOf(source, height, width), height, width), name });
  }

  // Which part of which picture is shown, and at what size.
  let frameShown = null;
  // Boxes and guide as they were drawn, each with the frame of then, and what they are in the frame that is shown.
  const drawn = { objects: null, guide: null };

  /** Keep boxes and guide on the same part of the picture when another frame of it is shown. */
  function moveTerms(before, after) {
    state.objects = moved("objects", moveBoxes, before, after);
    const guide = moved("guide", moveGuide, before, after);
    if (guide !== state.guide) setGuide(guide);
  }

  /**
   * Return boxes or guide for a frame, made from what was drawn last and not from what is shown.
   *
   * So nothing is lost on the way back: what lies outside a square, for instance, is still there in the whole picture.
   */
  function moved(name, move, before, after) {
    const isSame = before.source === after.source;
    if (!isSame || drawn[name]?.shown !== state[name]) {
      // Another picture has no part of this one: there they keep their place in the frame.
      const frame = isSame ? before : { ...before, part: after.part };
      drawn[name] = { value: state[name], frame };
    }
    const { value, frame } = drawn[name];
    drawn[name].shown = value === null ? null : move(value, frame, after);
    return drawn[name].shown;
  }

  function moveBoxes(boxes, from, to) {
    const row = along(from.part.top, from.part.rows / from.height, to.part.top, to.part.rows / to.height);
    const column = along(from.part.left, from.part.columns / from.width, to.part.left, to.part.columns / to.width);
    return boxes.map((box) => box.map((edge, i) => Math.round(i % 2 ? column(edge) : row(edge))));
  }

  /** Return a function that takes a place along a side to another frame; each is said by its start and its step. */
  const along = (start, step, otherStart, otherStep) => (place) => (start + place * step - otherStart) / otherStep;

  /**
   * Return a guide for another frame. A cell takes the weight at its centre, or that of a cell whose centre it holds, so
   * that no cell is too small to be seen.
   */
  function moveGuide(guide, { part }, { part: other }) {
    const empty = emptyGuide();
    const { rows, columns } = empty;
    const row = along(part.top, part.rows / guide.rows, other.top, other.rows / rows);
    const column = along(part.left, part.columns / guide.columns, other.left, other.columns / columns);
    const rowBack = along(other.top, other.rows / rows, part.top, part.rows / guide.rows);
    const columnBack = along(other.left, other.columns / columns, part.left, part.columns / guide.columns);
    const data = empty.data.map((_, i) => guide.data[cellOf(guide, rowBack, columnBack, i, columns)] ?? 0);
    guide.data.forEach((weight, i) => {
      const cell = cellOf(empty, row, column, i, guide.columns);
      if (cell >= 0) data[cell] = Math.max(data[cell], weight);
    });
    return { ...empty, data };
  }

  /** Return which cell of a guide holds the centre of a cell of another, or -1. */
  function cellOf({ rows, columns }, row, column, i, otherColumns) {
    const [y, x] = [row(Math.floor(i / otherColumns) + 0.5), column((i % otherColumns) + 0.5)].map(Math.floor);
    return y >= 0 && y < rows && x >= 0 && x < columns ? y * columns + x : -1;
  }

  const unreadable = (file, error) =>
    `${file.name || "the picture"} must be a picture that this browser reads, such as PNG, JPEG or WebP: ${error.message}`;

  /** Load a file that a person chose, dropped or pasted. */
  async function loadFile(file) {
    choices += 1;
    const turn = choices;
    let pixels = null;
    try {
      pixels = await decode(file);
    } catch (error) {
      if (turn !== choices) return;
      showError(unreadable(file, error));
      return;
    }
    if (turn !== choices) return;
    own = pixels;
    await choosePicture("own");
  }

  /** Show one of the pictures that come with the page, or the user's own. */
  async function choosePicture(name) {
    choices += 1;
    state.picture = name;
    showNotice("");
    await loadPicture();
  }

  function putPixels(canvas, rgb, cell) {
    const { height, width } = picture;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    if (cell.image?.width !== width || cell.image?.height !== height) cell.image = new ImageData(width, height);
    const pixels = new Uint32Array(cell.image.data.buffer);
    // Of the four bytes, alpha is the last, so the highest one on all machines that browsers run on.
    for (let i = 0, j = 0; i < pixels.length; i += 1, j += 3) {
      pixels[i] = 0xff000000 | (rgb[j + 2] << 16) | (rgb[j + 1] << 8) | rgb[j];
    }
    canvas.getContext("2d").putImageData(cell.image, 0, 0);
  }

  const originalCell = {};

  function showOriginal() {
    putPixels($("original"), picture.data, originalCell);
    document.documentElement.style.setProperty("--ratio", picture.width / picture.height);
    // Small pictures are shown with their pixels, as dust has hard edges.
    document.documentElement.dataset.pixels = Math.max(picture.width, picture.height) <= 160 ? "large" : "small";
  }

  // ----------------------------------------------------------------------------------------------------- painting the nine

  const cells = [];

  function makeCells() {
    for (let i = 0; i < NINE; i += 1) {
      const canvas = make("canvas", { class: "dusted", role: "radio", tabindex: "-1", "aria-checked": "false" });
      const [number, share] = [make("span"), make("span")];
      const caption = make("figcaption", { "aria-hidden": "true" }, number, share);
      const figure = make("figure", { role: "presentation" }, canvas, caption);
      // `key` says what the cell shows, `wanted` what it should show.
      const cell = { figure, canvas, number, share, index: 0n, key: "", wanted: "", rgb: null, rectangles: [], coverage: 0 };
      canvas.addEventListener("click", () => choose("index", cell.index));
      canvas.addEventListener("dblclick", () => setEnlarged(!isEnlarged()));
      canvas.addEventListener("keydown", onCellKey);
      cells.push(cell);
      $("grid").append(figure);
    }
  }

  /** The nine are a page of the data set: 0 … 8, 9 … 17, and so on. So they stay where they are when one is chosen. */
  const firstOfPage = () => state.index - (state.index % BigInt(NINE));

  /** Return what goes to dustaug beside picture and spec; guide and objects only where the spec takes them. */
  function termsOf(index, { spec, seed, epoch, guide, objects } = state, size = picture) {
    const takesObjects = spec.per_object || spec.max_hidden !== null;
    return {
      seed,
      epoch,
      index,
      ...(spec.center === "guide" && { guide: guide ?? emptyGuide(size) }),
      ...(takesObjects && { objects }),
    };
  }

  /** Throw the error of the contract if a state cannot be painted on pictures of a size. */
  function checkPaint(wanted, { height, width } = picture) {
    const data = new Uint8Array(height * width * CHANNELS);
    const donors = wanted.spec.fill === "donors" ? { donors: data } : {};
    // With p=0, all is checked and nothing drawn.
    const spec = { ...wanted.spec, p: 0 };
    const terms = termsOf(wanted.index, wanted, { height, width });
    dustaug.addDust(data, { height, width, channels: CHANNELS }, spec, { ...terms, ...donors });
  }

  /** Return a name for all that decides the pixels, but the index. */
  function recipe() {
    const { spec, seed, epoch, objects } = state;
    const guide = spec.center === "guide" ? guideVersion : "";
    const boxes = spec.per_object || spec.max_hidden !== null ? JSON.stringify(objects) : "";
    const donors = spec.fill === "donors" ? donor.name : "";
    return [JSON.stringify(spec), seed, epoch, picture.version, guide, boxes, donors].join("/");
  }

  /** Whether a cell does not show yet what it should. */
  const isWaiting = ({ key, wanted, figure }) => key !== wanted && !figure.hidden;

  function paintCell(cell) {
    const { height, width } = picture;
    const terms = termsOf(cell.index);
    const shape = { height, width, channels: CHANNELS };
    const spare = cell.spare?.length === picture.data.length ? cell.spare : new Uint8Array(picture.data.length);
    spare.set(picture.data);
    const donors = state.spec.fill === "donors" ? { donors: donor.data } : {};
    dustaug.addDust(spare, shape, state.spec, { ...terms, ...donors });
    cell.rectangles = dustaug.sampleRectangles(state.spec, { ...shape, ...terms });
    cell.coverage = dustaug.coverage(cell.rectangles, { height, width });
    [cell.rgb, cell.spare] = [spare, cell.rgb];
    cell.key = cell.wanted;
    putPixels(cell.canvas, cell.rgb, cell);
  }

  // Milliseconds after which the next picture waits until the browser has done what else there is to do.
  const SLOW = 50;
  let pace = 0;
  let later = 0;

  /** Paint those of the nine that changed, the chosen one first. What still waits of a painting before is given up. */
  function paintNine() {
    const made = recipe();
    const first = firstOfPage();
    cells.forEach((cell, i) => {
      cell.index = first + BigInt(i);
      cell.wanted = `${made}/${cell.index}`;
      cell.figure.hidden = cell.index > LIMITS.index;
    });
    const chosen = chosenCell();
    const waiting = cells.filter(isWaiting).sort((a, b) => (b === chosen) - (a === chosen));
    clearTimeout(later);
    const job = { made, waiting, painted: 0, start: performance.now() };
    if (pace <= SLOW || waiting.length === 0) paintSome(job);
    else {
      later = setTimeout(paintSome, 0, job);
      labelCells();
    }
  }

  /** Paint what a job has left. After a picture that took long, the others wait: clicks and keys come first. */
  function paintSome(job) {
    // Something else is asked for by now, and the next frame begins with that.
    if (job.made !== recipe()) return;
    while (job.waiting.length) {
      const start = performance.now();
      paintCell(job.waiting.shift());
      job.painted += 1;
      pace = performance.now() - start;
      if (pace > SLOW) break;
    }
    if (job.waiting.length) later = setTimeout(paintSome, 0, job);
    else if (job.painted) {
      performance.clearMeasures("dustaug: paint");
      performance.measure("dustaug: paint", { start: job.start, detail: { painted: job.painted } });
    }
    labelCells();
    showHidden();
  }

  /** Return a name that tells images apart, and that no code writes: it must not replace what it is compared with. */
  const nameOfDusted = () => `dusted-${state.seed}-${state.epoch}-${state.index}.png`;

  const chosenCell = () => cells.find((cell) => cell.index === state.index && !cell.figure.hidden) ?? cells[0];

  /** Return how much is hidden in the mean of some cells, as soon as all of them are painted. */
  function meanOf(some) {
    return some.some(isWaiting) ? "…" : percent(some.reduce((sum, cell) => sum + cell.coverage, 0) / some.length);
  }

  function labelCells() {
    const chosen = chosenCell();
    for (const cell of cells) {
      const isChosen = cell === chosen;
      cell.canvas.dataset.index = cell.index;
      cell.canvas.tabIndex = isChosen ? 0 : -1;
      cell.canvas.setAttribute("aria-checked", isChosen);
      cell.canvas.setAttribute("aria-busy", isWaiting(cell));
      const share = isWaiting(cell) ? "…" : percent(cell.coverage);
      const said = isWaiting(cell) ? "not painted yet" : `${share} hidden`;
      cell.canvas.setAttribute("aria-label", `Image ${cell.index}, ${said}`);
      cell.figure.classList.toggle("chosen", isChosen);
      cell.number.textContent = cell.index;
      cell.share.textContent = share;
    }
    $("download").disabled = isWaiting(chosen);
    const shown = cells.filter((cell) => !cell.figure.hidden);
    const line = (some, text) => make("span", {}, make("strong", { text: meanOf(some) }), text);
    $("coverage").replaceChildren(
      line([chosen], " of this image hidden, "),
      line(shown, ` in the mean of ${shown.length === NINE ? "the nine" : `these ${shown.length}`}`),
    );
    $("download").setAttribute("aria-label", `Download ${nameOfDusted()}`);
    $("download").title = nameOfDusted();
  }

  const STEPS = { ArrowLeft: -1n, ArrowRight: 1n, ArrowUp: -3n, ArrowDown: 3n, PageUp: -9n, PageDown: 9n };

  /** Arrow keys choose among the nine, and go on to the next nine at the edge. */
  function onCellKey(event) {
    const nine = BigInt(NINE);
    let index = state.index;
    if (event.key in STEPS) index += STEPS[event.key];
    else if (event.key === "Home") index = firstOfPage();
    else if (event.key === "End") index = firstOfPage() + nine - 1n;
    else if (event.key === "Enter" || event.key === " ") index = cells.find(({ canvas }) => canvas === event.target).index;
    else if (event.key === "Escape") setEnlarged(false);
    else return;
    event.preventDefault();
    if (index < 0n || index > LIMITS.index) return;
    choose("index", index);
    // Not in the next frame: what is focused must be shown.
    draw();
    chosenCell().canvas.focus({ preventScroll: true });
  }

  const isEnlarged = () => $("grid").classList.contains("one");

  function setEnlarged(enlarged) {
    $("grid").classList.toggle("one", enlarged);
    $("enlarge").setAttribute("aria-pressed", enlarged);
    $("enlarge").textContent = enlarged ? "Show nine" : "Enlarge";
  }

  // ---------------------------------------------------------------------------------------------------- one frame at a time

  let frame = 0;

  /** Paint in the next frame, once, however many changes come before it. */
  function refresh() {
    if (frame === 0 && picture.height !== 0) frame = requestAnimationFrame(draw);
  }

  function draw() {
    cancelAnimationFrame(frame);
    frame = 0;
    syncPresets();
    show("spec", dustaug.reprSpec(state.spec));
    saveSoon();
    // What is wrong with a link stays to be read until something changes.
    if (!hasBadInput()) showError(addressOf() === untouched ? broken : "");
    paintNine();
    showCode();
    // Last: nothing else waits for it.
    drawOverlay();
  }

  // ----------------------------------------------------------------------------------------------- seed, epoch and index

  /** Set a coordinate; what is none gives the message of the contract. */
  function choose(name, value) {
    const terms = { seed: state.seed, epoch: state.epoch, index: state.index, [name]: value };
    const input = $(name);
    try {
      dustaug.sampleRectangles({}, { height: 1, width: 1, ...terms });
    } catch (error) {
      input.setAttribute("aria-invalid", "true");
      showError(error.message);
      return;
    }
    input.removeAttribute("aria-invalid");
    state[name] = BigInt(value);
    if (input.value !== String(state[name])) input.value = state[name];
    fitBox(input);
    refresh();
  }

  /** Make room for long numbers. */
  function fitBox(input) {
    input.style.width = `${clip(input.value.length, 2, 20) + 1.5}ch`;
  }

  const isWhole = (text) => /^\d+$/.test(text);

  function step(name, by) {
    const next = state[name] + by;
    if (next >= 0n && next <= LIMITS[name]) choose(name, next);
  }

  function bindCoordinates() {
    for (const name of ["seed", "epoch", "index"]) {
      const input = $(name);
      // What is no whole number goes to the contract as it is, for its message.
      input.addEventListener("input", () => {
        const text = input.value.trim();
        choose(name, isWhole(text) ? BigInt(text) : text === "" || Number.isNaN(Number(text)) ? text : Number(text));
      });
      input.addEventListener("keydown", (event) => {
        const by = { ArrowUp: 1n, ArrowDown: -1n, PageUp: 9n, PageDown: -9n }[event.key];
        if (by === undefined) return;
        event.preventDefault();
        step(name, by);
      });
      input.addEventListener("blur", () => {
        if (input.hasAttribute("aria-invalid")) showError("");
        input.removeAttribute("aria-invalid");
        input.value = state[name];
      });
    }
    for (const button of document.querySelectorAll("[data-step]")) {
      button.addEventListener("click", () => step(button.dataset.step, BigInt(button.dataset.by)));
    }
  }

  function syncCoordinates() {
    for (const name of ["seed", "epoch", "index"]) {
      $(name).value = state[name];
      $(name).removeAttribute("aria-invalid");
      fitBox($(name));
    }
  }

  // ------------------------------------------------------------------------------------------------------- fields of a spec

  // What the page asks for, in groups. Which of them are shown depends on the spec: see `isUsed`.
  const GROUPS = [
    ["What", ["kind", "p", "count_range", "cell_p", "keep"]],
    ["How large", ["half_height_range", "half_width_range", "side_range", "height_fraction_range"]],
    ["", ["width_fraction_range", "halve_sizes", "area_range", "aspect_range", "area_beta"]],
    ["", ["grid_shape", "cell_sides", "period_range", "kept_share", "lattice_hides"]],
    ["Where", ["center", "center_mean", "center_std", "spare_last"]],
    ["Filled with", ["fill", "fill_range", "fill_value"]],
    ["Objects", ["max_hidden", "per_object"]],
  ];
  const ELSEWHERE = ["depth_range", "depth_fraction_range", "normalize_mean", "normalize_std"];

  // A size to begin with, for each way to say one.
  const FIRST_SIZES = {
    half_height_range: { half_height_range: [1, 7], half_width_range: [1, 7] },
    side_range: { side_range: [8, 32] },
    height_fraction_range: { height_fraction_range: [0.05, 0.2], width_fraction_range: [0.05, 0.2] },
    area_range: { area_range: [0.02, 0.1] },
    area_beta: { area_beta: 1 },
    grid_shape: { grid_shape: [14, 14] },
    cell_sides: { cell_sides: [16, 32] },
    period_range: { period_range: [32, 64] },
  };
  const SIZE_TITLES = {
    half_height_range: "half sizes in pixels",
    side_range: "squares in pixels",
    height_fraction_range: "fractions of the sides",
    area_range: "area and aspect",
    area_beta: "area as in CutMix",
    grid_shape: "rows and columns",
    cell_sides: "cells in pixels",
    period_range: "period in pixels",
  };
  const AXES = { center_mean: ["y", "x"], center_std: ["y", "x"], grid_shape: ["rows", "columns"] };
  const ENDS = ["low", "high"];

  /** Whether a field changes anything for a spec. */
  function isUsed(name, spec) {
    const size = dustaug.sizesOfKind[spec.kind].find((group) => spec[group[0]] !== null);
    if (Object.values(dustaug.sizesOfKind).flat(2).includes(name)) return size.includes(name);
    switch (name) {
      case "count_range":
        return spec.kind !== "lattice" && spec.cell_p === null;
      case "cell_p":
        return spec.kind === "grid" && spec.cell_p !== null;
      case "keep":
        return spec.kind !== "lattice";
      case "halve_sizes":
        return spec.height_fraction_range !== null;
      case "lattice_hides":
        return spec.kind === "lattice";
      case "center":
      case "per_object":
        return spec.kind === "rectangles";
      case "center_mean":
      case "center_std":
        return spec.kind === "rectangles" && spec.center === "normal";
      case "fill_range":
        return ["grey", "color", "noise"].includes(spec.fill);
      case "fill_value":
        return spec.fill === "constant";
      default:
        return true;
    }
  }

  /** Return where the slider of a field ends. Number boxes take all that the contract takes. */
  function sliderLimits(name) {
    const side = Math.max(picture.height, picture.width, 32);
    const { type, low, high } = FIELD[name];
    const [rows, columns] = state.spec.grid_shape ?? [14, 14];
    const most = {
      count_range: state.spec.kind === "grid" ? rows * columns : state.spec.keep ? 32 : 64,
      half_height_range: Math.round(side / 7),
      half_width_range: Math.round(side / 7),
      side_range: side,
      grid_shape: 32,
      period_range: side,
      center_std: 1,
      aspect_range: 10,
      kept_share: 0.99,
    };
    const least = { aspect_range: 0.1, area_range: 0.01, max_hidden: 0.01 };
    return { low: least[name] ?? low, high: most[name] ?? high, step: type === "int" ? 1 : 0.01 };
  }

  // Aspects are drawn by their logarithm, so their slider moves by that.
  const isLogarithmic = (name) => name === "aspect_range";
  const toSlider = (name, value) => (isLogarithmic(name) ? Math.log2(value) : value);
  const fromSlider = (name, value) => (isLogarithmic(name) ? Number((2 ** value).toPrecision(3)) : value);

  /** Return the number in a box; null if it is empty, and the text itself, for the message of the contract, if it is none. */
  function numberIn(input) {
    const text = input.value.trim();
    if (text === "") return null;
    return Number.isNaN(Number(text)) ? text : Number(text);
  }

  /** Return the numbers of a list such as "16, 32". */
  function numbersIn(input, single) {
    const parts = input.value.split(/[\s,;()[\]]+/).filter(Boolean);
    if (parts.length === 0) return null;
    const numbers = parts.map((part) => (Number.isNaN(Number(part)) ? part : Number(part)));
    return single && numbers.length === 1 ? numbers[0] : numbers;
  }

  // With all digits: a box is read again when the other end of its pair changes.
  const numberText = (value) => (value === null || value === undefined ? "" : String(value));

  // Changes that the contract refused so far. They wait: the next one may make them right.
  let refused = {};

  /** Return the refused changes that wait on: none with another kind, and no size with one in another unit. */
  function stillRefused(changes) {
    if ("kind" in changes) return {};
    const units = Object.values(dustaug.sizesOfKind).flat();
    const unit = units.find((names) => names.some((name) => name in changes));
    const isVoid = (name) => unit !== undefined && !unit.includes(name) && units.flat().includes(name);
    return Object.fromEntries(Object.entries(refused).filter(([name]) => !isVoid(name)));
  }

  /** Change the spec. What the contract refuses is shown, and changes no picture; its control stays as it was set. */
  function change(changes, input) {
    const all = { ...stillRefused(changes), ...changes };
    try {
      takeSpec(dustaug.replaceSpec(state.spec, all));
    } catch (error) {
      refused = all;
      input?.setAttribute("aria-invalid", "true");
      showError(error.message);
      return false;
    }
    return true;
  }

  /** Show a spec; one that cannot be painted throws, so that the state always is what is shown. */
  function takeSpec(spec) {
    checkPaint({ ...state, spec });
    state.spec = spec;
    forgetRefused();
    syncFields();
    refresh();
  }

  function setSpec(spec) {
    try {
      takeSpec(spec);
    } catch (error) {
      showError(error.message);
    }
  }

  /** Forget what was refused in fields: their values, and that they were. */
  function forgetRefused() {
    refused = {};
    for (const bad of document.querySelectorAll("#fields [aria-invalid]")) bad.removeAttribute("aria-invalid");
  }

  const hasBadInput = () => document.querySelector("[aria-invalid]") !== null;

  const controls = new Map();

  /** Make the control of a field: what shows it, and a function that shows the value of a spec. */
  function makeControl(name) {
    const field = FIELD[name];
    if (field.type === "bool") return makeSwitch(field);
    if (field.type === "choice") return makeChoice(field);
    if (field.range) return makeRange(field);
    if (field.count === 2) return makePair(field);
    if (field.count !== undefined) return makeList(field);
    return makeNumber(field);
  }

  /** Make the head of a field: its name, its help, and what stands to the right. */
  function makeField(field, target, ...right) {
    const name = target === null ? make("span", { id: `name-${field.name}`, text: field.name }) : null;
    const label = name ?? make("label", { for: target, text: field.name });
    const head = make("div", { class: "field-head" }, make("code", {}, label), make("span", { class: "boxes" }, ...right));
    const help = make("p", { class: "hint", id: `help-${field.name}`, text: field.help });
    const group = target === null ? { role: "group", "aria-labelledby": `name-${field.name}` } : {};
    return make("div", { class: "field", "data-field": field.name, ...group }, head, help);
  }

  function makeSwitch(field) {
    const id = `field-${field.name}`;
    const input = make("input", { id, type: "checkbox", "aria-describedby": `help-${field.name}` });
    input.addEventListener("change", () => change({ [field.name]: input.checked }, input));
    const root = makeField(field, id, make("span", { class: "switch" }, input));
    return { root, sync: (spec) => (input.checked = spec[field.name]) };
  }

  function makeChoice(field) {
    const id = `field-${field.name}`;
    const options = field.choices.map((choice) => make("option", { value: choice, text: choice }));
    const input = make("select", { id, "aria-describedby": `help-${field.name}` }, ...options);
    input.addEventListener("change", () => change(changesFor(field.name, input.value), input));
    return { root: makeField(field, id, input), sync: (spec) => (input.value = spec[field.name]) };
  }

  /** Return what must change together with a choice, so that the new spec is one. */
  function changesFor(name, value) {
    const first = {
      kind: { grid: FIRST_SIZES.grid_shape, lattice: FIRST_SIZES.period_range },
      fill: { constant: { fill_value: 128 } },
    };
    const changes = { [name]: value, ...(state.spec[name] === value ? {} : first[name]?.[value]) };
    if (name === "center" && value === "guide") setTool("guide");
    return changes;
  }

  function makeBox(field, suffix, label) {
    return make("input", {
      id: `field-${field.name}${suffix}`,
      class: "number",
      type: "text",
      inputmode: "decimal",
      autocomplete: "off",
      "aria-label": label,
      "aria-describedby": `help-${field.name}`,
    });
  }

  function makeSlider(field, suffix, label) {
    return make("input", { id: `slide-${field.name}${suffix}`, type: "range", "aria-label": `${label}, slider` });
  }

  /** Show a number on a slider, whose end grows with it. */
  function syncSlider(slider, name, value) {
    const { low, high, step } = sliderLimits(name);
    const shown = value ?? low;
    slider.min = toSlider(name, Math.min(low, shown > 0 || !isLogarithmic(name) ? shown : low));
    slider.max = toSlider(name, Math.max(high, shown));
    slider.step = isLogarithmic(name) ? 0.01 : step;
    slider.value = toSlider(name, shown);
  }

  /** Colour the part of a track that is chosen. */
  function fillTrack(track, from, to) {
    const part = (slider) => (slider.value - slider.min) / (slider.max - slider.min || 1);
    track.style.setProperty("--from", from === null ? 0 : part(from));
    track.style.setProperty("--to", part(to));
  }

  /** Show a value in a box, but not while somebody types there the same number in other words. */
  function syncBox(box, value) {
    if (document.activeElement === box && numberIn(box) === value) return;
    box.value = numberText(value);
  }

  function makeNumber(field) {
    const { name } = field;
    const box = makeBox(field, "", name);
    const slider = makeSlider(field, "", name);
    if (field.default === null) box.placeholder = "none";
    const drop = make("button", { type: "button", class: "drop-value", "aria-label": `Leave out ${name}`, text: "×" });
    drop.addEventListener("click", () => change({ [name]: null }) && box.focus());
    const isOptional = name === "max_hidden";
    box.addEventListener("input", () => change({ [name]: numberIn(box) }, box));
    slider.addEventListener("input", () => change({ [name]: Number(slider.value) }, slider));
    const track = make("div", { class: "track" }, slider);
    const root = makeField(field, `field-${name}`, ...(isOptional ? [drop] : []), box);
    root.append(track);
    const sync = (spec) => {
      syncBox(box, spec[name]);
      syncSlider(slider, name, spec[name]);
      fillTrack(track, null, slider);
      track.classList.toggle("off", spec[name] === null);
      drop.hidden = spec[name] === null;
    };
    return { root, sync };
  }

  /** Listen to the boxes of a pair. While one of them is empty, somebody types: it is a value once both are left. */
  function listenToPair(name, boxes, pairIn) {
    const isHalf = () => boxes.filter((box) => numberIn(box) === null).length === 1;
    for (const box of boxes) {
      box.addEventListener("input", () => (isHalf() ? forget(name, boxes) : change({ [name]: pairIn() }, box)));
      box.addEventListener("blur", ({ relatedTarget }) => {
        if (isHalf() && !boxes.includes(relatedTarget)) change({ [name]: pairIn() }, box);
      });
    }
  }

  /** Take back what was refused of a field. */
  function forget(name, boxes) {
    delete refused[name];
    for (const box of boxes) box.removeAttribute("aria-invalid");
    if (!hasBadInput()) showError("");
  }

  /** Make a slider with two ends. An end that meets the other one takes it along. */
  function makeRange(field) {
    const { name } = field;
    const boxes = ENDS.map((end) => makeBox(field, `-${end}`, `${name}, ${end}`));
    const sliders = ENDS.map((end) => makeSlider(field, `-${end}`, `${name}, ${end}`));
    const pairIn = () => {
      const pair = boxes.map(numberIn);
      return pair.every((end) => end === null) ? null : pair;
    };
    listenToPair(name, boxes, pairIn);
    sliders.forEach((slider, i) =>
      slider.addEventListener("input", () => {
        const value = fromSlider(name, Number(slider.value));
        const pair = [...(state.spec[name] ?? [value, value])];
        pair[i] = value;
        pair[1 - i] = i === 0 ? Math.max(pair[1], value) : Math.min(pair[0], value);
        change({ [name]: pair }, slider);
      }),
    );
    const track = make("div", { class: "track dual" }, ...sliders);
    const root = makeField(field, null, boxes[0], make("span", { text: "–", "aria-hidden": "true" }), boxes[1]);
    root.append(track);
    const sync = (spec) => {
      const pair = spec[name] ?? [null, null];
      // Both sliders have the same ends, those of the larger number.
      sliders.forEach((slider, i) => {
        syncBox(boxes[i], pair[i]);
        syncSlider(slider, name, pair[1]);
        slider.min = Math.min(slider.min, toSlider(name, pair[0] ?? sliderLimits(name).low));
        slider.value = toSlider(name, pair[i] ?? sliderLimits(name).low);
      });
      // Where both thumbs lie at the upper end, the lower one must be the one that can be grasped.
      track.classList.toggle("at-end", sliders[0].value === sliders[0].max);
      fillTrack(track, ...sliders);
    };
    return { root, sync };
  }

  /** Make two numbers, such as y and x. */
  function makePair(field) {
    const { name } = field;
    const boxes = ENDS.map((end, i) => makeBox(field, `-${end}`, `${name}, ${AXES[name][i]}`));
    const sliders = ENDS.map((end, i) => makeSlider(field, `-${end}`, `${name}, ${AXES[name][i]}`));
    listenToPair(name, boxes, () => boxes.map(numberIn));
    sliders.forEach((slider, i) =>
      slider.addEventListener("input", () => {
        const pair = [...state.spec[name]];
        pair[i] = Number(slider.value);
        change({ [name]: pair }, slider);
      }),
    );
    const tracks = sliders.map((slider) => make("div", { class: "track" }, slider));
    const root = makeField(field, null);
    const rows = AXES[name].map((axis, i) =>
      make("div", { class: "axis" }, make("span", { class: "hint", text: axis, "aria-hidden": "true" }), tracks[i], boxes[i]),
    );
    root.append(...rows);
    const sync = (spec) => {
      boxes.forEach((box, i) => {
        syncBox(box, spec[name]?.[i] ?? null);
        syncSlider(sliders[i], name, spec[name]?.[i] ?? null);
        fillTrack(tracks[i], null, sliders[i]);
      });
    };
    return { root, sync };
  }

  /** Make a box for a list of numbers; brightness has a colour beside it. */
  function makeList(field) {
    const { name } = field;
    const isColor = name === "fill_value";
    const box = makeBox(field, "", name);
    box.classList.add("list");
    if (field.default === null) box.placeholder = "none";
    box.addEventListener("input", () => change({ [name]: numbersIn(box, isColor) }, box));
    const root = makeField(field, `field-${name}`);
    const color = make("input", { type: "color", id: `color-${name}`, "aria-label": `${name} as a colour` });
    color.addEventListener("input", () => {
      const levels = [1, 3, 5].map((i) => Number.parseInt(color.value.slice(i, i + 2), 16));
      change({ [name]: levels.every((level) => level === levels[0]) ? levels[0] : levels }, color);
    });
    root.append(make("div", { class: "row" }, box, ...(isColor ? [color] : [])));
    const sync = (spec) => {
      const value = spec[name];
      const values = value === null ? [] : [value].flat();
      const isTyped = document.activeElement === box && String(numbersIn(box, isColor)) === String(value);
      if (!isTyped) box.value = values.map(numberText).join(", ");
      if (!isColor || value === null) return;
      const levels = values.length === CHANNELS ? values : [values[0], values[0], values[0]];
      color.value = `#${levels.map((level) => Math.round(level).toString(16).padStart(2, "0")).join("")}`;
    };
    return { root, sync };
  }

  /** Make what is no field, but chooses between fields. */
  function makeChooser(id, title, help, onChange) {
    const input = make("select", { id, "aria-describedby": `help-${id}` });
    input.addEventListener("change", () => onChange(input.value));
    const label = make("label", { for: id, text: title });
    const head = make("div", { class: "field-head" }, label, make("span", { class: "boxes" }, input));
    const root = make("div", { class: "field" }, head, make("p", { class: "hint", id: `help-${id}`, text: help }));
    return { root, input };
  }

  function fillOptions(select, options, value) {
    const key = JSON.stringify(options);
    if (select.dataset.options !== key) {
      select.dataset.options = key;
      select.replaceChildren(...options.map(([name, title]) => make("option", { value: name, text: title })));
    }
    select.value = value;
  }

  const sizeChooser = makeChooser("size-unit", "size as", "What says how large they are", (name) =>
    change({ halve_sizes: false, ...FIRST_SIZES[name] }, sizeChooser.input),
  );
  const cellsChooser = makeChooser("cells-by", "hidden cells", "How many, or each on its own", (name) =>
    change(name === "cell_p" ? { cell_p: 0.5 } : { count_range: [0, 31] }, cellsChooser.input),
  );
  // How often a donor was chosen: the last choice counts, however long a file takes.
  let donorChoices = 0;

  const donorChooser = makeChooser("donor", "pixels of", "The other picture, at the same size", async (name) => {
    donorChoices += 1;
    [state.donor, ownDonor] = [name, null];
    const source = await bundled(name);
    if (state.donor === name) scaleDonor(source, name);
    syncFields();
    refresh();
  });

  /** Take the pixels of a file of the user's own as donor. */
  async function loadDonor(file) {
    donorChoices += 1;
    const number = donorChoices;
    let pixels = null;
    try {
      pixels = await decode(file);
    } catch (error) {
      showError(unreadable(file, error));
      return;
    }
    if (number !== donorChoices) return;
    ownDonor = { pixels, number };
    scaleDonor();
    syncFields();
    refresh();
  }

  /** Snippets read the other picture from a file, so it can be had as one; and it can be one of the user's own. */
  function addDonorFile() {
    const input = make("input", { id: "donor-file", class: "unseen", type: "file", accept: "image/*", tabindex: "-1" });
    input.setAttribute("aria-label", "A picture of your own, whose pixels fill the rectangles");
    input.addEventListener("change", () => {
      const [file] = input.files;
      if (file) loadDonor(file);
      // The same file may be chosen again.
      input.value = "";
    });
    const choose = make("button", { type: "button", class: "plain", text: "Your own" });
    choose.setAttribute("aria-label", "Your own picture to take pixels of");
    choose.addEventListener("click", () => input.click());
    const button = make("button", { type: "button", id: "download-donor", class: "plain", text: "Download donor.png" });
    button.addEventListener("click", () => download(donor.data, picture, "donor.png"));
    donorChooser.root.append(make("div", { class: "row" }, choose, button, input));
  }

  function makeFields() {
    addDonorFile();
    let group = null;
    for (const [title, names] of GROUPS) {
      if (title) {
        group = make("section", { class: "group", "aria-label": title }, make("h3", { text: title }));
        $("fields").append(group);
        if (title === "How large") group.append(sizeChooser.root);
      }
      for (const name of names) {
        controls.set(name, makeControl(name));
        group.append(controls.get(name).root);
        if (name === "p") group.append(cellsChooser.root);
        if (name === "fill") group.append(donorChooser.root);
      }
    }
    const note = make("p", {
      class: "hint",
      text: "Fields of volumes and of normalised floats. Pictures of bytes take none of them.",
    });
    const rest = make("details", { class: "group" }, make("summary", { text: "Volumes, normalised images" }), note);
    for (const name of ELSEWHERE) {
      controls.set(name, makeControl(name));
      rest.append(controls.get(name).root);
    }
    $("fields").append(rest);
  }

  /** Show the spec in its controls, and only the fields that it uses. */
  function syncFields() {
    const { spec } = state;
    for (const [name, { root, sync }] of controls) {
      sync(spec);
      root.hidden = !isUsed(name, spec);
    }
    const sizes = dustaug.sizesOfKind[spec.kind].map(([name]) => [name, SIZE_TITLES[name]]);
    fillOptions(sizeChooser.input, sizes, sizes.find(([name]) => spec[name] !== null)[0]);
    sizeChooser.root.hidden = sizes.length === 1;
    cellsChooser.root.hidden = spec.kind !== "grid";
    const ways = [["count_range", "a number of them"], ["cell_p", "each by chance"]];
    fillOptions(cellsChooser.input, ways, spec.cell_p === null ? "count_range" : "cell_p");
    donorChooser.root.hidden = spec.fill !== "donors";
    const others = dustaugPictures.filter(({ name }) => name !== state.picture).map(({ name, title }) => [name, title]);
    if (ownDonor !== null) others.push(["own", "your own picture"]);
    fillOptions(donorChooser.input, others, ownDonor === null ? state.donor : "own");
    syncTools();
  }

  // ---------------------------------------------------------------------------------------------------------------- presets

  /** Take another spec, and offer the one of before if it would be work to make it again. */
  function replaceAll(spec, text) {
    const before = state.spec;
    const isKnown = [{}, ...dustaug.presets.map((preset) => preset.spec)].some(
      (known) => dustaug.reprSpec(known) === dustaug.reprSpec(before),
    );
    setSpec(spec);
    const isLost = state.spec === spec && !isKnown;
    showNotice(isLost ? text : "", { title: "Undo", run: () => setSpec(before) });
  }

  function makePresets() {
    for (const preset of dustaug.presets) {
      const button = make("button", { type: "button", "data-preset": preset.name, "aria-pressed": "false" });
      button.textContent = preset.title;
      button.title = `dustaug.${preset.call}`;
      button.addEventListener("click", () => replaceAll(preset.spec, `${preset.title} replaced your spec.`));
      const link = make("a", { href: preset.url, target: "_blank", rel: "noopener noreferrer", text: preset.paper });
      link.setAttribute("aria-label", `${preset.title}: ${preset.paper} (opens in a new tab)`);
      $("presets").append(make("div", { class: "preset" }, button, link));
    }
  }

  function syncPresets() {
    const shown = dustaug.reprSpec(state.spec);
    for (const preset of dustaug.presets) {
      const button = document.querySelector(`button[data-preset="${preset.name}"]`);
      const isShown = dustaug.reprSpec(preset.spec) === shown;
      button.setAttribute("aria-pressed", isShown);
      button.parentElement.classList.toggle("chosen", isShown);
    }
  }

  // ---------------------------------------------------------------------------------------------------- guide and boxes

  // What was chosen for the pointer; cells and lattices take no guide, so that waits for rectangles.
  let chosenTool = "look";
  let tool = "look";
  // Where the pointer or the keyboard is, in cells of the guide; and the box that is being drawn.
  let cursor = null;
  let drawing = null;
  // The tool with which the pointer went down, null while it is up: keys may choose another one before it is up again.
  let stroke = null;
  // What center was before a guide was painted.
  let centerBefore = "normal";

  function emptyGuide({ height, width } = picture) {
    const longer = Math.max(height, width);
    const [rows, columns] = [height, width].map((side) => Math.max(1, Math.round((GUIDE_CELLS * side) / longer)));
    return { data: new Uint8Array(rows * columns), rows, columns };
  }

  function setGuide(guide) {
    state.guide = guide;
    guideVersion += 1;
  }

  function setTool(name) {
    chosenTool = name;
    cursor = null;
    syncTools();
    drawOverlay();
  }

  function syncTools() {
    const canGuide = state.spec.kind === "rectangles";
    const guideTool = document.querySelector("[name=tool][value=guide]");
    guideTool.disabled = !canGuide;
    guideTool.title = canGuide ? "" : 'A guide goes with kind="rectangles"';
    tool = chosenTool === "guide" && !canGuide ? "look" : chosenTool;
    document.querySelector(`[name=tool][value=${tool}]`).checked = true;
    $("tool-guide").hidden = tool !== "guide";
    $("tool-boxes").hidden = tool !== "boxes";
    const brush = $("brush");
    brush.dataset.tool = tool;
    brush.tabIndex = tool === "guide" ? 0 : -1;
    const isEmpty = state.guide === null || !state.guide.data.some(Boolean);
    $("brush-help").textContent =
      state.spec.center === "guide" && isEmpty
        ? "The guide is empty, so nothing gets dust: paint where dust may lie."
        : "Dust lies where you paint. Arrow keys move on the picture, Space paints, Backspace erases.";
    const takesObjects = state.spec.max_hidden !== null || state.spec.per_object;
    const hasBoxes = state.objects.length > 0;
    const idle = hasBoxes
      ? "The boxes change nothing yet: set max_hidden or per_object, under Objects."
      : "Draw around objects on the picture. max_hidden or per_object, under Objects, use the boxes.";
    $("boxes-help").textContent = takesObjects ? "Draw around objects on the picture, or type their edges in pixels." : idle;
    $("boxes-help").classList.toggle("missing", hasBoxes && !takesObjects);
    $("brush-help").classList.toggle("missing", state.spec.center === "guide" && isEmpty);
    showMissingBoxes(hasBoxes);
  }

  /** Say at max_hidden and per_object that there are no boxes, which they are about. */
  function showMissingBoxes(hasBoxes) {
    const { max_hidden: most, per_object: perObject } = state.spec;
    const says = {
      max_hidden: most === null ? "" : "There is no box, so max_hidden changes nothing: draw one on the picture.",
      per_object: perObject ? "There is no box, so nothing gets dust: draw one on the picture." : "",
    };
    for (const [name, text] of Object.entries(says)) {
      const help = $(`help-${name}`);
      help.textContent = hasBoxes || text === "" ? FIELD[name].help : text;
      help.classList.toggle("missing", !hasBoxes && text !== "");
    }
  }

  /** Return where an event is on the picture, in fractions of its sides. */
  function placeOf(event) {
    const { left, top, width, height } = $("brush").getBoundingClientRect();
    return { y: clip((event.clientY - top) / height, 0, 1), x: clip((event.clientX - left) / width, 0, 1) };
  }

  /** Return the cells within the brush around a place of the guide, which is in cells and may be fractional. */
  function cellsUnder({ row, column }, { rows, columns }) {
    const radius = Number($("brush-size").value) / 2;
    const found = [];
    for (let r = 0; r < rows; r += 1) {
      for (let c = 0; c < columns; c += 1) {
        const isUnder = Math.floor(row) === r && Math.floor(column) === c;
        if (isUnder || Math.hypot(r + 0.5 - row, c + 0.5 - column) < radius) found.push(r * columns + c);
      }
    }
    return found;
  }

  function paintGuide(places, weight) {
    const old = state.guide ?? emptyGuide();
    const guide = { ...old, data: old.data.slice() };
    for (const place of places) for (const i of cellsUnder(place, guide)) guide.data[i] = weight;
    if (state.spec.center !== "guide") {
      const before = state.spec.center;
      // Objects, for instance, cannot have a guide: the contract says so.
      if (!change({ center: "guide" }, $("field-center"))) return;
      centerBefore = before;
    }
    setGuide(guide);
    syncTools();
    refresh();
  }

  const cellAt = ({ y, x }) => {
    const { rows, columns } = state.guide ?? emptyGuide();
    return { row: Math.min(y * rows, rows - 1e-6), column: Math.min(x * columns, columns - 1e-6) };
  };

  /** Return the cells on the way from one place to another, so that a quick stroke has no gaps. */
  function wayTo(from, to) {
    const steps = Math.max(1, Math.ceil(2 * Math.hypot(to.row - from.row, to.column - from.column)));
    return Array.from({ length: steps }, (_, i) => {
      const part = (i + 1) / steps;
      return { row: from.row + part * (to.row - from.row), column: from.column + part * (to.column - from.column) };
    });
  }

  const weightOf = (event) => ($("brush-erase").checked || event.shiftKey || event.buttons === 2 ? 0 : 255);

  function onPointerDown(event) {
    if (tool === "look" || (event.pointerType === "mouse" && event.button > 0 && tool === "boxes")) return;
    event.preventDefault();
    $("brush").setPointerCapture(event.pointerId);
    const place = placeOf(event);
    if (tool === "guide") {
      cursor = cellAt(place);
      paintGuide([cursor], weightOf(event));
    } else drawing = { from: place, to: place };
    stroke = tool;
  }

  function onPointerMove(event) {
    if (tool === "look") return;
    const place = placeOf(event);
    const isDown = stroke === tool;
    if (tool === "guide") {
      const next = cellAt(place);
      if (isDown && cursor !== null) paintGuide(wayTo(cursor, next), weightOf(event));
      cursor = next;
    } else if (isDown) drawing = { ...drawing, to: place };
    drawOverlay();
  }

  function onPointerUp() {
    const drawn = drawing;
    stroke = null;
    drawing = null;
    if (drawn === null) return;
    const box = boxOf(drawn);
    if (box[2] - box[0] > 1 && box[3] - box[1] > 1) addBox(box);
    drawOverlay();
  }

  function onPointerCancel() {
    stroke = null;
    drawing = null;
    drawOverlay();
  }

  /** Return the whole pixels that two places span. */
  function boxOf({ from, to }) {
    const { height, width } = picture;
    const edge = (a, b, side, round) => Math.round(round(a, b) * side);
    return [
      edge(from.y, to.y, height, Math.min),
      edge(from.x, to.x, width, Math.min),
      edge(from.y, to.y, height, Math.max),
      edge(from.x, to.x, width, Math.max),
    ];
  }

  function onBrushKey(event) {
    if (tool !== "guide") return;
    const { rows, columns } = state.guide ?? emptyGuide();
    cursor ??= { row: Math.floor(rows / 2) + 0.5, column: Math.floor(columns / 2) + 0.5 };
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    if (event.key in moves) {
      const [down, right] = moves[event.key];
      const along = (place, by, count) => clip(Math.floor(place) + by, 0, count - 1) + 0.5;
      cursor = { row: along(cursor.row, down, rows), column: along(cursor.column, right, columns) };
      say(`Row ${Math.ceil(cursor.row)} of ${rows}, column ${Math.ceil(cursor.column)} of ${columns}`);
    } else if (event.key === " " || event.key === "Enter") paintGuide([cursor], weightOf(event));
    else if (event.key === "Backspace" || event.key === "Delete") paintGuide([cursor], 0);
    else return;
    event.preventDefault();
    drawOverlay();
  }

  function clearGuide() {
    setGuide(null);
    if (state.spec.center === "guide") change({ center: centerBefore });
    syncTools();
    refresh();
  }

  function addBox(box) {
    if (state.objects.length >= MAX_BOXES) {
      showNotice(`This page draws up to ${MAX_BOXES} boxes.`);
      return;
    }
    setBoxes([...state.objects, box]);
  }

  function setBoxes(objects) {
    try {
      checkPaint({ ...state, objects });
    } catch (error) {
      showError(error.message);
      return;
    }
    state.objects = objects;
    makeBoxRows();
    syncTools();
    refresh();
  }

  /** Make a row of number boxes for each object. */
  function makeBoxRows() {
    const names = ["top", "left", "bottom", "right"];
    $("boxes").hidden = state.objects.length === 0;
    const rows = state.objects.map((box, i) => {
      const inputs = names.map((name, edge) => {
        const input = make("input", { type: "text", inputmode: "numeric", autocomplete: "off", class: "number" });
        input.setAttribute("aria-label", `Box ${i + 1}, ${name}`);
        input.value = box[edge];
        input.addEventListener("input", () => setEdges(i, inputs, input));
        return input;
      });
      const remove = make("button", { type: "button", class: "drop-value", "aria-label": `Remove box ${i + 1}`, text: "×" });
      remove.addEventListener("click", () => {
        setBoxes(state.objects.filter((_, other) => other !== i));
        $("boxes-add").focus();
      });
      const hidden = make("td", { class: "share" });
      return make("tr", {}, ...inputs.map((input) => make("td", {}, input)), hidden, make("td", {}, remove));
    });
    $("boxes-rows").replaceChildren(...rows);
  }

  /** Take the typed edges of a box if the contract takes them. */
  function setEdges(i, inputs, input) {
    const box = inputs.map(numberIn);
    const objects = state.objects.map((old, other) => (other === i ? box : old));
    try {
      dustaug.sampleRectangles({ max_hidden: 1 }, { height: 1, width: 1, seed: 0, index: 0, objects });
    } catch (error) {
      input.setAttribute("aria-invalid", "true");
      showError(error.message);
      return;
    }
    for (const each of inputs) each.removeAttribute("aria-invalid");
    state.objects = objects;
    refresh();
  }

  /** Show how much of each box the chosen image hides: pixels under two rectangles count once. */
  function showHidden() {
    if (state.objects.length === 0) return;
    const { height, width } = picture;
    const { rectangles } = chosenCell();
    state.objects.forEach((box, i) => {
      const [top, left] = [Math.max(box[0], 0), Math.max(box[1], 0)];
      const [rows, columns] = [Math.min(box[2], height) - top, Math.min(box[3], width) - left];
      const cell = $("boxes-rows").rows[i].querySelector(".share");
      if (rows <= 0 || columns <= 0) {
        cell.textContent = "–";
        return;
      }
      const inside = rectangles.map((rectangle) => ({
        top: clip(rectangle.top - top, 0, rows),
        bottom: clip(rectangle.bottom - top, 0, rows),
        left: clip(rectangle.left - left, 0, columns),
        right: clip(rectangle.right - left, 0, columns),
      }));
      cell.textContent = percent(dustaug.coverage(inside, { height: rows, width: columns }));
    });
  }

  /** Draw guide, brush and boxes over the picture. */
  function drawOverlay() {
    const canvas = $("brush");
    const { width, height } = canvas;
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, width, height);
    const isGuided = state.spec.center === "guide" && state.spec.kind === "rectangles";
    if (state.guide !== null && (isGuided || tool === "guide")) drawGuide(context, isGuided ? 0.55 : 0.25);
    if (tool === "guide" && cursor !== null) drawCursor(context);
    state.objects.forEach((box, i) => drawBox(context, box, String(i + 1)));
    if (drawing !== null) drawBox(context, boxOf(drawing), "");
  }

  function drawGuide(context, strength) {
    const { width, height } = $("brush");
    const { data, rows, columns } = state.guide;
    context.fillStyle = `rgb(240 165 40 / ${strength})`;
    for (let r = 0; r < rows; r += 1) {
      for (let c = 0; c < columns; c += 1) {
        if (data[r * columns + c] === 0) continue;
        const [x, y] = [Math.round((c * width) / columns), Math.round((r * height) / rows)];
        const [right, bottom] = [Math.round(((c + 1) * width) / columns), Math.round(((r + 1) * height) / rows)];
        context.fillRect(x, y, right - x - 1, bottom - y - 1);
      }
    }
  }

  function drawCursor(context) {
    const { width, height } = $("brush");
    const guide = state.guide ?? emptyGuide();
    context.lineWidth = 2;
    context.strokeStyle = "#fff";
    context.fillStyle = "rgb(0 0 0 / 25%)";
    for (const i of cellsUnder(cursor, guide)) {
      const [row, column] = [Math.floor(i / guide.columns), i % guide.columns];
      const [w, h] = [width / guide.columns, height / guide.rows];
      context.fillRect(column * w, row * h, w, h);
      context.strokeRect(column * w + 1, row * h + 1, w - 2, h - 2);
    }
  }

  function drawBox(context, [top, left, bottom, right], title) {
    const across = $("brush").width / picture.width;
    const down = $("brush").height / picture.height;
    const edges = [left * across, top * down, (right - left) * across, (bottom - top) * down];
    const unit = window.devicePixelRatio || 1;
    // White between black is seen on every picture.
    context.strokeStyle = "#000";
    context.lineWidth = 4 * unit;
    context.strokeRect(...edges);
    context.strokeStyle = "#fff";
    context.lineWidth = 2 * unit;
    context.strokeRect(...edges);
    if (title === "") return;
    context.font = `600 ${12 * unit}px system-ui, sans-serif`;
    context.lineWidth = 3 * unit;
    context.strokeStyle = "#000";
    context.fillStyle = "#fff";
    context.strokeText(title, edges[0] + 6 * unit, edges[1] + 16 * unit);
    context.fillText(title, edges[0] + 6 * unit, edges[1] + 16 * unit);
  }

  /** Give the overlay a pixel for each pixel of the screen. */
  function fitOverlay() {
    const canvas = $("brush");
    const unit = window.devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((side) => Math.round(side * unit));
    if (canvas.width === width && canvas.height === height) return;
    Object.assign(canvas, { width, height });
    if (picture.height !== 0) drawOverlay();
  }

  function bindTools() {
    const brush = $("brush");
    brush.addEventListener("pointerdown", onPointerDown);
    brush.addEventListener("pointermove", onPointerMove);
    brush.addEventListener("pointerup", onPointerUp);
    brush.addEventListener("pointercancel", onPointerCancel);
    brush.addEventListener("contextmenu", (event) => tool === "guide" && event.preventDefault());
    brush.addEventListener("keydown", onBrushKey);
    for (const name of ["pointerleave", "blur"]) {
      brush.addEventListener(name, () => {
        if (stroke === null) cursor = null;
        drawOverlay();
      });
    }
    new ResizeObserver(fitOverlay).observe(brush);
    for (const radio of document.querySelectorAll("[name=tool]")) {
      radio.addEventListener("change", () => setTool(radio.value));
    }
    $("brush-clear").addEventListener("click", clearGuide);
    $("boxes-clear").addEventListener("click", () => setBoxes([]));
    $("boxes-add").addEventListener("click", () => {
      const part = (side, share) => Math.round(side * share);
      const { height, width } = picture;
      addBox([part(height, 0.3), part(width, 0.3), part(height, 0.7), part(width, 0.7)]);
      $("boxes-rows").lastElementChild?.querySelector("input").focus();
    });
  }

  // ------------------------------------------------------------------------------------------------------------ the address

  /** Return a guide in words of an address: its shape, and a bit for each cell, as hexadecimal digits. */
  function guideText({ data, rows, columns }) {
    let digits = "";
    for (let i = 0; i < data.length; i += 4) {
      const bits = [0, 1, 2, 3].map((j) => (data[i + j] ? 8 >> j : 0));
      digits += bits.reduce((sum, bit) => sum + bit).toString(16);
    }
    return `${rows}x${columns}-${digits}`;
  }

  function guideFrom(text) {
    const match = /^([1-9]\d?)x([1-9]\d?)-([0-9a-f]+)$/.exec(text);
    const [rows, columns] = match ? [Number(match[1]), Number(match[2])] : [0, 0];
    if (match?.[3].length !== Math.ceil((rows * columns) / 4)) {
      throw new Error(`guide must be such as 2x4-0f, a digit for each four cells, got ${text.slice(0, 40)}`);
    }
    const bit = (i) => (Number.parseInt(match[3][i >> 2], 16) >> (3 - (i & 3))) & 1;
    return { data: Uint8Array.from({ length: rows * columns }, (_, i) => 255 * bit(i)), rows, columns };
  }

  /** Return the state as the address has it. */
  function addressOf() {
    const { spec, seed, epoch, index, size, crop, guide, objects, code } = state;
    const parts = {
      spec: JSON.stringify(dustaug.changedFields(spec)),
      seed,
      epoch,
      index,
      size,
      crop: Number(crop),
      picture: state.picture,
      ...(spec.fill === "donors" && { donor: state.donor }),
      ...(guide !== null && { guide: guideText(guide) }),
      ...(objects.length && { objects: objects.map((box) => box.join(",")).join(";") }),
      code,
    };
    return `#${Object.entries(parts)
      .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
      .join("&")}`;
  }

  /** Return the state that an address holds, or throw an error that says what is wrong with it. */
  function stateFrom(hash) {
    const given = new URLSearchParams(hash.slice(1));
    const next = { ...DEFAULTS, spec: dustaug.makeSpec({}), guide: null, objects: [] };
    const names = ["spec", "seed", "epoch", "index", "size", "crop", "picture", "donor", "guide", "objects", "code"];
    for (const name of given.keys()) {
      if (!names.includes(name)) throw new Error(`${name} is unknown`);
    }
    if (given.has("spec")) next.spec = specFrom(given.get("spec"));
    for (const name of ["seed", "epoch", "index"]) {
      if (!given.has(name)) continue;
      const text = given.get(name);
      if (!isWhole(text) || text.length > 20 || BigInt(text) > LIMITS[name]) {
        throw new Error(`${name} must be a whole number from 0 to ${LIMITS[name]}, got ${text.slice(0, 40)}`);
      }
      next[name] = BigInt(text);
    }
    const pictures = dustaugPictures.map(({ name }) => name);
    const choices = {
      picture: [...pictures, "own"],
      donor: pictures,
      size: SIZES.map(String),
      crop: ["0", "1"],
      code: CODES,
    };
    for (const [name, known] of Object.entries(choices)) {
      if (!given.has(name)) continue;
      if (!known.includes(given.get(name))) {
        throw new Error(`${name} must be one of ${known.join(", ")}, got ${given.get(name).slice(0, 40)}`);
      }
      next[name] = given.get(name);
    }
    if (own !== null && !given.has("picture")) next.picture = "own";
    next.size = Number(next.size);
    next.crop = Boolean(Number(next.crop));
    if (given.get("guide")) next.guide = guideFrom(given.get("guide"));
    if (given.get("objects")) next.objects = objectsFrom(given.get("objects"));
    return next;
  }

  function parsed(name, text) {
    try {
      return JSON.parse(text);
    } catch {
      throw new Error(`${name} must be JSON, got ${text.slice(0, 40)}`);
    }
  }

  function specFrom(text) {
    const fields = parsed("spec", text);
    // To write down thousands of levels for a message, the contract would need more stack than there is.
    if (isDeep(fields, MAX_DEPTH)) throw new Error(`spec must be JSON of at most ${MAX_DEPTH} levels`);
    return dustaug.makeSpec(fields);
  }

  const isDeep = (value, levels) =>
    value !== null &&
    typeof value === "object" &&
    (levels === 0 || Object.values(value).some((item) => isDeep(item, levels - 1)));

  function objectsFrom(text) {
    const objects = text.split(";").map((box) => box.split(",").map(Number));
    if (objects.length > MAX_BOXES) throw new Error(`objects must be at most ${MAX_BOXES} boxes`);
    dustaug.sampleRectangles({ max_hidden: 1 }, { height: 1, width: 1, seed: 0, index: 0, objects });
    return objects;
  }

  let saving = 0;
  // What the address says; what it would say of the page as it was opened; and what was wrong with it.
  let saved = "";
  let untouched = "";
  let broken = "";

  /** Write the state into the address soon: browsers count how often that happens. */
  function saveSoon() {
    if (saving === 0) saving = setTimeout(save, 250);
  }

  function save() {
    clearTimeout(saving);
    saving = 0;
    const address = addressOf();
    if (address === saved) return;
    saved = address;
    history.replaceState(null, "", address);
  }

  /** Take the state from the address, or the defaults if it is broken, and show it. */
  async function restore() {
    choices += 1;
    const turn = choices;
    let next = stateFrom("");
    let [fault, isMissing] = ["", false];
    try {
      const linked = stateFrom(location.hash);
      isMissing = linked.picture === "own" && own === null;
      if (isMissing) linked.picture = DEFAULTS.picture;
      checkPaint(linked, sidesOf(await sourceOf(linked.picture), linked));
      next = linked;
    } catch (error) {
      fault = `This link is broken: ${error.message}. The page shows what it begins with.`;
    }
    // While the picture was decoded, another link or picture may have been chosen.
    if (turn !== choices) return;
    broken = fault;
    showNotice(isMissing ? "This link was made with a picture that it does not hold. Here is the same dust on another." : "");
    Object.assign(state, next);
    setGuide(state.guide);
    forgetRefused();
    syncCoordinates();
    if (!(await loadPicture({ moves: false }))) return;
    if (state.spec.center === "guide") setTool("guide");
    else if (state.objects.length) setTool("boxes");
    // Nobody changed anything yet: the address stays as it was typed.
    untouched = addressOf();
    saved = untouched;
    showError(broken);
  }

  // --------------------------------------------------------------------------------------------------------- code to copy

  let shownSnippets = [];
  let shownKey = "";

  function snippetsNow() {
    const { seed, epoch, index, spec } = state;
    const { guide, objects } = termsOf(index);
    const { height, width } = picture;
    const preset = dustaug.presets.find((each) => dustaug.reprSpec(each.spec) === dustaug.reprSpec(spec));
    const size = [height, width];
    return dustaugSnippets.snippets({ spec, seed, epoch, index, size, guide, objects, title: preset?.title });
  }

  function showCode() {
    const key = `${recipe()}/${state.index}/${state.code}`;
    if (key === shownKey) return;
    shownKey = key;
    shownSnippets = snippetsNow();
    if ($("tabs").childElementCount === 0) makeTabs();
    for (const tab of $("tabs").children) {
      const isShown = tab.dataset.code === state.code;
      tab.setAttribute("aria-selected", isShown);
      tab.tabIndex = isShown ? 0 : -1;
    }
    const { code, note } = shownSnippets.find(({ id }) => id === state.code);
    $("panel").setAttribute("aria-labelledby", `tab-${state.code}`);
    $("code").replaceChildren(...highlighted(code ?? ""));
    $("code").parentElement.hidden = code === null;
    $("copy").disabled = code === null;
    $("code-picture").hidden = !code?.includes('"picture.png"');
    $("code-donor").hidden = !code?.includes('"donor.png"');
    show("code-note", note ?? "");
  }

  function makeTabs() {
    for (const { id, title } of shownSnippets) {
      const tab = make("button", { type: "button", role: "tab", id: `tab-${id}`, "data-code": id, "aria-controls": "panel" });
      tab.textContent = title;
      tab.addEventListener("click", () => openTab(id));
      $("tabs").append(tab);
    }
    $("tabs").addEventListener("keydown", (event) => {
      const ids = shownSnippets.map(({ id }) => id);
      const at = ids.indexOf(state.code);
      const next = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: ids.length - 1 }[event.key];
      if (next === undefined) return;
      event.preventDefault();
      openTab(ids[(next + ids.length) % ids.length]);
      $(`tab-${state.code}`).focus();
    });
  }

  function openTab(id) {
    state.code = id;
    showCode();
    saveSoon();
  }

  const TOKENS =
    /(#.*)|("""[\s\S]*?"""|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|\b(import|from|as|def|return|for|in|if|else|class|lambda|with|not|and|or|True|False|None)\b|(\b\d[\d_.e]*\b)/g;

  /** Return code as elements, with colours for comments, strings, words of the language and numbers. */
  function highlighted(code) {
    const parts = [];
    let end = 0;
    for (const match of code.matchAll(TOKENS)) {
      const kind = ["comment", "string", "keyword", "number"][match.slice(1).findIndex((group) => group !== undefined)];
      parts.push(code.slice(end, match.index), make("span", { class: kind, text: match[0] }));
      end = match.index + match[0].length;
    }
    return [...parts, code.slice(end)];
  }

  /** Copy a text, also where the clipboard is closed to pages. */
  async function copy(text, button) {
    const done = (await copyByClipboard(text)) || copyBySelection(text);
    flash(button, done ? "Copied" : "Press Ctrl+C");
    say(done ? "Copied" : "Copying failed");
  }

  async function copyByClipboard(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Without permission, and in pages without a secure origin, the old way is left.
      return false;
    }
  }

  function copyBySelection(text) {
    const area = make("textarea", { class: "unseen", "aria-hidden": "true", tabindex: "-1" });
    area.value = text;
    const focused = document.activeElement;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    focused?.focus();
    return done;
  }

  function flash(button, text) {
    const before = (button.dataset.text ??= button.textContent);
    button.textContent = text;
    clearTimeout(Number(button.dataset.timer));
    button.dataset.timer = setTimeout(() => (button.textContent = before), 1600);
  }

  // ------------------------------------------------------------------------------------------------------------- downloads

  const CRC = Uint32Array.from({ length: 256 }, (_, i) => {
    let value = i;
    for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    return value;
  });

  /** Return a part of a PNG file: length, name, body, check sum. */
  function chunk(name, body) {
    const bytes = new Uint8Array(12 + body.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, body.length);
    bytes.set(Array.from(name, (letter) => letter.charCodeAt(0)), 4);
    bytes.set(body, 8);
    let sum = 0xffffffff;
    for (let i = 4; i < 8 + body.length; i += 1) sum = CRC[(sum ^ bytes[i]) & 255] ^ (sum >>> 8);
    view.setUint32(8 + body.length, ~sum);
    return bytes;
  }

  /**
   * Return RGB bytes as a PNG file.
   *
   * A canvas could do that, but some browsers change what a page reads back from one, to hide whose machine it is.
   */
  async function pngOf(rgb, { height, width }) {
    const lines = new Uint8Array(height * (1 + width * CHANNELS));
    for (let y = 0; y < height; y += 1) {
      lines.set(rgb.subarray(y * width * CHANNELS, (y + 1) * width * CHANNELS), y * (1 + width * CHANNELS) + 1);
    }
    const packed = new Blob([lines]).stream().pipeThrough(new CompressionStream("deflate"));
    const body = new Uint8Array(await new Response(packed).arrayBuffer());
    const head = new Uint8Array(13);
    const view = new DataView(head.buffer);
    view.setUint32(0, width);
    view.setUint32(4, height);
    // Eight bits, RGB.
    head.set([8, 2], 8);
    const signature = Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10);
    return new Blob([signature, chunk("IHDR", head), chunk("IDAT", body), chunk("IEND", new Uint8Array(0))], {
      type: "image/png",
    });
  }

  async function download(rgb, size, name) {
    const url = URL.createObjectURL(await pngOf(rgb, size));
    make("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }

  // --------------------------------------------------------------------------------------------------- pictures and page

  function makeSources() {
    for (const { name, title, url } of dustaugPictures) {
      const image = make("img", { src: url, alt: "", width: 56, height: 56 });
      const button = make("button", { type: "button", class: "source", "data-picture": name, "aria-pressed": "false" }, image);
      button.setAttribute("aria-label", `Picture of ${title}`);
      button.addEventListener("click", () => choosePicture(name));
      $("bundled").append(button);
    }
    $("size").append(...SIZES.map((size) => make("option", { value: size, text: size })));
  }

  function syncPicture() {
    for (const button of $("bundled").children) {
      button.setAttribute("aria-pressed", button.dataset.picture === state.picture);
    }
    document.querySelector(".own").classList.toggle("chosen", state.picture === "own");
    $("size").value = state.size;
    $("crop").checked = state.crop;
    $("picture-size").textContent = `${picture.height} × ${picture.width} pixels`;
    const credit = dustaugPictures.find(({ name }) => name === state.picture)?.credit;
    $("credit").textContent = credit ?? "It stays on this machine, and is not in the link.";
    syncFields();
    makeBoxRows();
  }

  function bindPicture() {
    $("file").addEventListener("change", (event) => {
      const [file] = event.target.files;
      if (file) loadFile(file);
      // The same file may be chosen again.
      event.target.value = "";
    });
    $("size").addEventListener("change", (event) => {
      state.size = Number(event.target.value);
      loadPicture();
    });
    $("crop").addEventListener("change", (event) => {
      state.crop = event.target.checked;
      loadPicture();
    });
    window.addEventListener("paste", (event) => {
      const file = [...event.clipboardData.files].find(({ type }) => type.startsWith("image/"));
      if (file) loadFile(file);
    });
    bindDrop();
  }

  function bindDrop() {
    let depth = 0;
    const isFile = (event) => event.dataTransfer?.types.includes("Files");
    const enter = (by) => (event) => {
      if (!isFile(event)) return;
      event.preventDefault();
      depth = Math.max(0, depth + by);
      $("drop").hidden = depth === 0;
    };
    window.addEventListener("dragenter", enter(1));
    window.addEventListener("dragleave", enter(-1));
    window.addEventListener("dragover", enter(0));
    window.addEventListener("drop", (event) => {
      if (!isFile(event)) return;
      event.preventDefault();
      depth = 0;
      $("drop").hidden = true;
      loadFile(event.dataTransfer.files[0]);
    });
  }

  const isOnDisk = () => location.protocol === "file:";
  const isServedHere = () => ["127.0.0.1", "localhost", "[::1]"].includes(location.hostname);

  /** Return what to know of a link before it is sent: where it opens, and what it lacks. */
  function reachOfLink() {
    const isOwn = state.picture === "own" || (ownDonor !== null && state.spec.fill === "donors");
    const lack = isOwn ? "The link has everything but your picture, which stays on this machine." : "";
    if (!isOnDisk() && !isServedHere()) return lack;
    const end = isOnDisk() ? "" : ", while its command runs";
    const part = "What follows # shows the same dust after the address of any other copy of this page.";
    return `This link opens on this machine only${end}. ${part} ${lack}`.trim();
  }

  function bindPage() {
    const dark = window.matchMedia("(prefers-color-scheme: dark)");
    const root = document.documentElement;
    const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
    const nameTheme = () => {
      $("theme").textContent = isDark() ? "Light" : "Dark";
      $("theme").title = `Show the page in ${isDark() ? "light" : "dark"} colours`;
    };
    $("theme").addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      nameTheme();
    });
    dark.addEventListener("change", nameTheme);
    nameTheme();
    $("share").addEventListener("click", () => {
      save();
      copy(location.href.split("#")[0] + addressOf(), $("share"));
      showNotice(reachOfLink());
    });
    $("copy").addEventListener("click", () => copy($("code").textContent, $("copy")));
    $("reset").addEventListener("click", () => replaceAll(dustaug.makeSpec({}), "Plain dust replaced your spec."));
    $("enlarge").addEventListener("click", () => setEnlarged(!isEnlarged()));
    $("skip").addEventListener("click", (event) => {
      event.preventDefault();
      chosenCell().canvas.focus();
    });
    $("download").addEventListener("click", () => {
      const cell = chosenCell();
      // The canvas keeps the size that the cell was painted in.
      download(cell.rgb, cell.canvas, nameOfDusted());
    });
    for (const id of ["download-picture", "download-read-picture"]) {
      $(id).addEventListener("click", () => download(picture.data, picture, "picture.png"));
    }
    $("download-read-donor").addEventListener("click", () => download(donor.data, picture, "donor.png"));
    // Messages lie over the page: a click or Escape takes them away.
    const dismiss = () => {
      broken = "";
      showError("");
      showNotice("");
    };
    document.querySelector(".messages").addEventListener("click", dismiss);
    window.addEventListener("keydown", (event) => event.key === "Escape" && dismiss());
    // The page is part of the site, or alone: then there is no documentation beside it. A clone has only its sources.
    $("docs").hidden = isOnDisk() || !/\/explore\/(index\.html)?$/.test(location.pathname);
    window.addEventListener("hashchange", () => {
      ownDonor = null;
      restore();
    });
    window.addEventListener("pagehide", save);
  }

  /** Take the picture that `dustaug explore` was called with. */
  async function takeGiven() {
    const { dustaugGiven: given } = window;
    if (!given) return;
    try {
      own = await decode(blobOf(given.url));
    } catch (error) {
      showError(`${given.name} must be a picture that this browser reads: ${error.message}`);
    }
  }

  async function start() {
    makeCells();
    makePresets();
    makeSources();
    makeFields();
    bindCoordinates();
    bindTools();
    bindPicture();
    bindPage();
    setTool(window.matchMedia("(pointer: fine)").matches ? "guide" : "look");
    await takeGiven();
    await restore();
  }

  start();

  return {
    /** Return all that the page shows, as plain values, for tests. */
    state: () => ({
      ...state,
      seed: String(state.seed),
      epoch: Number(state.epoch),
      index: String(state.index),
      height: picture.height,
      width: picture.width,
      spec: { ...state.spec },
      guide: state.guide && { ...state.guide, data: [...state.guide.data] },
    }),
    /** Return the RGB bytes of the picture ("original") or of an index that is shown, for tests. */
    pixels: (which) => {
      if (which === "original") return [...picture.data];
      const cell = cells.find((each) => each.index === BigInt(which) && !each.figure.hidden && !isWaiting(each));
      return cell ? [...cell.rgb] : null;
    },
  };
})();
