// The run page, alive: one feed drives timeline, charts, log, insights and the page's title.

import { data, duration, h, icon } from "fynix/lib/dom";
import { Feed } from "fynix/lib/feed";
import { _ } from "fynix/lib/words";
import "fynix/elements/fx-chart";
import "fynix/elements/fx-log";
import "fynix/elements/fx-timeline";

const ENDED = new Set(["succeeded", "failed", "cancelled"]);
const PACKAGED = new Set(["packaged", "packaging_failed"]);
const STATES = { queued: _("Queued"), running: _("Running"), succeeded: _("Succeeded"), failed: _("Failed"), cancelled: _("Cancelled"), cancelling: _("Cancelling") };
const INSIGHTS_MS = 5000; // the least time between two looks at the insights while rounds come
const FIRST_MS = 1000; // the same before there are any
const SEVERITIES = { problem: ["error", "danger", _("Problem")], warning: ["warning", "warning", _("Warning")], good: ["check", "success", _("Good")], info: ["bulb", "info", _("Note")] };

class LiveRun extends HTMLElement {
  connectedCallback() {
    this.live = data("live-run");
    this.candidate = this.live.candidate;
    this.steps = [...this.live.curves.steps];
    this.values = Object.fromEntries(Object.entries(this.live.curves.values).map(([name, list]) => [name, [...list]]));
    this.charts = [...document.querySelectorAll("fx-chart")];
    this.timeline = document.querySelector("fx-timeline");
    this.lines = document.querySelector("fx-log");
    this.connection = document.querySelector("[data-connection]");
    this.elapsed = document.querySelector("[data-elapsed]");
    this.left = document.querySelector("[data-left]");
    this.lookedAt = -INSIGHTS_MS;
    this.clock = setInterval(() => this.tick(), 1000);
    this.feed = new Feed(this.live, {
      events: (list) => this.hear(list),
      state: (text) => (this.connection.textContent = text),
      gap: () => location.reload(),
      queue: (position, ahead) => this.queue(position, ahead),
    });
  }

  disconnectedCallback() {
    clearInterval(this.clock);
    this.feed.close();
  }

  hear(events) {
    let drawn = false;
    for (const event of events) {
      this[event.type]?.(event);
      drawn ||= event.type === "metric";
    }
    if (drawn) {
      for (const chart of this.charts) chart.set(this.steps, this.values);
      this.look();
    }
  }

  progress(event) {
    this.timeline.move(event.stage, event.progress);
    document.title = `${Math.floor(event.progress)} % · ${this.live.name}`;
    this.until = event.seconds_left == null ? undefined : performance.now() + 1000 * event.seconds_left;
    this.tick();
  }

  /** Time since the start, and the time left as the worker sees it. */
  tick() {
    if (this.elapsed?.dataset.since) this.elapsed.textContent = _("Running for %(time)s", { time: duration((Date.now() - new Date(this.elapsed.dataset.since)) / 1000) });
    const seconds = (this.until - performance.now()) / 1000;
    this.left.textContent = seconds > 0 ? _("about %(time)s left", { time: duration(Math.max(1, seconds)) }) : "";
  }

  metric(event) {
    for (const point of event.points) {
      if (point.candidate !== this.candidate) {
        this.candidate = point.candidate;
        this.steps = [];
        this.values = {};
      }
      this.put(point);
    }
  }

  /** After a resume rounds come again with equal values: a round that is there already stays. */
  put(point) {
    if (this.steps.length && point.step <= this.steps[this.steps.length - 1]) return;
    this.steps.push(point.step);
    for (const [name, value] of Object.entries(point.metrics)) (this.values[name] ??= []).push(value);
  }

  log(event) {
    this.lines.add(event);
  }

  status(event) {
    const state = event.status.state;
    if (PACKAGED.has(state)) {
      this.conclude();
      return;
    }
    const pill = document.querySelector("[data-run-state]");
    pill.replaceChildren(h("span", { class: state === "running" ? "badge badge-info" : "badge" }, STATES[state] ?? state));
    if (state === "running") {
      this.timeline.move("queued");
      document.querySelector("[data-queue]")?.closest(".banner").remove();
      if (this.elapsed) this.elapsed.dataset.since = event.ts;
    }
    if (ENDED.has(state)) this.reload(_("Finished. Loading the results"));
  }

  reload(words) {
    this.feed.close();
    this.connection.textContent = words;
    location.reload();
  }

  /** The version is ready or will never be: show the outcome in place, so that nobody loses what they are reading. */
  async conclude() {
    const answer = await fetch(location.href).catch(() => null);
    if (!answer?.ok) return this.reload(_("Loading the version"));
    this.feed.close();
    clearInterval(this.clock);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of ["[data-outcome]", "fx-timeline", "[data-bell]"]) document.querySelector(part).replaceWith(page.querySelector(part));
    document.title = page.title;
    this.connection.parentElement.remove();
    this.remove();
  }

  queue(position, ahead) {
    const line = document.querySelector("[data-queue]");
    if (!line) return;
    if (ahead === 0) line.textContent = _("It is the next to start, as soon as a worker is free.");
    else if (ahead === 1) line.textContent = _("It is number %(n)s in the queue: 1 run starts before it.", { n: position });
    else line.textContent = _("It is number %(n)s in the queue: %(ahead)s runs start before it.", { n: position, ahead });
  }

  async look() {
    const wait = document.querySelector("[data-insights] [data-none]") ? FIRST_MS : INSIGHTS_MS;
    if (performance.now() - this.lookedAt < wait) return;
    this.lookedAt = performance.now();
    const answer = await fetch(`${this.live.api}/snapshot`, { headers: { Accept: "application/json" } }).catch(() => null);
    if (answer?.ok) this.tell((await answer.json()).claims);
  }

  tell(claims) {
    if (!claims.length) return;
    const box = document.querySelector("[data-insights]");
    box.replaceChildren(...claims.map((claim) => this.insight(claim)));
  }

  insight(claim) {
    const [drawing, tone, name] = SEVERITIES[claim.severity];
    const mark = icon(drawing, name);
    mark.classList.add(`tone-${tone}`);
    const words = claim.parts.map((part) =>
      part.step ? h("a", { class: "figure-link", href: "#curves-title", "data-metric": part.metric ?? "", "data-step": part.step }, part.text) : part.text);
    const body = h("div", { class: "insight-body" }, h("p", {}, ...words));
    if (claim.can_try && this.live.again) body.append(h("p", {}, h("a", { class: "btn btn-small", href: `${this.live.again}&claim=${claim.code}` }, _("Try this"))));
    return h("article", { class: "insight" }, mark, body);
  }
}

customElements.define("fx-live-run", LiveRun);
