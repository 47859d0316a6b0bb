"""Makes the labelled sets under `sets/`, the same bytes each time.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python generate.py
    venv/bin/python generate.py --check      # writes nothing, says which sets would differ

Seeds, versions and the clock are fixed: Faker takes some birth dates from today's.
`dev` is for tuning. Nobody tunes on `test`: it has other layouts, keys, sentences, countries and seeds. The file's name says
what its texts are (`*.json.jsonl`, `*.text.jsonl`)."""

import json
import os
import pathlib
import random
import sys
import tempfile

# Faker takes some values from sets, whose order follows the hash seed.
if os.environ.get("PYTHONHASHSEED") != "0":
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "PYTHONHASHSEED": "0"})

from freezegun import freeze_time

from gen import addresses, business, evasions, faked, foreign, ids, layouts_dev, layouts_test, messages, papers, secrets, tables
from gen.marks import T, V, document, fill, plain
from gen.noise import Noise
from gen.people import Person

HERE = pathlib.Path(__file__).parent
SETS = HERE / "sets"
# What Faker takes for now.
NOW = "2026-11-21 12:00:00"
LANGS = {
    "en": "en_US en_GB en_IE en_CA en_AU", "de": "de_DE de_AT de_CH", "fr": "fr_FR fr_BE fr_CH", "es": "es_ES", "nl": "nl_NL nl_BE", "pl": "pl_PL", "sv": "sv_SE", "it": "it_IT", "pt": "pt_PT",
    "da": "da_DK", "cs": "cs_CZ", "fi": "fi_FI",
}


def records(rng, layouts, count):
    for i in range(count):
        layout = layouts.ALL[i % len(layouts.ALL)]
        locale = rng.choice(layouts.LOCALES.get(layout.__name__, layouts.EVERYWHERE))
        value = layout(Person(rng, locale), Noise(rng))
        # Several people in one document now and then, as lists of tools give.
        if rng.random() < 0.2:
            value = [value, layout(Person(rng, locale), Noise(rng))]
        yield document(f"{layout.__name__}-{locale}-{i}", value, rng.choice((None, None, 2)), rng.random() < 0.15)


def texts(rng, templates, count):
    flat = [(lang, t) for lang, ts in templates.items() for t in ts]
    for i in range(count):
        lang, template = flat[i % len(flat)]
        locale = rng.choice(LANGS[lang].split())
        yield plain(f"{lang}-{i}", messages.make(rng, template, Person(rng, locale), Noise(rng)))


def id_texts(rng, templates, each):
    for kind in ids.KINDS:
        for i in range(each):
            value = V(kind["kind"], ids.value(rng, kind))
            template = templates[i % len(templates)].replace("{{", "\x01").replace("}}", "\x02")
            t = fill(template, word=rng.choice(kind["words"]), id=value, num9=Noise(rng).first(9))
            t.parts = tuple(p.replace("\x01", "{").replace("\x02", "}") if isinstance(p, str) else p for p in t.parts)
            yield plain(f"{kind['kind']}-{i}", t)


def hard_texts(rng, count):
    for i in range(count):
        yield plain(f"hard-{i}", messages.hard(rng, messages.HARD[i % len(messages.HARD)], Noise(rng)))


def evaded(rng, carriers, locale):
    for name, way in evasions.WAYS.items():
        for j, v in enumerate(evasions.values(Person(rng, locale), rng) + evasions.values(Person(rng, locale), rng)):
            hidden = way(str(v.value))
            if hidden == str(v.value):
                continue
            # What merely carries the value is not part of it.
            head, tail = {"json_in_string": ('"{\\"v\\": \\"', '\\"}"'), "data_uri": ("data:text/plain;base64,", "")}.get(name, ("", ""))
            assert hidden.startswith(head) and hidden.endswith(tail), hidden
            hidden = T(head, V(v.kind, hidden[len(head) : len(hidden) - len(tail)]), tail)
            yield plain(f"{name}-{j}", fill(carriers[j % len(carriers)], v=hidden))


def clean_code(rng, files, count, lines=18):
    """Windows of source and lock files that hold nothing sensitive; kept as they were, so that the sets do not follow the tree."""
    for i in range(count):
        text = files[i % len(files)].splitlines()
        at = rng.randrange(max(1, len(text) - lines))
        yield plain(f"code-{i}", "\n".join(text[at : at + lines]))


def write(folder, name, rows):
    path = SETS / folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows))


CODE = json.loads((HERE / "gen" / "code.json").read_text())


def main():
    # A few of Faker's numbers come from the module's own generator.
    random.seed(0)
    for folder, seed, columns, things, layouts, templates, id_templates, carriers, positive, code, locale in (
        ("dev", 11, tables.DEV, business.dev, layouts_dev, messages.DEV, messages.ID_DEV, evasions.CARRIERS_DEV, secrets.positive_dev, CODE["dev"], "de_DE"),
        ("test", 7919, tables.TEST, business.test, layouts_test, messages.TEST, messages.ID_TEST, evasions.CARRIERS_TEST, secrets.positive_test, CODE["test"], "nl_NL"),
    ):
        rng = random.Random(seed)
        write(folder, "records.json.jsonl", records(rng, layouts, 240))
        write(folder, "messages.text.jsonl", texts(rng, templates, 240))
        write(folder, "ids.text.jsonl", [*id_texts(rng, id_templates, 5), *hard_texts(rng, 200)])
        write(folder, "evasions.text.jsonl", evaded(rng, carriers, locale))
        write(folder, "secrets.text.jsonl", (plain(f"secret-{i}", positive(rng)) for i in range(240)))
        locales = layouts.EVERYWHERE if folder == "dev" else ["de_DE", "de_AT", "nl_BE", "cs_CZ", "lt_LT", "no_NO", "en_CA"]
        write(folder, "tables.text.jsonl", (plain(f"{form}-{i}", table) for i in range(120) for form, table in [tables.make(rng, columns, locales, Noise(rng))]))
        write(folder, "business.json.jsonl", (document(f"business-{i}", things(rng, Noise(rng)), rng.choice((None, 2))) for i in range(120)))
        words, where = (faked.DEV, faked.LOCALES_DEV) if folder == "dev" else (faked.TEST, faked.LOCALES_TEST)
        write(folder, "faked.json.jsonl", (document(f"{where[i % len(where)]}-{i}", faked.make(rng, words, where[i % len(where)], Noise(rng)), rng.choice((None, None, 2))) for i in range(320)))
        write(folder, "clean.text.jsonl", [*(plain(f"clean-{i}", secrets.clean_synthetic(rng, Noise(rng))) for i in range(140)), *clean_code(rng, code, 60)])
    for folder, seed in (("dev", 12), ("test", 7927)):
        write(folder, "addresses.text.jsonl", addresses.texts(random.Random(seed), folder, 220))
    write("dev", "papers.json.jsonl", papers.records(540))
    rng = random.Random(104729)
    write("test", "foreign.json.jsonl", (document(id, value, rng.choice((None, None, 2)), rng.random() < 0.1) for id, value in foreign.records(rng, 320)))


def check():
    """Whether the committed sets are what this script makes. `presidio` is another script's."""
    global SETS
    committed = SETS
    with tempfile.TemporaryDirectory() as made:
        SETS = pathlib.Path(made)
        main()
        names = sorted(str(p.relative_to(SETS)) for p in SETS.rglob("*.jsonl"))
        wrong = [n for n in names if not (committed / n).is_file() or (SETS / n).read_bytes() != (committed / n).read_bytes()]
    print(f"{len(names)} sets, {len(wrong)} differ", *wrong)
    return not wrong


if __name__ == "__main__":
    with freeze_time(NOW):
        if "--check" in sys.argv:
            sys.exit(0 if check() else 1)
        main()
