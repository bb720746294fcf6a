"""Imports point down only, and ``import kssgan`` is light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import kssgan

ROOT = Path(kssgan.__file__).parent

# The floor is open to everyone and imports nothing of ours but the floor.
FLOOR = {"types", "errors", "_version", "weights", "files", "ranking", "thumbnails"}
# Which rooms each room may import, beside the floor and itself (docs/architecture.md draws it).
ARROWS: dict[str, set[str]] = {
    "faces": set(),
    "grouping": set(),
    "surrogate": set(),
    "models": set(),
    "losses": {"models"},
    "training": {"models", "losses", "surrogate", "faces"},
    "preparation": {"faces", "grouping", "training"},
    "tuning": set(),
    "deidentification": {"faces", "grouping", "surrogate", "models"},
    "baselines": {"grouping", "surrogate", "models"},
    "auditing": {"faces"},
    "reporting": set(),
    # As the verbs do, it introduces others to each other: methods on one side, attacks on the other.
    "evaluation": {
        "faces",
        "grouping",
        "surrogate",
        "baselines",
        "deidentification",
        "auditing",
        "reporting",
    },
    "video": {"faces", "deidentification"},
    "testing": {"faces", "grouping", "surrogate"},
    # The verbs introduce the rooms to each other, and only they.
    "api": {
        "deidentification",
        "auditing",
        "reporting",
        "preparation",
        "training",
        "tuning",
        "evaluation",
    },
    "cli": {
        "api",
        "faces",
        "grouping",
        "surrogate",
        "models",
        "preparation",
        "training",
        "tuning",
        "deidentification",
        "baselines",
        "auditing",
        "reporting",
        "video",
        "testing",
    },
}
TORCH_FREE = FLOOR | {"api", "grouping", "reporting", "tuning", "cli", "testing", "surrogate"}


def _room(path: Path) -> str:
    parts = path.relative_to(ROOT).parts
    return parts[0].removesuffix(".py")


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where they point"
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _sources() -> list[Path]:
    return sorted(
        p for p in ROOT.rglob("*.py") if p.parent != ROOT or not p.stem.startswith("__")
    )


def test_every_room_is_on_the_map() -> None:
    assert {_room(p) for p in _sources()} <= FLOOR | set(ARROWS)


def test_imports_point_down_only() -> None:
    wrong = []
    for path in _sources():
        room = _room(path)
        allowed = FLOOR | ({room} | ARROWS[room] if room in ARROWS else set())
        for name in _imports(path):
            if name.startswith("kssgan.") and name.split(".")[1] not in allowed:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_torch_stays_out_of_light_rooms_at_import_time() -> None:
    wrong = []
    for path in _sources():
        # A file named _torch_*.py says that it is imported inside the function that needs it.
        if _room(path) in TORCH_FREE and not path.name.startswith("_torch_"):
            tree = ast.parse(path.read_text("utf-8"))
            top = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
            for node in top:
                modules = (
                    [a.name for a in node.names]
                    if isinstance(node, ast.Import)
                    else [node.module or ""]
                )
                wrong += [f"{path}: {m}" for m in modules if m.split(".")[0] == "torch"]
    assert not wrong, "\n".join(wrong)


def test_import_kssgan_loads_no_heavy_package() -> None:
    code = (
        "import sys, kssgan, kssgan.cli, kssgan.types, kssgan.errors;"
        "heavy = {'torch', 'scipy', 'PIL', 'jinja2', 'pyrage', 'sqlite3'} & set(sys.modules);"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
