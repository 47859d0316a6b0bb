"""Checks exports of Carnet with programs that know nothing of Carnet: ocsf-lib and JSON Schema (ocsf), pycef (cef),
compliance-trestle (oscal). Usage: siem.py KIND PATH [CHANGE], where CHANGE damages what is checked. Prints how many things
were checked, or what does not hold."""

import json, logging, pathlib, sys

kind, path, change = sys.argv[1], pathlib.Path(sys.argv[2]), (sys.argv[3:] or [""])[0]


def ocsf():
    import gzip, jsonschema
    from ocsf.schema import from_json

    folder = pathlib.Path(__file__).parent.parent / "ocsf"
    schema = from_json(gzip.decompress((folder / "1.8.0.json.gz").read_bytes()).decode())
    words = {"boolean_t": "boolean", "integer_t": "integer", "long_t": "integer", "float_t": "number", "string_t": "string"}

    def scalar(name):
        """A type of the schema: its base, and what its pattern, range and length ask for."""
        if name == "json_t":
            return {}
        kind = schema.types[name]
        out = {"type": words.get(name) or words[kind.type]}
        if kind.regex:
            out["pattern"] = kind.regex
        if kind.max_len:
            out["maxLength"] = kind.max_len
        if kind.range:
            out["minimum"], out["maximum"] = kind.range
        return out

    def value(a):
        if a.type == "object":
            one = {"type": "object"}
        elif a.type in schema.objects:
            one = {"$ref": f"#/$defs/{a.type}"}
        else:
            one = scalar(a.type)
        if a.enum and one.get("type") == "integer":
            one["enum"] = [int(k) for k in a.enum]
        if a.enum and one.get("type") == "string":
            one["enum"] = list(a.enum)
        return {"type": "array", "items": one} if a.is_array else one

    def shape(thing, profiles=None):
        """An object, or a class with these profiles: what another profile brings is not in it."""
        attributes = thing.attributes
        if profiles is not None:
            attributes = {n: a for n, a in attributes.items() if not a.profile or a.profile in profiles}
        required = [n for n, a in attributes.items() if a.requirement == "required"]
        out = {
            "type": "object",
            "properties": {n: value(a) for n, a in attributes.items()},
            "required": required,
            "additionalProperties": thing.name == "object",
        }
        constraints = thing.constraints or {}
        for one in constraints.get("at_least_one", []):
            out.setdefault("anyOf", []).append({"required": [one]})
        for one in constraints.get("just_one", []):
            out.setdefault("oneOf", []).append({"required": [one]})
        return out

    defs = {n: shape(o) for n, o in schema.objects.items()}
    by_uid = {c.uid: (n, c) for n, c in schema.classes.items()}
    shapes = {}
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    if change == "type":
        lines[0]["time"] = "now"
    if change == "required":
        del lines[0]["api"]
    if change == "unknown":
        lines[-1]["carnet"] = 1
    if change == "profile":
        lines[0]["metadata"]["profiles"] = []
        lines[0]["action_id"] = 1
    if change == "enum":
        lines[0]["severity_id"] = 1234
    for event in lines:
        uid, profiles = event["class_uid"], event["metadata"].get("profiles", [])
        name, known = by_uid[uid]
        assert set(profiles) <= set(known.profiles or []), f"{profiles} of {known.profiles}"
        assert str(event["activity_id"]) in known.attributes["activity_id"].enum
        assert event["type_uid"] == uid * 100 + event["activity_id"], event["type_uid"]
        assert event["metadata"]["version"] == schema.version
        key = (uid, tuple(profiles))
        if key not in shapes:
            whole = shape(known, profiles) | {"$defs": defs}
            shapes[key] = jsonschema.Draft202012Validator(whole)
        shapes[key].validate(event)
    print(len(lines))


def cef():
    import pycef

    # It says what it does not understand on its logger only.
    logging.disable(logging.CRITICAL)
    lines = path.read_text().splitlines()
    if change == "header":
        lines[0] = lines[0].replace("CEF:0|", "CEF:0;")
    if change == "escape":
        lines = [line.replace("Carnet|Carnet|1|", "Carnet|Car|net|1|") for line in lines]
    for line in lines:
        read = pycef.parse(line)
        assert read, line
        assert read["DeviceVendor"] == "Carnet" and read["DeviceProduct"] == "Carnet", read
        assert read["DeviceVersion"] == "1" and read["Severity"].isdigit() and read["externalId"].isdigit(), read
    print(len(lines))


def oscal():
    from trestle.oscal.assessment_results import AssessmentResults
    from trestle.oscal.component import ComponentDefinition

    kinds = {"assessment-results": AssessmentResults, "component-definition": ComponentDefinition}
    n = 0
    for file in sorted(path.iterdir()):
        document = json.loads(file.read_text())
        (name,) = document
        inner = document[name]
        if change == "uuid":
            inner["uuid"] = "1234"
        if change == "state" and name == "assessment-results":
            inner["results"][0]["findings"][0]["target"]["status"]["state"] = "compliant"
        if change == "metadata":
            del inner["metadata"]["title"]
        read = kinds[name].oscal_read(file) if not change else kinds[name].model_validate(inner)
        assert read is not None
        n += 1
    print(n)


try:
    {"ocsf": ocsf, "cef": cef, "oscal": oscal}[kind]()
except Exception as e:  # noqa: BLE001
    print(f"not {kind}: {type(e).__name__}: {str(e).splitlines()[0][:300]}")
    sys.exit(1)
