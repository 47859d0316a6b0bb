"""Customer records whose values are what Faker gives for a locale, valid or not: phones of no numbering plan, personal numbers of
its own making. Real data is no tidier."""

from .marks import T, V
from .people import Person

# Words for each thing, as schemas call it; each record takes one of them and a way of writing.
DEV = {
    "name": ("full name", "customer name", "name", "contact person", "display name"), "first": ("first name", "given name", "fname"), "last": ("last name", "surname", "lname"), "email": ("email", "e mail", "email address", "contact email"),
    "phone": ("phone", "phone number", "mobile", "telephone", "cell phone", "tel"), "id": ("national id", "ssn", "personal number", "social security number", "id number"), "dob": ("dob", "date of birth", "birth date", "born"),
    "passport": ("passport", "passport number", "passport no"), "card": ("card number", "credit card", "cc number"), "iban": ("iban", "bank account", "account iban"), "ip": ("ip", "last ip", "ip address"), "street": ("street", "street address", "address line 1"),
    "address": ("address", "home address", "billing address"), "zip": ("zip", "postal code", "postcode"), "city": ("city", "town"), "id_of": ("customer id", "record id"), "notes": ("notes", "comment"),
}
TEST = {
    "name": ("holder", "person name", "client full name", "recipient name", "member"), "first": ("forename", "first", "name given"), "last": ("family name", "last", "second name"), "email": ("mail", "user email", "email addr", "primary email"),
    "phone": ("contact phone", "phone no", "mobile number", "telephone number", "home phone", "mobile phone"), "id": ("national identity number", "identity no", "tax id", "citizen id", "govt id"), "dob": ("birthday", "date birth", "birthdate", "born on"),
    "passport": ("passport id", "travel passport", "passport num"), "card": ("credit card number", "payment card", "card no"), "iban": ("iban number", "payout iban", "bank iban"), "ip": ("client ip", "signup ip", "remote addr"), "street": ("addr1", "street name", "street and number"),
    "address": ("postal address", "full address", "shipping address"), "zip": ("zip code", "post code"), "city": ("city", "locality"), "id_of": ("uid", "client no"), "notes": ("remarks", "internal note"),
}
LOCALES_DEV = "en_US en_GB de_DE de_AT de_CH fr_FR it_IT es_ES nl_NL nl_BE pl_PL sv_SE no_NO da_DK fi_FI pt_PT pt_BR cs_CZ sk_SK hu_HU ro_RO bg_BG el_GR hr_HR sl_SI et_EE lt_LT lv_LV tr_TR en_CA en_AU en_IN".split()
LOCALES_TEST = "en_US en_GB en_IE en_NZ de_DE de_LU fr_FR fr_CH fr_BE fr_CA it_IT it_CH es_ES es_MX es_AR nl_NL pl_PL sv_SE no_NO da_DK fi_FI pt_PT cs_CZ hu_HU ro_RO el_CY hr_HR is_IS mt_MT ga_IE ja_JP ko_KR uk_UA lt_LT".split()
# Faker gives numbers of the United States where it has none of the country.
COUNTRY_KIND = "{}_NATIONAL_ID"


def _write(rng, words, style):
    w = words.split()
    if style == "camel":
        return w[0] + "".join(x.capitalize() for x in w[1:])
    if style == "pascal":
        return "".join(x.capitalize() for x in w)
    return {"snake": "_", "kebab": "-", "space": " ", "upper": "_"}[style].join(w).upper() if style == "upper" else {"snake": "_", "kebab": "-", "space": " "}[style].join(w)


NOTES = [
    lambda p, v, n: T("Spoke to ", p.name, " on ", n.day(), ". Call back: ", v["phone"], "."),
    lambda p, v, n: T("Customer wrote from ", p.email, " about order ", n.order(), "; phone ", v["phone"], "."),
    lambda p, v, n: T("Refund to ", v["iban"], ", case ", n.first(8), "."),
    lambda p, v, n: T("Shipped with ", n.tracking(), ", invoice ", n.first(9), "."),
    lambda p, v, n: T("Passport ", v["passport"], " checked, born ", v["dob"], "."),
]


def make(rng, words, locale, n):
    p = Person(rng, locale)
    f, country = p.f, locale.split("_")[1]
    v = {
        "name": p.name, "first": p.given, "last": p.family, "email": V("EMAIL_ADDRESS", rng.choice((p.mail, f.ascii_free_email(), f.ascii_company_email()))), "phone": V("PHONE_NUMBER", f.phone_number()),
        "id": V(COUNTRY_KIND.format(country), f.ssn()), "dob": p.dob(), "passport": V("PASSPORT", f.passport_number()), "card": V("CREDIT_CARD", f.credit_card_number()), "iban": V("IBAN_CODE", f.iban()),
        "ip": p.ip, "street": p.street, "address": p.address, "zip": p.postcode, "city": p.city,
    }
    style = rng.choice(("camel", "camel", "snake", "snake", "pascal", "kebab", "space", "upper"))
    key = lambda what: _write(rng, rng.choice(words[what]), style)
    record = {key("id_of"): rng.choice((n.uuid(), int(n.first(7))))}
    whole = rng.random() < 0.5
    for what in (["name"] if whole else ["first", "last"]) + rng.sample(["email", "phone", "id", "dob", "passport", "card", "iban", "ip"], rng.randrange(4, 8)):
        record[key(what)] = v[what]
    place = {key("address"): v["address"]} if rng.random() < 0.4 else {key("street"): v["street"], key("zip"): v["zip"], key("city"): v["city"]}
    if rng.random() < 0.5:
        record.update(place)
    else:
        record[_write(rng, "address", style)] = place
    record[_write(rng, "created at", style)] = n.stamp()
    record[_write(rng, "order total", style)] = n.amount()
    if rng.random() < 0.6:
        record[key("notes")] = rng.choice(NOTES)(p, {**v, "phone": V("PHONE_NUMBER", f.phone_number())}, n)
    return record
