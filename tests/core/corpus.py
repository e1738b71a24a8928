"""Texts with a secret in them, and texts without one that look as if. Every secret is made at run time; none stands in a file."""

from __future__ import annotations

import json
import random
import string
from collections.abc import Iterator

from tests.core import notations

_RANDOM = random.Random(7)
ALNUM, HEX, UPPER = string.ascii_letters + string.digits, "0123456789abcdef", string.ascii_uppercase + string.digits
URLSAFE = ALNUM + "_-"


def some(signs: str, number: int) -> str:
    """Random characters, always with a digit and a letter among them."""
    return "".join(_RANDOM.choice(signs) for _ in range(number - 2)) + "a7"


def secret() -> str:
    """A password as a generator makes it."""
    return some(ALNUM, 14)


def _j(*parts: str) -> str:
    return "".join(parts)


def tokens() -> dict[str, str]:
    """The token families of the big vendors, each of random characters."""
    return {
        "aws-id": _j("AK", "IA", some(UPPER, 14).upper() + "Q7"), "aws-temporary": _j("AS", "IA", some(UPPER, 14).upper() + "Q7"),
        "slack-bot": _j("xo", "xb-", some("0123456789", 10), "-", some(ALNUM, 20)), "slack-user": _j("xo", "xp-", some(ALNUM, 24)),
        "slack-app": _j("xa", "pp-1-", some(ALNUM, 30)), "github": _j("gh", "p_", some(ALNUM, 36)),
        "github-fine": _j("github", "_pat_", some(ALNUM, 40)), "gitlab": _j("gl", "pat-", some(URLSAFE, 20)),
        "gitlab-deploy": _j("gl", "dt-", some(URLSAFE, 20)), "gitlab-runner": _j("gl", "rt-", some(URLSAFE, 20)),
        "google-key": _j("AI", "za", some(URLSAFE, 35)), "google-oauth": _j("ya", "29.", some(URLSAFE, 40)),
        "google-client": _j("GOC", "SPX-", some(URLSAFE, 28)), "google-refresh": _j("1/", "/0", some(URLSAFE, 40)),
        "databricks": _j("da", "pi", some(HEX, 32)), "databricks-oauth": _j("do", "se", some(HEX, 32)),
        "azure-secret": _j(some(ALNUM, 3), "8", "Q~", some(ALNUM + "._-", 34)), "stripe": _j("sk", "_live_", some(ALNUM, 24)),
        "stripe-webhook": _j("wh", "sec_", some(ALNUM, 32)), "twilio": _j("S", "K", some(HEX, 32)),
        "sendgrid": _j("S", "G.", some(URLSAFE, 22), ".", some(URLSAFE, 43)), "vault": _j("hv", "s.", some(ALNUM, 24)),
        "vault-batch": _j("hv", "b.", some(ALNUM, 40)), "vault-old": _j("s", ".", some(ALNUM, 24)),
        "terraform": _j(some(ALNUM, 14), ".atl", "asv1.", some(URLSAFE, 60)), "new-relic": _j("NR", "AK-", some(UPPER, 27).upper()),
        "npm": _j("np", "m_", some(ALNUM, 36)), "pypi": _j("py", "pi-", some(URLSAFE, 60)), "openai": _j("s", "k-", some(ALNUM, 40)),
        "anthropic": _j("s", "k-ant-api03-", some(URLSAFE, 60)), "mailgun": _j("ke", "y-", some(HEX, 32)),
        "mailchimp": _j(some(HEX, 32), "-us", "14"), "shopify": _j("shp", "at_", some(HEX, 32)), "square": _j("EA", "AA", some(URLSAFE, 60)),
        "linear": _j("lin", "_api_", some(ALNUM, 40)), "notion": _j("sec", "ret_", some(ALNUM, 43)), "notion-new": _j("nt", "n_", some(ALNUM, 46)),
        "atlassian": _j("ATA", "TT3", some(ALNUM, 60)), "docker": _j("dckr", "_pat_", some(URLSAFE, 27)),
        "prefect": _j("pn", "u_", some(ALNUM, 36)), "hugging-face": _j("h", "f_", some(ALNUM, 34)), "dbt": _j("db", "tc_", some(ALNUM, 40)),
        "dbt-user": _j("db", "tu_", some(ALNUM, 40)), "grafana": _j("gl", "sa_", some(ALNUM, 32), "_", some(HEX, 8)),
        "digitalocean": _j("do", "p_v1_", some(HEX, 64)), "postman": _j("PM", "AK-", some(HEX, 24), "-", some(HEX, 34)),
        "sentry": _j("sn", "trys_", some(ALNUM, 60)), "fernet": _j(some(URLSAFE, 43), "="),
        "jwt": _j("ey", "J", some(URLSAFE, 20), ".ey", "J", some(URLSAFE, 40), ".", some(URLSAFE, 43)),
        "discord": _j("M", some(ALNUM, 24), ".", some(ALNUM, 6), ".", some(URLSAFE, 38)), "telegram": _j(some("0123456789", 8).replace("a", "1"), ":A", "A", some(URLSAFE, 33)),
    }  # fmt: skip


NAMES = ["password", "db_password", "DB_PASSWORD", "dbPassword", "PGPASSWORD", "passwd", "secret", "client_secret", "clientSecret",
         "apiKey", "api_key", "X-Api-Key", "apiToken", "accessToken", "access_token", "refreshToken", "SecretAccessKey", "SessionToken",
         "aws_secret_access_key", "AWS_SESSION_TOKEN", "private_key", "SharedAccessKey", "AccountKey", "fernet_key",
         "AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__DATABASE__SQL_ALCHEMY_PASSWORD", "webserver.secret_key", "passphrase", "smtp_password",
         "SNOWFLAKE_PASSWORD", "spark.hadoop.fs.s3a.secret.key", "fs.azure.account.key.acct.dfs.core.windows.net", "auth_token",
         "signing_key", "encryptionKey", "vaultToken", "oauth_client_secret", "sshPassphrase", "ssl_key_password", "mysqlPwd"]  # fmt: skip
SHAPES = ["{n}={v}", "{n} = {v}", "{n}: {v}", "'{n}': '{v}'", '"{n}": "{v}"', '"{n}":"{v}"', "{n}='{v}'", '{n}="{v}"', "export {n}={v}",
          "--{n} {v}", "--{n}={v}", "('{n}', '{v}')", "['--{n}', '{v}']", '{{\\"{n}\\": \\"{v}\\"}}', "{n}=>'{v}'",
          "<property><name>{n}</name><value>{v}</value></property>", "{{'name': '{n}', 'value': '{v}', 'value_from': None}}",
          '{{"name": "{n}", "value": "{v}"}}', "- name: {n}\n  value: {v}", '{{"value": "{v}", "name": "{n}"}}', '{{"Key": "{n}", "Value": "{v}"}}',
          "https://api.example.com/x?{n}={v}&page=2", "ValueError: bad config: {n}={v}, retries=3", "\\'{n}\\': \\'{v}\\'"]  # fmt: skip


def named() -> Iterator[tuple[str, str]]:
    """Every name in a few shapes, and every shape with a few names."""
    for place, name in enumerate(NAMES):
        for step in range(6):
            shape = SHAPES[(place * 5 + step * 4) % len(SHAPES)]
            value = secret()
            yield shape.format(n=name, v=value), value


def families() -> Iterator[tuple[str, str]]:
    """Each family's bare token, in texts that do not name it."""
    texts = [
        "request with {v} was refused",
        "GET /x?page=1&z={v}",
        "{v}",
        "got '{v}' instead",
        '["{v}", 3]',
        "curl -H 'X: {v}' https://h/",
    ]
    for place, token in enumerate(tokens().values()):
        for step in range(2):
            yield texts[(place + step * 3) % len(texts)].format(v=token), token


def airflow() -> Iterator[tuple[str, str]]:
    """What people's stacks print when a task fails."""
    v = [secret() for _ in range(80)]
    b64 = [some(ALNUM + "+/", 64) for _ in range(12)]
    begin, end = _j("-----BEGIN ", "RSA PRIV", "ATE KEY-----"), _j("-----END ", "RSA PRIV", "ATE KEY-----")
    key = "\n".join([begin, *b64, end])
    texts = [
        (f"psycopg.OperationalError: connection failed: postgresql://etl:{v[0]}@db.internal:5432/dw", v[0]),
        (f"redis://:{v[1]}@cache:6379/0", v[1]), (f"amqp://guest:{v[2]}@rabbit//", v[2]), (f"mongodb+srv://app:{v[3]}@c0.mongodb.net/x", v[3]),
        (f"snowflake://etl:p@{v[4]}@account/db", v[4]), (f"https://{v[5]}:x-oauth-basic@github.com/org/repo.git", v[5]),
        (f"https://oauth2:{v[6]}@gitlab.com/x.git", v[6]), (f"https://{v[7]}@github.com/org/repo", v[7]),
        (f"jdbc:oracle:thin:scott/{v[8]}@db:1521/x", v[8]), (f"Server=db;Database=x;Uid=sa;Pwd={v[9]};Encrypt=yes", v[9]),
        (f"Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey={v[10]}=;EntityPath=q", v[10]),
        (f"DefaultEndpointsProtocol=https;AccountName=x;AccountKey={v[11]}==;EndpointSuffix=core.windows.net", v[11]),
        (f"mysql -h db -u etl -p{v[12]} -e 'select 1'", v[12]), (f"Command '['mysql', '-u', 'etl', '-p{v[13]}']' returned non-zero", v[13]),
        (f"curl -u etl:{v[14]} https://api.example.com", v[14]), (f"curl --user 'etl:{v[15]}' https://x", v[15]),
        (f"sshpass -p {v[16]} ssh host", v[16]), (f"sshpass -p '{v[17]}' scp a b", v[17]), (f"docker login -u bot -p {v[18]} registry.example.com", v[18]),
        (f"redis-cli -h cache -a {v[19]} ping", v[19]), (f"PGPASSWORD={v[20]} psql -h db", v[20]), (f"az login --service-principal -u x -p {v[21]} --tenant y", v[21]),
        (f"https://hooks.slack.com/services/T0{v[22][:8].upper()}/B0ABCDEFG/{v[22]}{v[23]}", v[22] + v[23]),
        (f"https://acme.webhook.office.com/webhookb2/{v[24]}@{v[25]}/IncomingWebhook/{v[26]}/x", v[26]),
        (f"POST https://discord.com/api/webhooks/123456789012345678/{v[27]}{v[28]}", v[27] + v[28]),
        (f"https://api.telegram.org/bot12345678:AA{v[29]}{v[30]}abcdef/sendMessage", v[29] + v[30]),
        (f"https://hc-ping.com/{v[31][:8]}-1111-4222-8333-{v[31][:12]}", v[31][:12]),
        (f"https://events.pagerduty.com/integration/{v[32]}{v[33]}/enqueue", v[32] + v[33]),
        (f"ALTER USER etl WITH PASSWORD '{v[34]}'", v[34]), (f"CREATE USER 'etl'@'%' IDENTIFIED BY '{v[35]}'", v[35]),
        (f"[SQL: INSERT INTO users (name, password) VALUES (%s, %s)]\n[parameters: ('etl', '{v[36]}')]", v[36]),
        (f"INSERT INTO conn (conn_id, host, password) VALUES ('a', 'h', '{v[37]}'), ('b', 'h', 'x')", v[37]),
        (f"[SQL: UPDATE c SET api_key=%(api_key)s]\n[parameters: {{'api_key': '{v[38]}', 'id': 3}}]", v[38]),
        (f"1 validation error for Settings\npassword\n  String should have at least 20 characters [type=string_too_short, input_value='{v[39]}', input_type=str]", v[39]),
        (f"db.api_token\n  Input should be a valid integer [type=int_parsing, input_value='{v[40]}', input_type=str]", v[40]),
        (f"Authorization: Bearer {v[41]}", v[41]), (f"'Authorization': 'Bearer {v[42]}'", v[42]), (f"Authorization: Basic {v[43]}==", v[43]),
        (f"Authorization: ApiKey {v[44]}", v[44]), (f"Authorization: Bot {v[45]}", v[45]), (f"(b'authorization', b'Token {v[46]}')", v[46]),
        (f"Authorization: AWS4-HMAC-SHA256 Credential=X/20261126/eu/s3/aws4_request, SignedHeaders=host, Signature={v[47]}{v[48]}", v[47] + v[48]),
        (f"Cookie: a=b; session={v[49]}; csrf=x", v[49]), (f"Set-Cookie: sid={v[50]}; Path=/; HttpOnly", v[50]), (f"headers={{'Cookie': 'x=1; airflow={v[51]}'}}", v[51]),
        (f"Bearer {some(string.ascii_lowercase, 30)[:-2]}xy", "xy"), (f"https://b.s3.amazonaws.com/k?X-Amz-Credential=AK&X-Amz-Signature={v[52]}{v[53]}", v[52] + v[53]),
        (f"https://acct.blob.core.windows.net/c/b?sv=2024&sig={v[54]}%3D&se=2026", v[54]), (f"https://maps.example.com/api?key={v[55]}&q=x", v[55]),
        (f"ftplib: *cmd* 'PASS {v[56]}'", v[56]), (f"credentials = ('etl', '{v[57]}')", v[57]), (f"auth=('etl', '{v[58]}')", v[58]),
        (f"password=pa'ss{v[59]}", v[59]), (f'"password": "pa\'ss {v[60]}"', v[60]), (f"'password': 'two words {v[61]}'", v[61]), (f"password is {v[62]}", v[62]),
        (f"kwargs={{'conn': {{'login': 'etl', 'password': '{v[63]}', 'extra': '{{}}'}}}}", v[63]),
        (json.dumps({"extra": json.dumps({"private_key_content": v[64], "region": "eu"})}), v[64]), (f"V1EnvVar(name='DB_PASSWORD', value='{v[65]}')", v[65]),
        (f"env:\n    - name: API_TOKEN\n      value: \"{v[66]}\"\n", v[66]), (f"{{'name': 'DB_PASSWORD',\n 'value': '{v[67]}',\n 'value_from': None}}", v[67]),
        (f"paramiko: password {v[68]!r} was refused", v[68]), (f"<password>{v[69]}</password>", v[69]), (f"WINDSOCK_SLACK__SIGNING_SECRET={v[70]}", v[70]),
        (f"token: {v[71]}", v[71]), (f"sqlcmd -S host -U sa -P {v[72]} -Q 'x'", v[72]), (f"openssl rsa -passin pass:{v[73]} -in k", v[73]),
        (f"http://u:{v[74]}@proxy:3128 refused", v[74]), (f"conn = Connection(login='a', password='{v[75]}', port=5)", v[75]),
        (f"DATABASE_URL=postgres://u:{v[76]}@h/db?sslmode=require", v[76]), (f"routing_key={some(HEX, 32)}", "a7"), (f"db_pass={v[77]}", v[77]),
        (f"failed: {key}", b64[3]), (key.replace("\n", "\\n"), b64[5]), (key[: len(key) // 2], b64[1]), (key[len(key) // 2 :], b64[-1]), ("\n".join(b64[4:]) + "\n" + end, b64[6]),
        (json.dumps({"type": "service_account", "private_key": key, "client_email": "a@b"}), b64[7]),
    ]  # fmt: skip
    yield from texts


def masked() -> list[tuple[str, str]]:
    """All texts with the secret that must not be there afterwards."""
    return [*named(), *families(), *airflow(), *notations.masked()]


PLAIN = """PASS=2 WARN=1 ERROR=0 SKIP=0 TOTAL=3
Done. PASS=12 WARN=0 ERROR=1 SKIP=4 TOTAL=17
1 of 5 PASS not_null_orders_id ................ [PASS in 0.05s]
mismatched input 'x' expecting token: FROM
Syntax error at or near token: SELECT
unexpected token: FROM near line 3
Unexpected token < in JSON at position 0
Unexpected token '}' at line 4
Error tokenizing data. C error: Expected 3 fields in line 7, saw 4
password authentication failed for user "etl"
FATAL: password authentication failed for user "airflow"
fe_sendauth: no password supplied
The user's password has expired
password expired
Your password: expired on 2026-11-01
KeyError: 'api_key'
KeyError: 'password'
KeyError: "token"
KeyError: 'AWS_SECRET_ACCESS_KEY'
Variable password does not exist
Variable db_password does not exist
The conn_id `secret_store` isn't defined
secret_key is required
password: field required
password\n  Field required [type=missing, input_value={'user': 'etl'}, input_type=dict]
api_key must be set either by passing it to the client or by the environment variable
Missing credentials in config
botocore.exceptions.NoCredentialsError: Unable to locate credentials
google.auth.exceptions.DefaultCredentialsError: Your default credentials were not found
token_count=512
max_tokens=4096, prompt_tokens=12
{"usage": {"prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 19}}
primary_key=42
foreign key (customer_id) references customers
partition_key=customer
sort_key: created_at
cache_key = orders:2026-11-21
duplicate key value violates unique constraint "orders_pkey"
DETAIL: Key (order_id)=(4711) already exists.
Duplicate entry '4711' for key 'orders.PRIMARY'
dict keys: ['a', 'b', 'c']
s3_key=raw/orders/2026/11/21/part-0001.parquet
bucket_key='s3://lake/orders/2026-11-21/_SUCCESS'
An error occurred (NoSuchKey) when calling the GetObject operation: The specified key does not exist.
author=ana
authority: https://login.microsoftonline.com/common
auth_type=oauth2
auth_backends = airflow.providers.fab.auth_manager.api.auth.backend.basic_auth
passed=3 failed=1
2 passed, 1 failed in 0.4s
bypass the check with --force
compass heading 42
passenger_id=4711
pass_rate: 0.992
password_policy: strict
password_file=/run/secrets/db
secret_name=prod/db
SecretId: prod/db/password
secretKeyRef: {name: db, key: password}
token_url=https://login.example.com/oauth/token
token expired
Token has expired: log in again
The security token included in the request is expired
token_type=bearer
expires_in=3600
WWW-Authenticate: Bearer realm="api", error="invalid_token"
Bearer authentication is required
basic auth is not configured
cookie policy changed
no cookies were set
session_id is missing
could not connect to server: Connection refused, host: 10.0.7.21, port 5432
http://airflow.example.com:8080/dags/sales/grid
postgresql://db.internal:5432/dw
postgresql://etl@db.internal/dw
ssh://git@github.com/org/repo.git
https://github.com/org/repo/commit/3f1c6a65735b9a27f2a84da90bf0f5db12345678
s3://lake/raw/orders/dt=2026-11-21/part-0001.parquet
gs://bucket/path/to/object.csv
run scheduled__2026-11-22T05:00:00+00:00 failed
manual__2026-11-22T05:00:00.123456+00:00
dag_id=sales_daily task_id=load map_index=-1 try_number=3
image: registry.example.com/etl@sha256:3f1c6a65735b9a27f2a84da90bf0f5db3f1c6a65735b9a27f2a84da90bf0f5db
commit 3f1c6a65735b9a27f2a84da90bf0f5db12345678
pod sales-daily-load-3f1c6a65 was OOMKilled
request id 8f14e45f-ceea-467f-a0e6-d1a1b2c3d4e5
job 0123456789abcdef failed
column "token_id" does not exist
relation "secrets" does not exist
table api_keys not found
select count(*) from access_tokens
SELECT key, value FROM settings WHERE name = 'x'
INSERT INTO orders (id, customer, amount) VALUES (1, 'Acme', 42)
ALTER TABLE users ADD COLUMN password_hash text
unique_key='order_id'
incremental model with unique_key=order_id
encryption: none
SSL: CERTIFICATE_VERIFY_FAILED certificate verify failed: self-signed certificate
tls: private key does not match public key
ssh: no key to authenticate with
Permission denied (publickey).
Host key verification failed.
AirflowException: The webserver's secret_key differs between replicas
Could not find a secrets backend
[secrets] backend = airflow.providers.hashicorp.secrets.vault.VaultBackend
trigger_rule=all_done
XCom key: return_value
key=return_value
xcom_push(key='rows', value=4711)
sorted(data, key=lambda row: row.id)
group by key
the keystone service
monkey patched
turkey
keyboard interrupt
KeyboardInterrupt
max_passes=3
passing arguments
tokenizer=bert-base-uncased
credential_process failed
credentials_provider: default
user 'etl' has no credentials
client_id=abc-def
username=etl
login=etl
owner=data-eng
email: ops@example.com
2026-11-22T05:00:41.120Z ERROR load failed after 3 tries
  File "/opt/airflow/dags/sales.py", line 30, in load
Traceback (most recent call last):
ValueError: row 4711: amount is not a number
row 17: ('Acme', 'Berlin', 42)
[parameters: ('Acme', 42)]
[SQL: SELECT * FROM orders WHERE id = %s]\n[parameters: ('4711',)]
asset uri s3://lake/orders
mypy error: Incompatible types in assignment
https://docs.python.org/3/library/secrets.html
https://airflow.apache.org/docs/stable/security/secrets/index.html
docker pull registry.example.com/etl:1.4.2
kubectl logs sales-daily-load-abc -n airflow
psql -h db -p 5432 -U etl
ssh -p 2222 host
mkdir -p /data/out
cp -p a b
curl https://api.example.com/v1/orders
curl -X POST https://api.example.com/v1/orders -d '{"id": 1}'
mysql -h db -P 3306
version 1.2.3-rc.4
sha256-abc
0x7f0162e52f90
<airflow.models.connection.Connection object at 0x7f0162e52f90>
host=db.internal port=5432 dbname=dw user=etl
pool default_pool has 128 slots
queue=default priority_weight=1
Missing required environment variable: API_TOKEN
environment variable DB_PASSWORD is not set
please set DB_PASSWORD
DB_PASSWORD=${DB_PASSWORD}
password: {{ var.value.db_password }}
password=***
password: <redacted>
token=None
secret: null
api_key: ''
password=""
enable_password_reset=true
the token was revoked
invalid token
bad credentials
wrong password
403 Forbidden: token lacks scope repo
refresh token flow is not supported
passwords do not match
two-factor authentication is required
secret santa
key figures: 4711 rows
The key is not in the map
public_key=ssh-ed25519
ssh-ed25519 fingerprint SHA256
certificate has expired
signature mismatch
function signature: load(rows: list[int]) -> None
TypeError: load() missing 1 required positional argument: 'token'
TypeError: connect() got an unexpected keyword argument 'password'
AttributeError: 'NoneType' object has no attribute 'token'
AttributeError: module 'secrets' has no attribute 'token'
NameError: name 'api_key' is not defined
ModuleNotFoundError: No module named 'jwt'
ImportError: cannot import name 'tokens' from 'app'""".splitlines()


def plain() -> list[str]:
    """All texts that must stay as they are."""
    lines = PLAIN + notations.PLAIN
    wrapped = [f"AirflowException: {line}" for line in lines[::2]] + [repr({"message": line}) for line in lines[1::4]]
    return [line.replace("\\n", "\n") for line in lines] + wrapped
