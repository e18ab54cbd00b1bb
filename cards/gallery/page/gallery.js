// Shows the gallery. The address's fragment is the whole state: filters and order of the grid, or the row that is shown.
// Texts of the dataset are only ever set as text, never as HTML.
"use strict";

const gallery = (() => {
  const PAGE = 60; // cards added at a time
  const MULTIPLE = ["generator", "type", "turns", "base", "split"];
  const TURNS = { 0: "unedited", 1: "1 turn", 2: "2 turns", 3: "3 turns" };
  const byId = (id) => document.getElementById(id);

  let about = null;
  let rows = []; // one object a row, from the grid's columns
  let loadedParts = 0;
  let shown = []; // indices of the rows that pass the filters, in order
  let cards = 0; // of them in the grid
  let order = ""; // the query that `shown` was made for
  const numbers = new Map(); // row id to index
  const detailed = new Map(); // part to a promise of its rows
  const waiting = new Map(); // part to the function that ends its promise

  // ── Elements ──────────────────────────────────────────────────────────────────────────────────

  function element(tag, properties = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name in made && name !== "list") made[name] = value;
      else made.setAttribute(name, value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  }

  function swatch(generator) {
    const made = element("span", { className: "swatch", ariaHidden: "true" });
    made.style.background = generator.colour;
    return made;
  }

  const words = (text) => text.replaceAll("_", " ");
  const percent = (value) => `${(100 * value).toFixed(1)} %`;
  const generatorOf = (id) => about.generators.find((generator) => generator.id === id);

  function load(file) {
    document.head.append(element("script", { src: file, onerror: () => fail(`${file} could not be read`) }));
  }

  function fail(message) {
    byId("count").textContent = `${message}: the gallery's folder is incomplete.`;
  }

  // ── The state in the address ──────────────────────────────────────────────────────────────────

  const state = () => new URLSearchParams(location.hash.slice(1));

  function query(parameters) {
    const kept = new URLSearchParams(parameters);
    kept.delete("row");
    return kept.toString();
  }

  function rowAddress(index, parameters = state()) {
    const all = new URLSearchParams(query(parameters));
    all.set("row", rows[index].id);
    return `#${all}`;
  }

  function setState(parameters) {
    const text = parameters.toString();
    history.replaceState(null, "", `#${text}`);
    show();
  }

  // ── The grid ──────────────────────────────────────────────────────────────────────────────────

  const ORDERS = {
    "": ["as in the dataset", null],
    turns: ["most turns first", (row) => -(row.turns ?? -1)],
    area: ["largest edited area first", (row) => -row.area],
    "area-least": ["smallest edited area first", (row) => (row.area === 0 ? 2 : row.area)],
    change: ["largest change first", (row) => -(row.change ?? -1)],
    quality: ["best quality first", (row) => -(row.quality ?? -1)],
    "quality-least": ["lowest quality first", (row) => row.quality ?? 9],
    id: ["by id", (row) => row.id],
    missed: ["detector: worst first", (row) => row.iou ?? (row.called === null ? 9 : 1 - row.called)],
    found: ["detector: best first", (row) => -(row.iou ?? (row.called === null ? -9 : 1 - row.called))],
  };

  function filter(parameters) {
    const wanted = (name) => (parameters.get(name) ?? "").split(",").filter(Boolean);
    const bits = (names, value) => names.reduce((all, name) => all | (1 << value(name)), 0);
    const generators = bits(wanted("generator"), (id) => generatorOf(id)?.value ?? 30);
    const types = bits(wanted("type"), (type) => (about.types.includes(type) ? about.types.indexOf(type) : 30));
    const [turns, bases, splits] = [wanted("turns"), wanted("base"), wanted("split")];
    const quality = parseFloat(parameters.get("quality"));
    const text = (parameters.get("text") ?? "").toLowerCase();
    const found = [];
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index];
      if (generators && !(row.generators & generators)) continue;
      if (types && !(row.types & types)) continue;
      if (turns.length && !turns.includes(String(row.turns))) continue;
      if (bases.length && !bases.includes(row.source)) continue;
      if (splits.length && !splits.includes(row.split)) continue;
      if (quality && !(row.quality >= quality)) continue;
      if (text && !row.id.toLowerCase().includes(text) && !row.objects.toLowerCase().includes(text)) continue;
      found.push(index);
    }
    const key = ORDERS[parameters.get("sort") ?? ""]?.[1];
    if (!key) return found;
    const keys = new Map(found.map((index) => [index, key(rows[index])]));
    const compare = (a, b) => (keys.get(a) < keys.get(b) ? -1 : keys.get(a) > keys.get(b) ? 1 : a - b);
    return found.sort(compare);
  }

  const usedBy = (row) => about.generators.filter((generator) => row.generators & (1 << generator.value));

  function described(row) {
    const turns = row.turns === null ? "edited" : TURNS[row.turns];
    if (!row.generators) return "Unedited photograph";
    const by = usedBy(row).map((generator) => generator.name).join(", ");
    return `Image ${turns === "edited" ? "edited" : `with ${turns}`} by ${by}${row.objects ? `: ${row.objects}` : ""}`;
  }

  function card(index, parameters) {
    const row = rows[index];
    const picture = element("img", {
      src: `thumbnails/${row.key.slice(0, 2)}/${row.key}.webp`, alt: described(row), loading: "lazy", decoding: "async",
      width: 208, height: 208,
    });
    const used = usedBy(row);
    const caption = element("span", { className: "caption" });
    used.forEach((generator) => caption.append(swatch(generator), " ", generator.name, " "));
    if (!used.length) caption.append("unedited");
    const facts = [row.turns > 1 ? TURNS[row.turns] : null, row.objects || null];
    if (row.quality !== null) facts.push(`quality ${row.quality}`);
    if (row.iou !== null) facts.push(`IoU ${row.iou.toFixed(2)}`);
    else if (row.called !== null) facts.push(`${percent(row.called)} called edited`);
    caption.append(element("span", { className: "soft" }, facts.filter(Boolean).join(" · ")));
    const link = element("a", { href: rowAddress(index, parameters), title: row.id },
      element("div", { className: "thumb" }, picture), caption);
    return element("li", {}, link);
  }

  function addCards() {
    const parameters = state();
    const end = Math.min(cards + PAGE, shown.length);
    byId("grid").append(...shown.slice(cards, end).map((index) => card(index, parameters)));
    cards = end;
    byId("more").hidden = cards >= shown.length;
  }

  function showGrid(parameters, added) {
    const asked = query(parameters);
    const changed = asked !== order;
    const before = shown;
    if (changed || added) shown = filter(parameters);
    order = asked;
    // rows that arrive behind those in view leave the cards as they are
    const same = !changed && cards && before.slice(0, cards).every((index, place) => index === shown[place]);
    if (!same && (changed || added || !cards)) {
      byId("grid").replaceChildren();
      cards = 0;
      addCards();
    }
    byId("more").hidden = cards >= shown.length;
    const loading = loadedParts < about.parts ? `, ${about.rows.toLocaleString("en")} being loaded` : "";
    const found = shown.length.toLocaleString("en");
    byId("count").textContent = shown.length === rows.length
      ? `${found} images${loading}` : `${found} of ${rows.length.toLocaleString("en")} images${loading}`;
    document.body.classList.toggle("masks", parameters.get("masks") === "1");
    document.title = `${about.dataset} · DiffSeg30k gallery`;
  }

  function fillForm(parameters) {
    const form = byId("form");
    for (const name of MULTIPLE) {
      const chosen = (parameters.get(name) ?? "").split(",");
      for (const box of form.querySelectorAll(`input[name="${name}"]`)) box.checked = chosen.includes(box.value);
    }
    form.elements.quality.value = parameters.get("quality") ?? "";
    if (document.activeElement !== form.elements.text) form.elements.text.value = parameters.get("text") ?? "";
    form.elements.sort.value = parameters.get("sort") ?? "";
    form.elements.masks.checked = parameters.get("masks") === "1";
  }

  function readForm() {
    const form = byId("form");
    const parameters = new URLSearchParams();
    for (const name of MULTIPLE) {
      const chosen = [...form.querySelectorAll(`input[name="${name}"]:checked`)].map((box) => box.value);
      if (chosen.length) parameters.set(name, chosen.join(","));
    }
    for (const name of ["quality", "text", "sort"]) {
      const value = form.elements[name].value.trim();
      if (value) parameters.set(name, value);
    }
    if (form.elements.masks.checked) parameters.set("masks", "1");
    return parameters;
  }

  function choices(name, values, label) {
    byId(`by-${name}`).replaceChildren(...values.map((value) => element("label", {},
      element("input", { type: "checkbox", name, value }), ...[label(value)].flat())));
  }

  // values that no row has are not offered, nor a fieldset with a single value
  function hideAbsent() {
    const present = {
      generator: (id) => rows.some((row) => row.generators & (1 << generatorOf(id).value)),
      type: (type) => rows.some((row) => row.types & (1 << about.types.indexOf(type))),
      turns: (turns) => rows.some((row) => String(row.turns) === turns),
      base: (base) => rows.some((row) => row.source === base),
      split: (split) => rows.some((row) => row.split === split),
    };
    for (const [name, has] of Object.entries(present)) {
      const boxes = [...byId("form").querySelectorAll(`input[name="${name}"]`)];
      for (const box of boxes) box.parentElement.hidden = !has(box.value) && !box.checked;
      byId(`by-${name}`).parentElement.hidden = boxes.filter((box) => !box.parentElement.hidden).length < 2;
    }
    byId("by-quality").hidden = !rows.some((row) => row.quality !== null);
  }

  function buildForm() {
    choices("generator", about.generators.map(({ id }) => id), (id) => [swatch(generatorOf(id)), generatorOf(id).name]);
    choices("type", about.types, words);
    choices("turns", ["0", "1", "2", "3"], (turns) => TURNS[turns]);
    choices("base", ["coco", "generated"], (base) => (base === "coco" ? "photograph" : "generated"));
    choices("split", ["train", "validation", "semantic-lora"], String);
    const orders = Object.entries(ORDERS).filter(([name]) => about.detector || !["missed", "found"].includes(name));
    byId("form").elements.sort.replaceChildren(...orders.map(([value, [text]]) => element("option", { value }, text)));
    if (matchMedia("(max-width: 40rem)").matches) byId("filters").open = false;
  }

  // ── One row ───────────────────────────────────────────────────────────────────────────────────

  function detailsOf(index) {
    const part = Math.floor(index / about.detailed_rows);
    if (!detailed.has(part)) {
      detailed.set(part, new Promise((done) => waiting.set(part, done)));
      load(`data/rows-${String(part).padStart(5, "0")}.js`);
    }
    return detailed.get(part).then((found) => found[index - part * about.detailed_rows]);
  }

  function stack(row, ...layers) {
    const made = element("div", { className: "stack" }, ...layers);
    made.style.aspectRatio = `${row.width} / ${row.height}`;
    made.style.maxWidth = `${(85 * row.width) / row.height}vh`;
    return made;
  }

  const picture = (key, which, alt) => element("img", { src: `pictures/${key.slice(0, 2)}/${key}${which}.webp`, alt });

  function comparison(row, grid, layers) {
    const edited = picture(grid.key, "", described(grid));
    if (!row.base.picture || !grid.generators) return stack(row, edited, ...layers);
    edited.className = "after";
    const original = picture(grid.key, ".base", "The base image before the edits");
    const slider = element("input", { type: "range", min: 0, max: 100, value: 50, ariaLabel: "Base image to the left of this percentage, result to the right" });
    const made = stack(row, original, edited, ...layers, element("div", { className: "cut" }),
      element("span", { className: "badge left" }, "before"), element("span", { className: "badge right" }, "after"), slider);
    const cut = () => made.style.setProperty("--cut", `${slider.value}%`);
    slider.addEventListener("input", cut);
    cut();
    return made;
  }

  function facts(pairs) {
    const list = element("dl");
    for (const [name, value] of pairs) {
      if (value === null || value === undefined || value === "") continue;
      list.append(element("dt", {}, name), element("dd", {}, value));
    }
    return list;
  }

  const link = (url, text) => (url ? element("a", { href: url, rel: "noopener noreferrer" }, text) : text);

  function layer(source, alt) {
    return source ? element("img", { src: source, alt, className: "mask", hidden: true }) : null;
  }

  function toggle(mask, text, key) {
    const button = element("button", { type: "button", ariaPressed: "false", ariaKeyShortcuts: key }, text);
    button.addEventListener("click", () => {
      mask.hidden = !mask.hidden;
      button.setAttribute("aria-pressed", String(!mask.hidden));
    });
    button.dataset.key = key;
    return button;
  }

  function turnBox(edit, mask) {
    const generator = generatorOf(edit.generator);
    const title = [edit.type ? words(edit.type) : "edit", edit.object].filter(Boolean).join(": ");
    const box = element("section", { className: "turn" },
      element("div", { className: "turn-head" },
        element("h3", {}, `Turn ${edit.turn} · ${title}`),
        mask ? toggle(mask, "Mask", String(edit.turn)) : null),
      edit.prompt ? element("blockquote", {}, edit.prompt) : null);
    const share = (value) => (value === null ? null : percent(value));
    box.append(facts([
      ["generator", element("span", {}, swatch(generator), " ", generator.name)], ["checkpoint", edit.checkpoint],
      ["LoRA", edit.lora], ["seed", edit.seed], ["steps", edit.steps], ["guidance", edit.guidance],
      ["compositing", edit.compositing], ["area", share(edit.mask_area)], ["change inside", share(edit.inside_change)],
      ["change outside", share(edit.outside_change)], ["seam", edit.seam], ["coverage", share(edit.coverage)],
      ["changed pixels", share(edit.changed_share)], ["dilation of a removal", edit.removal_dilation || null],
      ["quality", edit.quality], ["reason", edit.reason],
    ].map(([name, value]) => [name, typeof value === "number" ? String(value) : value])));
    return box;
  }

  function legend(grid) {
    const used = usedBy(grid).map((generator) => element("li", {}, swatch(generator), generator.name));
    return used.length ? element("ul", { className: "legend", ariaLabel: "Colours of the masks" }, ...used) : null;
  }

  function predictionBox(row, grid) {
    const found = row.prediction;
    if (!found) return element("p", { className: "notice" }, `${about.detector} has no prediction for this row.`);
    const visible = (source, alt) => {
      const made = layer(source, alt);
      if (made) made.hidden = false;
      return made;
    };
    const figure = (name, source) => element("figure", {},
      stack(row, picture(grid.key, "", ""), visible(source, `${name}: the mask`)), element("figcaption", {}, name));
    const numbers = [
      found.iou === null ? null : `IoU of the edited pixels ${found.iou.toFixed(3)}`,
      found.right === null ? null : `right generator on ${percent(found.right)} of them`,
      `${percent(found.called)} of the image called edited`,
    ];
    const seen = about.condition && about.condition !== "clean" ? `, which saw the image after ${about.condition}` : "";
    return element("section", {}, element("h3", {}, `${about.detector}${seen}`),
      element("p", {}, numbers.filter(Boolean).join("; "), "."),
      element("div", { className: "pair" }, figure("truth", row.labels), figure("prediction", found.mask)));
  }

  function showRow(index, parameters) {
    const grid = rows[index];
    const place = shown.indexOf(index);
    const step = (anchor, other) => {
      anchor.setAttribute("aria-disabled", String(other === undefined));
      anchor.href = other === undefined ? location.hash : rowAddress(other, parameters);
    };
    step(byId("previous"), shown[place - 1]);
    step(byId("next"), place < 0 ? undefined : shown[place + 1]);
    byId("position").textContent = place < 0 ? "" : `${(place + 1).toLocaleString("en")} of ${shown.length.toLocaleString("en")}`;
    byId("back").href = `#${query(parameters)}`;
    document.title = `${grid.id} · ${about.dataset}`;
    detailsOf(index).then((row) => {
      if (state().get("row") !== grid.id) return;
      const masks = row.edits.map((edit) => layer(edit.mask, `Mask of turn ${edit.turn}: ${generatorOf(edit.generator).name}`));
      const labels = masks.some(Boolean) ? null : layer(row.labels, "The labels: which generator changed each pixel");
      const layers = [...masks, labels].filter(Boolean);
      const left = element("div", {}, element("figure", {}, comparison(row, grid, layers),
        element("figcaption", {}, described(grid), legend(grid))));
      if (labels) left.append(toggle(labels, "Show the mask", "1"));
      if (about.detector) left.append(predictionBox(row, grid));
      const right = element("div", {}, ...row.edits.map((edit, turn) => turnBox(edit, masks[turn])));
      const source = { coco: "photograph", generated: "generated image" }[grid.source];
      right.append(element("section", { className: "turn" }, element("h3", {}, "Base image"),
        row.base.prompt ? element("blockquote", {}, row.base.prompt) : null,
        facts([["kind", source], ["id", row.base.id],
          ["generator", row.base.generator ? generatorOf(row.base.generator).name : null],
          ["licence", link(row.base.license_url, row.base.license)], ["source", link(row.base.url, row.base.url)],
          ["split", grid.split], ["size", `${row.width} × ${row.height}`],
          ["quality of the image", grid.quality === null ? null : String(grid.quality)],
          ["edited area", percent(grid.area)]])));
      const article = byId("row");
      article.replaceChildren(element("h2", {}, row.id), element("div", { className: "columns" }, left, right));
      // masks are shown at first where there is no base image to compare with
      if (!article.querySelector("input[type=range]")) article.querySelectorAll("button[aria-pressed]").forEach((each) => each.click());
      if (!article.contains(document.activeElement)) article.focus({ preventScroll: true });
    });
  }

  // ── What is shown ─────────────────────────────────────────────────────────────────────────────

  let scrolled = 0;

  function show(added = false) {
    if (!about || !loadedParts) return;
    const parameters = state();
    const id = parameters.get("row");
    const wasRow = !byId("row-view").hidden;
    if (id === null && wasRow === false) scrolled = scrollY;
    byId("grid-view").hidden = id !== null;
    byId("row-view").hidden = id === null;
    fillForm(parameters);
    if (id === null) {
      const last = document.body.dataset.row;
      showGrid(parameters, added);
      if (wasRow) {
        scrollTo(0, scrolled);
        const at = shown.indexOf(Number(last));
        byId("grid").children[at]?.querySelector("a")?.focus({ preventScroll: true });
      }
      return;
    }
    if (added || query(parameters) !== order || !shown.length) {
      shown = filter(parameters);
      order = query(parameters);
      cards = 0;
      byId("grid").replaceChildren();
    }
    const index = numbers.get(id);
    if (index !== undefined) {
      if (added && document.body.dataset.row === String(index) && wasRow) {
        const place = shown.indexOf(index);
        byId("position").textContent = `${place + 1} of ${shown.length.toLocaleString("en")}`;
        return;
      }
      document.body.dataset.row = String(index);
      showRow(index, parameters);
      if (!wasRow) scrollTo(0, 0);
    } else if (loadedParts === about.parts) {
      document.title = `${about.dataset} · DiffSeg30k gallery`;
      byId("row").replaceChildren(element("p", { className: "notice" }, `This gallery has no row ${id}.`));
      byId("back").href = `#${query(parameters)}`;
    }
  }

  function move(step) {
    const links = [...byId("grid").querySelectorAll("a")];
    const at = links.indexOf(document.activeElement);
    const columns = getComputedStyle(byId("grid")).gridTemplateColumns.split(" ").length;
    const target = at < 0 ? 0 : at + { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[step];
    if (target >= links.length - columns && cards < shown.length) addCards();
    byId("grid").children[target]?.querySelector("a")?.focus();
  }

  function pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !about) return;
    const writes = event.target.matches("input[type=search], select");
    const inRow = !byId("row-view").hidden;
    const go = (id) => byId(id).getAttribute("aria-disabled") === "true" || byId(id).click();
    if (event.key === "Escape") {
      if (inRow) byId("back").click();
      else document.activeElement.blur();
    } else if (writes) return;
    else if (event.key === "/" && !inRow) byId("form").elements.text.focus();
    else if (event.key === "d") byId("theme").click();
    else if (inRow && event.key === "m") byId("row").querySelectorAll("button[aria-pressed]").forEach((each) => each.click());
    else if (inRow && "123".includes(event.key)) byId("row").querySelector(`button[data-key="${event.key}"]`)?.click();
    else if (inRow && event.target.type !== "range" && event.key === "ArrowLeft") go("previous");
    else if (inRow && event.target.type !== "range" && event.key === "ArrowRight") go("next");
    else if (!inRow && event.key.startsWith("Arrow") && !event.target.matches("input")) move(event.key);
    else return;
    event.preventDefault();
  }

  function remembered() {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null; // storage is switched off
    }
  }

  function setTheme(theme) {
    if (theme) document.documentElement.dataset.theme = theme;
  }

  function switchTheme() {
    const dark = getComputedStyle(document.documentElement).colorScheme.includes("dark");
    setTheme(dark ? "light" : "dark");
    try {
      localStorage.setItem("theme", dark ? "light" : "dark");
    } catch {
      // it holds for this page only
    }
  }

  setTheme(remembered());
  byId("theme").addEventListener("click", switchTheme);
  byId("form").addEventListener("input", () => setState(readForm()));
  byId("form").addEventListener("submit", (event) => event.preventDefault());
  byId("clear").addEventListener("click", () => {
    byId("form").elements.text.value = "";
    setState(new URLSearchParams());
  });
  byId("more").addEventListener("click", addCards);
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    (byId("grid").querySelector("a") ?? byId("content")).focus();
  });
  new IntersectionObserver((seen) => seen.some((each) => each.isIntersecting) && addCards(), { rootMargin: "600px" })
    .observe(byId("more"));
  addEventListener("hashchange", () => show());
  addEventListener("keydown", pressed);

  return {
    about(found) {
      about = found;
      const sample = found.of > found.rows ? `, a sample of ${found.of.toLocaleString("en")}` : "";
      byId("home").textContent = found.dataset;
      byId("summary").textContent = `${found.rows.toLocaleString("en")} images${sample}: edited locally by diffusion models, `
        + "with masks of where and by which model.";
      buildForm();
      load("data/grid-0000.js");
    },
    grid(part, columns) {
      const names = Object.keys(columns);
      columns.id.forEach((id, place) => {
        numbers.set(id, rows.length);
        rows.push(Object.fromEntries(names.map((name) => [name, columns[name][place]])));
      });
      loadedParts += 1;
      show(true);
      hideAbsent();
      if (loadedParts < about.parts) load(`data/grid-${String(loadedParts).padStart(4, "0")}.js`);
    },
    rows(part, found) {
      waiting.get(part)(found);
    },
  };
})();
