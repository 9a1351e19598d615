"use strict";
// Everything of the recording is hostile: it becomes text nodes and attribute values, never markup.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const AT_ONCE = 200;
  const LANE_GAP = 10, BAR = 9, MOST_LEVELS = 5, MOST_LANES = 40, LABEL = 110, AXIS = 22;

  const { rows, none } = JSON.parse(document.getElementById("data").textContent);
  const form = document.getElementById("filters");
  const list = document.getElementById("rows");
  const more = document.getElementById("more");
  const timeline = document.getElementById("timeline");
  const fields = form.elements;
  const names = ["namespace", "operation", "kind", "text", "from", "to", "order", "errors"];
  const whole = Math.max(...[[0], ...chunks(rows.map((row) => row.until))].map((part) => Math.max(...part)), 1e-6);
  const texts = new Map();
  let chosen = rows;
  let built = 0;

  function chunks(values) {
    const parts = [];
    for (let at = 0; at < values.length; at += 10000) parts.push(values.slice(at, at + 10000));
    return parts;
  }

  function made(tag, { text, title, ...attributes } = {}, ...children) {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    if (title) element.title = title;
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  function drawn(tag, attributes, text) {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    if (text !== undefined) element.textContent = text;
    return element;
  }

  // The rows: built as they come into sight, and their inside when they are opened.

  function rowOf(row) {
    const outcome = row.error ? made("span", { text: row.error, title: row.error, class: "failed" })
      : made("span", { text: row.result, title: row.result });
    const summary = made("summary", {},
      made("span", { text: row.number, class: "quiet" }),
      made("span", { text: `+${row.since.toFixed(3)} s`, class: "quiet" }),
      made("span", { text: row.duration }),
      made("span", { text: row.operation, class: row.kind }),
      made("span", { text: row.namespace, title: row.namespace }),
      made("span", { text: row.place, class: "quiet" }),
      outcome);
    const details = made("details", { "data-number": row.number }, summary);
    details.addEventListener("toggle", () => {
      if (details.open && details.children.length === 1) details.append(insideOf(row));
    });
    return details;
  }

  function insideOf(row) {
    const facts = `line ${row.line} of the file · fingerprint ${row.fingerprint || "none yet"} · client ${row.client}`
      + (row.session === null ? "" : ` · session ${row.session}`)
      + (row.transaction === null ? "" : ` · transaction ${row.transaction}`);
    const inside = made("div", { class: "inside" }, made("p", { text: facts, class: "hint" }));
    for (const [title, text] of row.sections) {
      inside.append(made("h3", { text: title, class: /error$/.test(title) ? "failed" : "" }), coloured(text));
    }
    return inside;
  }

  function coloured(text) {
    const pre = made("pre", { tabindex: "0" });
    const token = /("(?:[^"\\]|\\.)*")(\s*:)?|([A-Za-z_$][\w$]*)(:)|\b(ObjectId|ISODate|Long|Decimal128|BinData|UUID|Timestamp|RegExp|Code|DBRef|MinKey|MaxKey)(?=\()|(-?\b\d[\d.e+-]*|\b(?:true|false|null|NaN|Infinity)\b)/g;
    let end = 0;
    for (const found of text.matchAll(token)) {
      pre.append(text.slice(end, found.index));
      end = found.index + found[0].length;
      const kind = found[1] !== undefined ? (found[2] ? "key" : "string") : found[3] ? "key" : found[5] ? "made" : "figure";
      const colon = found[2] || found[4] || "";
      pre.append(made("span", { text: found[0].slice(0, found[0].length - colon.length), class: kind }), colon);
    }
    pre.append(text.slice(end));
    return pre;
  }

  function buildUpTo(count) {
    const part = document.createDocumentFragment();
    while (built < Math.min(count, chosen.length)) part.append(rowOf(chosen[built++]));
    list.append(part);
    more.textContent = built < chosen.length ? `${(chosen.length - built).toLocaleString("en")} more below` : chosen.length ? "" : "Nothing matches.";
  }

  function open(number) {
    const place = chosen.findIndex((row) => row.number === number);
    if (place < 0) return;
    buildUpTo(place + AT_ONCE);
    const details = list.children[place];
    details.open = true;
    details.scrollIntoView({ block: "center" });
    details.firstChild.focus({ preventScroll: true });
  }

  // The filters, which the address keeps: a view can be kept as a bookmark and sent.

  function textOf(row) {
    if (!texts.has(row.number)) {
      const inside = row.sections.map(([title, text]) => `${title}\n${text}`);
      texts.set(row.number, [row.operation, row.namespace, row.result, row.error, row.fingerprint, ...inside].join("\n").toLowerCase());
    }
    return texts.get(row.number);
  }

  function matches(row, wanted) {
    return (!wanted.namespace || row.namespace === wanted.namespace)
      && (!wanted.operation || row.operation === wanted.operation)
      && (!wanted.kind || row.kind === wanted.kind)
      && (!wanted.errors || row.error !== "")
      && (!wanted.from || row.until >= Number(wanted.from))
      && (!wanted.to || row.since <= Number(wanted.to))
      && (!wanted.text || textOf(row).includes(wanted.text.toLowerCase()));
  }

  function wanted() {
    return Object.fromEntries(names.map((name) => [name, name === "errors" ? (fields.errors.checked ? "1" : "") : fields[name].value]));
  }

  function filter() {
    const now = wanted();
    chosen = rows.filter((row) => matches(row, now));
    if (now.order) chosen.sort((one, other) => other.took - one.took);
    built = 0;
    list.replaceChildren();
    buildUpTo(AT_ONCE);
    document.getElementById("shown").textContent = `${chosen.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} shown`;
    draw(now);
  }

  function changed() {
    const kept = Object.entries(wanted()).filter(([, value]) => value !== "");
    history.replaceState(null, "", `#${new URLSearchParams(kept)}`);
    filter();
  }

  function set(values) {
    for (const [name, value] of Object.entries(values)) {
      if (name === "errors") fields.errors.checked = value === "1";
      else {
        const choices = fields[name].options;
        // What the recording does not hold leaves nothing, rather than everything.
        if (choices && ![...choices].some((choice) => choice.value === value)) fields[name].append(made("option", { text: value, value }));
        fields[name].value = value;
      }
    }
  }

  function fromAddress() {
    const asked = new URLSearchParams(location.hash.slice(1));
    if (location.hash === "#interactions") return;
    set(Object.fromEntries(names.map((name) => [name, asked.get(name) || ""])));
    filter();
    if (asked.has("number")) open(Number(asked.get("number")));
  }

  // The time line: a lane for each client and session, and in it as many levels as there is at once.

  function lanesOf(visible) {
    const lanes = new Map();
    for (const row of visible) {
      const name = row.session === null ? `client ${row.client}` : `client ${row.client} · s ${row.session}`;
      const key = lanes.has(name) || lanes.size < MOST_LANES ? name : "others";
      if (!lanes.has(key)) lanes.set(key, { ends: [], rows: [] });
      const lane = lanes.get(key);
      let level = lane.ends.findIndex((end) => end <= row.since);
      if (level < 0) level = lane.ends.length < MOST_LEVELS ? lane.ends.length : lane.ends.indexOf(Math.min(...lane.ends));
      lane.ends[level] = Math.max(lane.ends[level] || 0, row.since + row.took);
      lane.rows.push([row, level]);
    }
    return [...lanes].sort(([one], [other]) => one.localeCompare(other, "en", { numeric: true }));
  }

  function draw(now) {
    const from = Math.max(Number(now.from) || 0, 0);
    const to = Math.max(now.to ? Number(now.to) : whole, from + 1e-6);
    const width = Math.max(timeline.clientWidth, 320);
    const scale = (width - LABEL - 12) / (to - from);
    const x = (since) => LABEL + Math.min(Math.max(since - from, 0), to - from) * scale;
    const byTime = chosen.slice().sort((one, other) => one.since - other.since);
    const lanes = lanesOf(byTime.filter((row) => row.until >= from && row.since <= to));
    const svg = drawn("svg", { role: "img" });
    let top = AXIS;
    const bars = drawn("g", {}), marks = drawn("g", {});
    for (const [name, lane] of lanes) {
      const height = Math.max(lane.ends.length, 1) * (BAR + 2);
      svg.append(drawn("text", { x: 0, y: top + 9 }, name));
      svg.append(drawn("line", { class: "grid", x1: LABEL, x2: width, y1: top + height + LANE_GAP / 2, y2: top + height + LANE_GAP / 2 }));
      drawLane(lane, { x, top, bars, marks });
      top += height + LANE_GAP;
    }
    for (const [at, label] of ticks(from, to)) {
      svg.append(drawn("line", { class: "grid", x1: x(at), x2: x(at), y1: AXIS - 6, y2: top }));
      const atEnd = x(at) > width - 60;
      svg.append(drawn("text", { x: x(at) + (atEnd ? -3 : 3), y: 12, "text-anchor": atEnd ? "end" : "start" }, label));
    }
    svg.append(bars, marks);
    const failed = chosen.filter((row) => row.error).length;
    svg.setAttribute("viewBox", `0 0 ${width} ${top + 4}`);
    svg.setAttribute("height", top + 4);
    svg.setAttribute("aria-label", `${chosen.length} interactions in ${lanes.length} lanes from ${from.toFixed(3)} to ${to.toFixed(3)} seconds, ${failed} failed`);
    brushed(svg, (at) => from + (at - LABEL) / scale, width);
    timeline.replaceChildren(svg);
  }

  function drawLane(lane, { x, top, bars, marks }) {
    const painted = [];
    for (const [row, level] of lane.rows) {
      const left = x(row.since), right = Math.max(x(row.since + row.took), left + 2), y = top + level * (BAR + 2);
      if (row.until > row.since + row.took) {
        bars.append(drawn("rect", { class: `extent ${row.kind}`, x: left, y: y + 3, width: Math.max(x(row.until) - left, 2), height: BAR - 6 }));
      }
      // What would lie on what is painted already adds nothing but elements.
      if (row.error || right > (painted[level] || 0) + 0.5) {
        const bar = drawn("rect", { class: `bar ${row.kind}`, "data-number": row.number, x: left, y, width: right - left, height: BAR, rx: 1 });
        bar.append(drawn("title", {}, `${row.number}: ${row.operation} ${row.namespace}, ${row.duration}${row.error ? `, ${row.error}` : ""}`));
        bars.append(bar);
        painted[level] = right;
      }
      if (row.error) marks.append(drawn("circle", { class: "mark", "data-number": row.number, cx: (left + right) / 2, cy: y + BAR / 2, r: 4 }));
    }
  }

  function ticks(from, to) {
    const rough = (to - from) / 8;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
    const digits = Math.max(0, -Math.floor(Math.log10(step)));
    const found = [];
    for (let at = Math.ceil(from / step) * step; at <= to && found.length < 20; at += step) found.push([at, `${at.toFixed(Math.min(digits, 9))} s`]);
    return found;
  }

  function brushed(svg, timeAt, width) {
    const place = (event) => (event.clientX - svg.getBoundingClientRect().left) * width / svg.getBoundingClientRect().width;
    let begun = null, shade = null;
    svg.addEventListener("pointerdown", (event) => {
      begun = place(event);
      shade = drawn("rect", { class: "brush", x: begun, y: 0, width: 0, height: "100%" });
      svg.append(shade);
    });
    svg.addEventListener("pointermove", (event) => {
      if (begun === null) return;
      shade.setAttribute("x", Math.min(begun, place(event)));
      shade.setAttribute("width", Math.abs(place(event) - begun));
    });
    svg.addEventListener("pointerup", (event) => {
      if (begun === null) return;
      const [left, right] = [begun, place(event)].sort((one, other) => one - other);
      begun = null;
      shade.remove();
      if (right - left > 4) {
        set({ from: Math.max(timeAt(left), 0).toFixed(6), to: timeAt(right).toFixed(6) });
        changed();
      } else if (event.target.dataset.number) {
        open(Number(event.target.dataset.number));
      }
    });
    svg.addEventListener("pointerleave", () => { begun = null; shade?.remove(); });
  }

  // What is there to choose, and what the keys do.

  function begin() {
    for (const name of ["namespace", "operation", "kind"]) {
      const values = [...new Set(rows.map((row) => row[name]))].sort((one, other) => (one === none) - (other === none) || one.localeCompare(other, "en"));
      fields[name].append(...values.map((value) => made("option", { text: value, value })));
    }
    let waiting = 0;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(changed, 120); });
    form.addEventListener("reset", () => setTimeout(changed));
    for (const button of document.querySelectorAll("[data-filter]")) {
      button.addEventListener("click", () => {
        set({ [button.dataset.filter]: button.dataset.value });
        changed();
        form.scrollIntoView({ block: "start" });
      });
    }
    document.addEventListener("keydown", (event) => {
      const typing = /^(INPUT|SELECT)$/.test(document.activeElement.tagName);
      if (event.key === "/" && !typing) { event.preventDefault(); fields.text.focus(); }
      const current = document.activeElement.closest("details");
      const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
      if (!step || !current || document.activeElement.tagName !== "SUMMARY") return;
      event.preventDefault();
      if (step > 0 && !current.nextElementSibling) buildUpTo(built + AT_ONCE);
      const next = step > 0 ? current.nextElementSibling : current.previousElementSibling;
      next?.firstChild.focus();
    });
    new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting) && built < chosen.length) buildUpTo(built + AT_ONCE);
    }, { rootMargin: "600px" }).observe(more);
    addEventListener("hashchange", fromAddress);
    let width = timeline.clientWidth;
    new ResizeObserver(() => {
      if (timeline.clientWidth === width) return;
      width = timeline.clientWidth;
      draw(wanted());
    }).observe(timeline);
    filter();
    fromAddress();
  }

  begin();
})();
