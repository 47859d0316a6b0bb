"""Makes 1.8.0.json: the part of the OCSF schema that Carnet's events use, with what is required in it. What an event has beyond
this part is an error in the check. Usage: cut.py CHECKOUT, a checkout of github.com/ocsf/ocsf-schema at v1.8.0, with ocsf-lib
installed."""

import json, subprocess, sys

CLASSES = ["api_activity", "compliance_finding", "data_security_finding"]
OBJECTS = """metadata product actor user group idp session api service request network_endpoint resource_details authorization
policy finding_info data_security compliance object""".split()

compiled = subprocess.run([sys.executable, "-m", "ocsf.compile", sys.argv[1]], capture_output=True, check=True).stdout
schema = json.loads(compiled)
assert schema["version"] == "1.8.0"


def plain(name):
    return name.endswith("_t") or name in OBJECTS


def cut(thing):
    attributes = {}
    for name, a in thing["attributes"].items():
        if not plain(a["type"]):
            continue
        keep = {k: a.get(k) for k in ("caption", "type", "requirement", "is_array", "profile")}
        if a.get("enum"):
            keep["enum"] = {k: {"caption": v["caption"]} for k, v in a["enum"].items()}
        attributes[name] = {"description": "", **keep}
    out = {"caption": thing["caption"], "name": thing["name"], "description": "", "attributes": attributes}
    for key in ("uid", "constraints", "profiles", "extends"):
        if thing.get(key) is not None:
            out[key] = thing[key]
    return out


part = {
    "version": schema["version"],
    "classes": {n: cut(schema["classes"][n]) for n in CLASSES},
    "objects": {n: cut(schema["objects"][n]) for n in OBJECTS if n in schema["objects"]},
    "types": {n: {"caption": t["caption"], "description": ""} for n, t in schema["types"].items()},
}
json.dump(part, sys.stdout, indent=None, separators=(",", ":"), sort_keys=True)
sys.stdout.write("\n")
