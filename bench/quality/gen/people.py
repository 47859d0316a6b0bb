"""A made-up person of a locale, with the values that records hold."""

import datetime

from faker import Faker
from stdnum import iban as stdnum_iban

import phonenumbers

from . import ids
from .marks import T, V

LATIN_IBAN = {
    "AT": 16, "BE": 12, "BG": None, "CH": 17, "CY": 24, "CZ": 20, "DE": 18, "DK": 14, "EE": 16, "ES": 20, "FI": 14, "FR": None,
    "GB": None, "GR": 23, "HR": 17, "HU": 24, "IE": None, "IS": 22, "IT": None, "LT": 16, "LU": 16, "NO": 11, "PL": 24, "PT": 21,
    "SE": 20, "SI": 15, "SK": 20,
}
# Bank codes of letters that ISO 13616 asks for.
LETTERS = {"BG": "BNBG", "GB": "NWBK", "IE": "AIBK", "NL": "ABNA", "LV": "HABA", "RO": "BTRL", "MT": "VALL"}
SHAPES = {"BG": ("BNBG", 14), "GB": ("NWBK", 14), "IE": ("AIBK", 14), "NL": ("ABNA", 10), "LV": ("HABA", 13), "RO": ("BTRL", 16), "MT": ("VALL", 5), "FR": ("", 23), "IT": ("X", 22)}


def iban(rng, country):
    """An IBAN of the country (of Germany where the country has none) with right check digits."""
    digits = lambda n: "".join(rng.choice("0123456789") for _ in range(n))
    if country == "MT":
        body = "VALL" + digits(23)
    elif country in SHAPES:
        letters, n = SHAPES[country]
        body = letters + digits(n)
    elif LATIN_IBAN.get(country):
        body = digits(LATIN_IBAN[country])
    else:
        country, body = "DE", digits(18)
    value = country + "00" + body
    value = country + stdnum_iban.calc_check_digits(value) + body
    assert stdnum_iban.is_valid(value, check_country=False), value
    return value


def card(rng):
    from stdnum import luhn

    prefix, n = rng.choice((("4", 16), ("4", 16), ("51", 16), ("53", 16), ("2221", 16), ("34", 15), ("37", 15), ("6011", 16), ("3528", 16), ("36", 14), ("65", 16)))
    body = prefix + "".join(rng.choice("0123456789") for _ in range(n - 1 - len(prefix)))
    value = body + luhn.calc_check_digit(body)
    if n == 16:
        return rng.choice((value, " ".join(value[i : i + 4] for i in range(0, 16, 4)), "-".join(value[i : i + 4] for i in range(0, 16, 4))))
    return rng.choice((value, f"{value[:4]} {value[4:10]} {value[10:]}"))


def phone(rng, country, style=None):
    """A number that libphonenumber holds valid: international, national, or a few other ways of writing."""
    for _ in range(60):
        kind = rng.choice((phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE))
        example = phonenumbers.example_number_for_type(country, kind)
        if example is None:
            continue
        text = phonenumbers.national_significant_number(example)
        keep = rng.randrange(3, 6)
        body = text[:keep] + "".join(rng.choice("0123456789") for _ in text[keep:])
        number = phonenumbers.PhoneNumber(country_code=example.country_code, national_number=int(body), italian_leading_zero=example.italian_leading_zero)
        if not phonenumbers.is_valid_number(number):
            continue
        style = style or rng.choice(("e164", "int", "int", "nat", "nat", "dash", "zero"))
        f = phonenumbers.PhoneNumberFormat
        if style == "e164":
            return phonenumbers.format_number(number, f.E164)
        if style == "nat":
            return phonenumbers.format_number(number, f.NATIONAL)
        text = phonenumbers.format_number(number, f.INTERNATIONAL)
        if style == "dash":
            return text.replace(" ", "-")
        if style == "zero":
            return "00" + text[1:]
        return text
    raise ValueError(country)


def passport(rng, country):
    """As the country numbers its passports (letters and digits by the issuer's published format)."""
    d = lambda n: "".join(rng.choice("0123456789") for _ in range(n))
    a = lambda n, of="ABCDEFGHJKLMNPRSTUVWXYZ": "".join(rng.choice(of) for _ in range(n))
    shapes = {
        "DE": lambda: a(1, "CFGHJK") + "".join(rng.choice("CFGHJKLMNPRTVWXYZ0123456789") for _ in range(7)) + d(1),
        "FR": lambda: d(2) + a(2) + d(5), "ES": lambda: a(3) + d(6), "IT": lambda: a(2) + d(7), "NL": lambda: a(2) + "".join(rng.choice("0123456789ABCDEFGHJKLMNPRSTUVWXYZ") for _ in range(6)) + d(1),
        "PL": lambda: a(2) + d(7), "GB": lambda: d(9), "US": lambda: rng.choice((d(9), a(1) + d(8))), "CA": lambda: a(2) + d(6), "AU": lambda: a(1, "NEPR") + d(7), "IN": lambda: a(1) + d(7),
        "SE": lambda: d(8), "FI": lambda: a(2) + d(7), "DK": lambda: d(9), "NO": lambda: d(8), "PT": lambda: a(2) + d(6), "RO": lambda: d(9), "CZ": lambda: d(8), "IE": lambda: a(2) + d(7), "BE": lambda: a(2) + d(6),
        "AT": lambda: a(1) + d(7), "CH": lambda: a(1) + d(7), "GR": lambda: a(2) + d(7), "BR": lambda: a(2) + d(6), "JP": lambda: a(2) + d(7), "KR": lambda: "M" + d(8), "TR": lambda: "U" + d(8),
    }
    return shapes.get(country, lambda: a(2) + d(7))()


MONTHS = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "pl": "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
    "sv": "januari februari mars april maj juni juli augusti september oktober november december",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "da": "januar februar marts april maj juni juli august september oktober november december",
}


def date(rng, day, lang, style=None):
    style = style or rng.choice(("iso", "iso", "local", "local", "long"))
    if style == "iso":
        return day.isoformat()
    if style == "stamp":
        return day.isoformat() + "T00:00:00Z"
    if style == "long":
        month = MONTHS.get(lang, MONTHS["en"]).split()[day.month - 1]
        if lang in ("de", "da"):
            return f"{day.day}. {month} {day.year}"
        if lang in ("es", "pt"):
            return f"{day.day} de {month} de {day.year}"
        return f"{day.day} {month} {day.year}"
    if lang in ("de", "pl", "cs", "fi", "da", "no", "ro", "bg", "hr", "sl", "et", "lv", "tr"):
        return day.strftime("%d.%m.%Y")
    if lang == "nl":
        return day.strftime("%d-%m-%Y")
    return day.strftime("%d/%m/%Y")


class Person:
    """Values of one person; each property is a new `V`."""

    fakers = {}

    def __init__(self, rng, locale):
        self.rng, self.locale = rng, locale
        self.lang, self.country = locale.split("_")[0], locale.split("_")[1]
        if locale not in self.fakers:
            self.fakers[locale] = Faker(locale)
        f = self.f = self.fakers[locale]
        f.seed_instance(rng.randrange(1 << 30))
        female = rng.random() < 0.5
        pick = lambda what: getattr(f, what + ("_female" if female else "_male"), getattr(f, what))()
        self.first, self.last, self.second = pick("first_name"), pick("last_name"), pick("first_name")
        self.female = female
        self.born = datetime.date(1940, 1, 1) + datetime.timedelta(days=rng.randrange(64 * 365))
        ascii = lambda s: "".join(c for c in __import__("unicodedata").normalize("NFKD", s).lower() if c.isascii() and c.isalnum())
        a, b = ascii(self.first), ascii(self.last)
        if not a or not b:
            a, b = "user", "m" + str(rng.randrange(1000, 99999))
        domain = rng.choice(("gmail.com", "outlook.com", "proton.me", "web.de", "orange.fr", "libero.it", "wp.pl", "telia.se", "ziggo.nl", "kpn-mail.nl", "example.org", "post.example.com", "uni.example.edu"))
        self.mail = rng.choice((f"{a}.{b}@{domain}", f"{a[0]}{b}@{domain}", f"{a}_{b}{self.born.year % 100}@{domain}", f"{a}+shop@{domain}", f"{b}.{a[:2]}@{domain}"))

    name = property(lambda s: V("PERSON", f"{s.first} {s.last}"))
    given = property(lambda s: V("PERSON", s.first))
    family = property(lambda s: V("PERSON", s.last))
    middle = property(lambda s: V("PERSON", s.second))
    reverse = property(lambda s: V("PERSON", f"{s.last}, {s.first}"))
    email = property(lambda s: V("EMAIL_ADDRESS", s.mail))
    card = property(lambda s: V("CREDIT_CARD", card(s.rng)))
    ip = property(lambda s: V("IP_ADDRESS", s.rng.choice((s.f.ipv4_public(), s.f.ipv4_public(), s.f.ipv6()))))
    mac = property(lambda s: V("MAC_ADDRESS", s.f.mac_address()))
    passport = property(lambda s: V("PASSPORT", passport(s.rng, s.country)))
    postcode = property(lambda s: V("STREET_ADDRESS", s.f.postcode()))
    city = property(lambda s: V("LOCATION", s.f.city(), optional=True))
    street = property(lambda s: V("STREET_ADDRESS", s.f.street_address().replace("\n", " ")))

    @property
    def house(self):
        return V("STREET_ADDRESS", str(self.rng.randrange(1, 240)) + self.rng.choice(("", "", "a", "b")))

    @property
    def road(self):
        return V("STREET_ADDRESS", self.f.street_name())

    @property
    def address(self):
        return V("STREET_ADDRESS", self.f.address())

    def phone(self, style=None):
        country = self.country if self.country not in ("SI",) else "SI"
        return V("PHONE_NUMBER", phone(self.rng, country, style))

    def iban(self, spaced=None):
        value = iban(self.rng, self.country)
        spaced = self.rng.random() < 0.5 if spaced is None else spaced
        return V("IBAN_CODE", " ".join(value[i : i + 4] for i in range(0, len(value), 4)) if spaced else value)

    def dob(self, style=None):
        return V("DATE_OF_BIRTH", date(self.rng, self.born, self.lang, style))

    def id(self, number=False):
        kinds = ids.BY_COUNTRY.get(self.country) or ids.BY_COUNTRY["DE"]
        kind = self.rng.choice(kinds)
        value = ids.value(self.rng, kind)
        if number and kind["make"](self.rng).isdigit():
            plain = kind["make"](self.rng)
            if not plain.startswith("0"):
                return kind, V(kind["kind"], int(plain))
        return kind, V(kind["kind"], value)

    def home(self):
        """Street, postcode and city in one text."""
        return T(self.street, ", ", self.postcode, " ", self.city)
