// A line of IRC to the server that comes back by itself: a WebSocket, opened anew after a growing, uneven pause. It knows
// no IRC but PING, and no page.

/**
 * How the connection is. `closed`: by us, or by a server that does not want us back.
 * @typedef {"closed" | "connecting" | "open" | "waiting"} State
 */

/** The first pause before coming back, and the longest. */
const PAUSE_FIRST_MS = 400;
const PAUSE_MAX_MS = 15_000;

/** Silence after which the server is asked whether it is there, and how long it may take to answer. */
const ASK_AFTER_MS = 45_000;
const ANSWER_MAX_MS = 15_000;

/** How long opening may take. */
const OPEN_MAX_MS = 10_000;

/** Lines that wait for the connection. What does not fit is refused, so that nothing is lost unseen. */
const QUEUE_MAX = 20;

/** A connection that lasted so long counts as good: the next one that is lost is tried again at once. */
const STEADY_MS = 10_000;

/** What a server closes with when it does not want us back (RFC 6455 §7.4.1). */
const NORMAL = 1000;

export class Connection {
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {State} */
  #state = "closed";
  /** @type {string[]} */
  #queue = [];
  #attempts = 0;
  #readySince = Infinity;
  #timer = 0;
  #watch = 0;

  /**
   * @param {string} url
   * @param {{ line: (line: string) => void, state: (state: State, reason: string, pauseMs: number) => void, hello: () => string[] }} hooks
   *   `state` hears how long a pause will be, while waiting. `hello` gives the lines that come before any other.
   */
  constructor(url, hooks) {
    this.url = url;
    this.hooks = hooks;
    addEventListener("online", () => this.#hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.#hurry());
  }

  /** Connects now, whatever was before. */
  open() {
    this.close();
    this.#attempts = 0;
    this.#connect();
  }

  /**
   * Ends the connection, and does not come back. What waited is dropped.
   * @param {string} [reason]
   */
  close(reason = "") {
    this.#queue = [];
    this.#drop();
    this.#be("closed", reason);
  }

  /**
   * Sends a line, at once or when the connection is ready. Says whether it could be taken.
   * @param {string} line
   */
  send(line) {
    if (this.#state === "closed" || this.#queue.length >= QUEUE_MAX) return false;
    this.#queue.push(line);
    this.#flush();
    return true;
  }

  /**
   * The server has welcomed us: what waited may go, behind the lines that must come first.
   * @param {string[]} first
   */
  ready(first) {
    this.#queue.unshift(...first);
    this.#readySince = Math.min(this.#readySince, Date.now());
    this.#be("open", "");
    this.#flush();
  }

  #connect() {
    this.#be("connecting", "");
    const socket = new WebSocket(this.url, ["text.ircv3.net"]);
    this.#socket = socket;
    this.#after(OPEN_MAX_MS, () => this.#lost("no answer"));
    socket.onopen = () => {
      this.#heard();
      for (const line of this.hooks.hello()) socket.send(line);
    };
    socket.onmessage = (event) => {
      this.#heard();
      this.#take(String(event.data));
    };
    socket.onclose = (event) => {
      if (event.code === NORMAL) this.close(event.reason);
      else this.#lost(event.reason);
    };
  }

  /** @param {string} line */
  #take(line) {
    if (line.startsWith("PING ")) this.#socket?.send(`PONG ${line.slice(5)}`);
    else this.hooks.line(line);
  }

  #flush() {
    while (this.#state === "open" && this.#queue.length > 0) {
      this.#socket?.send(/** @type {string} */ (this.#queue.shift()));
    }
  }

  /** Something was heard, so the server is there. A line that a network swallowed is found out by asking. */
  #heard() {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => {
      this.#socket?.send("PING :are you there");
      this.#watch = setTimeout(() => this.#lost("the server does not answer"), ANSWER_MAX_MS);
    }, ASK_AFTER_MS);
    clearTimeout(this.#timer);
  }

  /** @param {string} reason */
  #lost(reason) {
    this.#drop();
    // A server that welcomes and then falls over at once is not to be hurried.
    if (Date.now() - this.#readySince >= STEADY_MS) this.#attempts = 0;
    this.#readySince = Infinity;
    const longest = Math.min(PAUSE_MAX_MS, PAUSE_FIRST_MS * 2 ** this.#attempts++);
    // Uneven, so that a crowd does not come back in one moment.
    const pause = longest * (0.5 + Math.random() / 2);
    this.#be("waiting", reason, pause);
    this.#after(pause, () => this.#connect());
  }

  /** The network may be back: no reason to wait on. */
  #hurry() {
    if (this.#state === "waiting") this.#connect();
  }

  #drop() {
    clearTimeout(this.#timer);
    clearTimeout(this.#watch);
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
  }

  /** @param {number} ms @param {() => void} then */
  #after(ms, then) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(then, ms);
  }

  /** @param {State} state @param {string} reason @param {number} [pauseMs] */
  #be(state, reason, pauseMs = 0) {
    if (this.#state === state) return;
    this.#state = state;
    this.hooks.state(state, reason, pauseMs);
  }
}
