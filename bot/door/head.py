"""Whether the head of a request is of the one kind that the door takes.

Hard case: two programs that read one head differently. Rule: what is not written exactly as the plugin and ordinary clients
write it (line ends, one length, one token, nothing chunked, nothing upgraded) is not for the door.
"""

from __future__ import annotations

import re
from functools import lru_cache

from bot.core.bearer import is_bearer
from bot.door.plain import LIMIT

HEAD_LIMIT = 4_096  # what is remembered of heads is bounded by it, too
LINE = b"POST /v1/signals HTTP/1.1\r\n"
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x1f\x7f]*)")
_ODD = frozenset((b"transfer-encoding", b"upgrade", b"expect", b"trailer", b"te"))


@lru_cache(maxsize=1024)  # a sender's heads are alike
def length_of(head: bytes, token: str) -> int | None:
    """How long the body is behind this head (its lines, without the empty one); None for what is not for the door."""
    if not head.startswith(LINE) or len(head) > HEAD_LIMIT:
        return None
    lengths, tokens, hosts = list[bytes](), list[bytes](), 0
    for line in head[len(LINE) :].split(b"\r\n"):
        header = _HEADER.fullmatch(line)
        if header is None:
            return None
        name, value = header[1].lower(), header[2].strip()
        if name in _ODD or (name == b"connection" and value.lower() != b"keep-alive"):
            return None
        if name == b"content-length":
            lengths.append(value)
        elif name == b"authorization":
            tokens.append(value)
        hosts += name == b"host"
    if len(lengths) != 1 or not lengths[0].isdigit() or not 0 < len(lengths[0]) < 6 or hosts != 1:
        return None
    if token and (len(tokens) != 1 or not is_bearer(tokens[0].decode("latin-1"), token)):
        return None
    length = int(lengths[0])
    return length if 0 < length <= LIMIT else None
