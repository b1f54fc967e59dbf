// One metric by round: training dashed, validation solid, the best round marked. Arrow keys read values.

import uPlot from "uplot";
import { data, h } from "fynix/lib/dom";
import { _ } from "fynix/lib/words";

const PARTS = { train: { name: _("Training"), dash: [6, 4], look: "line-2" }, valid: { name: _("Validation"), dash: [], look: "line-1" } };
const LINE = 14; // pixels between two labels at the ends of lines
const number = (value) => (value == null ? "–" : Number(value.toPrecision(4)).toString());

export class Chart extends HTMLElement {
  connectedCallback() {
    const { metric, name } = this.dataset;
    this.names = Object.keys(PARTS).map((part) => `${part}-${metric}`);
    this.reading = h("output", { class: "small" });
    this.plotBox = h("div", { class: "chart-plot", tabindex: "0", role: "img", "aria-label": _("%(metric)s by round", { metric: name }) });
    this.table = h("tbody");
    this.twin = h("details", { class: "fold" }, h("summary", {}, _("As a table")), h("div", { class: "table-scroll", tabindex: "0", role: "region", "aria-label": name },
      h("table", { class: "table table-tight" }, h("thead", {}, h("tr", {}, ...[_("Round"), _("Training"), _("Validation")].map((text) => h("th", { scope: "col", class: "num" }, text)))), this.table)));
    this.twin.addEventListener("toggle", () => this.fillTable());
    this.append(h("figure", { class: "chart" }, h("figcaption", {}, h("strong", {}, name), this.reading), this.plotBox, this.twin));
    this.plotBox.addEventListener("keydown", (event) => this.key(event));
    const live = data(this.dataset.source);
    this.best = live.best;
    this.set(live.curves.steps, live.curves.values);
    this.sizes = new ResizeObserver(() => this.plot?.setSize(this.size()));
    this.sizes.observe(this.plotBox);
    this.theme = new MutationObserver(() => this.plot?.redraw());
    this.theme.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  }

  disconnectedCallback() {
    this.sizes.disconnect();
    this.theme.disconnect();
    this.plot?.destroy();
  }

  size() {
    return { width: Math.max(200, this.plotBox.clientWidth), height: this.hasAttribute("data-large") ? 320 : 180 };
  }

  /** All rounds and the values of every metric, drawn once in the next frame. */
  set(steps, values) {
    this.steps = steps;
    this.columns = [steps, ...this.names.map((name) => values[name] ?? steps.map(() => null))];
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      this.draw();
    });
  }

  draw() {
    if (!this.steps.length) return;
    if (this.plot) this.plot.setData(this.columns);
    else this.plot = new uPlot(this.options(), this.columns, this.plotBox);
    this.read(this.steps.length - 1);
    if (this.twin.open) this.fillTable();
  }

  options() {
    const ink = (look) => {
      const probe = h("span", { class: look });
      this.append(probe);
      const style = getComputedStyle(probe);
      const color = look ? style.stroke === "none" ? style.color : style.stroke : style.color;
      probe.remove();
      return color;
    };
    const axis = { stroke: () => ink("muted"), grid: { stroke: "rgba(128,128,128,.18)", width: 1 }, ticks: { show: false } };
    const lines = Object.values(PARTS).map((part) => ({ label: part.name, stroke: () => ink(part.look), dash: part.dash, width: 2, points: { show: false } }));
    return {
      ...this.size(), legend: { show: false }, scales: { x: { time: false } }, series: [{ label: "Round" }, ...lines],
      axes: [{ ...axis, size: 32 }, { ...axis, size: 60 }], padding: [10, 76, 0, 0], cursor: { drag: { x: true, y: false } },
      hooks: { setCursor: [(plot) => plot.cursor.idx != null && this.read(plot.cursor.idx)], draw: [(plot) => this.markBest(plot, ink("tone-success")), (plot) => this.nameLines(plot, ink)] },
    };
  }

  markBest(plot, color) {
    if (!this.best) return;
    const x = Math.round(plot.valToPos(this.best, "x", true));
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.strokeStyle = color;
    ctx.setLineDash([2, 3]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.restore();
  }

  /** Each line's name at its end, apart from one another: colour and dashes alone tell too little. */
  nameLines(plot, ink) {
    const { ctx, bbox } = plot;
    const ratio = devicePixelRatio;
    const ends = Object.values(PARTS)
      .map((part, at) => ({ part, value: this.columns[at + 1].findLast((value) => value != null) }))
      .filter(({ value }) => value !== undefined)
      .map(({ part, value }) => ({ part, y: plot.valToPos(value, "y", true) }))
      .sort((one, other) => one.y - other.y);
    ends.forEach((end, at) => at && (end.y = Math.max(end.y, ends[at - 1].y + LINE * ratio)));
    ctx.save();
    ctx.font = `${12 * ratio}px ${getComputedStyle(this).fontFamily}`;
    ctx.textBaseline = "middle";
    ctx.textAlign = "left";
    for (const { part, y } of ends) {
      ctx.fillStyle = ink(part.look);
      ctx.fillText(part.name, bbox.left + bbox.width + 6 * ratio, y);
    }
    ctx.restore();
  }

  read(place) {
    this.place = place;
    const words = Object.values(PARTS).map((part, at) => [part.name, this.columns[at + 1][place]]).filter(([, value]) => value != null);
    const round = this.steps[place] === this.best ? _("Round %(n)s (best)", { n: this.best }) : _("Round %(n)s", { n: this.steps[place] });
    this.reading.textContent = `${round}: ${words.map(([name, value]) => `${name} ${number(value)}`).join(", ")}`;
  }

  /** Move the cursor to a round. */
  point(step) {
    const place = this.steps.findIndex((each) => each >= step);
    if (place < 0 || !this.plot) return;
    this.plot.setCursor({ left: this.plot.valToPos(this.steps[place], "x"), top: 10 });
    this.read(place);
  }

  key(event) {
    const last = this.steps.length - 1;
    const to = { ArrowLeft: this.place - 1, ArrowRight: this.place + 1, Home: 0, End: last }[event.key];
    if (to === undefined || last < 0) return;
    event.preventDefault();
    this.point(this.steps[Math.min(last, Math.max(0, to))]);
  }

  fillTable() {
    const every = Math.max(1, Math.ceil(this.steps.length / 100));
    const places = [...this.steps.keys()].filter((place) => place % every === 0 || place === this.steps.length - 1);
    this.table.replaceChildren(...places.map((place) => h("tr", {}, ...this.columns.map((column, at) => h("td", { class: "num" }, at ? number(column[place]) : String(column[place]))))));
  }
}

customElements.define("fx-chart", Chart);

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-step]");
  if (!link) return;
  const name = link.dataset.metric.replace(/^(train|valid|test)-/, "");
  const charts = [...document.querySelectorAll("fx-chart")];
  (charts.find((chart) => chart.dataset.metric === name) ?? charts[0])?.point(Number(link.dataset.step));
});
