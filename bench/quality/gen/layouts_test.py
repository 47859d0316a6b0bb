"""Layouts of records for the set that nobody tunes on: other schemas, other keys, other countries."""

from .marks import T, V


def guest_profile(p, n):
    kind, number = p.id()
    return {
        "guestId": n.first(9), "profile": {"nameFirst": p.given, "nameLast": p.family, "bornOn": p.dob(), "phones": [{"kind": "cell", "number": p.phone()}], "mails": [p.email]},
        "identityPaper": {"category": "passport", "serial": p.passport}, "room": n.first(3), "arrival": n.day(), "folio": n.order(), "rate": n.amount(),
    }


def insured(p, n):
    kind, number = p.id()
    return {
        "policyNo": n.sku(), "insuredPerson": {"fname": p.given, "lname": p.family, "natId": number, "birthDt": p.dob("iso"), "tel1": p.phone(), "mail": p.email, "addr": {"street": p.street, "zipCode": p.postcode, "city": p.city}},
        "premium": n.amount(), "insurer": n.company(), "validFrom": n.day(), "claimRefs": [n.first(10), n.first(10)],
    }


def telecom(p, n):
    return {
        "subscriber_msisdn": p.phone("e164"), "imsi": n.first(15), "holder": {"holder_name": p.name, "holder_email": p.email, "billing_street": p.street, "billing_zip": p.postcode, "billing_city": p.city},
        "tariff": n.one("Flat M", "Flat L"), "bank_iban": p.iban(), "activated_ms": n.millis(), "last_ip_addr": p.ip, "sim_batch": n.sku(),
    }


def student(p, n):
    kind, number = p.id()
    return {
        "StudentRecord": {"MatriculationNo": n.first(7), "GivenNames": T(p.given, " ", p.middle), "FamilyName": p.family, "DoB": p.dob(), "GovernmentIdentifier": number, "UniversityMail": p.email, "EmergencyContact": {"FullName": p.name, "Telephone": p.phone()},
                          "Programme": n.one("Physics BSc", "Law", "Nursing"), "Credits": 120, "Campus": n.one("North", "Main")},
    }


def italian(p, n):
    kind, number = p.id()
    return {
        "codiceCliente": n.first(6), "cognome": p.family, "nome": p.given, "dataDiNascita": p.dob("local"), "codFiscale": number, "cellulare": p.phone(), "indirizzoEmail": p.email, "indirizzo": {"via": p.street, "cap": p.postcode, "comune": p.city},
        "contoCorrente": p.iban(), "ordine": {"numero": n.order(), "totale": n.amount(), "prodotto": n.product()},
    }


def portuguese(p, n):
    kind, number = p.id()
    return {
        "utente": {"nomeCompleto": p.name, "dataNascimento": p.dob(), "contribuinteNif": number, "telemovel": p.phone(), "correioEletronico": p.email, "morada": p.street, "codPostal": p.postcode, "localidade": p.city},
        "consulta": {"id": n.uuid(), "data": n.stamp(), "especialidade": n.one("Cardiologia", "Pediatria")},
    }


def czech(p, n):
    kind, number = p.id()
    return {
        "zakaznik": {"jmeno": p.given, "prijmeni": p.family, "rodneCislo": number, "datumNarozeni": p.dob("local"), "mobil": p.phone(), "email": p.email, "ulice": p.street, "psc": p.postcode, "mesto": p.city}, "objednavka": n.order(), "castka": n.amount(), "vytvoreno": n.stamp(),
    }


def danish(p, n):
    kind, number = p.id()
    return {
        "borger": {"fornavn": p.given, "efternavn": p.family, "cpr_nr" if p.country == "DK" else "fodselsnr": number, "mobilnummer": p.phone(), "mail_adresse": p.email, "adresse": {"vej": p.street, "postnummer": p.postcode, "by": p.city}, "foedselsdato": p.dob("iso")}, "sagsnr": n.first(8), "oprettet": n.stamp(),
    }


def hungarian(p, n):
    kind, number = p.id()
    return {
        "ugyfel": {"vezeteknev": p.family, "keresztnev": p.given, "szuletesi_datum": p.dob("iso"), "azonosito": {kind["words"][0].split()[0].lower(): number}, "telefonszam": p.phone(), "e_mail_cim": p.email, "lakcim": p.address}, "szerzodes": n.order(), "dij": n.amount(),
    }


def austrian_pension(p, n):
    kind, number = p.id()
    return {
        "versicherter": {"Familienname": p.family, "Rufname": p.given, "geborenAm": p.dob("local"), "svNr": number, "anschrift": p.home(), "festnetz": p.phone(), "mailAdresse": p.email, "bankdaten": {"iban": p.iban(), "inhaber": p.name}}, "aktenzeichen": n.sku(), "bescheidDatum": n.day(),
    }


def event_stream(p, n):
    return {
        "event": "order.paid", "eventId": n.uuid(), "occurredAt": n.millis(), "payload": {"buyer": {"fullName": p.name, "emailAddress": p.email, "phoneE164": p.phone("e164")}, "shipTo": {"recipient": p.name, "line1": p.street, "postal": p.postcode, "city": p.city},
            "paymentMethod": {"brand": "visa", "accountNumber": p.card, "ipAtCheckout": p.ip}, "trackingNumber": n.tracking(), "ean13": n.ean(), "build": n.sha(7)},
    }


def table_rows(p, n):
    kind, number = p.id()
    return {
        "query": "select * from members limit 1", "rowCount": 1, "rows": [{"MEMBER_ID": int(n.first(8)), "LAST_NM": p.family, "FIRST_NM": p.given, "EMAIL_ADDR": p.email, "PHONE_NBR": p.phone(), "BIRTH_DT": p.dob("stamp"), "NATL_ID_NBR": number, "PASSPORT_NBR": p.passport, "UPDATED_TS": n.stamp(), "BRANCH_NM": n.company()}],
    }


def clinic_note(p, n):
    kind, number = p.id()
    return {
        "encounter": n.first(9), "pat": {"lastName": p.family, "firstName": p.given, "healthInsuranceId": number, "dob": p.dob("iso")}, "gp": {"practitionerName": p.name, "practicePhone": p.phone()},
        "freeText": T("Pt ", p.name, ", born ", p.dob("local"), ", reports headache. Contact: ", p.phone("int"), ", ", p.email, ". Lab batch ", n.first(9), "."),
        "icd": n.one("J45.0", "E11.9"), "bp": "120/80",
    }


def gdpr_export(p, n):
    kind, number = p.id()
    return {
        "exportedFor": p.email, "sections": [{"title": "Identity", "fields": [{"label": "Full name", "value": p.name}, {"label": "Date of birth", "value": p.dob("long")}, {"label": "Mobile", "value": p.phone()}, {"label": kind["words"][0], "value": number}]},
                     {"title": "Purchases", "fields": [{"label": "Invoice", "value": n.order()}, {"label": "Product", "value": n.product()}]}],
        "generator": "exporter/" + n.version(),
    }


def landlord(p, n):
    return {
        "tenantName": p.name, "tenantEmail": p.email, "tenantPhone": p.phone(), "leaseStart": n.day(), "unitRef": n.sku(), "depositIban": p.iban(), "guarantor": {"name": p.name, "passportNo": p.passport, "born": p.dob()},
        "meterReading": int(n.first(6)), "managedBy": n.company(),
    }


ALL = [guest_profile, insured, telecom, student, italian, portuguese, czech, danish, hungarian, austrian_pension, event_stream, table_rows, clinic_note, gdpr_export, landlord]
LOCALES = {
    "italian": ("it_IT",), "portuguese": ("pt_PT", "pt_BR"), "czech": ("cs_CZ", "sk_SK"), "danish": ("da_DK", "no_NO"), "hungarian": ("hu_HU",), "austrian_pension": ("de_AT", "de_CH"),
}
EVERYWHERE = "en_CA en_AU en_IN en_US de_DE de_AT fr_FR fr_CH nl_BE es_MX it_IT pt_BR cs_CZ sk_SK sl_SI lt_LT lv_LV no_NO is_IS tr_TR ja_JP ko_KR el_CY fi_FI".split()
