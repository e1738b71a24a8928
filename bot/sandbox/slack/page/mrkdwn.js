// Slack's mrkdwn as nodes. Hard cases: a run id full of colons and underscores, `&lt;!channel&gt;` out of a log, a bold phrase
// that holds code. Rule: what was escaped stays text; only `<…>` that was sent raw is live, as in Slack.

import { el, link, safeAddress } from "./dom.js";
import { channelName, groupName, userName } from "./people.js";

const EMOJI = {
  white_check_mark: "✅", x: "❌", warning: "⚠️", red_circle: "🔴", rotating_light: "🚨", eyes: "👀", wrench: "🔧",
  no_bell: "🔕", repeat: "🔁", lock: "🔒", memo: "📝", hourglass_flowing_sand: "⏳", tada: "🎉", thumbsup: "👍",
  "+1": "👍", fire: "🔥", rocket: "🚀", wind_blowing_face: "🌬️", bell: "🔔", large_green_circle: "🟢",
};
const STYLES = { "*": "strong", "_": "em", "~": "s" };
const WORD = /[\p{L}\p{N}_]/u;

export const emojiFor = (name) => EMOJI[name] || null;

export function unescape(text) {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

export function plain(object) {
  const text = object ? object.text : "";
  return object && object.emoji === false ? text : withEmoji(text);
}

function withEmoji(text) {
  return text.replace(/(?<![\p{L}\p{N}_:]):([a-z0-9_+-]+):(?![\p{L}\p{N}_:])/gu, (all, name) => EMOJI[name] || all);
}

export function textNodes(object) {
  if (!object) return [];
  return object.type === "mrkdwn" ? mrkdwn(object.text) : [document.createTextNode(plain(object))];
}

export function mrkdwn(text) {
  const nodes = [];
  text.split(/```/).forEach((part, n, parts) => {
    if (n % 2 === 1 && n < parts.length - 1) nodes.push(el("pre", {}, ...code(part.replace(/^\n/, ""))));
    else nodes.push(...lines(n % 2 === 1 ? "```" + part : part));
  });
  return nodes;
}

function lines(text) {
  const nodes = [];
  let quote = null;
  text.split("\n").forEach((line, n) => {
    const quoted = /^(&gt;|>)\s?/.exec(line);
    if (quoted) {
      if (!quote) nodes.push((quote = el("blockquote")));
      else quote.append("\n");
      quote.append(...inline(line.slice(quoted[0].length)));
      return;
    }
    if (n > 0 && !quote) nodes.push(document.createTextNode("\n"));
    quote = null;
    nodes.push(...inline(line));
  });
  return nodes;
}

export function inline(text) {
  const nodes = [];
  let run = "";
  const flush = () => {
    if (run) nodes.push(document.createTextNode(withEmoji(unescape(run))));
    run = "";
  };
  for (let at = 0; at < text.length;) {
    const found = span(text, at);
    if (!found) {
      run += text[at];
      at += 1;
      continue;
    }
    flush();
    nodes.push(found.node);
    at = found.end;
  }
  flush();
  return nodes;
}

function span(text, at) {
  const sign = text[at];
  if (sign === "`") return codeSpan(text, at);
  if (sign === "<") return special(text, at);
  if (STYLES[sign]) return styled(text, at);
  return null;
}

function codeSpan(text, at) {
  const end = text.indexOf("`", at + 1);
  if (end <= at + 1) return null;
  return { node: el("code", {}, ...code(text.slice(at + 1, end))), end: end + 1 };
}

function code(text) {
  const nodes = [];
  for (let at = 0; at < text.length;) {
    const found = text[at] === "<" ? special(text, at) : null;
    const next = found ? found.end : nextSign(text, at + 1);
    nodes.push(found ? found.node : document.createTextNode(unescape(text.slice(at, next))));
    at = next;
  }
  return nodes;
}

function nextSign(text, from) {
  const at = text.indexOf("<", from);
  return at < 0 ? text.length : at;
}

function styled(text, at) {
  const sign = text[at];
  if (at > 0 && WORD.test(text[at - 1])) return null;
  const end = closing(text, at + 1, sign);
  if (end < 0) return null;
  return { node: el(STYLES[sign], {}, ...inline(text.slice(at + 1, end))), end: end + 1 };
}

function closing(text, from, sign) {
  if (from >= text.length || /\s/.test(text[from])) return -1;
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === "`" || text[at] === "<") {
      const end = text.indexOf(text[at] === "`" ? "`" : ">", at + 1);
      if (end > 0) at = end;
    } else if (text[at] === sign && at > from && !/\s/.test(text[at - 1]) && !WORD.test(text[at + 1] || " ")) {
      return at;
    }
  }
  return -1;
}

function special(text, at) {
  const end = text.indexOf(">", at);
  const body = end > 0 ? text.slice(at + 1, end) : "";
  if (!body || /[<\n]/.test(body)) return null;
  const cut = body.indexOf("|");
  const target = cut < 0 ? body : body.slice(0, cut);
  const label = cut < 0 ? "" : unescape(body.slice(cut + 1));
  return { node: meant(target, label), end: end + 1 };
}

function meant(target, label) {
  const mention = (text) => el("span", { class: "mention" }, text);
  if (target.startsWith("@")) return mention(`@${userName(target.slice(1))}`);
  if (target.startsWith("#")) return mention(`#${label || channelName(target.slice(1))}`);
  if (target.startsWith("!subteam^")) return mention(label || `@${groupName(target.slice(9))}`);
  if (target.startsWith("!date^")) return date(target, label);
  if (/^!(channel|here|everyone)$/.test(target)) return mention(`@${target.slice(1)}`);
  const shown = label || unescape(target).replace(/^mailto:/, "");
  return safeAddress(unescape(target)) ? link(unescape(target), shown) : el("span", { class: "no-link" }, shown);
}

function date(target, fallback) {
  const [, seconds, format, address] = target.split("^");
  const when = new Date(Number(seconds) * 1000);
  if (Number.isNaN(when.getTime())) return document.createTextNode(fallback);
  const shown = formatted(when, format || "{date} {time}");
  const node = el("time", { datetime: when.toISOString(), title: when.toLocaleString() }, shown);
  return address ? link(address, node) : node;
}

export function formatted(when, format) {
  const day = (options) => when.toLocaleDateString("en-GB", options);
  const clock = (options) => when.toLocaleTimeString("en-GB", options);
  const short = { day: "numeric", month: "short" };
  const words = {
    date_num: when.toISOString().slice(0, 10),
    date: day({ day: "numeric", month: "long", year: "numeric" }),
    date_short: day({ ...short, year: "numeric" }),
    date_long: day({ weekday: "long", day: "numeric", month: "long", year: "numeric" }),
    date_pretty: near(when) || day({ day: "numeric", month: "long" }),
    date_short_pretty: near(when) || day(short),
    date_long_pretty: near(when) || day({ weekday: "long", day: "numeric", month: "long" }),
    time: clock({ hour: "2-digit", minute: "2-digit" }),
    time_secs: clock({ hour: "2-digit", minute: "2-digit", second: "2-digit" }),
  };
  return format.replace(/\{([a-z_]+)\}/g, (all, name) => words[name] ?? all);
}

function near(when) {
  const days = (date) => Math.floor((date.getTime() - date.getTimezoneOffset() * 60000) / 86400000);
  return { 0: "today", 1: "yesterday", "-1": "tomorrow" }[days(new Date()) - days(when)];
}
