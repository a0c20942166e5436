// The page comes to life here: the form for a name, what is typed, and which room is shown. Joins the connection, the
// session and the view.

import { Connection } from "./connection.js";
import { alternatives, format, plain } from "./irc.js";
import { Session } from "./session.js";
import { Messages, drawRoom, drawRooms, part } from "./view.js";

/** @typedef {import("./session.js").Room} Room */

/** How long changes are gathered before they are drawn. */
const DRAW_AFTER_MS = 16;

/** How long a notice stands. */
const NOTICE_MS = 8_000;

const LOBBY = "#lobby";

/** What this tab keeps over a reload. Without storage everything works but that. */
const kept = {
  /** @param {string} key */
  read(key) {
    try {
      return sessionStorage.getItem(`throng.${key}`) ?? "";
    } catch {
      return "";
    }
  },
  /** @param {string} key @param {string} value */
  write(key, value) {
    try {
      sessionStorage.setItem(`throng.${key}`, value);
    } catch {
      // A browser that keeps nothing.
    }
  },
};

/** The name of this browser's last visit, for the form. Read with nothing, written with a name. @param {string} [name] */
function lastName(name) {
  try {
    if (name) localStorage.setItem("throng.name", name);
    return localStorage.getItem("throng.name") ?? "";
  } catch {
    return "";
  }
}

/** A secret of this tab: 128 random bits, with which a lost connection gives its seat back. */
function seat() {
  const found = kept.read("seat");
  if (/^[0-9a-f]{32}$/.test(found)) return found;
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const made = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  kept.write("seat", made);
  return made;
}

const page = {
  gate: part("gate", HTMLFormElement),
  name: part("name", HTMLInputElement),
  account: part("account", HTMLElement),
  password: part("password", HTMLInputElement),
  register: part("register", HTMLInputElement),
  trouble: part("trouble", HTMLElement),
  proposals: part("proposals", HTMLElement),
  enter: part("enter", HTMLButtonElement),
  chat: part("chat", HTMLElement),
  state: part("state", HTMLElement),
  me: part("me", HTMLElement),
  back: part("back", HTMLButtonElement),
  notice: part("notice", HTMLElement),
  say: part("say", HTMLFormElement),
  words: part("words", HTMLInputElement),
  join: part("join", HTMLFormElement),
  joined: part("joined", HTMLInputElement),
};

let name = kept.read("name");
/** What was typed as a password, until a token stands for it; and whether the name shall be registered with it. */
let password = "";
let registers = false;

/** By what this tab signs in, if it does. */
function proof() {
  if (password) return { account: name, secret: password, registers };
  const [account, secret] = [kept.read("account"), kept.read("token")];
  return account && secret ? { account, secret, registers: false } : null;
}

/** Nobody is signed in by this tab any more. */
function forgetProof() {
  [password, registers] = ["", false];
  kept.write("account", "");
  kept.write("token", "");
}

/** @type {string} */
let current = kept.read("current") || LOBBY;
/** Rooms to be in, in the order of joining. */
let wanted = kept.read("rooms").split(" ").filter((room) => room.startsWith("#"));
if (wanted.length === 0) wanted = [/^#[^\s,#]+$/u.test(hashed()) ? hashed() : LOBBY];
if (!wanted.includes(current)) current = wanted[0];
/** The room to be shown as soon as one is in it. */
let hoped = current;

const messages = new Messages((room, entry) => {
  session.forget(room, entry);
  complain(session.say(room.name, entry.text, entry.kind === "action"));
});

const session = new Session(
  {
    changed: () => draw(),
    said: (room) => {
      if (room === session.room(current) && !document.hidden) return;
      room.unread += 1;
      draw();
    },
    left: (room) => {
      wanted = wanted.filter((other) => other !== room.name);
      keepRooms();
    },
    welcomed: () => {
      // From here on a token does what the password did.
      if (password) {
        kept.write("account", name);
        connection.send(session.askForToken());
        registers = false;
      }
      name = session.me;
      kept.write("name", name);
      lastName(name);
      page.gate.hidden = true;
      page.chat.hidden = false;
      // Rooms first: what waited for the connection is said in them.
      connection.ready(wanted.filter((room) => !session.room(room)?.inside).map((room) => `JOIN ${room}`));
      page.words.focus();
      draw();
    },
    refused: (words) => {
      connection.close();
      forgetProof();
      ask(words);
    },
    told: (words) => tell(words),
    trusted: (token) => {
      kept.write("token", token);
      password = "";
    },
  },
  (line) => connection.send(line),
);

const connection = new Connection(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/socket`, {
  line: (line) => session.hear(line),
  hello: () => session.hello(name, seat(), proof()),
  state: (state, reason, pauseMs) => {
    if (state !== "open") session.lost();
    const words = { closed: "not connected", connecting: "connecting …", open: "connected", waiting: "reconnecting" };
    page.state.textContent = words[state];
    page.state.dataset.state = state;
    countDown(pauseMs);
    page.chat.classList.toggle("away", state !== "open");
    page.state.title = plain(reason);
    page.back.hidden = state !== "closed";
    page.enter.disabled = state === "connecting" || state === "waiting";
    if (state === "waiting" && !page.gate.hidden) page.trouble.textContent = "The server cannot be reached; trying again …";
    if (state === "closed" && reason) tell(`The connection is closed: ${plain(reason)}.`);
  },
});

let counting = 0;

/** How long until the next try, once a second. Beside the words, so that it is not read aloud. @param {number} restMs */
function countDown(restMs) {
  clearTimeout(counting);
  const seconds = Math.ceil(restMs / 1000);
  page.state.dataset.rest = seconds > 0 ? `in ${seconds} s` : "";
  if (seconds > 0) counting = setTimeout(() => countDown(restMs - 1000), 1000);
}

/** The name form, with what was wrong with the last name. @param {string} words */
function ask(words) {
  page.gate.hidden = false;
  page.chat.hidden = true;
  page.enter.disabled = false;
  page.name.value = name;
  page.password.value = "";
  // Elsewhere anybody on the way could read it, and the server would not take it.
  page.account.hidden = !window.isSecureContext;
  page.trouble.textContent = words;
  const buttons = alternatives(words).map((free) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = free;
    button.addEventListener("click", () => enter(free));
    return button;
  });
  page.proposals.replaceChildren(...buttons);
  page.name.focus();
  page.name.select();
}

/** @param {string} chosen */
function enter(chosen) {
  name = chosen.trim();
  if (name === "" || /\s/.test(name)) return ask("A name is one word: letters, digits and a few marks.");
  page.trouble.textContent = "";
  page.proposals.replaceChildren();
  connection.open();
}

/** Words that stand for a while. @param {string} words */
function tell(words) {
  page.notice.textContent = words;
  page.notice.hidden = false;
  clearTimeout(noticed);
  noticed = setTimeout(() => (page.notice.hidden = true), NOTICE_MS);
}
let noticed = 0;

/** @param {string} complaint Empty when there is none. */
function complain(complaint) {
  if (complaint) tell(complaint);
  return complaint === "";
}

/** @param {Room} room */
function choose(room) {
  current = room.name;
  room.unread = 0;
  page.chat.classList.remove("listing");
  page.words.focus();
  draw();
}

let drawing = 0;

/** Draws soon, once for all that changes meanwhile. */
function draw() {
  if (drawing) return;
  drawing = setTimeout(() => {
    drawing = 0;
    keepRooms();
    const arrived = session.room(hoped);
    if (arrived?.inside) [current, hoped] = [arrived.name, ""];
    const room = session.room(current) ?? [...session.rooms.values()][0];
    drawRooms(session.rooms.values(), room, choose);
    page.me.textContent = session.me;
    const unread = [...session.rooms.values()].reduce((sum, other) => sum + other.unread, 0);
    document.title = `${unread > 0 ? `(${unread}) ` : ""}${room ? `${room.name} · ` : ""}throng`;
    page.words.placeholder = room ? `Say something to ${room.name}` : "/join #room";
    if (!room) return;
    current = room.name;
    drawRoom(room, session.me);
    messages.draw(room);
  }, DRAW_AFTER_MS);
}

/** The rooms where one is are those to come back to. */
function keepRooms() {
  for (const room of session.rooms.values()) {
    if (room.inside && room.name.startsWith("#") && !wanted.includes(room.name)) wanted.push(room.name);
  }
  kept.write("rooms", wanted.join(" "));
  kept.write("current", current);
}

function hashed() {
  try {
    return decodeURIComponent(location.hash);
  } catch {
    return "";
  }
}

/**
 * What may be typed behind a slash; each answers with a complaint or nothing.
 * @type {Record<string, (words: string) => string>}
 */
const COMMANDS = {
  me: (words) => (words ? session.say(current, words, true) : "What do you do? /me waves"),
  join: (words) => join(words),
  part: (words) => {
    const room = words || current;
    if (!room.startsWith("#")) return forget(room);
    return send(`PART ${room}`);
  },
  nick: (words) => (words && !/\s/.test(words) ? send(`NICK ${words}`) : "Which name? /nick ana"),
  topic: (words) => (words ? send(`TOPIC ${current} :${words}`) : "What is it about? /topic tea at five"),
  msg: (words) => {
    const [to, ...rest] = words.split(" ");
    if (!to || rest.length === 0) return "To whom, and what? /msg ana hello";
    const complaint = session.say(to, rest.join(" "));
    if (!complaint) current = to;
    return complaint;
  },
  quit: () => {
    connection.send("QUIT");
    return "";
  },
  logout: () => {
    forgetProof();
    return send(format("NICKSERV", "LOGOUT"));
  },
  help: () => "/me waves · /join #room · /part · /nick name · /topic words · /msg name words · /logout · /quit",
};

/** @param {string} line */
function send(line) {
  return connection.send(line) ? "" : "Not connected; try again in a moment.";
}

/** @param {string} typed */
function join(typed) {
  const room = typed.trim().startsWith("#") ? typed.trim() : `#${typed.trim()}`;
  if (room === "#" || /[\s,]/.test(room)) return "Which room? /join #tea";
  hoped = room;
  const found = session.room(room);
  if (found?.inside) {
    choose(found);
    return "";
  }
  return send(`JOIN ${room}`);
}

/** A conversation with one person is no longer listed. @param {string} room */
function forget(room) {
  session.rooms.delete(room.toLowerCase());
  draw();
  return "";
}

/** @param {string} typed @returns {string} A complaint, or nothing. */
function run(typed) {
  if (!typed.startsWith("/") || typed.startsWith("//")) return session.say(current, typed.replace(/^\/\//, "/"));
  const [word, ...rest] = typed.slice(1).split(" ");
  const command = Object.hasOwn(COMMANDS, word.toLowerCase()) ? COMMANDS[word.toLowerCase()] : null;
  return command ? command(rest.join(" ").trim()) : `There is no /${word}. ${COMMANDS.help("")}`;
}

page.gate.addEventListener("submit", (event) => {
  event.preventDefault();
  forgetProof();
  [password, registers] = [page.password.value, page.register.checked];
  page.password.value = "";
  enter(page.name.value);
});

page.say.addEventListener("submit", (event) => {
  event.preventDefault();
  const typed = page.words.value;
  if (typed.trim() !== "" && complain(run(typed))) page.words.value = "";
  draw();
});

page.join.addEventListener("submit", (event) => {
  event.preventDefault();
  if (page.joined.value.trim() !== "" && complain(join(page.joined.value))) page.joined.value = "";
});

page.back.addEventListener("click", () => connection.open());
part("list", HTMLButtonElement).addEventListener("click", () => page.chat.classList.toggle("listing"));

document.addEventListener("visibilitychange", () => {
  const room = session.room(current);
  if (document.hidden || !room) return;
  room.unread = 0;
  draw();
});

if (name) {
  page.chat.hidden = false;
  enter(name);
} else {
  name = lastName();
  ask("");
}
