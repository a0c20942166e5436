// What is seen: draws rooms, members and messages from what the session keeps. Words of others become text nodes, never
// markup; the only links are those of irc.js.

import { links } from "./irc.js";

/** @typedef {import("./session.js").Room} Room @typedef {import("./session.js").Entry} Entry */

/** Messages of one person that follow each other within so long are shown under one name. */
const GROUP_MAX_MS = 5 * 60_000;

/** How near to the end of the list a reader counts as reading along. */
const END_PX = 60;

const COLOURS = 8;

/**
 * @template {HTMLElement} T
 * @param {string} id @param {new () => T} kind
 * @returns {T}
 */
export function part(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${id}`);
  return found;
}

/**
 * @param {string} tag @param {string} name @param {...(Node | string)} inside
 */
function make(tag, name, ...inside) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  made.append(...inside);
  return made;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric" });

/** The list of messages of the room that is shown. */
export class Messages {
  #list = part("messages", HTMLOListElement);
  #frame = part("scroll", HTMLElement);
  #newer = part("newer", HTMLButtonElement);
  /** @type {Room | null} */
  #room = null;
  /** Does the reader read along, at the end? */
  #follows = true;
  /** What is drawn, and how it was. @type {{ entry: Entry, fate: string, line: HTMLElement }[]} */
  #drawn = [];

  /** @param {(room: Room, entry: Entry) => void} again Called to send what was lost once more. */
  constructor(again) {
    this.again = again;
    this.#frame.addEventListener("scroll", () => {
      this.#follows = this.#atEnd();
      if (this.#follows) this.#newer.hidden = true;
    });
    // A keyboard or a notice takes room away: who read along still does.
    new ResizeObserver(() => this.#follows && this.#toEnd()).observe(this.#frame);
    this.#newer.addEventListener("click", () => this.#toEnd());
  }

  /** @param {Room} room */
  draw(room) {
    const moved = room !== this.#room;
    if (moved) this.#follows = true;
    this.#room = room;
    const kept = !moved && this.#drawn.every(({ entry, fate }, at) => room.entries[at] === entry && entry.fate === fate);
    const reading = kept || this.#follows ? null : this.#topmost();
    if (!kept) {
      this.#list.replaceChildren();
      this.#drawn = [];
    }
    const before = this.#drawn.length;
    for (const entry of room.entries.slice(before)) this.#append(room, entry);
    if (this.#follows) this.#toEnd();
    else if (this.#drawn.length > before) this.#newer.hidden = false;
    if (reading) this.#returnTo(reading);
  }

  /** Where the reader is, for whom nothing may move when old messages go. */
  #topmost() {
    const top = this.#frame.getBoundingClientRect().top;
    const first = this.#drawn.find(({ line }) => line.getBoundingClientRect().bottom > top);
    return first && { entry: first.entry, below: first.line.getBoundingClientRect().top - top };
  }

  /** @param {{ entry: Entry, below: number }} place */
  #returnTo({ entry, below }) {
    const line = this.#drawn.find((drawn) => drawn.entry === entry)?.line;
    if (!line) return;
    const now = line.getBoundingClientRect().top - this.#frame.getBoundingClientRect().top;
    this.#frame.scrollTop += now - below;
  }

  /** @param {Room} room @param {Entry} entry */
  #append(room, entry) {
    const last = this.#drawn.at(-1)?.entry;
    if (!last || day.format(last.at) !== day.format(entry.at)) {
      this.#list.append(make("li", "day", make("span", "", day.format(entry.at))));
    }
    const grouped =
      last !== undefined &&
      last.kind === "message" &&
      entry.kind === "message" &&
      last.from === entry.from &&
      day.format(last.at) === day.format(entry.at) &&
      entry.at.getTime() - last.at.getTime() < GROUP_MAX_MS;
    const line = this.#line(room, entry, grouped);
    this.#list.append(line);
    this.#drawn.push({ entry, fate: entry.fate, line });
  }

  /** @param {Room} room @param {Entry} entry @param {boolean} grouped */
  #line(room, entry, grouped) {
    const line = make("li", `entry ${entry.kind} ${entry.fate}`);
    if (entry.own) line.classList.add("own");
    if (grouped) line.classList.add("grouped");
    const time = make("time", "", clock.format(entry.at));
    time.setAttribute("datetime", entry.at.toISOString());
    time.title = entry.at.toLocaleString();
    line.append(time);
    if (entry.from) line.append(make("bdi", `from ${colour(entry.from)}`, entry.from), " ");
    line.append(make("bdi", "text", ...words(entry.text)));
    if (entry.fate === "sending") line.append(make("span", "fate", "sending …"));
    if (entry.fate === "lost") {
      const again = make("button", "fate", "not sent – try again");
      again.addEventListener("click", () => this.again(room, entry));
      line.append(again);
    }
    return line;
  }

  #atEnd() {
    return this.#frame.scrollHeight - this.#frame.scrollTop - this.#frame.clientHeight < END_PX;
  }

  #toEnd() {
    this.#follows = true;
    this.#frame.scrollTop = this.#frame.scrollHeight;
    this.#newer.hidden = true;
  }
}

/** @param {string} text */
function words(text) {
  return links(text).map(({ text, url }) => {
    if (!url) return document.createTextNode(text);
    const link = document.createElement("a");
    link.href = url;
    link.target = "_blank";
    link.rel = "noopener noreferrer";
    link.textContent = text;
    return link;
  });
}

/** One of a few colours, always the same for one name. @param {string} name */
function colour(name) {
  let sum = 0;
  for (const letter of name.toLowerCase()) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) >>> 0;
  return `c${sum % COLOURS}`;
}

/**
 * The list of rooms and people to talk in.
 * @param {Iterable<Room>} rooms @param {Room | undefined} current @param {(room: Room) => void} choose
 */
export function drawRooms(rooms, current, choose) {
  const items = [...rooms].map((room) => {
    const button = make("button", room.inside ? "" : "outside", make("bdi", "", room.name));
    if (room === current) button.setAttribute("aria-current", "true");
    if (room.unread > 0) {
      const count = make("span", "unread", room.unread > 99 ? "99+" : String(room.unread));
      count.setAttribute("aria-label", `${room.unread} new`);
      button.append(count);
    }
    button.addEventListener("click", () => choose(room));
    return make("li", "", button);
  });
  part("rooms", HTMLUListElement).replaceChildren(...items);
}

/**
 * Who is in the room, and what it is about.
 * @param {Room} room @param {string} me
 */
export function drawRoom(room, me) {
  part("room-name", HTMLElement).textContent = room.name;
  part("topic", HTMLElement).replaceChildren(...words(room.topic));
  const members = [...room.members].sort(([one], [other]) => one.localeCompare(other));
  part("count", HTMLElement).textContent = String(members.length);
  const items = members.map(([name, marks]) => {
    const item = make("li", "", make("bdi", colour(name), name));
    if (marks.includes("@")) item.append(make("span", "mark", "operator"));
    else if (marks.includes("+")) item.append(make("span", "mark", "voice"));
    if (name === me) item.append(make("span", "mark", "you"));
    return item;
  });
  part("members", HTMLUListElement).replaceChildren(...items);
}
