"""Documents about things: catalogues, builds, metrics, issues, files, places, law. Nothing in them is personal."""


def dev(g, n):
    return g.choice((
        lambda: {"products": [{"name": n.product(), "title": n.product(), "sku": n.sku(), "ean": n.ean(), "price": n.amount(), "stock": int(n.first(3)), "dimensions": "120 x 60 x 75 cm", "phone_compatible": True} for _ in range(3)]},
        lambda: {"pipeline": {"id": int(n.first(9)), "name": "nightly-build", "sha": n.sha(), "status": "failed", "started_at": n.stamp(), "duration_ms": int(n.first(6)), "stages": [{"name": "lint"}, {"name": "unit tests"}], "runner": "linux-x64-" + n.d(2)}},
        lambda: {"issue": {"key": "CORE-" + n.first(4), "summary": "Parser fails on nested lists", "priority": "High", "labels": ["parser", "regression"], "fixVersion": n.version(), "storyPoints": 5, "description": "Steps: open the file, press save. Expected: no error. Actual: error 0x80070057 in module core.dll, line 4821."}},
        lambda: {"metrics": [{"name": "http_requests_total", "value": int(n.first(8)), "ts": n.millis(), "labels": {"method": "GET", "code": "200", "instance": "node-" + n.d(2)}} for _ in range(3)]},
        lambda: {"files": [{"name": "report_2025_q3.pdf", "path": "/srv/share/reports/report_2025_q3.pdf", "size": int(n.first(7)), "md5": n.sha(32), "modified": n.stamp()}, {"name": "main.rs", "path": "src/main.rs", "size": 4821, "md5": n.sha(32), "modified": n.stamp()}]},
        lambda: {"container": {"image": "registry.example.com/app:" + n.version(), "digest": "sha256:" + n.sha(64), "ports": [8080, 9090], "env": ["LOG_LEVEL=info", "REGION=eu-central-1"], "name": "web-" + n.sha(8)}},
        lambda: {"weather": {"station": "Oslo Blindern", "lat": 59.9423, "lon": 10.72, "forecast": [{"day": n.day(), "min": -3.2, "max": 4.1}], "elevation_m": 94}},
        lambda: {"shipment": {"carrier": "DHL", "tracking_number": n.tracking(), "weight_kg": 12.4, "events": [{"code": "DEP", "at": n.stamp(), "facility": "Leipzig Hub"}], "reference": n.order()}},
        lambda: {"tables": [{"table_name": "customers", "columns": [{"name": "first_name", "type": "text"}, {"name": "email", "type": "text"}, {"name": "phone", "type": "varchar(20)"}], "row_estimate": int(n.first(6))}]},
        lambda: {"invoice_lines": [{"position": i, "article": n.sku(), "text": n.product(), "net": n.amount(), "vat_rate": 19, "account": "4400"} for i in range(3)], "invoice_no": n.first(8), "due": n.day()},
        lambda: {"law": {"title": "Regulation (EU) 2016/679", "article": 17, "text": "The data subject shall have the right to obtain from the controller the erasure of personal data concerning him or her without undue delay."}},
        lambda: {"tools": [{"name": "get_customer", "description": "Reads a customer by e-mail address or phone number.", "inputSchema": {"type": "object", "properties": {"email": {"type": "string", "description": "E-mail of the customer"}, "phone": {"type": "string"}}, "required": ["email"]}}]},
    ))()


def test(g, n):
    return g.choice((
        lambda: {"catalog": {"vendor": n.company(), "items": [{"label": n.product(), "partNo": n.sku(), "upc": n.ean(), "listPrice": n.amount(), "leadTimeDays": 14} for _ in range(3)]}},
        lambda: {"deployments": [{"metadata": {"name": "checkout", "namespace": "shop", "uid": n.uuid(), "resourceVersion": n.first(9)}, "spec": {"replicas": 3, "template": {"containers": [{"name": "app", "image": "shop/checkout:" + n.version()}]}}, "status": {"observedGeneration": 12}}]},
        lambda: {"commits": [{"sha": n.sha(), "message": "Fix off by one in pager", "tree": n.sha(), "stats": {"additions": 12, "deletions": 3}} for _ in range(2)]},
        lambda: {"sensor": {"serial": n.first(12), "model": "TX-" + n.d(4), "readings": [{"t": n.epoch(), "v": n.amount()} for _ in range(5)], "firmware": n.version()}},
        lambda: {"flights": [{"number": "LH" + n.d(4), "from": "FRA", "to": "OSL", "departure": n.stamp(), "gate": "B24", "aircraft": "A320-200", "tail": "D-AIZ" + n.one("A", "B")}]},
        lambda: {"recipe": {"name": "Rye bread", "servings": 8, "ingredients": ["500 g rye flour", "350 ml water", "10 g salt"], "minutes": 95}},
        lambda: {"query": "SELECT count(*) FROM orders WHERE created_at > '2025-01-01'", "rows": [[int(n.first(6))]], "elapsed_ms": 12, "plan_hash": n.sha(16)},
        lambda: {"stock": [{"symbol": "SIE", "name": "Siemens AG", "isin": "DE0007236101", "wkn": "723610", "close": n.amount(), "volume": int(n.first(8))}]},
        lambda: {"sprint": {"name": "Sprint 42", "goal": "Ship the importer", "start": n.day(), "end": n.day(), "committed": 34, "done": 29}},
        lambda: {"book": {"title": "The Art of Computer Programming", "isbn13": "9780201896831", "publisher": "Addison-Wesley", "pages": 672, "edition": 3}},
        lambda: {"alerts": [{"rule": "HighLatency", "severity": "warning", "fingerprint": n.sha(16), "startsAt": n.stamp(), "annotations": {"summary": "p99 above 2 s on node-7", "runbook": "https://wiki.example.com/runbooks/latency"}}]},
        lambda: {"schema": {"$id": "https://example.com/person.schema.json", "properties": {"lastName": {"type": "string", "description": "The person's last name."}, "birthDate": {"type": "string", "format": "date"}}}},
    ))()
