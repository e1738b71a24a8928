"""Secrets in command lines: what a program takes as the value of an option, such as `curl -u user:…` and `mysql -p…`."""

import re
from functools import lru_cache

from bot.core.redaction.values import MASK, is_no_value

# Programs, their options, which part of the value is the secret (behind this sign; "" for all of it; "=" for all of what has
# one in it; "apart" for all of a value that is a word of its own), and a word that has to stand in front.
_TAKES = (
    (r"curl", "-u -U -E --user --proxy-user --cert --proxy-cert", ":", ""),
    (r"curl", "-b --cookie", "=", ""),
    (r"curl|keytool|jarsigner", "--pass --proxy-pass -storepass -keypass -srcstorepass -deststorepass", "apart", ""),
    (r"https?|xh|wget|svn", "-u -a --auth --user", ":", ""),
    (r"lftp", "-u --user", ",", ""),
    (r"smb\w+|rpcclient|winexe|net", "-U --user", "%", ""),
    (r"mysql\w*|mariadb[\w-]*|my(?:dumper|loader)|sshpass|mongo\w*|twine|7z\w?|(?:un)?rar|cqlsh|beeline|ncftp\w+|rdesktop", "-p", "", ""),
    (r"docker|podman|nerdctl|buildah|skopeo|oras|crane|helm|az|oc|cf|ibmcloud", "-p", "", "login"),
    (r"airflow", "-p", "", "users"),
    (r"kubectl|oc", "--from-literal", "==", "secret"),
    (r"(?:redis|valkey)-cli", "-a", "", ""),
    (r"ldap\w+|kinit|vsql", "-w", "", ""),
    (r"sqlcmd|bcp|osql|tsql|freebcp|(?:un)?zip|mosquitto_\w+|ipmitool|ssh-keygen", "-P", "", ""),
    (r"ssh-keygen", "-N", "apart", ""),
    (r"snmp\w+", "-A -X -c", "apart", ""),
    (r"plink|pscp|psftp|nzsql|nzload", "-pw", "apart", ""),
    (r"openssl", "-k -K", "apart", "enc"),
    (r"[xw]freerdp3?", "/p:", "", ""),
    (r"swaks", "-ap", "apart", ""),
)  # fmt: skip
OPTION = re.compile(r"-(?<=[\s'\"]-)[A-Za-z-]")
_MOST = 40  # words
_PROGRAM = re.compile(rf"(?<![\w.-])(?:{'|'.join(one for one, _, _, _ in _TAKES)})(?=\\{{0,8}}[\"']|\s)")
_GAP = re.compile(
    r"(?:(?:\\{0,8}[\"'])?,?(?:[ \t]|\\\r?\n|\\{2,8}n|\n(?=[ \t]{0,60}b?[\"'])){1,80}|\\{0,8}[\"'],(?=b?\\{0,8}[\"']))(b?\\{0,8}[\"'])?"
)
_BARE = re.compile(r"(?:[^\s\"'|;&<>()\\]|\\[^\s\"'])+")
_BUNDLED = re.compile(r"-[fsSkLvigGIjlnNORqaB0-9#Z]{1,12}(?=[uUEb])")
_VARIABLE = re.compile(r"\$\{?\w+\}?\Z|<[\w -]+>\Z|%\w+%\Z")


def without_arguments(text: str) -> str:
    """Values of options that are secrets."""
    parts, done, last, read = list[str](), 0, "", 0
    for program in _PROGRAM.finditer(text):
        if program[0] == last and program.start() < read:
            continue
        spans, read = _values(text, program.end(), _options(program[0]))
        last = program[0]
        for begin, end in spans:
            if begin >= done and not text.startswith(MASK, begin):
                parts += [text[done:begin], MASK]
                done = end
    return "".join(parts) + text[done:]


@lru_cache(maxsize=256)
def _options(program: str) -> "dict[str, tuple[str, str]]":
    """The options of this program that take a secret, with the part that is it and the word that stands in front."""
    taken = [row for row in _TAKES if re.fullmatch(row[0], program)]
    return {option: (part, word) for _, options, part, word in taken for option in options.split()}


def _values(text: str, at: int, options: "dict[str, tuple[str, str]]") -> "tuple[list[tuple[int, int]], int]":
    """The secrets in the words from here, and where the last of the words ends."""
    spans, begun, waiting = list[tuple[int, int]](), at, ""
    for _ in range(_MOST):
        found = _word(text, at)
        if found is None:
            break
        begin, end, at = found
        option, begin = (waiting, begin) if waiting else _option(text, begin, end, options)
        waiting = option if option and begin == end else ""
        if option and begin < end:
            part, word = options[option]
            span = _part(text, begin, end, part) if word in text[begun:begin] else None
            spans += [] if span is None else [span]
    return spans, at


def _word(text: str, at: int) -> "tuple[int, int, int] | None":
    """The next word of the command line: where it begins and ends, without its quotes, and where the following may begin."""
    gap = _GAP.match(text, at)
    if gap is None:
        return None
    begin = gap.end()
    if gap[1]:
        end = _closed(text, begin, gap[1].lstrip("b"))
        return begin, end, end
    bare = _BARE.match(text, begin)
    if bare is None:
        return None
    end = bare.end()
    quote = re.compile(r"\\{0,8}[\"']").match(text, end) if text[end - 1] == "=" or end - begin == 2 else None
    if quote is not None:
        end = _closed(text, quote.end(), quote[0])
    return begin, end, end


def _closed(text: str, begin: int, quote: str) -> int:
    end = text.find(quote, begin, begin + 2_000)
    line = text.find("\n", begin, begin + 2_000)
    return end if end >= 0 and not 0 <= line < end else line if line >= 0 else min(len(text), begin + 2_000)


def _option(text: str, begin: int, end: int, options: "dict[str, tuple[str, str]]") -> "tuple[str, int]":
    """The option in this word and where its value begins; at the word's end where that is the next word."""
    word = text[begin:end]
    if word in options:
        return word, end
    name, sign, _ = word.partition("=")
    if sign and name in options:
        return name, begin + len(name) + 1
    bundle = _BUNDLED.match(word) if "-U" in options and "-E" in options else None
    at = bundle.end() - 1 if bundle else 0
    short = "/p:" if word.startswith("/p:") else "-" + word[at + 1 : at + 2]
    if word[:1] in {"-", "/"} and not word.startswith("--") and options.get(short, ("apart",))[0] != "apart":
        return short, begin + at + len(short)
    return "", end


def _part(text: str, begin: int, end: int, part: str) -> "tuple[int, int] | None":
    while begin < end and text[begin] in "\\\"'":
        begin += 1
    place = text.find(part[0], begin, end) if part in {":", ",", "%", "=", "=="} else begin
    if place < 0:
        return None
    begin = place + 1 if part in {":", ",", "%", "=="} else begin
    while end > begin and text[end - 1] in ",]":
        end -= 1
    value = text[begin:end]
    plain = not value or is_no_value(value, "", kind="sure", quoted=True) or _VARIABLE.match(value)
    return None if plain or value.startswith("//") else (begin, end)
