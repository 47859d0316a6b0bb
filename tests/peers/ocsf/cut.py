"""Makes 1.8.0.json.gz: the published OCSF schema without its prose and without the classes that Carnet does not write: those it does,
whole, with every profile, and every object that can be reached from them. Usage: cut.py CHECKOUT, a checkout of
github.com/ocsf/ocsf-schema at v1.8.0, with ocsf-lib installed."""

import gzip, json, pathlib, subprocess, sys

CLASSES = ["api_activity", "compliance_finding", "data_security_finding"]

compiled = subprocess.run([sys.executable, "-m", "ocsf.compile", sys.argv[1]], capture_output=True, check=True).stdout
schema = json.loads(compiled)
assert schema["version"] == "1.8.0"


def plain(thing):
    attributes = {}
    for name, a in thing["attributes"].items():
        keep = {k: a[k] for k in ("caption", "type", "requirement", "is_array", "profile") if a.get(k) is not None}
        if a.get("enum"):
            keep["enum"] = {k: {"caption": v["caption"]} for k, v in a["enum"].items()}
        if a.get("@deprecated"):
            keep["@deprecated"] = {"message": "", "since": a["@deprecated"]["since"]}
        attributes[name] = {"description": "", **keep}
    out = {"caption": thing["caption"], "name": thing["name"], "description": "", "attributes": attributes}
    return out | {k: thing[k] for k in ("uid", "constraints", "profiles", "extends") if thing.get(k) is not None}


def own(name):
    """Attributes that a class, or what it extends, has whatever the profiles are: the merged schema names a profile of them too."""
    (file,) = [f for f in pathlib.Path(sys.argv[1]).glob("events/**/*.json") if json.loads(f.read_text()).get("name") == name]
    raw = json.loads(file.read_text())
    found = {n for n, a in raw.get("attributes", {}).items() if "profile" in a and a["profile"] is None}
    return found | (own(raw["extends"]) if "extends" in raw else set())


classes = {n: plain(schema["classes"][n]) for n in CLASSES}
for name, one in classes.items():
    for attribute in own(name):
        one["attributes"][attribute].pop("profile", None)
objects, todo = {}, list(classes.values())
while todo:
    for a in todo.pop()["attributes"].values():
        name = a["type"]
        if name in schema["objects"] and name not in objects:
            objects[name] = plain(schema["objects"][name])
            todo.append(objects[name])
keys = ("caption", "type", "regex", "range", "max_len", "values")
types = {n: {"description": ""} | {k: t[k] for k in keys if t.get(k) is not None} for n, t in schema["types"].items()}
part = {"version": schema["version"], "classes": classes, "objects": objects, "types": types}
text = json.dumps(part, separators=(",", ":"), sort_keys=True)
pathlib.Path(__file__).with_name("1.8.0.json.gz").write_bytes(gzip.compress(text.encode(), 9, mtime=0))
print(len(classes), "classes,", len(objects), "objects")
