"""The rules of the house that a machine can hold, each with a sample that breaks it."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from config.env import BASE_DIR

pytestmark = pytest.mark.once

ROOMS = ("invoicing", "payments", "checkout", "config")
DOORS = (
    "admin",
    "api",
    "dashboard",
    "dialects",
    "management",
    "pages",
    "sandbox",
    "tasks",
    "webhooks",
)
LONGEST_FILE = 400
VAGUE_NAMES = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "misc",
    "base",
    "manager",
    "managers",
}

# The only places where a rule gives way, each for the reason written beside it in the code.
EXCEPTIONS = {
    # The clock and the ids are where time and chance come in.
    "time comes from the clock": {"invoicing/clock.py"},
    # Secrets of the installation are made before there is anything to simulate.
    # The jitter between tries is a source of its own, which callers of the schedule hand in.
    "names and secrets come from ids": {
        "invoicing/ids.py",
        "config/env.py",
        "config/standin.py",
        "invoicing/actions/webhooks.py",
    },
    # Metadata is the merchant's own JSON, which has floats; a time limit is no money.
    "money is never a float": {"invoicing/fields.py", "invoicing/pdf.py"},
    # A failure that the API answers itself is still told to whoever collects errors.
    "there are no signals": {"invoicing/api/errors.py"},
    # Beginning to pay needs the secret address, which is all that a forger would have to know; a
    # provider signs what it posts.
    # So does what a payer says there; a mail's one-click link is used without any page before it.
    "escaping and CSRF checks stay on": {
        "checkout/pages/claims.py",
        "checkout/pages/inquiries.py",
        "checkout/pages/invoice.py",
        "payments/webhooks/views.py",
    },
}
# Part of an action, or a read beside it, that doors and other actions need too.
NOT_ACTIONS = {
    "invoicing/actions/action.py": {"action", "counting_deeds"},
    "invoicing/actions/customers.py": {"locked_customer"},
}
# A worker taking rows is a durable transaction of its own, though no verb of the domain.
CLAIM = re.compile(r"claim_[a-z]+")


@dataclass(frozen=True)
class Rule:
    """One rule: who it binds, what breaks it, and a sample that does and one that does not."""

    name: str
    breaks: Callable[[ast.Module, str], Iterator[int]]
    bad: str
    good: str
    sample_path: str = "payments/actions/pay.py"
    binds: Callable[[str], bool] = lambda path: True

    def complaints(self, source: str, path: str) -> list[str]:
        """Where this source breaks the rule, as path:line."""
        if not self.binds(path) or path in EXCEPTIONS.get(self.name, ()):
            return []
        return [f"{path}:{line}" for line in self.breaks(ast.parse(source), path)]


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Every call with its dotted name, as far as it is written as one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield dotted(node.func), node


def dotted(node: ast.AST) -> str:
    """`a.b.c` of names and attributes; what stands before a call or subscript is left out."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def imports(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every imported name in full, such as django.http.HttpResponse."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def is_within(name: str, *modules: str) -> bool:
    """Whether a dotted name is one of these modules or something in them."""
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def is_below_the_doors(path: str) -> bool:
    """Whether a file of a domain room is none of its doors."""
    room, _, rest = path.partition("/")
    return room in ("invoicing", "payments", "checkout") and not any(
        rest == f"{door}.py" or rest.startswith(f"{door}/") for door in DOORS
    )


def updates_a_status(tree: ast.Module, path: str) -> Iterator[int]:
    """`.update(status=…)` moves rows past every transition and its guards."""
    for name, call in calls(tree):
        if name.endswith((".update", ".bulk_update")) and (
            any(keyword.arg == "status" for keyword in call.keywords)
            or any(
                isinstance(node, ast.Constant) and node.value == "status"
                for argument in call.args
                for node in ast.walk(argument)
            )
        ):
            yield call.lineno


def uses_floats(tree: ast.Module, path: str) -> Iterator[int]:
    """`float(…)` and FloatField lose cents."""
    yield from (
        call.lineno for name, call in calls(tree) if name.split(".")[-1] in ("float", "FloatField")
    )


def reads_time(tree: ast.Module, path: str) -> Iterator[int]:
    """Time read anywhere else cannot be moved by a test merchant or a simulation."""
    for name, line in imports(tree):
        if name in ("time.time", "django.utils.timezone.now", "time.time_ns"):
            yield line
    for name, call in calls(tree):
        if re.search(
            r"(^|\.)(timezone\.now|datetime\.(now|utcnow|today)|date\.today|time\.time(_ns)?)$",
            name,
        ):
            yield call.lineno


def draws_chance(tree: ast.Module, path: str) -> Iterator[int]:
    """Chance drawn anywhere else cannot be replayed from a seed."""
    for name, line in imports(tree):
        # random.Random is seeded, so it can be replayed.
        if name != "random.Random" and (
            is_within(name, "random", "secrets") or name in ("uuid.uuid1", "uuid.uuid4")
        ):
            yield line
    for name, call in calls(tree):
        if name in ("uuid.uuid1", "uuid.uuid4", "os.urandom"):
            yield call.lineno


def refreshes(tree: ast.Module, path: str) -> Iterator[int]:
    """Refreshing a row with a protected state field unprotects it for the whole process."""
    yield from (call.lineno for name, call in calls(tree) if name.endswith(".refresh_from_db"))


def uses_signals(tree: ast.Module, path: str) -> Iterator[int]:
    """What a signal does is seen by no one who reads the action."""
    yield from (
        line
        for name, line in imports(tree)
        if is_within(name, "django.dispatch", "django.db.models.signals", "django.core.signals")
    )


def overrides_save(tree: ast.Module, path: str) -> Iterator[int]:
    """Rules in save() are skipped by every bulk write."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name in ("save", "delete"):
            yield node.lineno


def turns_protection_off(tree: ast.Module, path: str) -> Iterator[int]:
    """A page that trusts text a user wrote is a page that runs it."""
    names = {"mark_safe", "SafeString", "csrf_exempt", "xframe_options_exempt", "csp_exempt"}
    yield from (line for name, line in imports(tree) if name.split(".")[-1] in names)


def speaks_http(tree: ast.Module, path: str) -> Iterator[int]:
    """Requests and replies are the doors' business."""
    for name, line in imports(tree):
        if is_within(name, "django.http", "django.shortcuts", "rest_framework", "django.urls"):
            yield line


def hides_an_action(tree: ast.Module, path: str) -> Iterator[int]:
    """A verb without @action has no transaction and no idempotency guard."""
    for node in tree.body:
        if (
            isinstance(node, ast.FunctionDef)
            and not node.name.startswith("_")
            and not CLAIM.fullmatch(node.name)
            and node.name not in NOT_ACTIONS.get(path, ())
            and "action" not in {dotted(decorator) for decorator in node.decorator_list}
        ):
            yield node.lineno


def has_a_vague_name(tree: ast.Module, path: str) -> Iterator[int]:
    """A drawer labelled `utils` fills with everything."""
    if VAGUE_NAMES & {Path(part).stem for part in Path(path).parts}:
        yield 1
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("do_"):
            yield node.lineno


def says_nothing(tree: ast.Module, path: str) -> Iterator[int]:
    """A module begins with a sentence that says why it exists."""
    if tree.body and not ast.get_docstring(tree):
        yield 1


RULES = [
    Rule(
        "states move only through transitions",
        updates_a_status,
        bad="Payment.objects.filter(pk=1).update(status='paid')",
        good="Payment.objects.filter(status='paid').update(leased_until=None)",
    ),
    Rule(
        "money is never a float",
        uses_floats,
        bad="total = float(amount)",
        good="total = int(amount)",
        binds=lambda path: not path.startswith("config/"),
    ),
    Rule(
        "time comes from the clock",
        reads_time,
        bad="from django.utils import timezone\nat = timezone.now()",
        good="from invoicing import clock\nat = clock.now(merchant)",
    ),
    Rule(
        "names and secrets come from ids",
        draws_chance,
        bad="import secrets\nkey = secrets.token_hex()",
        good="from invoicing import ids\nkey = ids.secret_text(32)",
    ),
    Rule(
        "rows are read again, never refreshed",
        refreshes,
        bad="invoice.refresh_from_db()",
        good="invoice = Invoice.objects.get(pk=invoice.pk)",
    ),
    Rule(
        "there are no signals",
        uses_signals,
        bad="from django.db.models.signals import post_save",
        good="from django.db import models",
    ),
    Rule(
        "there is no logic in save()",
        overrides_save,
        bad="class Invoice:\n    def save(self): pass",
        good="class Invoice:\n    def void(self): pass",
        sample_path="invoicing/models/invoice.py",
        binds=lambda path: "/models" in path,
    ),
    Rule(
        "escaping and CSRF checks stay on",
        turns_protection_off,
        bad="from django.utils.safestring import mark_safe",
        good="from django.utils.html import format_html",
    ),
    Rule(
        "only doors speak HTTP",
        speaks_http,
        bad="from django.http import HttpResponse",
        good="from django.db import transaction",
        binds=is_below_the_doors,
    ),
    Rule(
        "every verb is an action",
        hides_an_action,
        bad="def confirm_payment(pk): pass",
        good="@action\ndef confirm_payment(pk): pass\n\ndef _lock(pk): pass",
        binds=lambda path: "/actions/" in path,
    ),
    Rule(
        "modules are named for what they hold",
        has_a_vague_name,
        bad="def pay(): pass",
        good="",
        sample_path="payments/utils.py",
    ),
    Rule(
        "modules say why they exist",
        says_nothing,
        bad="x = 1",
        good='"""Why."""\nx = 1',
    ),
    Rule(
        "files stay short enough to read",
        lambda tree, path: iter([LONGEST_FILE + 1] if _last_line(tree) > LONGEST_FILE else []),
        bad="x = 1\n" * (LONGEST_FILE + 1),
        good="x = 1\n" * LONGEST_FILE,
    ),
]


def _last_line(tree: ast.Module) -> int:
    return max((node.end_lineno or 0 for node in tree.body), default=0)


def house() -> Iterator[tuple[str, str]]:
    """Every source file of the four rooms, migrations left out."""
    for room in ROOMS:
        for path in sorted((BASE_DIR / room).rglob("*.py")):
            if "migrations" not in path.parts:
                yield str(path.relative_to(BASE_DIR)), path.read_text()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_house_keeps(rule: Rule) -> None:
    assert [line for path, source in house() for line in rule.complaints(source, path)] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_broken_rule_is_seen(rule: Rule) -> None:
    assert rule.complaints(rule.bad, rule.sample_path) != []
    good_path = "payments/tidy.py" if rule.sample_path == "payments/utils.py" else rule.sample_path
    assert rule.complaints(rule.good, good_path) == []


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_every_exception_is_still_needed(name: str) -> None:
    rule = next(rule for rule in RULES if rule.name == name)
    for path in EXCEPTIONS[name]:
        tree = ast.parse((BASE_DIR / path).read_text())
        assert list(rule.breaks(tree, path)), f"{path} keeps the rule: take it off the list"


# Templates

FORBIDDEN_MARKUP = {
    "script in the page": r"<script(?![^>]*\bsrc=)(?![^>]*type=.application/(ld\+)?json)",
    "style in the page": r"<style|\sstyle=",
    "handler in the page": r"\son[a-z]+=[\"']",
    "script as an address": r"javascript:",
    "escaping turned off": r"\|\s*safe\b|autoescape off",
}
# What is printed or mailed has no stylesheet to link to, and no script can run there.
PRINTED = ("templates/documents/", "templates/mails/")


def markup_complaints(source: str, path: str) -> list[str]:
    """What in a template a strict Content-Security-Policy would block, or should not be there."""
    return [
        f"{path}: {what}"
        for what, pattern in FORBIDDEN_MARKUP.items()
        if re.search(pattern, source, re.IGNORECASE)
        and not (what == "style in the page" and path.startswith(PRINTED))
    ]


def test_templates_hold_no_script_style_or_unescaped_text() -> None:
    paths = [
        str(path.relative_to(BASE_DIR))
        for folder in ("templates", *ROOMS)
        for path in sorted((BASE_DIR / folder).rglob("*.html"))
    ]
    assert paths
    assert [
        line for path in paths for line in markup_complaints((BASE_DIR / path).read_text(), path)
    ] == []


@pytest.mark.parametrize(
    ("markup", "what"),
    [
        ("<script>alert(1)</script>", "script in the page"),
        ('<p style="color: red">', "style in the page"),
        ("<style>p {}</style>", "style in the page"),
        ('<p onclick="go()">', "handler in the page"),
        ('<a href="javascript:go()">', "script as an address"),
        ("{{ memo|safe }}", "escaping turned off"),
        ("{% autoescape off %}", "escaping turned off"),
    ],
)
def test_bad_markup_is_seen(markup: str, what: str) -> None:
    assert markup_complaints(markup, "templates/x.html") == [f"templates/x.html: {what}"]
    assert markup_complaints('<script src="a.js" defer></script>{{ memo }}', "x.html") == []


# Dependencies

REQUIREMENT = re.compile(r"[A-Za-z0-9._-]+==\S+")


def lock_complaints(text: str) -> list[str]:
    """What makes a lock file unsafe (no hash) or bound to one machine (an address)."""
    found = ["holds an address"] if re.search(r"://|^-|@ ", text, re.MULTILINE) else []
    for block in re.split(r"\n(?=\S)", text.strip()):
        if not REQUIREMENT.match(block):
            found.append(f"is not pinned: {block[:60]}")
        elif "--hash=sha256:" not in block:
            found.append(f"has no hash: {block[:60]}")
    return found


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_lock_files_hold_hashes_and_no_addresses(name: str) -> None:
    assert lock_complaints((BASE_DIR / name).read_text()) == []


@pytest.mark.parametrize(
    "line",
    [
        "django==5.2.19",
        "django>=5.2 --hash=sha256:00",
        "--index-url https://example.com/simple",
        "django @ https://example.com/django.whl --hash=sha256:00",
    ],
)
def test_a_loose_lock_file_is_seen(line: str) -> None:
    assert lock_complaints(f"{line}\ncelery==1 --hash=sha256:00") != []
    assert lock_complaints("django==5.2.19 \\\n    --hash=sha256:00") == []


def declared() -> dict[str, set[str]]:
    """Distribution names of pyproject.toml, by the extra that brings them."""
    project = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]
    groups = {"": project["dependencies"], **project["optional-dependencies"]}
    return {
        extra: {normal(re.split(r"[\[=]", line)[0]) for line in lines}
        for extra, lines in groups.items()
    }


def normal(name: str) -> str:
    """A distribution's name as package registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def owners_of_packages() -> dict[str, set[str]]:
    """Which distributions bring each package that can be imported."""
    return {top: {*map(normal, owners)} for top, owners in packages_distributions().items()}


def undeclared(source: str, path: str, allowed: set[str]) -> list[str]:
    """Third-party packages that a file imports although nobody promised they are there."""
    return [
        f"{path}:{line} imports {top}"
        for name, line in imports(ast.parse(source))
        if (top := name.split(".")[0]) not in sys.stdlib_module_names
        and top not in (*ROOMS, "tests")
        and not allowed & owners_of_packages().get(top, set())
    ]


def test_what_the_rooms_import_is_declared() -> None:
    runtime = declared()[""]
    assert [line for path, source in house() for line in undeclared(source, path, runtime)] == []
    # The control: pytest is there, but not for everyone.
    assert undeclared("import pytest", "x.py", runtime) == ["x.py:1 imports pytest"]
    assert undeclared("import nowhere_at_all", "x.py", runtime) != []


def test_every_dependency_is_pinned_and_has_a_reason() -> None:
    text = (BASE_DIR / "pyproject.toml").read_text()
    pins = re.findall(r'^    "([^"]+)",(.*)$', text[: text.index("[build-system]")], re.MULTILINE)
    assert len(pins) == sum(len(names) for names in declared().values())
    for pin, reason in pins:
        assert re.fullmatch(r"[a-z0-9-]+(\[[a-z,-]+\])?==[0-9.]+", pin)
        assert re.search(r"# \w", reason), pin


# Import contracts


@pytest.fixture
def small_house(tmp_path: Path) -> Path:
    """Four empty rooms under the project's own import contracts."""
    contracts = (BASE_DIR / "pyproject.toml").read_text()
    (tmp_path / "pyproject.toml").write_text(contracts[contracts.index("[tool.importlinter]") :])
    for room in ROOMS:
        for name in ("models", "actions", "api", "dashboard", "pages", "rails", "tasks"):
            (tmp_path / room / name).mkdir(parents=True)
            (tmp_path / room / name / "__init__.py").touch()
        for name in ("__init__", "money", "totals", "clock", "ledger"):
            (tmp_path / room / f"{name}.py").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("path", "line", "kept"),
    [
        ("checkout/pages/invoice.py", "import payments.actions", True),
        ("invoicing/actions/pay.py", "import payments", False),
        ("payments/rails/usdc.py", "import checkout.pages", False),
        ("payments/models/refund.py", "import payments.actions", False),
        ("invoicing/actions/void.py", "import invoicing.dashboard", False),
        ("invoicing/api/invoices.py", "import invoicing.dashboard", False),
        ("invoicing/money.py", "import django.db", False),
        ("payments/ledger.py", "import rest_framework", False),
    ],
)
def test_import_contracts_see_a_wrong_import(
    small_house: Path, path: str, line: str, kept: bool
) -> None:
    (small_house / path).write_text(f"{line}\n")
    result = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=small_house,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ("0 broken" in result.stdout) == kept, result.stdout
    assert (result.returncode == 0) == kept
