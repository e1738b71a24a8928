"""Who may do what: four roles, the role that each verb needs, and what a deployment or a DAG changes about it.

If Slack can't be asked about user groups, a person has only the roles granted to their own id (fail closed), and the
refusal says so. Every change of Airflow or of an incident passes `decide`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from bot.core.errors import Refused
from bot.core.roles import Role

EVERYBODY = "*"
ANYWHERE = "*"
WIDE = 50


_RESPONDER = ("acknowledge", "unacknowledge", "resolve", "reopen", "silence", "unsilence", "clear", "mark", "pause",
              "unpause", "trigger", "escalate")  # fmt: skip
_OPERATOR = ("backfill", "variable", "connection")
NEEDS: dict[str, Role] = dict.fromkeys(_RESPONDER, Role.responder) | dict.fromkeys(_OPERATOR, Role.operator)
READS = {"audit": Role.operator}  # reads that are not for every role: what others did
ALIASES = {"ack": "acknowledge", "unack": "unacknowledge", "retry": "clear", "mute": "silence", "page": "escalate"}
# verbs that show a list first, so that a second person can read it
PLANNED = ("clear", "mark", "pause", "unpause", "trigger", "backfill", "variable")
_WIDENS = frozenset({"clear", "mark"})


@dataclass(frozen=True, slots=True)
class Person:
    """A Slack user: id, the first name that messages use, and the user groups as far as they are known.

    `unasked` says why Slack could not be asked about groups, `unknown` why it could not be asked about the person at
    all, `barred` why this account may do nothing; all three are empty when all is well. A guest of the workspace counts
    as `*` only if the access table says so."""

    id: str
    name: str
    groups: frozenset[str] = frozenset()
    unasked: str = ""
    barred: str = ""
    unknown: str = ""
    is_guest: bool = False


@dataclass(frozen=True, slots=True)
class About:
    """What a verb applies to.

    `deployment` is empty if it is not known (the role must then be held in all of them) and `ANYWHERE` if it is not
    known yet. `dags` maps each DAG to its tags; `size` counts task instances; `whole` means all of a run, or up- or
    downstream over several runs. `settled` is False for a first check, which is repeated once the DAGs are known."""

    deployment: str = ""
    dags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    size: int = 0
    whole: bool = False
    settled: bool = True


SOMEWHERE = About(ANYWHERE, settled=False)


@dataclass(frozen=True, slots=True)
class Yes:
    """Allowed. `by_break_glass` says that the person's own role does not suffice."""

    needs_second_person: bool = False
    by_break_glass: bool = False


@dataclass(frozen=True, slots=True)
class No:
    """Denied: the missing role (None if no role would help), the reason, and the ids that have the role."""

    missing: Role | None
    reason: str
    holders: tuple[str, ...] = ()

    @property
    def refused(self) -> Refused:
        return Refused(self.reason, missing=self.missing, who=self.holders)


@dataclass(frozen=True, slots=True)
class Rule:
    """Another role, or a second person, for these verbs on matching DAGs. Patterns are shell globs; empty matches all.

    A rule without verbs applies to all verbs, but lowers none that needs an operator."""

    verbs: frozenset[str] = frozenset()
    tags: tuple[str, ...] = ()
    dags: tuple[str, ...] = ()
    deployments: tuple[str, ...] = ()
    role: Role | None = None
    second_person: bool = False

    def covers(self, verb: str, deployment: str, dag_id: str, tags: Iterable[str]) -> bool:
        """Whether the rule applies to this verb on this DAG (empty: on no DAG)."""
        if not self.about(verb, deployment):
            return False
        by_tag = not self.tags or any(fnmatchcase(tag, glob) for tag in tags for glob in self.tags)
        return by_tag and (not self.dags or any(fnmatchcase(dag_id, glob) for glob in self.dags))

    def least(self, usual: Role) -> Role:
        """The role that the rule asks for if the verb usually asks for `usual`."""
        role = usual if self.role is None else self.role
        return role if self.verbs or usual <= Role.responder else max(role, usual)

    def hides(self, other: Rule) -> bool:
        """Whether this rule applies wherever the other one does, so that the other's role never counts after it."""
        ours, theirs = (self.tags, self.dags, self.deployments), (other.tags, other.dags, other.deployments)
        wider = all(not mine or (its and _inside(its, mine)) for mine, its in zip(ours, theirs, strict=True))
        return wider and (not self.verbs or (bool(other.verbs) and other.verbs <= self.verbs))

    def about(self, verb: str, deployment: str) -> bool:
        """Whether the rule could apply to this verb there, whatever the DAG."""
        somewhere = not self.deployments or deployment in {"", ANYWHERE}
        return (not self.verbs or verb in self.verbs) and (
            somewhere or any(fnmatchcase(deployment, glob) for glob in self.deployments)
        )


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """Who may act beyond their role with a reason, in which role, and for how long at most."""

    who: frozenset[str] = frozenset()
    role: Role = Role.operator
    longest: timedelta = timedelta(minutes=30)


Grants = Mapping[Role, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Access:
    """`grants` maps each role to Slack users (`U…`), user groups (`S…`) or `*` for every user; `deployments` overrides
    it for single deployments. A clear or mark of more than `wide` task instances needs an operator."""

    grants: Grants = field(default_factory=dict)
    deployments: Mapping[str, Grants] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    break_glass: BreakGlass = BreakGlass()
    wide: int = WIDE
    guests: bool = False  # whether a guest counts as one of `*`

    @property
    def groups(self) -> frozenset[str]:
        """Every user group that the table names; Slack is asked about these and no others."""
        every = [*self.grants.values(), *(ids for grants in self.deployments.values() for ids in grants.values())]
        return frozenset(one for ids in [*every, self.break_glass.who] for one in ids if one.startswith("S"))

    def role_of(self, person: Person, deployment: str = ANYWHERE) -> Role:
        """The highest role granted to the person or one of their groups, viewer if none is. `ANYWHERE` gives the
        highest over all deployments, an empty deployment the lowest."""
        roles = [self._held(grants, person) for grants in self._grants(deployment)]
        return max(roles) if deployment == ANYWHERE else min(roles)

    def holders(self, role: Role, deployment: str = ANYWHERE) -> list[str]:
        """The ids that a refusal may name: those with the role or a higher one."""
        every = self._grants(deployment)
        return sorted({name for grants in every for held, ids in grants.items() if held >= role for name in ids})

    def _grants(self, deployment: str) -> list[Grants]:
        """The grants in a deployment; those of each deployment if it is not known."""
        if deployment in {"", ANYWHERE}:
            return [self.grants, *({**self.grants, **own} for own in self.deployments.values())]
        return [{**self.grants, **self.deployments.get(deployment, {})}]

    def shadowed(self) -> list[tuple[int, int]]:
        """Rules whose role never counts, by index, each with the index of the first earlier rule that hides it."""
        pairs = [(at, before) for at, rule in enumerate(self.rules) if rule.role is not None
                 for before in range(at) if self.rules[before].hides(rule)]  # fmt: skip
        return [(at, before) for at, before in pairs if (at, before) == min(one for one in pairs if one[0] == at)]

    def may_break_glass(self, person: Person) -> bool:
        """Whether the table allows the person to break the glass now."""
        return bool(self.break_glass.who & self._names(person)) and not (person.barred or person.unknown)

    def _held(self, grants: Grants, person: Person) -> Role:
        names = self._names(person)
        return max((role for role, granted in grants.items() if granted & names), default=Role.viewer)

    def _names(self, person: Person) -> frozenset[str]:
        """The names by which the table may refer to the person."""
        return person.groups | {person.id} | ({EVERYBODY} if self.guests or not person.is_guest else set())

    def asks_tags(self, verb: str, deployment: str) -> bool:
        """Whether the DAGs' tags must be known before the verb can be decided there."""
        return any(rule.tags and rule.about(verb, deployment) for rule in self.rules)

    def decide(self, person: Person, verb: str, about: About = SOMEWHERE, raised: Role = Role.viewer) -> Yes | No:
        """Makes every decision. `raised` is the role that break-glass access gives the person now."""
        if person.barred:
            return No(None, f"Windsock takes nothing from {person.barred}.")
        if person.unknown and (verb in NEEDS or verb in READS):
            return No(None, f"Slack could not be asked who you are ({person.unknown}). Try again in a "
                            "moment.")  # fmt: skip
        needed, second, why = self._needed(verb, about)
        held = self.role_of(person, about.deployment)
        if held >= needed:
            return Yes(second)
        if raised >= needed:
            return Yes(second, by_break_glass=True)
        article = "an" if held.name[0] in "aeiou" else "a"
        there = f" in {about.deployment}" if about.deployment in self.deployments else ""
        unasked = f" Slack could not be asked who is in the user groups: {person.unasked}." if person.unasked else ""
        reason = f"`{verb}`{why} needs the role *{needed}*; you are {article} *{held}*{there}.{unasked}"
        return No(needed, reason, tuple(self.holders(needed, about.deployment)))

    def allowed(self, person: Person, verb: str, about: About = SOMEWHERE) -> Refused | None:
        """None if the person may by their own role; else a refusal that says which role is missing."""
        decided = self.decide(person, verb, about)
        return decided.refused if isinstance(decided, No) else None

    def needed(self, verb: str, about: About) -> Role:
        """The role that the verb asks for there."""
        return self._needed(verb, about)[0]

    def _needed(self, verb: str, about: About) -> tuple[Role, bool, str]:
        """The role, whether a second person must approve, and in a few words why it is not the usual role."""
        usual = NEEDS.get(verb) or READS.get(verb, Role.viewer)
        if not about.settled:
            roles = [r.least(usual) for r in self.rules if r.role is not None and r.about(verb, about.deployment)]
            return min([usual, *roles]), False, ""
        needed, why = usual, ""
        found = [(dag, self._first(verb, about, dag)) for dag in about.dags or ("",)]
        ruled = [(rule.least(usual), dag) for dag, rule in found if rule is not None and rule.role is not None]
        second = any(
            rule.second_person and rule.covers(verb, about.deployment, dag, about.dags.get(dag, ()))
            for rule in self.rules
            for dag, _ in found
        )
        if ruled and len(ruled) == len(found):
            needed = max(role for role, _ in ruled)
        else:
            needed = max([usual, *(role for role, _ in ruled)])
        if needed > usual:
            dag = next(dag for role, dag in ruled if role == needed)
            why = f" on `{dag}`" if dag else f" in {about.deployment}"
        wide = verb in _WIDENS and (about.whole or about.size > self.wide)
        if wide and needed < Role.operator:
            needed, why = Role.operator, _wide(about, self.wide)
        return needed, second, why

    def _first(self, verb: str, about: About, dag_id: str) -> Rule | None:
        """The rule whose role counts for one DAG: the first that covers it."""
        tags = about.dags.get(dag_id, ())
        return next((rule for rule in self.rules if rule.covers(verb, about.deployment, dag_id, tags)), None)


@dataclass(frozen=True, slots=True)
class Glass:
    """A role beyond one's own, for a time. `told` is what the channel knows: empty, `broken` or `over`."""

    id: int
    person: Person
    role: Role
    reason: str
    began_at: datetime
    until: datetime
    ended_at: datetime | None
    told: str


def _inside(globs: tuple[str, ...], wider: tuple[str, ...]) -> bool:
    """Whether the wider patterns match everything that these match, as far as can be known: `?` and `[` are compared as
    literal characters."""
    return all(any(fnmatchcase(one, other) or one == other for other in wider) for one in globs)


def _wide(about: About, most: int) -> str:
    if about.size > most:
        return f" of {about.size} task instances (more than {most})"
    return " of whole runs"
