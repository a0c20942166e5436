// The grammar of IRC: lines to messages and back, and words made fit to be shown. Pure; knows no page and no socket.

/**
 * One line that the server said.
 * @typedef {object} Message
 * @property {Map<string, string>} tags
 * @property {string} from Who said it, without user and host; empty when nobody is named.
 * @property {string} command In capitals, or three digits.
 * @property {string[]} params
 */

const UNESCAPED = /** @type {Record<string, string>} */ ({ ":": ";", s: " ", "\\": "\\", r: "\r", n: "\n" });

/**
 * Takes a line apart (RFC 1459 §2.3.1 with IRCv3 message-tags).
 * @param {string} line
 * @returns {Message}
 */
export function parse(line) {
  const tags = new Map();
  let rest = line;
  if (rest.startsWith("@")) {
    const end = rest.indexOf(" ");
    for (const tag of rest.slice(1, end).split(";")) {
      const [key, ...value] = tag.split("=");
      tags.set(key, value.join("=").replace(/\\(.?)/g, (_, escaped) => UNESCAPED[escaped] ?? escaped));
    }
    rest = rest.slice(end + 1).trimStart();
  }
  let from = "";
  if (rest.startsWith(":")) {
    const end = rest.indexOf(" ");
    from = rest.slice(1, end).split("!")[0];
    rest = rest.slice(end + 1).trimStart();
  }
  const trailing = rest.indexOf(" :");
  const words = (trailing < 0 ? rest : rest.slice(0, trailing)).split(" ").filter((word) => word !== "");
  if (trailing >= 0) words.push(rest.slice(trailing + 2));
  const [command = "", ...params] = words;
  return { tags, from, command: command.toUpperCase(), params };
}

/**
 * Writes a line. The last parameter may hold spaces; nothing in it can begin a second line.
 * @param {string} command
 * @param {...string} params
 */
export function format(command, ...params) {
  const words = params.map((param) => param.replace(/[\0\r\n]+/g, " "));
  const last = words.pop();
  return [command, ...words, ...(last === undefined ? [] : [`:${last}`])].join(" ");
}

/**
 * Words without IRC's formatting: bold, colours and their kind.
 * @param {string} words
 */
export function plain(words) {
  // eslint-disable-next-line no-control-regex
  return words.replace(/\x03(\d{1,2}(,\d{1,2})?)?|\x04([0-9a-fA-F]{6})?|[\x00-\x1f\x7f]/g, "");
}

/** What a server keeps of one message at most, in bytes. */
export const TEXT_BYTES_MAX = 400;

/** So many messages one typed text may become. */
export const PARTS_MAX = 5;

const encoder = new TextEncoder();

/**
 * Cuts a long text at words into messages that fit, or gives nothing when it is too long even so.
 * @param {string} text
 * @returns {string[] | null}
 */
export function split(text) {
  const parts = [];
  let rest = text.trim();
  while (encoder.encode(rest).length > TEXT_BYTES_MAX) {
    const part = beginning(rest);
    parts.push(part.trimEnd());
    rest = rest.slice(part.length).trimStart();
  }
  if (rest !== "") parts.push(rest);
  return parts.length > PARTS_MAX ? null : parts;
}

/**
 * As much as fits, up to a word's end where there is one.
 * @param {string} text
 */
function beginning(text) {
  let bytes = 0;
  let end = 0;
  for (const letter of text) {
    bytes += encoder.encode(letter).length;
    if (bytes > TEXT_BYTES_MAX) break;
    end += letter.length;
  }
  const space = text.lastIndexOf(" ", end);
  return text.slice(0, space > 0 ? space : end);
}

/**
 * Names that a refusal proposes instead of a taken one.
 * @param {string} words
 */
export function alternatives(words) {
  const found = /; (\S+)(?: and (\S+))? (?:is|are) free$/.exec(words);
  return found ? found.slice(1).filter((name) => name !== undefined) : [];
}

/**
 * The parts of a text: links, and what is between them.
 * @param {string} text
 * @returns {{ text: string, url: string | null }[]}
 */
export function links(text) {
  const parts = [];
  let at = 0;
  for (const found of text.matchAll(/\bhttps?:\/\/[^\s<>"]+/gi)) {
    const written = withoutEnding(found[0]);
    const url = safe(written);
    if (!url) continue;
    parts.push({ text: text.slice(at, found.index), url: null }, { text: written, url });
    at = found.index + written.length;
  }
  parts.push({ text: text.slice(at), url: null });
  return parts.filter((part) => part.text !== "");
}

/**
 * The marks that end a sentence are not of the address, nor a bracket that was opened in front of it.
 * @param {string} written
 */
function withoutEnding(written) {
  let kept = written;
  for (;;) {
    const bare = kept.replace(/[.,;:!?'"\]]+$/, "");
    const closes = bare.endsWith(")") && bare.split(")").length > bare.split("(").length;
    if (bare === kept && !closes) return kept;
    kept = closes ? bare.slice(0, -1) : bare;
  }
}

/** @param {string} written */
function safe(written) {
  try {
    const url = new URL(written);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}
