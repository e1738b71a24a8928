"""Secrets that are known by what stands around them: addresses, headers, query parameters, command lines."""

import re
from functools import lru_cache

from bot.core.redaction.values import MASK

_Form = tuple[tuple[str, ...], "re.Pattern[str]", str]


@lru_cache(maxsize=1)
def forms() -> "tuple[tuple[tuple[str, ...], tuple[_Form, ...]], ...]":
    """Forms in groups. A group, and then a form, is tried where the text has one of these in it, in lower case."""
    url, hidden = ("://",), rf"\1{MASK}"
    # A database's address, by the end of its scheme: `u:2024/x@host` is a user and a password there, and no port and path.
    schemes = "res|sql|opg|pg2|cpg|adb|ldb|edb|odb|dis|iss|mqp|qps|srv|ake|dbc|cle|use|ive|ino|sto|ift|tor|ica|nel"
    ported = r"\d{1,5}(?:[\s'\"\\]|[/?#,;)\]][^\s@]{0,300}(?:=|://)|\Z)"
    urls = (
        # scheme://user:password@host, also where the end was cut off; host:port is no password
        (url, r"(://)[^\s/:@'\"<>]{4,500}:(?:x-oauth-basic|x-token-auth|x-access-token|)(?=@)", hidden),
        (
            url,
            rf"(://(?:(?<=(?:{schemes})://)|(?!\w[\w.-]{{0,100}}:\d{{1,5}}[/?,]))[^\s/:@'\"<>]{{0,100}}):"
            rf"(?!{ported}|•••|//)(?:[^\s'\"<>]|['\"<>](?=[\w!$%^*.~@-])){{1,500}}?(?=@[\w\[][^\s@'\"]{{0,500}}(?:[\s'\"]|\Z))",
            rf"\1:{MASK}",
        ),
        (
            url,
            r"(://[^\s/:@'\"<>]{0,100}):(?!\d{1,5}(?:[/?#,;)\]'\"\s\\]|\Z))(?!•••|//)[^\s'\"<>]{1,500}?"
            r"(?:(?=@[^\s@'\"]{0,500}(?:[\s'\"]|\Z))|(?=[\s'\"<>]|\Z))",
            rf"\1:{MASK}",
        ),
        (url, r"(://)(?:(?<=[tT][tT][pP]://)|(?<=[tT][tT][pP][sS]://))(?!git@)[^\s/:@'\"•]{4,500}(?=@)", hidden),
        (url, r"(://)(?=[^\s/:@'\"]*\d)[^\s/:@'\"•]{16,500}(?=@)", hidden),
    )
    databases = (
        (("jdbc:oracle",), r"(?i)(\bjdbc:oracle:\w{1,10}:[\w$#]{1,60}/)(?!•)[^\s@'\"]{1,200}(?=@)", hidden),
        (
            ("sqlplus", "impdp", "expdp", "sqlldr", "userid="),
            r"(?i)(\b(?:(?:sqlplus|impdp|expdp|sqlldr)\s+(?:-\w+\s+){0,3}|userid=)['\"]?[\w$#]{1,60}/)(?!•)[^\s@'\"]{1,200}",
            hidden,
        ),
    )
    addresses = (
        # addresses that are secrets by themselves
        (
            ("hooks.slack",),
            r"(?i)(\bhooks\.slack(?:-gov)?\.com/)(?:services|workflows|triggers)/[\w/.-]{1,200}",
            hidden,
        ),
        (
            ("office.com",),
            r"(?i)(\b(?:webhook\.office\.com|outlook\.office\.com/webhook)[^\s'\"<>/]{0,9}/)(?!•)[^\s'\"<>]{8,400}",
            hidden,
        ),
        (("discord",), r"(?i)(\b(?:discord|discordapp)\.com/api/(?:v\d{1,2}/)?webhooks/)[\w/-]{8,200}", hidden),
        (("api.telegram.org",), r"(?i)(\bapi\.telegram\.org/(?:file/)?bot)[\w:-]{8,200}", hidden),
        (
            (
                "hc-ping.com/",
                "healthchecks.io/ping",
                "hooks.zapier.com",
                "maker.ifttt.com",
                "events.pagerduty.com",
                "hooks.airtable.com",
                "/api/push/",
                "/with/key/",
            ),
            r"(?i)((?:\bhc-ping\.com|\bhealthchecks\.io/ping|\bhooks\.zapier\.com/hooks/catch|/with/key|\bevents\.pagerduty\.com/(?:integration|x-ere)"
            r"|\bhooks\.airtable\.com/workflows|/api/push)/)[\w/-]{8,200}",
            hidden,
        ),
    )
    edge = r"(?:\b|(?<=\\[nrt]))"  # also behind the end of a line as a repr writes it
    parameter = r"[\w-]{1,30}=(?:\\{0,8}\"[^\"\n]{0,500}\"|\\{0,8}'[^'\n]{0,500}'|[^\s\"',\\]{1,500})(?:[,;]\s{0,60})?"
    headers = (
        # headers: whatever the scheme, to the end of the value; a Cookie's every cookie
        (
            ("authorization",),
            r"(?i)(\b(?:proxy-)?authorization(?:\\*[\"'])?\s{0,3}[:=,]\s{0,3}b?)(\\*[\"'])((?:(?!\2)(?:\\[^\n]|[^\n\\])){1,4000})(?=\2)",
            rf"\1\2{MASK}",
        ),
        (
            ("authorization",),
            rf"(?i)({edge}(?:proxy-)?authorization(?:\\*[\"'])?[:=])(?!\s{{0,3}}[\"'\\•])\s{{0,3}}(?:[A-Za-z][\w-]{{1,40}}[ \t]{{1,8}}(?=\S))?"
            rf"(?:(?:{parameter}){{1,20}}|[^\s\"'\\]{{1,4000}})",
            rf"\1 {MASK}",
        ),
        (
            ("cookie",),
            r"(?i)(\b(?:set-)?cookie(?:\\*[\"'])?\s{0,3}[:=,]\s{0,3}b?)(\\*[\"'])((?:(?!\2)[^\n]){1,4000})(?=\2)",
            rf"\1\2{MASK}",
        ),
        (
            ("cookie:",),
            rf"(?i)({edge}(?:set-)?cookie:)(?!\s{{0,3}}[\"'\\•])(?:(?!\\{{1,8}}[rn])[^\n\"']|(?<==)\"[^\"\n]{{0,500}}\"){{1,4000}}",
            rf"\1 {MASK}",
        ),
        (
            ("bearer ", "basic "),
            r"(?i)(?:\b|(?<=\\[nrt]))(bearer|basic)[ \t]+(?=[\w.~+/-]*[\d=/+_-]|[A-Za-z]{16})[\w.~+/-]{8,4000}=*(?![\w=\"'(]*=\\*[\"'])",
            rf"\1 {MASK}",
        ),
        (
            ("auth(",),
            r"(Auth\(\s{0,20}\\*[\"'][^\"'\n]{0,100}\\*[\"']\s{0,20},\s{0,20}\\*[\"'])(?!•)[^\"'\\\n]{1,300}",
            hidden,
        ),
        (
            ("auth.user.info",),
            r"(?i)(auth\.user\.info(?:\\*[\"'])?\s{0,3}[=:]\s{0,3}(?:\\*[\"'])?[^:\s\"']{0,100}:)(?!•)[^\s\"'\\,]{1,300}",
            hidden,
        ),
    )
    parameters = (
        (("signature=", "credential="), r"(?i)\b((?:Signature|Credential)=)[\w/+%.-]{16,500}=*", hidden),
        (
            ("sig=", "signature=", "credential=", "token=", "code=", "key=", "hmac=", "auth="),
            r"(?i)([?&;#](?:x-(?:amz|goog)-(?:signature|security-token|credential)|sig|signature|code|key|hmac|skey|auth|t?oken)=)(?!•)[^&\s\"'<>\\)\]]{4,2000}",
            hidden,
        ),
    )
    value = r"(?![•$<-])[^\s'\"=\]]{3,300}"
    commands = (
        # command lines whose secret is a word at its place
        (("vault login",), rf"(\bvault login[ ](?:-[^\s'\"]{{1,100}}[ ]){{0,5}}[ ]{{0,5}}){value}(?![=\w])", hidden),
        (
            ("htpasswd",),
            rf"(\bhtpasswd[ ]{{1,5}}-\w*b\w*[ ]{{1,5}}(?:-\w+[ ]{{1,5}}){{0,5}}\S{{1,200}}[ ]{{1,5}}\S{{1,100}}[ ]{{1,5}}){value}",
            hidden,
        ),
        (
            ("rabbitmqctl",),
            rf"(\brabbitmqctl[ ][^\n|;]{{0,100}}?(?:add_user|change_password|authenticate_user)[ ]{{1,5}}\S{{1,100}}[ ]{{1,5}}){value}",
            hidden,
        ),
        (
            ("config set", "configure set"),
            rf"(?i)(\bconfig(?:ure)? set[ ]{{1,5}}\S{{0,100}}?(?:token|password|secret|_key|_auth)\w{{0,20}}[ ]{{1,5}}){value}",
            hidden,
        ),
        (("rclone",), rf"(\brclone obscure[ ]{{1,5}}){value}", hidden),
        (("/user:",), rf"(?i)(\bnet use[ ][^\n|;]{{0,200}}?/user:\S{{1,100}}[ ]{{1,5}}){value}", hidden),
        (
            ("alias set", "host add"),
            rf"(\bmc (?:alias set|config host add)[ ]{{1,5}}\S{{1,60}}[ ]{{1,5}}\S{{1,200}}[ ]{{1,5}}\S{{1,100}}[ ]{{1,5}}){value}",
            hidden,
        ),
        (
            ("connect to ",),
            rf"(?i)(\bconnect to \S{{1,60}} user[ ]{{1,5}}\S{{1,60}}[ ]{{1,5}}using[ ]{{1,5}}['\"]?){value}",
            hidden,
        ),
        (
            ("echo ", "printf "),
            r"(?i)(\b(?:echo|printf)\s+(?:-n\s+)?[\"']?)(?!•)[^\s\"'|]{3,300}(?=[\"']?\s*\|[^\n]{0,80}(?:--password-stdin|(?:ch)?passwd|--pinentry|sudo\s+-S))",
            hidden,
        ),
    )
    words = (
        (("secretstr(", "secretbytes("), r"(?i)(\bSecret(?:Str|Bytes)\(b?\\*[\"'])(?!•|\*+\\*[\"'])[^\"'\\\n]{1,500}", hidden),
        (("pass:", "-passin", "-passout"), r"(?i)(-pass(?:in|out)\s+['\"]?pass:|\bpass:(?=\S{6}))(?!•)[^\s'\"]{1,200}", hidden),
        (("pass ",), r"(?m)((?:^|\*cmd\* |[>'\"]\s?)b?[\"']?PASS )(?!•)(?=[^\s'\"]{1,200}(?:['\"]?\s*$|\\r|\r|'))[^\s'\"\\]{1,200}", hidden),
        (("machine ", "default "), r"(?i)(\b(?:machine|default)\s[^\n]{0,200}?\bpassword\s+)(?!•)\S{1,200}", hidden),
        (("key provided",), r"(?i)(\bkey\s+provided:\s*)(?!•)[^\s'\",;]{6,300}(?<![.])", hidden),
    )  # fmt: skip
    groups = (
        (url, urls), (("jdbc:", "sqlplus", "impdp", "expdp", "sqlldr", "userid="), databases), ((".com/", ".org/",
        "healthchecks.io/", "/api/push/", "/with/key/"), addresses),
        (("auth", "cookie", "bearer", "basic "), headers), (("?", "&", ";", "#", "signature", "cred"), parameters),
        (("vault login", "htpasswd", "rabbitmqctl", "rclone", "config set", "configure set", "/user:", "alias set",
        "host add", "connect to ", "echo ", "printf "), commands), (("pass", "secret", "provided"), words),
    )  # fmt: skip
    return tuple(
        (doors, tuple((gates, re.compile(pattern), instead) for gates, pattern, instead in forms))
        for doors, forms in groups
    )
