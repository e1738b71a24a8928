"""The token families of the big vendors, which are known by their shape alone."""

import re
from functools import lru_cache

from bot.core.redaction.values import MASK


def without_vendors(text: str) -> str:
    """Tokens that need no name."""
    beginnings, others = shapes()
    if beginnings.search(" " + text):
        text = beginnings.sub(rf"\1{MASK}", " " + text)[1:]
    for gate, pattern in others:
        if gate.search(text):
            text = pattern.sub(MASK, text)
    return text


@lru_cache(maxsize=1)
def shapes() -> "tuple[re.Pattern[str], tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]]":
    """The token families of the big vendors: by what their tokens begin with, behind a sign, in one pattern whose branches are
    sorted by their first letter; and those that begin with anything, each with what they have in them, which is looked for first."""
    beginnings = (
        r"A(?:KIA|SIA|ROA|IDA|GPA|NPA|BIA|CCA)[A-Z0-9]{12,}", r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{8,}",
        r"xapp-[A-Za-z0-9-]{8,}", r"xwfp-[A-Za-z0-9-]{8,}", r"gh[pousr]_[A-Za-z0-9]{16,}", r"github_pat_[A-Za-z0-9_]{16,}",
        r"gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat|ffct)-[A-Za-z0-9_.-]{16,}", r"GR1348941[A-Za-z0-9_-]{16,}",
        r"sk-[A-Za-z0-9_-]{16,}", r"sk_(?:live|test|prod)_[A-Za-z0-9]{8,}", r"pk_(?:live|test|prod)_[A-Za-z0-9]{8,}", r"rk_(?:live|test|prod)_[A-Za-z0-9]{8,}", r"whsec_[A-Za-z0-9+/=_-]{16,}",
        r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}", r"key-[0-9a-f]{30,}", r"SK[0-9a-f]{30,}", r"AIza[A-Za-z0-9_-]{30,}",
        r"ya29\.[A-Za-z0-9_.-]{16,}", r"GOCSPX-[A-Za-z0-9_-]{16,}", r"1//0[A-Za-z0-9_-]{20,}",
        r"dapi[0-9a-f]{30,}(?:-[0-9])?", r"dose[0-9a-f]{30,}", r"dkea[0-9a-f]{30,}", r"hv[sbr]\.[A-Za-z0-9_-]{20,}",
        r"s\.[A-Za-z0-9]{24}(?![A-Za-z0-9_])", r"npm_[A-Za-z0-9]{30,}", r"pypi-[A-Za-z0-9_-]{30,}",
        r"rubygems_[0-9a-f]{40,}", r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{16,}",
        r"NR(?:AK-[A-Z0-9]{20,}|JS-[0-9a-f]{15,}|II-[A-Za-z0-9_-]{20,})", r"shp(?:at|ca|pa|ss|tk)_[0-9a-fA-F]{20,}",
        r"EAAA[A-Za-z0-9_-]{40,}", r"sq0(?:atp|csp|idp)-[A-Za-z0-9_-]{20,}", r"lin_(?:api|oauth)_[A-Za-z0-9]{20,}",
        r"secret_[A-Za-z0-9]{30,}", r"ntn_[A-Za-z0-9]{30,}", r"AT(?:ATT|CTT|BB)[A-Za-z0-9_=.-]{20,}",
        r"pn[ub]_[A-Za-z0-9]{20,}", r"hf_[A-Za-z0-9]{20,}", r"dbt[cu]_[A-Za-z0-9_-]{20,}", r"glsa_[A-Za-z0-9_]{20,}",
        r"glc_[A-Za-z0-9+/=]{20,}", r"do[por]_v1_[0-9a-f]{40,}", r"PMAK-[0-9a-z-]{40,}", r"sntry[su]_[A-Za-z0-9_=+/-]{30,}",
        r"figd_[A-Za-z0-9_-]{30,}", r"ph[cx]_[A-Za-z0-9]{30,}", r"rdme_[a-z0-9]{40,}", r"tfp_[A-Za-z0-9_]{30,}",
        r"pul-[0-9a-f]{38,}", r"fo1_[A-Za-z0-9_-]{30,}", r"EZ[AT]K[A-Za-z0-9]{30,}",
        r"dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9_.-]{30,}", r"AGE-SECRET-KEY-1[0-9A-Z]{50,}", r"r8_[A-Za-z0-9]{30,}",
        r"sbp_[0-9a-f]{38,}", r"xai-[A-Za-z0-9]{40,}", r"gsk_[A-Za-z0-9]{30,}", r"pplx-[A-Za-z0-9]{30,}",
        r"pat[A-Za-z0-9]{14}\.[0-9a-f]{60,}", r"HRKU-[A-Za-z0-9_-]{30,}", r"CFPAT-[A-Za-z0-9_-]{30,}",
        r"ops_ey[A-Za-z0-9_-]{40,}", r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*",
    )  # fmt: skip
    edge = "(?<![A-Za-z0-9_])"
    others = (
        ("-us", edge + r"[0-9a-f]{30,}[0-9a-z]{0,2}-us[0-9]{1,2}"),
        (r"\.atlasv1\.", edge + r"[A-Za-z0-9]{8,20}\.atlasv1\.[A-Za-z0-9_-]{30,}"),
        ("Q~", edge + r"[A-Za-z0-9_~.-]{3}[78]Q~[A-Za-z0-9_~.-]{31,40}"),
        (":AA", edge + r"[0-9]{7,10}:AA[A-Za-z0-9_-]{30,}"),
        (r"[MNO](?<![A-Za-z0-9_].)[A-Za-z0-9_-]{23}", r"[MNO](?<![A-Za-z0-9_].)(?<![A-Za-z0-9_].)[A-Za-z0-9_-]{23,26}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}"),
        (r"=(?<=[A-Za-z0-9_-]{43}=)(?![=A-Za-z0-9])", f"{edge}[A-Za-z0-9_-]{{43}}=(?![=A-Za-z0-9])"),
    )  # fmt: skip
    by_letter = dict[str, list[str]]()
    for pattern in beginnings:
        for one in pattern.split("|") if "(" not in pattern else [pattern]:
            by_letter.setdefault(one[0], []).append(one[1:])
    one_pattern = "|".join(f"{re.escape(letter)}(?:{'|'.join(rest)})" for letter, rest in by_letter.items())
    begin = re.compile(rf"([^A-Za-z0-9_])(?=[A-Za-z0-9_.-]{{5}}|1//0)(?:{one_pattern})")
    return begin, tuple((re.compile(gate), re.compile(pattern)) for gate, pattern in others)
