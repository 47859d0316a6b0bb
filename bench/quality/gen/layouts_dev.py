"""Layouts of records for the set that is tuned on. Keys as the authors of such schemas write them; none was taken from
Carnet's own lists."""

from .marks import T, V


def shop_account(p, n):
    kind, number = p.id()
    return {
        "accountRef": n.order(), "loginEmail": p.email, "salutation": n.one("Mr", "Ms", "none"), "forename": p.given, "surname": p.family,
        "mobileTel": p.phone(), "birthday": p.dob(), "loyaltyTier": n.one("gold", "silver"), "lastSeenIp": p.ip, "createdAt": n.stamp(),
        "deliveryAddress": {"addressLine1": p.street, "zip": p.postcode, "town": p.city, "countryIso": p.country},
        "taxIdentificationNo": number, "basket": [{"sku": n.sku(), "gtin": n.ean(), "title": n.product(), "qty": 2, "unitPrice": n.amount()}],
    }


def hr_worker(p, n):
    kind, number = p.id()
    return {
        "worker": {
            "employeeNumber": n.first(6), "legalName": {"givenName": p.given, "familyName": p.family, "preferred": p.given},
            "personalIdNumber": number, "dateOfBirth": p.dob("iso"), "workEmail": p.email, "privatePhone": p.phone(),
            "payroll": {"iban": p.iban(), "costCentre": n.first(4), "grossMonthly": n.amount()},
            "jobTitle": n.one("Fitter", "Team lead", "Accountant", "Nurse"), "hiredOn": n.day(), "unit": n.company(),
        },
        "meta": {"revision": n.sha(12), "exportedAt": n.epoch()},
    }


def crm_snake(p, n):
    return {
        "contact_id": int(n.first(7)), "first_name": p.given, "last_name": p.family, "email_primary": p.email, "phone_work": p.phone(), "phone_mobile": p.phone(),
        "company_name": n.company(), "owner_id": int(n.first(3)), "lead_source": n.one("web", "fair"), "lifecycle_stage": n.status(),
        "birth_date": p.dob(), "street_address": p.street, "postal_code": p.postcode, "city": p.city, "last_contacted_at": n.millis(),
        "notes": T("Called ", p.name, " on ", n.day(), ", prefers e-mail to ", p.email, ". Order ", n.order(), " is fine."),
    }


def german_kunde(p, n):
    kind, number = p.id()
    return {
        "Kundennr": n.first(8), "Anrede": n.one("Herr", "Frau"), "Vorname": p.given, "Nachname": p.family, "Geburtsdatum": p.dob("local"),
        "Strasse": p.street, "PLZ": p.postcode, "Ort": p.city, "Telefon": p.phone(), "EMail": p.email, "Kontoverbindung": {"Kontoinhaber": p.name, "IBAN": p.iban()},
        "SteuerNr": number, "Artikel": n.product(), "Bestelldatum": n.day(), "Bemerkung": T("Kunde bittet um Rückruf unter ", p.phone(), "."),
    }


def french_client(p, n):
    kind, number = p.id()
    return {
        "identifiant": n.uuid(), "nomFamille": p.family, "prenom": p.given, "dateNaissance": p.dob("local"), "courriel": p.email, "telPortable": p.phone(),
        "adressePostale": {"voie": p.street, "codePostal": p.postcode, "commune": p.city}, "numeroIdentite": number,
        "commandes": [{"reference": n.order(), "montant": n.amount(), "statut": n.status()}], "numPasseport": p.passport,
    }


def spanish_cliente(p, n):
    kind, number = p.id()
    return {
        "idCliente": n.first(9), "nombre": p.given, "apellidos": p.family, "fechaNacimiento": p.dob(), "correo": p.email, "tlf": p.phone(),
        "domicilio": p.address, "documento": {"tipo": kind["words"][0], "numero": number}, "cuentaBancaria": p.iban(), "ultimaCompra": n.day(), "importe": n.amount(),
    }


def dutch_klant(p, n):
    kind, number = p.id()
    return {
        "klantnummer": n.first(7), "voornaam": p.given, "achternaam": p.family, "geboortedatum": p.dob("local"), "mobiel": p.phone(), "emailadres": p.email,
        "straatnaam": p.road, "huisnummer": p.house, "postcode": p.postcode, "woonplaats": p.city, kind["words"][0].lower().replace(" ", "_"): number, "rekeningnr": p.iban(),
        "bestellingen": [n.order(), n.order()],
    }


def polish_klient(p, n):
    kind, number = p.id()
    return {
        "klient_id": n.uuid(), "imie": p.given, "nazwisko": p.family, "data_urodzenia": p.dob("local"), "telefon_kontaktowy": p.phone(), "adres_email": p.email,
        "ulica": p.street, "kod_pocztowy": p.postcode, "miejscowosc": p.city, "nr_dowodu": V("PL_ID_CARD", n.one("CCX", "ABS") + n.d(6), optional=True), "numer_" + kind["words"][0].lower().split()[0]: number, "rachunek": p.iban(),
    }


def nordic_kund(p, n):
    kind, number = p.id()
    return {
        "kundnr": n.first(6), "fornamn": p.given, "efternamn": p.family, kind["words"][0].lower(): number, "epost": p.email, "mobilnr": p.phone(), "gatuadress": p.street, "postnr": p.postcode, "postort": p.city,
        "fodelsedatum": p.dob("iso"), "senaste_order": n.order(), "belopp": n.amount(),
    }


def fhir_patient(p, n):
    kind, number = p.id()
    return {
        "resourceType": "Patient", "id": n.uuid(), "identifier": [{"system": "urn:oid:1.2.36.146.595.217.0.1", "use": "official", "type": {"text": kind["words"][0]}, "value": number}],
        "name": [{"use": "official", "family": p.family, "given": [p.given, p.middle]}], "telecom": [{"system": "phone", "value": p.phone(), "use": "mobile"}, {"system": "email", "value": p.email}],
        "gender": n.one("male", "female"), "birthDate": p.dob("iso"), "address": [{"line": [p.street], "city": p.city, "postalCode": p.postcode, "country": p.country}],
        "managingOrganization": {"reference": "Organization/" + n.first(4)}, "meta": {"versionId": n.first(2), "lastUpdated": n.stamp()},
    }


def airline_booking(p, n):
    return {
        "pnr": n.sku()[:3] + n.sku()[:3], "travellers": [{"paxName": p.name, "docType": "passport", "travelDocNumber": p.passport, "nationality": p.country, "dob": p.dob("iso")}],
        "contactPhone": p.phone(), "contactMail": p.email, "payment": {"cardPan": p.card, "expiry": "0%d/2%d" % (p.rng.randrange(1, 9), p.rng.randrange(7, 9)), "total": n.amount()},
        "segments": [{"flight": n.one("LH", "AF", "SK") + n.d(4), "departs": n.stamp()}],
    }


def support_ticket(p, n):
    kind, number = p.id()
    return {
        "ticket": {"no": n.first(7), "subject": n.one("Refund", "Login fails", "Change of address"), "requester": {"displayName": p.name, "mailbox": p.email},
                   "description": T("Hello, my name is ", p.name, ". Please call me at ", p.phone("int"), " about order ", n.order(), ". My card ", p.card, " was charged twice."),
                   "tags": ["billing", "v" + n.version()], "clientAddress": p.ip, "traceId": n.sha(32)},
    }


def bank_transfer(p, n):
    return {
        "transferId": n.uuid(), "debtor": {"name": p.name, "account": p.iban()}, "creditorIban": p.iban(), "remittanceInfo": "Invoice " + n.first(8), "valueDate": n.day(), "amountMinor": int(n.first(6)), "currency": "EUR",
        "initiatedFrom": p.ip, "device": {"mac": p.mac, "appVersion": n.version()},
    }


def jsonapi(p, n):
    kind, number = p.id(number=True)
    return {
        "data": [{"type": "subscribers", "id": n.first(5), "attributes": {"full-name": p.name, "e-mail": p.email, "phone-number": p.phone(), "national-id": number, "date-of-birth": p.dob(), "plan": n.one("basic", "pro"), "opted-in": True}}],
        "links": {"self": "https://api.example.com/v2/subscribers?page=" + n.first(2)}, "meta": {"total": int(n.first(4))},
    }


def driver(p, n):
    return {
        "DriverProfile": {"FirstName": p.given, "LastName": p.family, "LicenceNumber": V("DRIVING_LICENCE", n.sku()[:3] + n.d(8)), "NumberPlate": V("LICENSE_PLATE", n.one("B-KX ", "HH-TR ") + n.d(4), optional=True),
                          "ContactNo": p.phone(), "HomeAddress": p.home(), "VehicleModel": n.one("Octavia", "Corolla", "Model 3"), "Odometer": int(n.first(6)), "FleetOwner": n.company()},
    }


ALL = [shop_account, hr_worker, crm_snake, german_kunde, french_client, spanish_cliente, dutch_klant, polish_klient, nordic_kund, fhir_patient, airline_booking, support_ticket, bank_transfer, jsonapi, driver]
# Layouts in a language are filled with people of its countries.
LOCALES = {
    "german_kunde": ("de_DE", "de_AT", "de_CH"), "french_client": ("fr_FR", "fr_BE"), "spanish_cliente": ("es_ES",), "dutch_klant": ("nl_NL", "nl_BE"), "polish_klient": ("pl_PL",), "nordic_kund": ("sv_SE",),
}
EVERYWHERE = "en_US en_GB en_IE de_DE fr_FR es_ES it_IT nl_NL pl_PL sv_SE da_DK fi_FI pt_PT ro_RO cs_CZ hu_HU el_GR hr_HR bg_BG et_EE".split()
