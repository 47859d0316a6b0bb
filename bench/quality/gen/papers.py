"""Records of travellers and customers as strangers lay them out: passports and birth dates under many keys, in many languages and forms, beside
dates and numbers that are neither. For tuning; the keys were written before those of the code were widened by them."""

import random

from .marks import T, V, document
from .people import Person, passport

rng = random.Random(5)
LOC = "en_US en_GB de_DE fr_FR es_ES it_IT nl_NL pl_PL sv_SE da_DK fi_FI pt_PT cs_CZ hu_HU ro_RO el_GR hr_HR bg_BG sk_SK sl_SI et_EE lt_LT lv_LV no_NO tr_TR".split()
def styles(w, s):
    w = w.split()
    return {"camel": w[0].lower() + "".join(x.capitalize() for x in w[1:]), "pascal": "".join(x.capitalize() for x in w), "snake": "_".join(w).lower(), "kebab": "-".join(w).lower(),
            "space": " ".join(w), "title": " ".join(x.capitalize() for x in w), "upper": "_".join(w).upper(), "flat": "".join(w).lower(), "dot": ".".join(w).lower()}[s]
PASS = """passport no|passport num|passport nbr|passport #|passport number 1|passport serial no|passport series number|passport booklet number|passport book no|current passport|current passport number|primary passport no|old passport number|previous passport no|holder passport no|customer passport|applicant passport number|guest passport no|traveler passport|passenger passport number|pax passport|pax passport no|pp no|pp number|pp num|ppt no|ppt number|psprt|psprt no|psprt nbr|pass num|passport id no|passport doc number|passport document no|passport document id|travel doc num|travel document id|travel document no|travel doc number|travel passport no|international passport|international passport no|foreign passport number|diplomatic passport number|biometric passport no|epassport number|passport or id|passport id number|passport card no|passport ref|passport reference|passport value|us passport|us passport number|uk passport no|passport uk|passport mrz number|machine readable passport number|verified passport number|passport reg no|dokument reisepass|reisepass nummer|reisepass nr|reise pass nr|pass nummer|passnummer|nr reisepass|numero de passeport|numéro passeport|n° passeport|no passeport|num de passeport|passeport num|passeport numero|número de pasaporte|num pasaporte|nº pasaporte|pasaporte numero|pasaporte no|numero di passaporto|numero del passaporto|n passaporto|passaporto numero|nr passaporto|paspoort nummer|paspoort nr|nummer paspoort|reisdocument nummer|numer paszportu|nr paszportu|paszport nr|seria i numer paszportu|número do passaporte|nº do passaporte|número de passaporte|passaporte nº|passnummer|pass nr|pasnummer|pas nr|pasnr|passin numero|passinumero|passi nro|číslo pasu|cislo pasu|č pasu|cestovní pas číslo|cestovny pas|číslo cestovného pasu|útlevélszám|útlevél száma|útlevél szám|utlevel szam|număr pașaport|nr pașaport|numar pasaport|seria pasaport|αριθμός διαβατηρίου|διαβατήριο|αρ διαβατηρίου|broj putovnice|putovnica|putovnica broj|номер на паспорт|паспорт|паспорт номер|номер паспорт|številka potnega lista|potni list|passi number|passi nr|paso numeris|paso nr|pases numurs|pases nr|passnummer|pasaport no|pasaport numarası|pasaport numarasi|uimhir phas|numru tal passaport|travel permit passport number|passportNum|reisedokument nummer|resedokument|rejsedokument nr|matkustusasiakirja|document de voyage numéro|documento de viaje número|documento di viaggio|documento de viagem""".split("|")
DOB = """date of birth|dob|d o b|birth date|birthdate|birthday|born|born on|birth dt|birth day|b day|bday|dt of birth|dt birth|date birth|birth date iso|dob iso|dob date|dob formatted|dob raw|dob str|customer dob|patient dob|applicant date of birth|primary dob|spouse dob|holder dob|passport dob|guest birthday|employee birth date|birth timestamp|birthdate utc|day of birth|date of birth ymd|member birthdate|child date of birth|insured dob|beneficiary birth date|owner birthday|personal birth date|birth info|birth full date|born at|born date|birth|user birthday date|birth year|year of birth|yob|birth month and year|person birth date time|birth date time|geburtsdatum|geb datum|geb dat|geburts datum|geburtstag|geboren am|geb am|geburtsdatum kunde|kunde geburtsdatum|gebdatum|tag der geburt|date de naissance|date naissance|dt naissance|d naissance|ddn|né le|née le|né(e) le|date de naiss|naissance date|naiss|jour de naissance|fecha de nacimiento|fecha nacimiento|fec nac|fecha nac|f nacimiento|fnacimiento|nacido el|dia de nacimiento|fecha de nac|data di nascita|data nascita|nato il|nata il|nato a il|dt nascita|giorno di nascita|geboortedatum|geboorte datum|geb datum|datum geboorte|geboren op|geboortedag|data urodzenia|data ur|ur|urodzony|dt ur|dzień urodzenia|data de nascimento|data nascimento|dt nascimento|dt nasc|data nasc|nascido em|nascimento|födelsedatum|fodelsedatum|född|födelsedag|fødselsdato|foedselsdato|fødselsdag|født|fødselsår|syntymäaika|syntymaaika|syntymäpäivä|syntynyt|datum narození|datum narozeni|narozen|dat nar|datum nar|narození|dátum narodenia|datum narodenia|narodený|születési dátum|szuletesi datum|születési idő|születési ideje|született|szül dátum|szül idő|data nașterii|data nasterii|data de naștere|născut la|ημερομηνία γέννησης|ημ γέννησης|ημερ γέννησης|γέννηση|datum rođenja|datum rodjenja|rođen|dat rođ|дата на раждане|дата раждане|роден|роден на|датата на раждане|datum rojstva|rojstni datum|rojen|sünniaeg|sünnikuupäev|sündinud|gimimo data|gimimo diena|gimė|dzimšanas datums|dzimšanas diena|dzimis|doğum tarihi|dogum tarihi|dt|fæðingardagur|dáta breithe|data tat twelid""".split("|")
DOB = [d for d in DOB if d != "dt"]
NOISE = [("passport expiry date", "day"), ("passport issued on", "day"), ("passport issue date", "day"), ("passport country", "cc"), ("passport type", "P"), ("passport issuing authority", "HMPO"), ("date of issue", "day"), ("expiry", "day"), ("hire date", "day"), ("member since", "day"), ("last login", "stamp"), ("birth place", "city"), ("birth country", "cc"), ("passport verified", True), ("dob verified", True), ("passport status", "valid"), ("order date", "day"), ("order number", "n9"), ("booking ref", "ref"), ("document type", "type"), ("death date", None), ("enrolled", "day"), ("policy number", "n9"), ("account opened", "day"), ("passport pages", 32), ("passport scan url", "url"), ("passport valid until", "day"), ("passport count", 1), ("flight", "LH1234"), ("next renewal", "day")]
def noise(n):
    k, what = n
    v = {"day": "20%02d-%02d-%02d" % (rng.randrange(15, 35), rng.randrange(1, 13), rng.randrange(1, 29)), "cc": rng.choice(["DE", "FR", "GBR", "USA"]), "stamp": "2024-03-0%dT10:00:00Z" % rng.randrange(1, 9), "city": rng.choice(["Leeds", "Porto"]), "n9": str(rng.randrange(10**8, 10**9)), "ref": "X7K2PQ", "type": "standard", "url": "https://files.example.com/scan/8812.png"}.get(what, what)
    return v
SHAPES = ["iso", "iso", "local", "long", "stamp", "us", "compact", "slash", "short", "mon", "dots"]
def dob(p):
    s = rng.choice(SHAPES); d = p.born
    if s in ("iso", "local", "long", "stamp"): return p.dob(s)
    f = {"us": d.strftime("%m/%d/%Y"), "compact": d.strftime("%Y%m%d"), "slash": d.strftime("%Y/%m/%d"), "short": d.strftime("%d.%m.%y"), "mon": d.strftime("%d-%b-%Y"), "dots": d.strftime("%Y.%m.%d")}[s]
    return V("DATE_OF_BIRTH", f)
def pp(p):
    r = rng.random()
    if r < .4: return V("PASSPORT", p.f.passport_number())
    if r < .8: return p.passport
    if r < .87: return V("PASSPORT", "".join(rng.choice("0123456789") for _ in range(9)))
    if r < .93: v = passport(rng, p.country); return V("PASSPORT", v[:2] + " " + v[2:])
    v = passport(rng, p.country); return V("PASSPORT", v.lower())
def sty(): return rng.choice("camel camel snake snake pascal kebab space title upper flat dot".split())
def wrap_pass(p, i):
    """One record with a passport in some layout."""
    n = i % 30; t = lambda: rng.choice(["passport", "Passport", "PASSPORT", "P", "PP", "PPT", "PASSPORT_NUMBER", "intl_passport", "Reisepass", "passeport", "pasaporte", "passaporto", "paszport", "travel_document", "International Passport", "pass", "US Passport"])
    v = pp(p)
    tt = t()
    L = [
        lambda: {"type": tt, "number": v}, lambda: {"document_type": tt, "document_number": v}, lambda: {"documentType": tt, "documentNumber": v, "issuingCountry": "DE"},
        lambda: {"id_type": tt, "id_number": v}, lambda: {"idType": tt, "idNumber": v}, lambda: {"document_id": v, "document_type": tt}, lambda: {"doc": {"kind": tt, "no": v}},
        lambda: {"documents": [{"type": tt, "number": v, "issued": "2019-02-03", "expires": "2029-02-03"}]}, lambda: {"identity_documents": [{"category": tt, "value": v}]},
        lambda: {"passport": {"number": v, "country": "FR", "expires": "2029-02-03"}}, lambda: {"travelDocument": {"number": v, "type": "P"}}, lambda: {"passport": {"no": v}},
        lambda: {"passport": {"id": v}}, lambda: {"passport": v}, lambda: {"passports": [v]}, lambda: {"passports": [{"number": v, "issuing_country": "IT"}]}, lambda: {"passport_details": {"number": v, "issued_on": "2018-01-01"}},
        lambda: {"passportInfo": {"passportNumber": v}}, lambda: {"travel_documents": [{"document_number": v, "document_kind": tt}]}, lambda: {"identification": {"type": tt, "value": v}},
        lambda: {"identifiers": [{"scheme": tt, "id": v}]}, lambda: {"kyc": {"documentType": tt, "documentId": v}}, lambda: {"ids": {"passport": v, "loyalty": "881273"}}, lambda: {"identity": {"passport": {"serial": v}}},
        lambda: {"proof_of_identity": {"type": tt, "reference": v}}, lambda: {"gov_id": {"type": tt, "num": v}}, lambda: {"documentDetails": {"docType": tt, "docNum": v}}, lambda: {"idDocument": tt, "idDocumentNumber": v},
        lambda: {"identification_type": tt, "identification_number": v}, lambda: {"legalDocument": {"name": tt, "number": v}},
    ]
    return L[n]()
def base(p):
    r = {styles(rng.choice(["customer id", "ref", "record id"]), "snake"): str(rng.randrange(10**6, 10**7))}
    if rng.random() < .6: r[rng.choice(["name", "full_name", "fullName", "customerName"])] = p.name
    else: r[rng.choice(["first_name", "firstName"])] = p.given; r[rng.choice(["last_name", "surname"])] = p.family
    if rng.random() < .5: r["email"] = p.email
    return r
def records(count):
    for i in range(count):
        p = Person(rng, rng.choice(LOC)); r = base(p); s = sty()
        mode = i % 3
        ns = rng.sample(NOISE, 3)
        if mode == 0:
            k = PASS[(i // 3) % len(PASS)]; r[styles(k, s)] = pp(p); name = "P:" + k
        elif mode == 1:
            k = DOB[(i // 3) % len(DOB)]; v = dob(p)
            if "year" in k or k in ("yob", "fødselsår"): v = V("DATE_OF_BIRTH", rng.choice([p.born.year, str(p.born.year)]))
            r[styles(k, s)] = v; name = "D:" + k
        else:
            r.update(wrap_pass(p, i // 3)); name = "W:%d" % (i // 3 % 30)
            if rng.random() < .4: r[rng.choice(["birth"])] = {rng.choice(["date", "day", "dateOfBirth", "value", "on"]): dob(p), "place": "Leeds"}
            elif rng.random() < .3: r["birth_day"], r["birth_month"], r["birth_year"] = V("DATE_OF_BIRTH", p.born.day, optional=True), V("DATE_OF_BIRTH", p.born.month, optional=True), V("DATE_OF_BIRTH", p.born.year, optional=True)
        for k, w in ns: r[styles(k, s)] = noise((k, w))
        if rng.random() < .3: r = {rng.choice(["customer", "traveller", "data", "applicant", "payload"]): r}
        yield document(f"{name}/{p.locale}/{i}", r, rng.choice((None, 2)), False)
