"""Sentences with made-up names in the places where people write them, in the form that the trainer reads.

    python3 made.py TEMPLATES... > OUT/made.tsv      # faker and mimesis in a virtual environment

A template is one line; `{name}`, `{first}`, `{last}`, `{place}` and `{org}` (or `{{person}}` and the like, as in
presidio-research) are filled. Some lines are written in small letters or with names in capitals, as people do."""

import random
import re
import sys

from faker import Faker
from mimesis import Person
from mimesis.locales import Locale

rng = random.Random(20261121)
LATIN = "en_US en_GB en_IN en_NG de_DE fr_FR es_ES it_IT pt_PT pt_BR nl_NL pl_PL sv_SE da_DK no_NO fi_FI cs_CZ sk_SK sl_SI hr_HR ro_RO hu_HU lt_LT lv_LV et_EE tr_TR id_ID vi_VN es_MX fr_CA is_IS".split()
FAKES = {}
for locale in LATIN:
    try:
        FAKES[locale] = Faker(locale)
        FAKES[locale].seed_instance(rng.random())
    except AttributeError:
        pass
PEOPLE = [Person(l, seed=7) for l in (Locale.EN, Locale.EN_GB, Locale.EN_AU, Locale.EN_CA, Locale.DE, Locale.FR, Locale.ES, Locale.IT, Locale.NL, Locale.PL, Locale.SV, Locale.DA, Locale.FI, Locale.CS, Locale.PT, Locale.TR, Locale.HU, Locale.ET)]
# The locale of half of the sentences is English, as is the language.
WEIGHTS = [8 if l.startswith("en") else 1 for l in FAKES]
FIELDS = {"person": "name", "name_male": "name", "name_female": "name", "first_name": "first", "first_name_male": "first", "first_name_female": "first", "first_name_nonbinary": "first", "last_name": "last",
          "last_name_male": "last", "last_name_female": "last", "name": "name", "city": "place", "country": "place", "organization": "org", "first": "first", "last": "last", "place": "place", "org": "org"}
OTHER = {"prefix_male": ["Mr.", "Mr"], "prefix_female": ["Mrs.", "Ms."], "prefix": ["Dr."], "day_of_week": ["Monday", "Friday"], "age": ["32", "61"], "year": ["1987", "2014"], "nationality": ["French", "Danish"],
         "job": ["teacher", "clerk"], "nation_plural": ["Finns"], "nation_woman": ["Swede"]}


def value(field):
    if field in ("name", "first", "last") and rng.random() < 0.4:
        p = rng.choice(PEOPLE)
        return {"name": p.full_name, "first": p.first_name, "last": p.last_name}[field]()
    f = FAKES[rng.choices(list(FAKES), WEIGHTS)[0]]
    if field == "name":
        return f"{f.first_name()} {f.last_name()}"
    return {"first": f.first_name, "last": f.last_name, "place": rng.choice((f.city, f.country)) if rng.random() < 0.9 else f.city, "org": f.company}[field]()


def words(text):
    return re.findall(r"[\w.'’&-]*[\w&.](?<!\.)\.?(?=\s|$)|[\w’'-]+|[^\w\s]", text)


def fill(template):
    out = []
    for piece in re.split(r"(\{+\w+\}+)", template):
        field = piece.strip("{}")
        if not piece.startswith("{"):
            out += [(w, "O") for w in words(piece)]
        elif field in FIELDS:
            tag = {"place": "LOC", "org": "ORG"}.get(FIELDS[field], "PER")
            out += [(w, ("B-" if i == 0 else "I-") + tag) for i, w in enumerate(value(FIELDS[field]).replace(",", " ,").split())]
        elif field in OTHER:
            out.append((rng.choice(OTHER[field]), "O"))
        else:
            return None
    how = rng.random()
    if how < 0.08:
        return [(w.lower(), t) for w, t in out]
    if how < 0.12:
        return [(w.upper() if t != "O" else w, t) for w, t in out]
    return out


templates = [t for path in sys.argv[1:] for t in open(path, encoding="utf-8", errors="replace").read().replace("\\n", "\n").split("\n") if t.strip()]
for _ in range(12):
    for template in templates:
        sentence = fill(template)
        if sentence:
            print("\n".join(f"{w}\t{t}" for w, t in sentence) + "\n")
