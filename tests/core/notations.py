"""More texts with a secret in them, by the notation that binds its name and it, and texts without one in the same notations.
Every secret is made at run time."""

from __future__ import annotations

import base64
import json
import pprint
import random
import string
from collections.abc import Iterator

Case = tuple[str, str]
_RANDOM = random.Random(11)


def strong() -> str:
    """A secret as a generator makes it, always with a letter and a digit in it."""
    return "".join(_RANDOM.choice(string.ascii_letters + string.digits) for _ in range(16)) + "k3"


def weak() -> str:
    """A secret as people choose it."""
    return "hunter" + str(_RANDOM.randrange(2, 99))


def _filled(texts: list[str], *makers: object) -> Iterator[Case]:
    """Each text with a secret of each maker in the place of `@@`."""
    for text in texts:
        for make in makers or (strong, weak):
            value = make() if callable(make) else str(make)
            yield text.replace("@@", value), value


def triples() -> Iterator[Case]:
    """A name and its value as two fields of one object, with other fields in between."""
    yield from _filled([
        "{'name': 'DB_PASSWORD', 'value_from': {'a': {'b': None}}, 'value': '@@'}",
        '- name: DB_PASSWORD\n  # a remark\n  value: "@@"', '<entry key="db.password">@@</entry>',
        '{"name":"DB_PASSWORD","type":"PLAINTEXT","value":"@@"}',
        '{"Name": "/prod/db/password", "Type": "SecureString", "Value": "@@"}',
        '{"ParameterKey": "DBPassword", "ParameterValue": "@@"}', "ParameterKey=DBPassword,ParameterValue=@@",
        '{"ParameterKey": "DBPassword", "UsePreviousValue": false, "ParameterValue": "@@"}',
        "{'name': 'DB_PASSWORD', 'value_from': None, 'value': '@@'}",
        "{'name': 'DB_PASSWORD',\n 'value_from': None,\n 'value': '@@'}", "- value: @@\n  name: DB_PASSWORD",
        "env:\n- value: 5432\n  name: DB_PORT\n- value: @@\n  name: DB_PASSWORD\n- value: dw\n  name: DB_NAME",
        "- name: DB_PASSWORD\n  type: env\n  value: @@", "- value: '@@'\n  type: env\n  name: DB_PASSWORD",
        "- name: DB_PASSWORD\n  description: of the database\n  value: @@\n- name: REGION\n  value: eu",
        '{"value": "@@", "type": "x", "name": "DB_PASSWORD"}', '{\n  "value": "@@",\n  "secure": true,\n  "key": "api_key"\n}',
        '{\\"name\\": \\"DB_PASSWORD\\", \\"type\\": \\"x\\", \\"value\\": \\"@@\\"}',
        '{"key": "api_token", "value": {"stringValue": "@@"}}', '<add key="DbPassword" value="@@"/>',
        '<entry value="@@" key="db.password"/>', 'name = "db_password"\nsensitive = true\nvalue = "@@"',
        "aws ssm put-parameter --name /prod/db/password --type SecureString --value @@",
        "{'key': 'x-api-key', 'enabled': True, 'value': '@@'}", "V1EnvVar(name='DB_PASSWORD', value_from=None, value='@@')",
        '{"variable": "API_KEY", "tags": ["a", "b"], "value": "@@"}', '{"header": "X-Api-Key", "value": "@@"}',
        "Key=DB_PASSWORD,Type=x,Value=@@", '{"field": "password", "value": "@@"}',
    ])  # fmt: skip


def containers() -> Iterator[Case]:
    """Lists and objects behind a secret's name."""
    yield from _filled([
        '{"api_keys":["@@"]}', '{"api_key": ["@@"]}', "{'api_keys': ['a1', '@@']}", '{"api_tokens":["@@", "x"]}',
        '{"fernet_keys":"@@"}', "fernet_keys = @@", '{"passwords":{"prod":"@@"}}', '{"password":{"value":"@@"}}',
        "{'password': {'value': '@@', 'version': 3}}", "{'passwords': {'prod': {'eu': '@@'}, 'dev': 'x'}}",
        '{\n  "passwords": {\n    "prod": "@@"\n  }\n}', '{"access_tokens": [["a", "@@"]]}',
        '{"secret_keys": [{"current": "@@"}]}', "{'api_keys': {'a': ['@@', 'b']}}", '{\\"api_keys\\": [\\"@@\\"]}',
        '{"passwords": ["x", "@@"]}', '{"password": {"stringValue": "@@"}}', "{'api_tokens': ('@@',)}",
        "{'passwords': [b'@@']}", "{'passwords': {'@@'}}", "passwords=[@@, x9]",
        '{"client_secret": {"type": "plain", "data": "@@"}}', "{'db_password': {'default': None, 'value': '@@'}}",
    ])  # fmt: skip
    yield from _filled(
        ['{"tokens":["@@"]}', "{'tokens': {'github': '@@'}}", "tokens = ['@@', '@@']", '{"secrets": {"db": "@@"}}'],
        strong,
    )


def two_lines() -> Iterator[Case]:
    """An argument and its value as two items of a list."""
    yield from _filled([
        "- --password\n  - @@", "args:\n- --user\n- etl\n- --password\n- @@\n", 'args:\n  - "--password"\n  - "@@"',
        '[\n  "--password",\n  "@@"\n]', "['--password',\n '@@']", "['--password', b'@@']", "('x-api-key', b'@@')",
        "(b'x-api-key', b'@@')", "[b'--password', b'@@']", '[\n  [\n    "x-api-key",\n    "@@"\n  ]\n]',
        "['run', '--api-key',\n '@@',\n '--verbose']", '"--password",\\n  "@@"', "--password \\\n  @@",
        '[\\"--password\\", \\"@@\\"]', "('x-api-key',\n '@@')", "--password\n@@\n",
    ])  # fmt: skip
    yield from _filled(["{'args': ['a', 'b', '--token', '@@']}"], strong)


def short_names() -> Iterator[Case]:
    """`pat` and `sas` as the whole name."""
    yield from _filled([
        '{"pat":"@@"}', "{'pat': '@@'}", "pat: @@", "pat=@@", "pat = @@", "--pat @@", '{"sas":"@@"}', "sas: @@", "sas=@@",
        "sas = '@@'", '{\\"pat\\": \\"@@\\"}', "PAT=@@", "--sas @@", "pat='@@'", '{"PAT": "@@"}', '"sas" : "@@"',
        "?sas=@@&x=1",
    ], strong)  # fmt: skip


def addresses() -> Iterator[Case]:
    """Passwords in addresses with signs in them that usually end one."""
    yield from _filled([
        "postgres://u:'@@'@h/db", "postgres://u:2024/@@@h/db",
        "could not connect to postgresql://etl:1/@@@db.internal:5432/dw", "redis://:12345#@@@cache:6379/0",
        "mysql://u:99?@@@h/db", 'postgres://u:p"@@@h/db', "postgres://u:p<@@@h/db", "postgres://u:p'@@@h/db",
        "postgres://u:p/@@@h/db", "postgres://u:p#@@@h/db", "postgres://u:p?@@@h/db", '"amqp://u:p<@@@h/db"',
        "{'url': 'mysql://u:1,@@@h:3306/db'}", "postgres://u:2024)@@@h/db", "https://u:20;@@@proxy:3128",
        "postgres://u:2024]@@@h/db, retry", "postgres://u:p>@@@h/db", "postgres://u:@@'x@h/db",
        "mongodb://u:2024/@@@h1:27017,h2:27017/db?replicaSet=x", "('postgres://u:7;@@@h/db',)",
    ])  # fmt: skip


def headers() -> Iterator[Case]:
    """Headers of http.client's debug lines, and those with parameters."""
    yield from _filled([
        "send: b'GET / HTTP/1.1\\r\\nHost: x\\r\\nAuthorization: Token @@\\r\\nAccept: */*\\r\\n'",
        "Authorization: Token @@\\r\\n", "\\r\\nAuthorization: Basic @@\\r\\nX: y",
        "send: b'GET / HTTP/1.1\\r\\nHost: x\\r\\nX-Api-Key: @@\\r\\n\\r\\n'", "b'GET /\\r\\nauthorization: Bot @@\\r\\n'",
        "'\\nProxy-Authorization: Basic @@\\n'", "\\r\\nCookie: a=b; s=@@\\r\\n",
        'send: b"POST / HTTP/1.1\\r\\nAuthorization: @@\\r\\n"', "header: Authorization: Token @@",
        "\\nset-cookie: sid=@@; Path=/\\n", "\\r\\nPassword: @@\\r\\n", "\\r\\nX-Auth-Token: @@\\r\\n",
        "'\\r\\nAuthorization: Bearer @@\\r\\n'", "\\\\r\\\\nAuthorization: Token @@\\\\r\\\\n",
    ])  # fmt: skip


def digests() -> Iterator[Case]:
    yield from _filled([
        'Authorization: Digest username="u", realm="r", nonce="n1", uri="/", response="@@"',
        'Authorization: Digest username="u", response="@@", nonce="n"',
        "{'Authorization': 'Digest username=\"u\", nonce=\"@@\", response=\"r\"'}",
        '{"Authorization": "Digest username=\\"u\\", response=\\"@@\\""}', 'Authorization: Digest username="@@", response="r"',
        "Authorization: Digest username=u, response=@@, nc=00000001",
        'authorization: OAuth oauth_consumer_key="k", oauth_signature="@@"',
        'Authorization: Digest username="u",\n    response="@@"',
        "(b'Authorization', b'Digest username=\"u\", response=\"@@\"')",
        'Proxy-Authorization: Digest username="u", cnonce="@@"',
        '\\r\\nAuthorization: Digest username="u", response="@@"\\r\\n',
        "\"Authorization: Digest username='u', response='@@'\"",
    ])  # fmt: skip


def command_lines() -> Iterator[Case]:
    """What programs take as an argument."""
    yield from _filled([
        '["curl","-u","admin:@@"]', 'curl -u \\\\\\n  admin:@@ https://h', '-password @@',
        'bash -c "curl -u admin:@@ https://h"',
        "subprocess.CalledProcessError: Command '['lftp', '-u', 'u,@@', 'host']' returned 1", "curl -uadmin:@@ https://h/",
        "curl -sSfu admin:@@ https://h/", "curl -sS \\\n  -u admin:@@ \\\n  https://h/", "curl -b 'session=@@' https://h/",
        "curl https://h/ -b session=@@", "curl --cookie 'sid=@@' https://h/", "curl --cert c.pem:@@ https://h/",
        "curl -E c.pem:@@ https://h/", "['curl', '-u', 'admin:@@']", "['curl', '-uadmin:@@', 'https://h/']",
        "lftp -u u,@@ host", "lftp -e 'ls' -u 'u,@@' host", "smbclient //h/s -U u%@@", "smbclient -U 'DOM\\u%@@' //h/s",
        "rpcclient --user=u%@@ h", "airflow users create --username a --role Admin -p @@", "vault login @@",
        "vault login -method=token @@", "mysql -p@@", "mysqldump -uroot -p@@ db", "redis-cli -a @@",
        "redis-cli -h h -a@@ ping", "sshpass -p @@ ssh h", "sshpass -p@@ ssh h", "openssl rsa -passin pass:@@",
        "openssl pkcs12 -passout 'pass:@@'", "openssl enc -aes-256-cbc -k @@ -in f", "docker login -p @@ r.example.com",
        "psql postgresql://u:@@@h/db", "psql 'host=h user=u password=@@'", "http -a u:@@ https://h/", "https --auth u:@@ h",
        "wget --password=@@ https://h/", "wget --http-password @@ https://h/", "az login -u u -p @@",
        "az login --service-principal -u a -p '@@' --tenant t", "oc login -u u -p @@ https://h", "oc login --token=@@",
        "cf login -u u -p @@", "kinit -w @@", "ldapsearch -x -D cn=a -w @@ -b dc=x", "sqlcmd -S h -U sa -P@@",
        "bcp t out f -U sa -P @@", "zip -P @@ a.zip b", "unzip -P @@ a.zip", "7z x -p@@ a.7z", "htpasswd -b f u @@",
        "htpasswd -bc f u @@", "echo @@ | passwd --stdin u", "echo u:@@ | chpasswd", "snowsql -a x --password @@",
        "mongosh -u u -p @@", "mongodump --password=@@", "gpg --batch --passphrase @@ -d f", "xfreerdp /u:u /p:@@ /v:h",
        "net use Z: \\\\h\\s /user:u @@", "ansible-playbook x.yml -e db_password=@@", "ansible -e 'ansible_password=@@'",
        "svn co --username u --password @@ url", "keytool -storepass @@ -list", "helm install x --set db.password=@@",
        "beeline -u jdbc:hive2://h -n u -p @@", "rclone obscure @@", "mosquitto_pub -u u -P @@ -t x", "ftp -u ftp://u:@@@h/f",
        "ipmitool -U u -P @@ power status", "twine upload -u u -p @@ dist/*", "cqlsh -u u -p @@ h",
        "clickhouse-client --password @@", "pg_dump 'postgresql://u:@@@h/db'",
        "kubectl create secret generic x --from-literal=password=@@",
        "kubectl create secret generic x --from-literal=dbpass=@@", "kubectl config set-credentials u --token=@@",
        "git clone https://u:@@@h/r.git", "npm config set //r/:_authToken @@", "aws configure set aws_secret_access_key @@",
        "gh auth login --with-token @@", "snmpget -v3 -A @@ -X x h", "snmpwalk -v2c -c @@ h",
        "sqoop import --connect jdbc:mysql://h/d --username u --password @@", "impdp scott/@@@db", "expdp system/@@ full=y",
        "sqlplus -s u/@@@h", "rabbitmqctl add_user u @@", "rabbitmqctl change_password u @@",
        "hdfs dfs -Dfs.s3a.secret.key=@@ -ls s3a://b", "az storage blob list --account-key @@",
        "az storage blob list --sas-token '@@'", "azcopy copy a 'https://x.blob.core.windows.net/c?sv=1&sig=@@'",
    ])  # fmt: skip


def signs() -> Iterator[Case]:
    """Values with signs in them that usually end one, and other signs between a name and its value."""
    yield from _filled([
        '|db_password|@@|', 'host\tuser\tpassword\nh\tu\t@@', "'password': ('ab'\n             '@@')",
        "{'password': 'ab'\n             '@@'}", "\x1b[32mpassword\x1b[0m=\x1b[35m@@\x1b[0m", "password\x1b[0m: @@",
        "\x1b[1mpassword\x1b[0m\x1b[32m=\x1b[0m@@", "| password | @@ |", "| password         | @@       |", "password\\x3d@@",
        "password\\u003d@@", "api_key\\u003d@@\\u0026x=1", "user,password\nbob,@@", "id,api_key,region\n1,@@,eu\n2,x,us",
        "user;password\nbob;@@\n", "user\tpassword\nbob\t@@", '"user","password"\n"bob","@@"',
        "| user | password |\n|------|----------|\n| bob  | @@ |", " user | password \n------+----------\n bob  | @@\n(1 row)",
        "│ password │ @@ │", "password=x,@@", "password=x;@@", "DB_PASSWORD=x&@@", "PGPASSWORD=x|@@", "PGPASSWORD=x)@@",
        "PGPASSWORD=x]@@", "PGPASSWORD=x}@@", "PGPASSWORD=x<@@", "PGPASSWORD=x>@@", 'PGPASSWORD=x"@@', '{"password": "${@@"}',
        '{"password": "$(@@"}', '{"password": "%(@@"}', '{"password": "env.@@"}', "{'password': '{{@@'}",
        "| api_key  | 3 | \n| password | @@ |", "password&#61;@@", '"password"\\u003a"@@"', "password\x1b[36m=@@",
    ])  # fmt: skip


def blocks() -> Iterator[Case]:
    """Values of YAML and TOML that stand on lines of their own or behind a tag."""
    yield from _filled([
        "password: |\n  @@", "password: >-\n  @@\nuser: x", "password: |-\n    @@\n", "db:\n  password: >\n    @@\n  host: h",
        "password: !!str @@", "password: &a @@", "password: &a '@@'", "password: !vault |\n  @@\n", "passwords:\n  - @@",
        "passwords:\n- x\n- @@\nuser: x", "api_keys:\n  - '@@'\n", "passwords:\n  prod: @@\n",
        "passwords:\n  prod:\n    eu: @@\nuser: x", 'password = """\n@@\n"""', "password = '''\n@@'''",
        "kind: Secret\nmetadata:\n  name: x\nstringData:\n  url: @@",
        "apiVersion: v1\nkind: Secret\ndata:\n  db: @@\ntype: Opaque",
        "apiVersion: v1\ndata:\n  db: @@\n  x: eA==\nkind: Secret\n", 'password: |2-\n  @@',
        '{"kind": "Secret", "data": {"db": "@@"}}', '{"apiVersion": "v1", "stringData": {"db": "@@"}, "kind": "Secret"}',
        "password: !!binary |\n  @@", "password: !Sub '@@'", "kind: Secret\nstringData:\n  cfg: |\n    x: @@\n",
        "password: |\n  first\n  @@\nuser: x",
    ])  # fmt: skip


def private_keys() -> Iterator[Case]:
    """Private keys whose lines are not alone on theirs."""

    def lines() -> tuple[list[str], str]:
        body = [
            "".join(_RANDOM.choice(string.ascii_letters + string.digits + "+/") for _ in range(64)) for _ in range(8)
        ]
        kind = _RANDOM.choice(["RSA ", "", "EC ", "OPENSSH "]) + "PRIV" + "ATE KEY"
        return [f"-----BEGIN {kind}-----", *body, f"-----END {kind}-----"], body[_RANDOM.randrange(1, 7)]

    prefixes = [
        "[2026-11-22, 10:00:00 UTC] {subprocess.py:93} INFO - ",
        "  | ",
        "> ",
        "2026-11-22T10:00:00Z ",
        "2026-11-22 10:00:00,123 - x - ERROR - ",
        "[base] ",
        "E   ",
        "+ ",
        "    ",
        "# ",
    ]
    for prefix in prefixes:
        for cut in (slice(None), slice(0, 6), slice(4, None)):
            key, inside = lines()
            if inside in key[cut]:
                yield "\n".join(prefix + line for line in key[cut]), inside
    for write in (
        repr,
        json.dumps,
        pprint.pformat,
        lambda key: json.dumps(key, indent=2),
        "\\u000a".join,
        "\\n".join,
        "\\r\\n".join,
        "\\\\n".join,
        " ".join,
        ",".join,
        "&#10;".join,
        "%0A".join,
        "\r\n".join,
    ):
        key, inside = lines()
        yield str(write(key)), inside
    for cut in (slice(None), slice(0, 400), slice(152, None)):
        key, _ = lines()
        encoded = base64.b64encode("\n".join(key).encode()).decode()[cut]
        yield f"data: {encoded}", encoded[200:230]


def masked() -> Iterator[Case]:
    """All of them, the same at every call."""
    _RANDOM.seed(11)
    for kind in (
        triples,
        containers,
        two_lines,
        short_names,
        addresses,
        headers,
        digests,
        command_lines,
        signs,
        blocks,
        private_keys,
    ):
        yield from kind()


PLAIN = r"""{"password": ["This field is required."]}
{"password": {"type": "string", "minLength": 8}}
{"password": {"message": "is too short", "code": "min_length"}}
{"name": "password", "type": "string", "required": true}
{"name": "tokens", "type": "integer", "value": 512}
{"tokens": 512}
{"tokens": [101, 2023, 2003, 102]}
{"tokens": ["the", "quick", "fox"]}
{"usage": {"tokens": {"prompt": 1532, "completion": 12}}}
tokens: 1532
total tokens: 1532, api_keys: 3
tokens=4096 tokens_per_second=12.4
api_keys: 3 found
table api_keys has 3 rows
Missing secrets: ['DB_PASSWORD', 'API_TOKEN']
{"secrets": {"backend": "airflow.providers.hashicorp.secrets.vault.VaultBackend", "ttl": 30}}
{"secretKeyRef": {"name": "db-creds", "key": "password"}}
{"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}
{'name': 'DB_PASSWORD', 'value': None, 'value_from': {'secret_key_ref': {'key': 'password', 'name': 'db'}}}
- name: DB_PASSWORD\n  valueFrom:\n    secretKeyRef:\n      name: db\n      key: password
- name: REGION\n  value: eu-central-1\n- name: DB_PASSWORD
{"key": "region", "value": "eu-central-1"}
{"name": "rows", "type": "int", "value": 4711}
user: pat
pat: the postman
pat: sick, back on Monday
hi pat, the load failed
sas: connected
sas library not found
{"pat": "joe"}
{"sas": "9.4"}
pattern: a-z
path: /data/sas/orders.sas7bdat
args: ['--user', 'etl', '--verbose']
- --user\n  - etl\n- --verbose
usage: load [--password PASSWORD] [--token TOKEN]
required fields: name, type, value
{"keys": ["order_id", "customer_id"]}
primary_keys: ['order_id', 'line_no']
user_keys=['order_id', 'customer']
{"columns": [{"name": "password", "type": "varchar(64)", "nullable": true}]}
Column(name='api_key', type='string', comment='of the customer')
{"loc": ["body", "password"], "msg": "field required", "type": "value_error.missing"}
[{'type': 'missing', 'loc': ('password',), 'msg': 'Field required', 'input': {'user': 'etl'}}]
credentials = ()
passwords: []
key: order_id, value: 4711
Key: value
http://airflow:8080/users/pat@example.com
sftp://host:22/in/report@2026.csv
postgresql://db:5432/dw?options=a@b
docker://registry:5000/etl@sha256:3f1c6a65735b9a27f2a84da90bf0f5db
http://h:8080,ops@example.com,3
redis://h:6379,redis://h2:6379/0
{"url":"http://h:8080","mail":"ops@example.com"}
{"url":"redis://h:6379/0","mail":"ops@example.com"}
<a href="http://h:8080/x">ops@example.com</a>
could not reach http://h:8080 (mail ops@example.com)
hdfs://nn:8020/user/etl@REALM/part
mongodb://h1:27017,h2:27017/db?replicaSet=x
WWW-Authenticate: Digest realm="api", nonce="dcd98b7102dd2f0e", qop="auth"
send: b'GET /health HTTP/1.1\\r\\nHost: h\\r\\nAccept: */*\\r\\n\\r\\n'
Authorization header is missing
the cookie jar is empty
reply: 'HTTP/1.1 401 Unauthorized\\r\\n'
Authentication: basic is not supported
docker run -p 8080:80 -e REGION=eu registry.example.com/etl
docker login -u bot registry.example.com
redis-cli -h cache -p 6379 ping
curl -u admin https://api.example.com
curl -b cookies.txt -c cookies.txt https://api.example.com
curl -E client.pem https://api.example.com
curl -sSfL -o out.json https://api.example.com
curl: (22) The requested URL returned error: 404
vault login -method=oidc
zip -r a.zip b
airflow dags trigger sales -r manual
airflow tasks test sales load 2026-11-22
mongosh --port 27017 db
kubectl get pods -n airflow -l app=etl
kubectl create configmap x --from-literal=region=eu
docker login -u bot -p $REGISTRY_PASSWORD
curl -u "$API_USER:$API_PASSWORD" https://api.example.com
mysqldump -uroot db
usage: load [-h] [--password PASSWORD] [--token TOKEN]
error: the following arguments are required: --password, --token
connect user scott using the wallet
ssh-keygen -t ed25519 -f key
openssl req -new -key a.pem -out a.csr
smbclient -L //host -U etl
http -v GET https://api.example.com
7z x a.7z -oout
ldapsearch -x -b dc=example -s sub
| password | expired |
| password | varchar(64) |
| token | string |
| tokens | 15320 |
| api_keys | 3 |
| name | type | null |\n|------|------|------|\n| password | varchar | YES |
| metric | tokens |\n|--------|--------|\n| prompt | 15320 |
 metric | tokens \n--------+--------\n prompt |  15320\n(1 row)
metric,tokens\nprompt,15320
id,primary_key,total_tokens\n1,42,512
SELECT id,password\nFROM users,accounts
SELECT\n    id,\n    password,\n    created_at\nFROM users
Expected columns: id,password\nGot columns: id,name
ValueError: missing password\nretry, please
columns: user,password,region
invalid login, password, or host\nplease, try again
password | field required
password=${DB_PASSWORD}, retries=3
{"password": "${DB_PASSWORD}"}
{"password": "{{ var.value.db_password }}"}
{"password": "%(password)s"}
{"password": "env.DB_PASSWORD"}
{"password": "$DB_PASSWORD"}
{"password": "vault:secret/data/db#password"}
token_count\u003d512
connect(password=None, host='h')
key,value\nregion,eu
password:\n  - must have 8 characters\n  - must contain a digit
{"password": ["must have 8 characters", "This password is too common."]}
imagePullSecrets:\n  - name: regcred
secrets:\n  - db_password\n  - api_token
secrets:\n  backend: airflow.providers.hashicorp.secrets.vault.VaultBackend\n  ttl: 30
password:\n  type: string\n  min_length: 8\n  required: true
tokens:\n  prompt: 15320\n  completion: 12
tokens:\n  - the\n  - fox
api_keys:\n  path: /run/secrets/keys\n  count: 3
credentials:\n  user: etl\n  host: db1.example.com
kind: ConfigMap\ndata:\n  region: eu-central-1
kind: Secret\nmetadata:\n  name: db\n---\nkind: ConfigMap\ndata:\n  region: eu-central-1
description: |\n  the password is set by the operator
password: >\n
Secret "db" not found, kind: Secret, name: db
KeyError: 'token'\n  File "/opt/airflow/dags/a1.py", line 30
could not read the token:\n  File "/opt/airflow/dags/a1.py", line 30
LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t
-----BEGIN CERTIFICATE-----
could not read the PRIVATE KEY of the file keys/etl.pem
connect(user=u,password=None,host=h)
password: required,minimum 8 characters
password=***,retries=3
{user=bob, password=null}
password:expired,reset it
login failed (password=None),retry
npm config set registry https://npm.example.com
kubectl config set-context prod
token = env.get("WINDSOCK_TOKEN", "").strip()
    pairs = [p for p in self.tokens if p.kind]
    token.map = [startLine, state.line]
    secrets_paths = [Path(p) for p in self.secrets_dirs]
class Webhook:\n    ssl: Optional[SSLContext]\n    proxy: Optional[str]
{"tokens": [["r'[a-z_][a-z0-9_]*'", "Name.Variable"], ["commentString1", "Comment"]]}
    if pat := DIGITAL_RE.search(name):
http_status | count\n------------+-------\n 200 | 15""".splitlines()
PLAIN += ["\x1b[31mERROR\x1b[0m password authentication failed", "\x1b[32mtokens\x1b[0m=1532"]
