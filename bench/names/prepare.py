"""Writes what the trainer of the light tier reads: name lists and tagged sentences, one token and tag to a line.

    python3 prepare.py DATA OUT

The lists come from Faker (MIT). DATA holds checkouts of public corpora whose licences permit the use; README.md names
them. Nothing of them is kept in this repository.
"""

import glob
import importlib
import json
import os
import pkgutil
import re
import sys

DATA, OUT = sys.argv[1:3]
KEEP = {"PER": "PER", "person": "PER", "LOC": "LOC", "place": "LOC", "location": "LOC", "ORG": "ORG", "organization": "ORG",
        "corporation": "ORG", "group": "ORG", "Person": "PER", "Location": "LOC", "Organisation": "ORG", "GPE": "LOC"}


def lists():
    import faker.providers.address
    import faker.providers.person
    first, last, place = set(), set(), set()

    def take(into, value):
        for v in value.keys() if hasattr(value, "keys") else value:
            if isinstance(v, str):
                into.add(v.strip())

    for package in (faker.providers.person, faker.providers.address):
        for module in pkgutil.iter_modules(package.__path__):
            provider = importlib.import_module(f"{package.__name__}.{module.name}").Provider
            for name in dir(provider):
                value = getattr(provider, name)
                if callable(value) or not hasattr(value, "__iter__") or isinstance(value, str):
                    continue
                if re.match(r"(first|middle)_?names?", name):
                    take(first, value)
                elif re.match(r"(last|family|patronymic)_?names?", name):
                    take(last, value)
                elif name in ("cities", "city_names", "countries", "states", "provinces", "regions", "counties", "departments", "towns", "municipalities", "villages", "districts"):
                    try:
                        take(place, value)
                    except TypeError:
                        pass
    for name, values in (("first", first), ("last", last), ("place", place)):
        with open(f"{OUT}/{name}.txt", "w") as f:
            f.write("\n".join(sorted(v for v in values if len(v) > 1)))


def tags(labels):
    """IO, IOB1 or IOB2 to IOB2 of the three kinds."""
    out, before = [], "O"
    for label in labels:
        kind = KEEP.get(re.sub(r"^[BIES]-", "", label), "O") if label not in ("O", "_", "-") else "O"
        same = kind == re.sub(r"^[BI]-", "", before)
        out.append("O" if kind == "O" else ("I-" if same and not label.startswith("B-") else "B-") + kind)
        before = out[-1]
    return out


def columns(path, token, tag, comment=False):
    words, labels = [], []
    for line in open(path, encoding="utf-8", errors="replace"):
        line = line.rstrip("\n")
        if not line.strip():
            if words:
                yield words, tags(labels)
            words, labels = [], []
            continue
        if comment and line.startswith("#") or line.startswith("-DOCSTART-"):
            continue
        cols = re.split(r"\t" if "\t" in line else r" ", line)
        if len(cols) <= max(token, tag if tag >= 0 else 0) or comment and not cols[0].isdigit():
            continue
        words.append(cols[token])
        labels.append(cols[tag].strip() or "O")
    if words:
        yield words, tags(labels)


def gum(path):
    """Entities of GUM whose head is a proper noun: the run of proper nouns around the head."""
    words, pos, spans, open_ = [], [], [], []
    for line in open(path, encoding="utf-8"):
        if line.startswith("#"):
            continue
        cols = line.rstrip("\n").split("\t")
        if len(cols) < 10:
            if words:
                yield words, gum_tags(words, pos, spans)
            words, pos, spans, open_ = [], [], [], []
            continue
        if not cols[0].isdigit():
            continue
        at = len(words)
        words.append(cols[1])
        pos.append(cols[3])
        entity = re.search(r"Entity=([^|]*)", cols[9])
        for o, kind, c in re.findall(r"\((\d+)-(\w+)|(\d+)\)", entity.group(1) if entity else "") if entity else []:
            if o:
                open_.append((o, kind, at))
        if entity:
            for closed in re.findall(r"(?:^|[^-\w])(?:\((\d+)-\w+-[^()]*\)|(\d+)\))", entity.group(1)):
                number = closed[0] or closed[1]
                for i in range(len(open_) - 1, -1, -1):
                    if open_[i][0] == number:
                        spans.append((open_[i][1], open_[i][2], at))
                        del open_[i]
                        break
    if words:
        yield words, gum_tags(words, pos, spans)


def gum_tags(words, pos, spans):
    out = ["O"] * len(pos)
    for kind, a, b in sorted(spans, key=lambda s: s[1] - s[2]):
        if kind not in ("person", "place", "organization"):
            continue
        # The last run of proper nouns, if the span ends with it.
        e = b
        while e >= a and pos[e] == "PUNCT":
            e -= 1
        if e < a or pos[e] != "PROPN":
            continue
        s = e
        while s > a and (pos[s - 1] == "PROPN" or pos[s - 1] == "ADJ" and words[s - 1][:1].isupper()):
            s -= 1
        for i in range(s, e + 1):
            out[i] = ("B-" if i == s else "I-") + KEEP[kind]
    return out


def norne(path):
    """NorNE names entities in the tenth column; its geopolitical ones are places."""
    words, labels = [], []
    for line in open(path, encoding="utf-8"):
        cols = line.rstrip("\n").split("\t")
        if line.startswith("#"):
            continue
        if len(cols) < 10:
            if words:
                yield words, tags(labels)
            words, labels = [], []
        elif cols[0].isdigit():
            name = re.search(r"name=([A-Z_\-]+)", cols[9])
            label = (name.group(1) if name else "O").replace("GPE_LOC", "LOC").replace("GPE_ORG", "LOC")
            words.append(cols[1])
            labels.append(label if label[2:] in ("PER", "LOC", "ORG") else "O")
    if words:
        yield words, tags(labels)


def ronec(path):
    names = {"PERSON": "PER", "GPE": "LOC", "LOC": "LOC", "ORG": "ORG"}
    for row in json.load(open(path, encoding="utf-8")):
        yield row["tokens"], tags([t[:2] + names[t[2:]] if t[2:] in names else "O" for t in row["ner_tags"]])


def without_handles(sentences):
    """`@ name` is a handle, not a name."""
    for words, labels in sentences:
        yield words, ["O" if w == "@" or i and words[i - 1] == "@" else t for i, (w, t) in enumerate(zip(words, labels))]


def write(name, sentences):
    n = 0
    with open(f"{OUT}/{name}.tsv", "w") as f:
        for words, labels in sentences:
            n += 1
            f.write("\n".join(f"{w}\t{t}" for w, t in zip(words, labels)) + "\n\n")
    print(name, n)


def main():
    os.makedirs(OUT, exist_ok=True)
    lists()
    uner = lambda path: columns(path, 1, 2, True)
    for name, path in (("ewt_dev", "UNER_English-EWT/en_ewt-ud-dev"), ("ewt_test", "UNER_English-EWT/en_ewt-ud-test"), ("pud_en", "UNER_English-PUD/en_pud-ud-test"),
                       *((f"{c}_{part}", f"UNER_{d}/{c}_{t}-ud-{part}") for c, d, t in (("da", "Danish-DDT", "ddt"), ("sv", "Swedish-Talbanken", "talbanken"), ("pt", "Portuguese-Bosque", "bosque"), ("hr", "Croatian-SET", "set"), ("sk", "Slovak-SNK", "snk")) for part in ("train", "test"))):
        write(name, uner(f"{DATA}/{path}.iob2"))
    german = list(uner(f"{DATA}/UNER_German-PUD/de_pud-ud-test.iob2"))
    write("de_train", german[:700])
    write("de_test", german[700:])
    erd = f"{DATA}/ERD/data"
    write("wikigold", columns(f"{erd}/wikigold/CONLL-format/data/wikigold.conll.txt", 0, 1))
    write("wnut", columns(f"{erd}/WNUT17/CONLL-format/data/train/wnut17train.conll", 0, 1))
    write("wnut_dev", columns(f"{erd}/WNUT17/CONLL-format/data/dev/emerging.dev.conll", 0, 1))
    write("wnut_test", columns(f"{erd}/WNUT17/CONLL-format/data/test/emerging.test.annotated", 0, 1))
    write("no_train", (s for f in ("nob/no_bokmaal-ud-dev", "nno/no_nynorsk-ud-dev") for s in norne(f"{DATA}/norne/ud/{f}.conllu")))
    write("no_test", norne(f"{DATA}/norne/ud/nob/no_bokmaal-ud-test.conllu"))
    write("ro_train", ronec(f"{DATA}/ronec/data/test.json"))
    write("ro_test", ronec(f"{DATA}/ronec/data/valid.json"))
    write("btc", without_handles(s for p in sorted(glob.glob(f"{erd}/BTC/CONLL-format/data/*.conll")) for s in columns(p, 0, 1)))
    # Only the genres of GUM whose texts are free for any use.
    free = "academic bio conversation interview news speech textbook vlog voyage".split()
    write("gum", (s for g in free for p in sorted(glob.glob(f"{DATA}/gum/GUM_{g}_*.conllu")) for s in gum(p)))


main()
