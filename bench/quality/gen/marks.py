"""Labelled values, and the text or JSON they are written into, with the place of each in code points."""

import json


class V:
    """A value that ought to be found. `optional`: neither finding nor leaving it is wrong."""

    def __init__(self, kind, value, optional=False, subtype=None):
        self.kind, self.value, self.optional, self.subtype = kind, value, optional, subtype

    def __str__(self):
        return str(self.value)


class T:
    """Text with labelled values in it."""

    def __init__(self, *parts):
        self.parts = parts


def fill(template, **values):
    """`T` of a template with `{name}` for each value."""
    parts, rest = [], template
    while "{" in rest:
        before, rest = rest.split("{", 1)
        name, rest = rest.split("}", 1)
        parts += [before, values[name]]
    return T(*parts, rest)


class Writer:
    def __init__(self, ascii=False):
        self.out, self.length, self.entities, self.ascii = [], 0, [], ascii

    def raw(self, text):
        self.out.append(text)
        self.length += len(text)

    def mark(self, v, text):
        start = self.length
        self.raw(text)
        e = {"type": v.kind, "start": start, "end": self.length}
        if v.optional:
            e["optional"] = True
        if v.subtype:
            e["subtype"] = v.subtype
        if self.length > start:
            self.entities.append(e)

    def inside(self, text):
        """What stands between the quotes of a JSON string."""
        return json.dumps(text, ensure_ascii=self.ascii)[1:-1]

    def pieces(self, value, escape):
        if isinstance(value, T):
            for p in value.parts:
                self.pieces(p, escape)
        elif isinstance(value, V):
            if isinstance(value.value, T):
                # A whole text is the value, whatever is in it.
                inner = Writer(self.ascii)
                inner.pieces(value.value, escape)
                self.mark(value, "".join(inner.out))
            else:
                self.mark(value, escape(str(value.value)))
        else:
            self.raw(escape(str(value)))

    def json(self, value, indent=None, level=0):
        pad = "" if indent is None else "\n" + " " * indent * (level + 1)
        end = "" if indent is None else "\n" + " " * indent * level
        if isinstance(value, dict):
            self.raw("{")
            for n, (k, v) in enumerate(value.items()):
                self.raw(("," if n else "") + (pad if pad else (" " if n and self.ascii else "")))
                self.raw('"')
                self.pieces(k, self.inside)
                self.raw('": ' if indent is not None or self.ascii else '":')
                self.json(v, indent, level + 1)
            self.raw((end if value else "") + "}")
        elif isinstance(value, (list, tuple)):
            self.raw("[")
            for n, v in enumerate(value):
                self.raw(("," if n else "") + pad)
                self.json(v, indent, level + 1)
            self.raw((end if value else "") + "]")
        elif isinstance(value, V) and isinstance(value.value, (int, float)):
            self.mark(value, json.dumps(value.value))
        elif isinstance(value, (str, V, T)):
            self.raw('"')
            self.pieces(value, self.inside)
            self.raw('"')
        else:
            self.raw(json.dumps(value))


def document(id, value, indent=None, ascii=False):
    w = Writer(ascii)
    w.json(value, indent)
    text = "".join(w.out)
    json.loads(text)
    return {"id": id, "text": text, "entities": w.entities}


def plain(id, value):
    w = Writer()
    w.pieces(value, lambda s: s)
    return {"id": id, "text": "".join(w.out), "entities": w.entities}
