// What this person sees of the chat: rooms, members, messages. Hears lines from the server, keeps what they mean, and says
// what changed; knows no page.

import { format, parse, plain, split, PARTS_MAX } from "./irc.js";

/** Messages kept of one room; beyond that, so many of the oldest go at once. */
const KEPT_MAX = 600;
const DROPPED = 100;

/** How long after coming back an own message may still be missing from the history before it counts as not sent. */
const CONFIRM_MAX_MS = 4_000;

/** Refusals (modern.ircdocs.horse/#numerics) of something that was said, of a name, and of a message of the day. */
const NOT_SAID = new Set(["400", "401", "403", "404", "407", "412", "417", "531"]);
const ABOUT_NAMES = new Set(["431", "432", "433"]);
const NO_MOTD = "422";

/** How a token looks: 256 bits in Base64 for URLs. */
const TOKEN = /^throng_[A-Za-z0-9_-]{43}$/;

/** What is asked for, so that history comes with its times and own words come back when they are stored. */
const ABILITIES = "message-tags server-time batch echo-message multi-prefix";

/**
 * @typedef {"message" | "action" | "notice" | "event" | "error"} Kind
 * @typedef {"sending" | "lost" | "stored"} Fate
 *
 * @typedef {object} Entry
 * @property {Kind} kind
 * @property {string} from
 * @property {string} text
 * @property {Date} at
 * @property {string} id The server's, or empty.
 * @property {Fate} fate
 * @property {boolean} own
 *
 * @typedef {object} Room
 * @property {string} name
 * @property {boolean} inside
 * @property {string} topic
 * @property {Map<string, string>} members Names with their marks, `@` or `+`.
 * @property {Entry[]} entries
 * @property {number} unread
 *
 * @typedef {object} Hooks
 * @property {(room: Room) => void} changed Something of a room is different.
 * @property {(room: Room, entry: Entry) => void} said Somebody said something just now.
 * @property {(room: Room) => void} left This person is no longer in the room.
 * @property {() => void} welcomed
 * @property {(words: string) => void} refused The name was refused.
 * @property {(words: string) => void} told Words for this person alone.
 * @property {(token: string) => void} trusted A token by which this browser signs in from now on.
 */

export class Session {
  me = "";
  /** @type {Map<string, Room>} By name in small letters. */
  rooms = new Map();
  /** Was this session welcomed since it connected? */
  here = false;
  #batches = new Set();
  /** Was NickServ asked for a token, and has not answered? */
  #awaitsToken = false;

  /**
   * @param {Hooks} hooks
   * @param {(line: string) => boolean} send
   */
  constructor(hooks, send) {
    this.hooks = hooks;
    this.send = send;
  }

  /**
   * The lines that come first. The seat is a secret of this tab: with it, a connection that was lost gives its name back.
   * Who has an account says its password or a token, or registers the name with that password.
   * @param {string} name @param {string} seat
   * @param {{ account: string, secret: string, registers: boolean } | null} proof
   */
  hello(name, seat, proof) {
    this.here = false;
    this.#awaitsToken = false;
    const lines = [format("CAP", "REQ", ABILITIES), format("PASS", `seat:${seat}`)];
    if (proof && !proof.registers) lines.push(format("PASS", `${proof.account}:${proof.secret}`));
    lines.push(format("NICK", name), "USER web 0 * :web");
    if (proof?.registers) lines.push(format("REGISTER", "*", "*", proof.secret));
    return [...lines, "CAP END"];
  }

  /** The line that asks for a token, so that no password need be kept. */
  askForToken() {
    this.#awaitsToken = true;
    return format("NICKSERV", "TOKEN", "browser");
  }

  /** The connection is gone: nobody is known to be anywhere until the server says so again. */
  lost() {
    this.here = false;
    this.#batches.clear();
    for (const room of this.rooms.values()) {
      room.inside = false;
      this.hooks.changed(room);
    }
  }

  /** @param {string} name */
  room(name) {
    return this.rooms.get(name.toLowerCase());
  }

  /**
   * Says something to a room or a person; it is shown as on its way until the server gives it back. The answer is a
   * complaint, or empty.
   * @param {string} to @param {string} text @param {boolean} [acted]
   */
  say(to, text, acted = false) {
    const parts = split(text);
    if (parts === null) return `That is too long: at most ${PARTS_MAX} messages of 400 bytes.`;
    for (const part of parts) {
      const words = acted ? `\x01ACTION ${part}\x01` : part;
      if (!this.send(format("PRIVMSG", to, words))) return "Too much waits for the connection; try again when it is back.";
      const room = this.#opened(to);
      this.#add(room, entry(acted ? "action" : "message", this.me, part, { fate: "sending", own: true }));
    }
    return "";
  }

  /**
   * Forgets a message that was not sent.
   * @param {Room} room @param {Entry} gone
   */
  forget(room, gone) {
    room.entries = room.entries.filter((other) => other !== gone);
    this.hooks.changed(room);
  }

  /** @param {string} line */
  hear(line) {
    const message = parse(line);
    const run = COMMANDS[message.command];
    if (run) run.call(this, message);
    else if (/^[45]\d\d$/.test(message.command)) this.#refused(message);
  }

  /** @param {string} name @returns {Room} */
  #opened(name) {
    const key = name.toLowerCase();
    let room = this.rooms.get(key);
    if (!room) {
      room = { name, inside: !name.startsWith("#"), topic: "", members: new Map(), entries: [], unread: 0 };
      this.rooms.set(key, room);
      this.hooks.changed(room);
    }
    return room;
  }

  /** @param {Room} room @param {Entry} added @param {number} [place] */
  #add(room, added, place = room.entries.length) {
    room.entries.splice(place, 0, added);
    if (room.entries.length > KEPT_MAX) room.entries.splice(0, DROPPED);
    this.hooks.changed(room);
  }

  /** @param {Room} room @param {string} text @param {Date} at */
  #note(room, text, at) {
    this.#add(room, entry("event", "", text, { at }));
  }

  /** @param {import("./irc.js").Message} message */
  #refused({ command, params }) {
    if (command === NO_MOTD) return;
    const words = plain(params.at(-1) ?? "");
    // A name that was refused is no conversation with who has it.
    const places = ABOUT_NAMES.has(command) ? [] : params.slice(1, -1);
    const room = places.map((param) => this.room(param)).find((found) => found);
    if (!this.here) return this.hooks.refused(words);
    if (NOT_SAID.has(command)) this.#fail(room ? [room] : [...this.rooms.values()]);
    if (room) this.#add(room, entry("error", "", words, {}));
    else this.hooks.told(params.length > 2 && command !== "400" ? `${params[1]}: ${words}` : words);
  }

  /** The server answers in order, so a refusal is about the oldest that waits. @param {Room[]} rooms */
  #fail(rooms) {
    const room = rooms.find((room) => room.entries.some((other) => other.fate === "sending"));
    const refused = room?.entries.find((other) => other.fate === "sending");
    if (!room || !refused) return;
    refused.fate = "lost";
    this.hooks.changed(room);
  }

  /** Own words come back when they are stored: the oldest of these that waits is confirmed. @param {Room} room @param {Entry} said */
  #confirm(room, said) {
    const waiting = room.entries.findIndex(
      (other) => other.own && other.fate !== "stored" && other.kind === said.kind && plain(other.text) === said.text,
    );
    if (waiting >= 0) room.entries.splice(waiting, 1);
  }

  /** What was on its way when the connection broke and is not in the history was not sent. @param {Room} room */
  #judge(room) {
    const waiting = room.entries.filter((other) => other.fate === "sending");
    if (waiting.length === 0) return;
    setTimeout(() => {
      for (const other of waiting.filter((other) => other.fate === "sending")) other.fate = "lost";
      this.hooks.changed(room);
    }, CONFIRM_MAX_MS);
  }

  /** @type {Record<string, (this: Session, message: import("./irc.js").Message) => void>} */
  static commands = {
    "001"({ params }) {
      this.me = params[0];
      this.here = true;
      // Rooms are judged when they are entered again; nobody enters a person.
      for (const room of this.rooms.values()) if (!room.name.startsWith("#")) this.#judge(room);
      this.hooks.welcomed();
    },
    "331"({ params }) {
      this.#retitle(params[1], "");
    },
    "332"({ params }) {
      this.#retitle(params[1], plain(params[2]));
    },
    "353"({ params }) {
      const room = this.#opened(params[2]);
      for (const marked of params[3].split(" ").filter((name) => name !== "")) {
        const name = marked.replace(/^[@+]+/, "");
        room.members.set(name, marked.slice(0, marked.length - name.length));
      }
    },
    "366"({ params }) {
      const room = this.room(params[1]);
      if (room) this.hooks.changed(room);
    },
    BATCH({ params }) {
      const [reference] = params;
      if (reference.startsWith("+")) this.#batches.add(reference.slice(1));
      else this.#batches.delete(reference.slice(1));
    },
    JOIN({ from, params, tags }) {
      const room = this.#opened(params[0]);
      if (from === this.me) {
        room.inside = true;
        room.members.clear();
        this.#judge(room);
        return this.hooks.changed(room);
      }
      room.members.set(from, "");
      this.#note(room, `${from} came in`, time(tags));
    },
    PART({ from, params, tags }) {
      this.#departed(params[0], from, `${from} left${because(params[1])}`, time(tags));
      if (from === this.me) this.rooms.delete(params[0].toLowerCase());
    },
    KICK({ from, params, tags }) {
      const [name, whom, reason] = params;
      this.#departed(name, whom, `${from} put ${whom} out${because(reason)}`, time(tags));
    },
    QUIT({ from, params, tags }) {
      for (const room of this.rooms.values()) {
        if (room.members.delete(from)) this.#note(room, `${from} is gone${because(params[0])}`, time(tags));
      }
    },
    NICK({ from, params, tags }) {
      const [to] = params;
      const own = from === this.me;
      if (own) this.me = to;
      for (const room of this.rooms.values()) {
        const marks = room.members.get(from);
        if (marks === undefined) continue;
        room.members.delete(from);
        room.members.set(to, marks);
        this.#note(room, own ? `you are ${to} now` : `${from} is ${to} now`, time(tags));
      }
      if (own) this.hooks.welcomed();
    },
    TOPIC({ from, params, tags }) {
      const topic = plain(params[1] ?? "");
      const room = this.#retitle(params[0], topic);
      this.#note(room, topic ? `${from} set the topic: ${topic}` : `${from} cleared the topic`, time(tags));
    },
    MODE({ params }) {
      const room = this.room(params[0]);
      if (room && room.inside) this.send(format("NAMES", room.name));
    },
    PRIVMSG(message) {
      this.#said(message, "message");
    },
    NOTICE(message) {
      this.#said(message, "notice");
    },
    FAIL({ params }) {
      if (!this.here) return this.hooks.refused(plain(params.at(-1) ?? ""));
      this.hooks.told(plain(params.at(-1) ?? ""));
    },
  };

  /** @param {string} name @param {string} topic */
  #retitle(name, topic) {
    const room = this.#opened(name);
    room.topic = topic;
    this.hooks.changed(room);
    return room;
  }

  /** What NickServ says of a token: words, and then the token. @param {string} said */
  #hearToken(said) {
    const isRefused = said.startsWith("No:");
    if (TOKEN.test(said) || isRefused) this.#awaitsToken = false;
    if (TOKEN.test(said)) this.hooks.trusted(said);
    if (isRefused) this.hooks.told(plain(said));
  }

  /** @param {string} name @param {string} who @param {string} words @param {Date} at */
  #departed(name, who, words, at) {
    const room = this.room(name);
    if (!room) return;
    room.members.delete(who);
    if (who === this.me) {
      room.inside = false;
      room.members.clear();
      this.hooks.left(room);
    }
    this.#note(room, words, at);
    this.hooks.changed(room);
  }

  /** @param {import("./irc.js").Message} message @param {Kind} kind */
  #said({ from, params, tags }, kind) {
    const [target, said = ""] = params;
    if (kind === "notice" && from === "NickServ" && this.#awaitsToken) return this.#hearToken(said);
    if (kind === "notice" && !target.startsWith("#")) return this.hooks.told(plain(said));
    const action = /^\x01ACTION (.*?)\x01?$/.exec(said);
    const own = from === this.me;
    const old = this.#batches.has(tags.get("batch") ?? "");
    const room = this.#opened(target.startsWith("#") || own ? target : from);
    const id = tags.get("msgid") ?? "";
    if (id !== "" && room.entries.some((other) => other.id === id)) return;
    const added = entry(action ? "action" : kind, from, plain(action ? action[1] : said), { at: time(tags), id, own });
    if (own) this.#confirm(room, added);
    // What is on its way stays last, since it will be stored last.
    const place = room.entries.findIndex((other) => other.fate === "sending");
    this.#add(room, added, place < 0 ? room.entries.length : place);
    if (!old && !own) this.hooks.said(room, added);
  }
}

const COMMANDS = Session.commands;

/**
 * @param {Kind} kind @param {string} from @param {string} text
 * @param {{ at?: Date, id?: string, fate?: Fate, own?: boolean }} more
 * @returns {Entry}
 */
function entry(kind, from, text, { at = new Date(), id = "", fate = "stored", own = false }) {
  return { kind, from, text, at, id, fate, own };
}

/** @param {string | undefined} reason */
function because(reason) {
  const words = plain(reason ?? "");
  return words ? ` (${words})` : "";
}

/** @param {Map<string, string>} tags */
function time(tags) {
  const told = new Date(tags.get("time") ?? NaN);
  return Number.isNaN(told.getTime()) ? new Date() : told;
}
