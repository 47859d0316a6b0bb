"""Records whose fields nobody here named: those of public interfaces (OpenID Connect, SCIM, LDAP, FHIR's contacts, Stripe,
Shopify, Salesforce, HubSpot, Google's contacts, jCard), of mimesis's own methods and of public data sets, with people made
by mimesis (MIT) instead of Faker. For testing only."""

import datetime
import re

from mimesis import Address, Internet, Payment, Person
from mimesis.locales import Locale

from . import ids
from .marks import T, V

LOCALES = [Locale.EN, Locale.EN_GB, Locale.EN_AU, Locale.EN_CA, Locale.DE, Locale.DE_AT, Locale.DE_CH, Locale.FR, Locale.ES, Locale.ES_MX, Locale.IT, Locale.PT, Locale.PT_BR, Locale.NL, Locale.NL_BE, Locale.PL,
           Locale.SV, Locale.DA, Locale.NO, Locale.FI, Locale.CS, Locale.SK, Locale.HU, Locale.ET, Locale.EL, Locale.TR, Locale.IS, Locale.HR]
COUNTRIES = {"en": "US", "en-gb": "UK", "en-au": "AU", "en-ca": "CA", "es-mx": "MX", "pt-br": "BR", "de-at": "AT", "de-ch": "CH", "nl-be": "BE", "sv": "SE", "da": "DK", "cs": "CZ", "et": "EE", "el": "GR"}


def identifier(rng, locale):
    country = COUNTRIES.get(locale.value, locale.value.upper())
    kinds = [k for k in ids.KINDS if k["kind"].startswith(country + "_")]
    if not kinds:
        return V("NATIONAL_ID", str(rng.randrange(10**9, 10**10)))
    return V(kinds[0]["kind"], ids.value(rng, kinds[0]))


MONTHS = "January February March April May June July August September October November December".split()


class Made:
    def __init__(self, rng, locale):
        seed = rng.randrange(1 << 30)
        self.rng, self.p, self.a = rng, Person(locale, seed=seed), Address(locale, seed=seed + 1)
        self.net, self.pay = Internet(seed=seed + 2), Payment(seed=seed + 3)
        first, last = self.p.first_name(), self.p.last_name()
        self.first, self.last, self.full = V("PERSON", first), V("PERSON", last), V("PERSON", f"{first} {last}")
        self.phone, self.mobile = V("PHONE_NUMBER", self.p.telephone()), V("PHONE_NUMBER", self.p.telephone())
        self.mail = V("EMAIL_ADDRESS", self.p.email())
        born = datetime.date(rng.randrange(1940, 2005), rng.randrange(1, 13), rng.randrange(1, 29))
        shape = rng.choice(("%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y", "%m/%d/%Y", "text"))
        self.born = V("DATE_OF_BIRTH", f"{born.day} {MONTHS[born.month - 1]} {born.year}" if shape == "text" else born.strftime(shape))
        self.iso = V("DATE_OF_BIRTH", born.isoformat())
        self.street, self.house = V("STREET_ADDRESS", self.a.address()), V("STREET_ADDRESS", self.a.street_number())
        self.road = V("STREET_ADDRESS", self.a.street_name())
        self.zip, self.city = V("POSTAL_CODE", self.a.postal_code()), V("LOCATION", self.a.city(), optional=True)
        self.card = V("CREDIT_CARD", self.pay.credit_card_number())
        self.ip, self.ip6 = V("IP_ADDRESS", self.net.ip_v4()), V("IP_ADDRESS", self.net.ip_v6())
        self.password = V("SECRET", self.p.password(length=12))
        self.user = V("USERNAME", self.p.username(), optional=True)
        self.passport = V("PASSPORT", "".join(rng.choice("0123456789" if c == "9" else "ABCDEFGHJKLMNPRTVWXYZ") for c in rng.choice(("999999999", "AA9999999", "A99999999", "A9999999", "AA999999", "AAA999999"))))
        self.id = identifier(rng, locale)
        self.job, self.n = self.p.occupation(), rng.randrange(10**5, 10**7)


def oidc(m):
    return {"sub": f"auth0|{m.n:x}", "name": m.full, "given_name": m.first, "family_name": m.last, "email": m.mail, "email_verified": True, "birthdate": m.iso, "phone_number": m.phone, "phone_number_verified": False,
            "address": {"formatted": V("STREET_ADDRESS", T(m.street, "\n", m.zip, " ", m.city)), "postal_code": m.zip, "locality": m.city, "country": "XX"}, "updated_at": 1700000000 + m.n}


def scim(m):
    return {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": f"{m.n:08x}", "userName": m.user, "name": {"givenName": m.first, "familyName": m.last, "formatted": m.full}, "active": True,
            "emails": [{"value": m.mail, "type": "work", "primary": True}], "phoneNumbers": [{"value": m.phone, "type": "work"}, {"value": m.mobile, "type": "mobile"}],
            "addresses": [{"type": "home", "streetAddress": m.street, "postalCode": m.zip, "locality": m.city}], "title": m.job}


def ldap(m):
    return {"dn": "ou=people", "objectClass": ["top", "inetOrgPerson"], "givenName": m.first, "sn": m.last, "displayName": m.full, "mail": m.mail, "telephoneNumber": m.phone, "mobile": m.mobile, "homePostalAddress": m.street, "postalCode": m.zip,
            "l": m.city, "employeeNumber": m.n, "title": m.job}


def stripe(m):
    return {"id": f"ch_{m.n}", "object": "charge", "amount": m.n, "currency": "eur", "billing_details": {"address": {"city": m.city, "line1": m.street, "line2": None, "postal_code": m.zip}, "email": m.mail, "name": m.full, "phone": m.phone},
            "payment_method_details": {"card": {"brand": "visa", "exp_month": 4, "exp_year": 2029}}, "receipt_email": m.mail, "shipping": {"name": m.full, "phone": m.mobile, "tracking_number": f"1Z{m.n}"}}


def shopify(m):
    return {"id": m.n, "email": m.mail, "first_name": m.first, "last_name": m.last, "orders_count": 3, "state": "enabled", "total_spent": "199.65", "note": T("Please call ", m.full, " on ", m.phone, " before delivery."), "currency": "EUR",
            "default_address": {"first_name": m.first, "last_name": m.last, "company": None, "address1": m.street, "address2": "", "city": m.city, "zip": m.zip, "phone": m.phone, "name": m.full, "default": True}}


def salesforce(m):
    return {"attributes": {"type": "Contact"}, "Id": f"003{m.n:012d}", "FirstName": m.first, "LastName": m.last, "Email": m.mail, "MailingStreet": m.street, "MailingPostalCode": m.zip, "MailingCity": m.city, "Birthdate": m.iso, "HomePhone": m.phone,
            "MobilePhone": m.mobile, "Title": m.job, "Passport_Number__c": m.passport, "LeadSource": "Web"}


def hubspot(m):
    return {"id": str(m.n), "properties": {"firstname": m.first, "lastname": m.last, "email": m.mail, "phone": m.phone, "mobilephone": m.mobile, "address": m.street, "zip": m.zip, "city": m.city, "date_of_birth": m.born, "hs_object_id": str(m.n),
            "hs_ip_timezone": None, "jobtitle": m.job, "lifecyclestage": "lead"}, "archived": False}


def google(m):
    return {"resourceName": f"people/c{m.n}", "names": [{"displayName": m.full, "familyName": m.last, "givenName": m.first, "displayNameLastFirst": V("PERSON", T(m.last, ", ", m.first))}], "emailAddresses": [{"value": m.mail}],
            "phoneNumbers": [{"value": m.phone, "formattedType": "Mobile"}], "addresses": [{"formattedValue": V("STREET_ADDRESS", T(m.street, ", ", m.zip, " ", m.city)), "streetAddress": m.street, "postalCode": m.zip}]}


def fhir(m):
    return {"resourceType": "RelatedPerson", "id": str(m.n), "identifier": [{"type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "PPN", "display": "Passport number"}]}, "value": m.passport},
            {"type": {"text": "National identifier"}, "value": m.id}], "name": [{"family": m.last, "given": [m.first]}], "telecom": [{"system": "phone", "value": m.phone}, {"system": "email", "value": m.mail}], "birthDate": m.iso,
            "address": [{"line": [m.street], "postalCode": m.zip, "city": m.city}]}


def jcard(m):
    return {"vcard": [["version", {}, "text", "4.0"], ["fn", {}, "text", m.full], ["n", {}, "text", [m.last, m.first, "", ""]], ["tel", {"type": "cell"}, "uri", m.phone], ["email", {}, "text", m.mail], ["bday", {}, "date", m.iso]]}


def mimesis(m):
    return {"full_name": m.full, "occupation": m.job, "email": m.mail, "telephone": m.phone, "birthdate": m.born, "username": m.user, "password": m.password, "address": m.street, "postal_code": m.zip, "city": m.city,
            "credit_card_number": m.card, "ip_v4": m.ip, "ip_v6": m.ip6, "height": "1.74", "blood_type": "A+"}


def privacy(m):
    return {"GIVENNAME": m.first, "SURNAME": m.last, "TELEPHONENUM": m.phone, "EMAIL": m.mail, "DATEOFBIRTH": m.born, "STREET": m.road, "BUILDINGNUM": m.house, "ZIPCODE": m.zip, "CITY": m.city, "IDCARDNUM": m.id, "PASSPORTNUM": m.passport,
            "CREDITCARDNUMBER": m.card, "USERNAME": m.user, "PASSWORD": m.password, "IPV4": m.ip, "SEX": "F", "AGE": 44}


def ticket(m):
    return {"ticket_id": m.n, "subject": "Delivery", "requester": m.full, "channel": "chat", "transcript": [T("Agent: How can I help?"), T("Customer: My name is ", m.full, ", I was born on ", m.born, "."), T("Customer: My passport number is ", m.passport, " and my phone is ", m.phone, "."),
            T("Agent: Thank you, ", m.first, "."), T("Customer: You can also write to ", m.mail, ".")], "client": {"ip": m.ip, "agent": "Mozilla/5.0"}}


def import_row(m):
    sep = m.rng.choice((",", ";"))
    names = ["Customer", "Email", "Phone", "Birth date", "Passport no"]
    parts = [sep.join(names), "\n"]
    for i, v in enumerate((m.full, m.mail, m.phone, m.born, m.passport)):
        parts += [sep if i else "", v]
    return {"job": m.n, "source": "import.csv", "rows": 1, "data": T(*parts)}


def logged(m):
    return {"ts": "2026-03-01T10:12:44Z", "level": "warn", "logger": "checkout", "msg": T("payment declined for ", m.full, " <", m.mail, "> card=", m.card, " ip=", m.ip), "order": m.n}


def spaced(m):
    return {re.sub(r"_", " ", k).title(): v for k, v in {"customer_no": m.n, "customer_name": m.full, "date_of_birth": m.born, "mobile_no": m.mobile, "e-mail": m.mail, "passport_no": m.passport, "home_address": m.street, "post_code": m.zip, "card_number": m.card}.items()}


ALL = [oidc, scim, ldap, stripe, shopify, salesforce, hubspot, google, fhir, jcard, mimesis, privacy, ticket, import_row, logged, spaced]


def records(rng, count):
    for i in range(count):
        layout = ALL[i % len(ALL)]
        locale = rng.choice(LOCALES)
        yield f"{layout.__name__}-{locale.value}-{i}", layout(Made(rng, locale))
