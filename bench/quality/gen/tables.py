"""Answers of tools as tables: CSV, TSV, Markdown, the boxes of psql and mysql, rows with a list of columns, Python's own notation."""

from . import ids
from .marks import T, V
from .people import Person

# Header and what stands under it.
DEV = [
    ("Customer", lambda p, n: p.name), ("E-mail", lambda p, n: p.email), ("Phone", lambda p, n: p.phone()), ("Date of birth", lambda p, n: p.dob("iso")), ("Street", lambda p, n: p.street), ("ZIP", lambda p, n: p.postcode),
    ("IBAN", lambda p, n: p.iban()), ("Order no", lambda p, n: n.order()), ("Amount", lambda p, n: "%.2f" % n.amount()), ("Product", lambda p, n: n.product()), ("Created", lambda p, n: n.day()),
    ("first_name", lambda p, n: p.given), ("last_name", lambda p, n: p.family), ("Passport", lambda p, n: p.passport), ("Status", lambda p, n: n.status()),
]
TEST = [
    ("Vorname", lambda p, n: p.given), ("Nachname", lambda p, n: p.family), ("Mailadresse", lambda p, n: p.email), ("Handynr", lambda p, n: p.phone()), ("geb_datum", lambda p, n: p.dob("iso")), ("Anschrift", lambda p, n: p.street), ("Postleitzahl", lambda p, n: p.postcode),
    ("full_name", lambda p, n: p.name), ("contact_number", lambda p, n: p.phone()), ("passport_no", lambda p, n: p.passport), ("bank_iban", lambda p, n: p.iban()), ("sku", lambda p, n: n.sku()), ("qty", lambda p, n: n.first(2)), ("invoice", lambda p, n: n.order()), ("updated_at", lambda p, n: n.stamp()), ("Vehicle", lambda p, n: n.one("Octavia", "Corolla")),
]


def _clean(v):
    """A cell on one line and without what would end it."""
    if isinstance(v, V):
        return V(v.kind, str(v.value).replace("\n", " ").replace(",", "").replace("|", "").replace("'", ""), v.optional)
    return str(v).replace(",", "")


def _lines(rows, sep, start="", end=""):
    parts = []
    for row in rows:
        parts.append(start)
        for i, cell in enumerate(row):
            parts += [sep if i else "", cell]
        parts.append(end + "\n")
    return T(*parts)


def make(rng, columns, locales, noise):
    """A table of a few people in one of the forms."""
    chosen = rng.sample(columns, rng.randrange(4, 7))
    people = [Person(rng, rng.choice(locales)) for _ in range(rng.randrange(2, 5))]
    head = [h for h, _ in chosen]
    rows = [[_clean(f(p, noise)) for _, f in chosen] for p in people]
    form = rng.choice(("csv", "tsv", "semicolon", "markdown", "psql", "mysql", "columns", "python"))
    if form in ("csv", "tsv", "semicolon"):
        return form, _lines([head, *rows], {"csv": ",", "tsv": "\t", "semicolon": ";"}[form])
    if form == "markdown":
        return form, _lines([head, ["---"] * len(head), *rows], " | ", "| ", " |")
    if form in ("psql", "mysql"):
        width = [max(len(str(r[i])) for r in [head, *rows]) for i in range(len(head))]
        pad = lambda row: [T(c, " " * (w - len(str(c)))) for c, w in zip(row, width)]
        if form == "psql":
            rule = "-+-".join("-" * w for w in width)
            return form, T(_lines([pad(head)], " | ", " ", " "), "-" + rule + "-\n", _lines([pad(r) for r in rows], " | ", " ", " "), f"({len(rows)} rows)\n")
        rule = "+" + "+".join("-" * (w + 2) for w in width) + "+\n"
        return form, T(rule, _lines([pad(head)], " | ", "| ", " |"), rule, _lines([pad(r) for r in rows], " | ", "| ", " |"), rule)
    quote = '"' if form == "columns" else "'"
    cells = lambda row: T(*[x for i, c in enumerate(row) for x in ((", " if i else "") + quote, c, quote)])
    if form == "columns":
        return form, T('{"columns": [', cells(head), '], "rows": [', *[x for i, r in enumerate(rows) for x in ((", [" if i else "["), cells(r), "]")], "]}")
    record = lambda row: T(*[x for i, (h, c) in enumerate(zip(head, row)) for x in ((", " if i else "") + f"'{h}': '", c, "'")])
    return form, T("[", *[x for i, r in enumerate(rows) for x in ((", {" if i else "{"), record(r), "}")], "]")
