"""Checks exports of Carnet with programs that know nothing of Carnet: ocsf-lib and JSON Schema (ocsf), pycef (cef),
compliance-trestle (oscal). Usage: siem.py KIND PATH [CHANGE], where CHANGE damages what is checked. Prints how many things
were checked, or what does not hold."""

import json, logging, pathlib, sys

kind, path, change = sys.argv[1], pathlib.Path(sys.argv[2]), (sys.argv[3:] or [""])[0]


def ocsf():
    import jsonschema
    from ocsf.schema import from_file

    schema = from_file(str(pathlib.Path(__file__).parent.parent / "ocsf/1.8.0.json"))
    words = {"boolean_t": "boolean", "integer_t": "integer", "long_t": "integer", "timestamp_t": "integer", "port_t": "integer"}

    def value(a):
        if a.type == "object" or a.type == "json_t":
            one = {}
        elif a.is_object():
            one = {"$ref": f"#/$defs/{a.type}"}
        else:
            one = {"type": words.get(a.type, "string")}
        if a.enum and one.get("type") == "integer":
            one["enum"] = [int(k) for k in a.enum]
        return {"type": "array", "items": one} if a.is_array else one

    def shape(thing, always=()):
        required = [n for n, a in thing.attributes.items() if a.requirement == "required" and (n in always or not a.profile)]
        out = {
            "type": "object",
            "properties": {n: value(a) for n, a in thing.attributes.items()},
            "required": required,
            "additionalProperties": False,
        }
        for one in (thing.constraints or {}).get("at_least_one", []):
            out.setdefault("anyOf", []).append({"required": [one]})
        return out

    # The schema says "required" of the class; the merged one also says of which profile.
    always = {"api_activity": ("actor", "api")}
    defs = {n: shape(o) for n, o in schema.objects.items()}
    classes = {c.uid: (shape(c, always.get(n, ())) | {"$defs": defs}) for n, c in schema.classes.items()}
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    if change == "type":
        lines[0]["time"] = "now"
    if change == "required":
        del lines[0]["api"]
    if change == "unknown":
        lines[-1]["carnet"] = 1
    for event in lines:
        uid = event["class_uid"]
        for name, attribute in [(c.uid, c.attributes) for c in schema.classes.values()]:
            if name == uid:
                assert str(event["activity_id"]) in attribute["activity_id"].enum
        assert event["type_uid"] == uid * 100 + event["activity_id"], event["type_uid"]
        assert event["metadata"]["version"] == schema.version
        jsonschema.validate(event, classes[uid])
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
