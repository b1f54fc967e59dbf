// A run's events, each once and in order: over a socket, or by asking every three seconds while sockets fail.

import { Socket } from "fynix/lib/socket";
import { _ } from "fynix/lib/words";

const POLL_MS = 3000;
const FAILURES = 3; // before polling begins

/** `live`: run, epoch, seq, api, socket. `hooks`: events(list), state(text, isLive), gap(), queue(position, ahead). */
export class Feed {
  constructor(live, hooks) {
    this.live = live;
    this.hooks = hooks;
    this.seq = live.seq;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    hooks.state(_("Connecting"), false);
    this.socket = new Socket(() => `${scheme}://${location.host}${live.socket}?after_seq=${this.seq}`, {
      frame: (frame) => this.frame(frame),
      lost: (tries, wait) => this.lost(tries, wait),
      refused: () => hooks.state(_("You are no longer connected. Reload this page."), false),
    });
  }

  frame(frame) {
    if (frame.type === "batch") this.take(frame.events);
    else if (frame.type === "subscribed") this.subscribed(frame);
    else if (frame.type === "gap") this.hooks.gap();
    else if (frame.type === "hb" && frame.head > this.seq) this.again();
    else if (frame.type === "queue") this.hooks.queue(frame.position, frame.ahead);
    else if (frame.type === "news") document.dispatchEvent(new CustomEvent("fx-news", { detail: frame.unread }));
  }

  subscribed(frame) {
    clearTimeout(this.poll);
    this.poll = undefined;
    if (frame.epoch !== this.live.epoch) {
      this.hooks.gap();
      return;
    }
    const missed = frame.head - this.seq;
    this.hooks.state(missed > 0 && this.wasLost ? _("Live, caught up on %(n)s events", { n: missed }) : _("Live"), true);
    this.wasLost = false;
  }

  take(events) {
    const fresh = events.filter((event) => event.seq > this.seq);
    if (!fresh.length) return;
    if (fresh[0].seq !== this.seq + 1) {
      this.again();
      return;
    }
    this.seq = fresh[fresh.length - 1].seq;
    this.socket.send({ op: "ack", seq: this.seq });
    this.hooks.events(fresh);
  }

  again() {
    this.socket.send({ op: "subscribe", epoch: this.live.epoch, since: this.seq });
  }

  lost(tries, wait) {
    this.wasLost = true;
    if (tries >= FAILURES) {
      this.hooks.state(_("No live connection. Asking every 3 seconds"), false);
      this.poll ??= setTimeout(() => this.ask(), 0);
    } else {
      this.hooks.state(_("Reconnecting, try %(n)s in %(s)s s", { n: tries, s: Math.ceil(wait / 1000) }), false);
    }
  }

  async ask() {
    try {
      const answer = await fetch(`${this.live.api}/events?after_seq=${this.seq}&limit=500`, { headers: { Accept: "application/json" } });
      if (answer.ok) this.heard(await answer.json());
    } catch {
      this.hooks.state(_("The server does not answer. Trying again"), false);
    }
    if (this.poll !== undefined) this.poll = setTimeout(() => this.ask(), POLL_MS);
  }

  heard(page) {
    this.take(page.data);
    if (page.queue_position) this.hooks.queue(page.queue_position, page.queue_position - 1);
  }

  close() {
    clearTimeout(this.poll);
    this.poll = undefined;
    this.socket.close();
  }
}
