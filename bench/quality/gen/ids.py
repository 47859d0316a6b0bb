"""Personal numbers of 37 countries, each valid by python-stdnum (or by a few lines here, where it has no module)."""

import importlib


def _digits(rng, n):
    return "".join(rng.choice("0123456789") for _ in range(n))


def _ymd(rng, fmt="%y%m%d", lo=1940, hi=2004):
    import datetime

    d = datetime.date(lo, 1, 1) + datetime.timedelta(days=rng.randrange((hi - lo) * 365))
    return d.strftime(fmt)


def _letters(rng, n, of="ABCDEFGHIJKLMNOPQRSTUVWXYZ"):
    return "".join(rng.choice(of) for _ in range(n))


def _search(module, make, compact=False):
    mod = importlib.import_module("stdnum." + module)

    def one(rng):
        for _ in range(200000):
            value = make(rng)
            if mod.is_valid(value):
                return value
        raise ValueError(module)

    return one


def _hu_taj(rng):
    body = _digits(rng, 8)
    return body + str(sum(int(c) * (3, 7)[i % 2] for i, c in enumerate(body)) % 10)


def _hu_tax(rng):
    body = "8" + _digits(rng, 8)
    check = sum(int(c) * (i + 1) for i, c in enumerate(body)) % 11
    return _hu_tax(rng) if check == 10 else body + str(check)


def _lu(rng):
    # YYYYMMDD, three digits, Luhn, Verhoeff.
    from stdnum import luhn, verhoeff

    body = _ymd(rng, "%Y%m%d") + _digits(rng, 3)
    return body + luhn.calc_check_digit(body) + verhoeff.calc_check_digit(body)


def _mt(rng):
    return "%07d%s" % (rng.randrange(1000, 9999999), rng.choice("MGAPLHBZ"))


def _nino(rng):
    while True:
        two = _letters(rng, 1, "ABCEGHJKLMNPRSTWXYZ") + _letters(rng, 1, "ABCEGHJKLMNPRSTWXYZ")
        if two not in ("BG", "GB", "NK", "KN", "TN", "NT", "ZZ"):
            return two + _digits(rng, 6) + rng.choice("ABCD")


def _medicare(rng):
    body = rng.choice("23456") + _digits(rng, 7)
    check = sum(int(c) * w for c, w in zip(body, (1, 3, 7, 9, 1, 3, 7, 9))) % 10
    return body + str(check) + rng.choice("123456789")


def _npi(rng):
    from stdnum import luhn

    body = rng.choice("12") + _digits(rng, 8)
    return body + luhn.calc_check_digit("80840" + body)


def _mbi(rng):
    a = "ACDEFGHJKMNPQRTUVWXY"
    pattern = "1A*9A*9AA99"
    out = ""
    for c in pattern:
        out += {"1": rng.choice("123456789"), "9": rng.choice("0123456789"), "A": rng.choice(a), "*": rng.choice(a + "0123456789")}[c]
    return out


def _de_svnr(rng):
    body = "%02d%s%s%02d" % (rng.choice((2, 4, 10, 11, 15, 18, 20, 25, 40, 50, 65)), _ymd(rng, "%d%m%y"), rng.choice("ABCDEFGHIJKLMNOPRSTW"), rng.randrange(100))
    n = body[:8] + "%02d" % (ord(body[8]) - 64) + body[9:]
    total = 0
    for c, w in zip(n, (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)):
        p = int(c) * w
        total += p // 10 + p % 10
    return body + str(total % 10)


def _fr_nir(rng):
    body = rng.choice("12") + _ymd(rng, "%y%m") + "%02d" % rng.randrange(1, 95) + "%03d%03d" % (rng.randrange(1, 900), rng.randrange(1, 900))
    return body + "%02d" % (97 - int(body) % 97)


def _codice(rng):
    from stdnum.it import codicefiscale

    vowels, months = "AEIOU", "ABCDEHLMPRST"
    body = _letters(rng, 6, "BCDFGLMNPRSTVZ") + "%02d" % rng.randrange(40, 99) + rng.choice(months)
    body += "%02d" % (rng.randrange(1, 29) + rng.choice((0, 40))) + rng.choice("ABCDEFGHIL") + "%03d" % rng.randrange(1, 999)
    return body + codicefiscale.calc_check_digit(body)


def _groups(value, *sizes, sep=" "):
    out, at = [], 0
    for n in sizes:
        out.append(value[at : at + n])
        at += n
    return sep.join(out)


def _kind(name, country, make, *shapes, words=()):
    return {"kind": name, "country": country, "make": make, "shapes": shapes or (lambda v: v,), "words": words}


S = _search
PLAIN = lambda v: v

# Type, country, maker, ways of writing; words by which letters and forms of the country call it.
KINDS = [
    _kind("AT_SVNR", "AT", S("at.vnr", lambda r: _digits(r, 4) + _ymd(r, "%d%m%y")), PLAIN, lambda v: v[:4] + " " + v[4:], words=("SV-Nummer", "Sozialversicherungsnummer", "Versicherungsnr.")),
    _kind("BE_NRN", "BE", S("be.nn", lambda r: _ymd(r) + _digits(r, 5)), PLAIN, lambda v: f"{v[:2]}.{v[2:4]}.{v[4:6]}-{v[6:9]}.{v[9:]}", words=("Rijksregisternummer", "numéro national", "INSZ")),
    _kind("BG_EGN", "BG", S("bg.egn", lambda r: _ymd(r) + _digits(r, 4)), words=("ЕГН", "EGN")),
    _kind("CH_AHV", "CH", S("ch.ssn", lambda r: "756" + _digits(r, 10)), PLAIN, lambda v: _groups(v, 3, 4, 4, 2, sep="."), words=("AHV-Nr.", "numéro AVS", "Sozialversicherungsnummer")),
    _kind("CY_TIC", "CY", S("cy.vat", lambda r: rng_first(r, "019") + _digits(r, 7) + _letters(r, 1)), words=("ΑΦΤ", "TIC", "tax identification code")),
    _kind("CZ_RODNE_CISLO", "CZ", S("cz.rc", lambda r: _ymd(r, lo=1954) + _digits(r, 4)), PLAIN, lambda v: v[:6] + "/" + v[6:], words=("rodné číslo", "RČ", "r.č.")),
    _kind("DE_TAX_ID", "DE", S("de.idnr", lambda r: r.choice("123456789") + _digits(r, 10)), PLAIN, lambda v: _groups(v, 2, 3, 3, 3), words=("Steuer-ID", "IdNr.", "steuerliche Identifikationsnummer")),
    _kind("DE_SOCIAL_SECURITY", "DE", _de_svnr, PLAIN, lambda v: _groups(v, 2, 6, 1, 3), words=("Rentenversicherungsnummer", "RVNR", "Sozialversicherungsnummer")),
    _kind("DK_CPR", "DK", S("dk.cpr", lambda r: _ymd(r, "%d%m%y") + _digits(r, 4)), PLAIN, lambda v: v[:6] + "-" + v[6:], words=("CPR-nr.", "personnummer", "cpr")),
    _kind("EE_ISIKUKOOD", "EE", S("ee.ik", lambda r: r.choice("34") + _ymd(r) + _digits(r, 4)), words=("isikukood", "Isikukood (IK)")),
    _kind("ES_NIF", "ES", S("es.dni", lambda r: _digits(r, 8) + _letters(r, 1)), PLAIN, lambda v: v[:8] + "-" + v[8:], words=("DNI", "NIF", "D.N.I.")),
    _kind("ES_NIE", "ES", S("es.nie", lambda r: r.choice("XYZ") + _digits(r, 7) + _letters(r, 1)), PLAIN, lambda v: f"{v[0]}-{v[1:8]}-{v[8]}", words=("NIE", "número de extranjero")),
    _kind("FI_PERSONAL_IDENTITY_CODE", "FI", S("fi.hetu", lambda r: _ymd(r, "%d%m%y") + "-" + "%03d" % r.randrange(2, 900) + _letters(r, 1, "0123456789ABCDEFHJKLMNPRSTUVWXY")), words=("henkilötunnus", "hetu", "HETU")),
    _kind("FR_NIR", "FR", _fr_nir, PLAIN, lambda v: _groups(v, 1, 2, 2, 2, 3, 3, 2), words=("numéro de sécurité sociale", "NIR", "n° sécu")),
    _kind("FR_TAX_ID", "FR", S("fr.nif", lambda r: (lambda b: b + "%03d" % (int(b) % 511))(r.choice("0123") + _digits(r, 9))), PLAIN, lambda v: _groups(v, 2, 2, 3, 3, 3), words=("numéro fiscal", "SPI", "référence fiscale")),
    _kind("UK_NHS", "GB", S("gb.nhs", lambda r: _digits(r, 10)), PLAIN, lambda v: _groups(v, 3, 3, 4), words=("NHS number", "NHS No")),
    _kind("UK_NINO", "GB", _nino, PLAIN, lambda v: _groups(v, 2, 2, 2, 2, 1), words=("National Insurance number", "NI number", "NINO")),
    _kind("GR_AMKA", "GR", S("gr.amka", lambda r: _ymd(r, "%d%m%y") + _digits(r, 5)), words=("ΑΜΚΑ", "AMKA")),
    _kind("GR_AFM", "GR", S("gr.vat", lambda r: _digits(r, 9)), words=("ΑΦΜ", "AFM")),
    _kind("HR_OIB", "HR", S("hr.oib", lambda r: _digits(r, 11)), words=("OIB", "osobni identifikacijski broj")),
    _kind("HU_TAJ", "HU", _hu_taj, PLAIN, lambda v: _groups(v, 3, 3, 3), words=("TAJ szám", "TAJ")),
    _kind("HU_TAX_ID", "HU", _hu_tax, words=("adóazonosító jel", "adóazonosító")),
    _kind("IE_PPS", "IE", S("ie.pps", lambda r: _digits(r, 7) + _letters(r, 1, "ABCDEFGHIJKLMNOPQRSTUVW") + "A"), words=("PPS number", "PPSN")),
    _kind("IS_KENNITALA", "IS", S("is_.kennitala", lambda r: _ymd(r, "%d%m%y") + _digits(r, 3) + "9"), PLAIN, lambda v: v[:6] + "-" + v[6:], words=("kennitala", "kt.")),
    _kind("IT_FISCAL_CODE", "IT", _codice, words=("codice fiscale", "C.F.", "CF")),
    _kind("LT_ASMENS_KODAS", "LT", S("lt.asmens", lambda r: r.choice("34") + _ymd(r) + _digits(r, 4)), words=("asmens kodas", "a. k.")),
    _kind("LU_MATRICULE", "LU", _lu, words=("matricule", "numéro d'identification national")),
    _kind("LV_PERSONAS_KODS", "LV", S("lv.pvn", lambda r: _ymd(r, "%d%m%y") + "1" + _digits(r, 4)), lambda v: v[:6] + "-" + v[6:], words=("personas kods", "p.k.")),
    _kind("MT_ID", "MT", _mt, words=("ID card number", "karta tal-identità")),
    _kind("NL_BSN", "NL", S("nl.bsn", lambda r: r.choice("12") + _digits(r, 8)), words=("BSN", "burgerservicenummer", "sofinummer")),
    _kind("NO_FODSELSNUMMER", "NO", S("no.fodselsnummer", lambda r: _ymd(r, "%d%m%y") + _digits(r, 5)), PLAIN, lambda v: v[:6] + " " + v[6:], words=("fødselsnummer", "personnummer", "fnr")),
    _kind("PL_PESEL", "PL", S("pl.pesel", lambda r: _ymd(r, hi=1999) + _digits(r, 5)), words=("PESEL", "numer PESEL")),
    _kind("PL_NIP", "PL", S("pl.nip", lambda r: r.choice("123456789") + _digits(r, 9)), PLAIN, lambda v: _groups(v, 3, 3, 2, 2, sep="-"), words=("NIP",)),
    _kind("PT_NIF", "PT", S("pt.nif", lambda r: r.choice("12") + _digits(r, 8)), PLAIN, lambda v: _groups(v, 3, 3, 3), words=("NIF", "contribuinte", "número fiscal")),
    _kind("RO_CNP", "RO", S("ro.cnp", lambda r: r.choice("12") + _ymd(r) + "%02d" % r.randrange(1, 47) + _digits(r, 4)), words=("CNP", "cod numeric personal")),
    _kind("SE_PERSONNUMMER", "SE", S("se.personnummer", lambda r: _ymd(r) + "-" + _digits(r, 4)), PLAIN, words=("personnummer", "pnr")),
    _kind("SI_EMSO", "SI", S("si.emso", lambda r: _ymd(r, "%d%m") + "9" + "%02d" % r.randrange(40, 99) + "50" + _digits(r, 4)), words=("EMŠO", "EMSO")),
    _kind("SI_TAX_ID", "SI", S("si.ddv", lambda r: r.choice("123456789") + _digits(r, 7)), words=("davčna številka", "davčna št.")),
    _kind("SK_RODNE_CISLO", "SK", S("sk.rc", lambda r: _ymd(r, lo=1954) + _digits(r, 4)), PLAIN, lambda v: v[:6] + "/" + v[6:], words=("rodné číslo", "r. č.")),
    _kind("US_SSN", "US", S("us.ssn", lambda r: f"{_digits(r, 3)}-{_digits(r, 2)}-{_digits(r, 4)}"), PLAIN, lambda v: v.replace("-", " "), lambda v: v.replace("-", ""), words=("SSN", "Social Security Number", "social security no.")),
    _kind("US_ITIN", "US", S("us.itin", lambda r: f"9{_digits(r, 2)}-{r.choice('789')}{_digits(r, 1)}-{_digits(r, 4)}"), PLAIN, words=("ITIN", "taxpayer id")),
    _kind("US_NPI", "US", _npi, words=("NPI", "provider NPI")),
    _kind("US_MBI", "US", _mbi, PLAIN, lambda v: _groups(v, 4, 3, 4, sep="-"), words=("Medicare number", "MBI")),
    _kind("CA_SIN", "CA", S("ca.sin", lambda r: r.choice("1234567") + _digits(r, 8)), PLAIN, lambda v: _groups(v, 3, 3, 3), lambda v: _groups(v, 3, 3, 3, sep="-"), words=("SIN", "social insurance number", "NAS")),
    _kind("AU_TFN", "AU", S("au.tfn", lambda r: r.choice("123456789") + _digits(r, 8)), PLAIN, lambda v: _groups(v, 3, 3, 3), words=("TFN", "tax file number")),
    _kind("AU_MEDICARE", "AU", _medicare, PLAIN, lambda v: _groups(v, 4, 5, 1), words=("Medicare card", "Medicare no")),
    _kind("IN_AADHAAR", "IN", S("in_.aadhaar", lambda r: r.choice("23456789") + _digits(r, 11)), PLAIN, lambda v: _groups(v, 4, 4, 4), words=("Aadhaar", "Aadhaar no", "UID")),
    _kind("IN_PAN", "IN", S("in_.pan", lambda r: _letters(r, 3) + "P" + _letters(r, 1) + _digits(r, 4) + _letters(r, 1)), words=("PAN", "PAN card")),
    _kind("BR_CPF", "BR", S("br.cpf", lambda r: _digits(r, 9) + _cpf_tail(r)), PLAIN, lambda v: f"{v[:3]}.{v[3:6]}.{v[6:9]}-{v[9:]}", words=("CPF", "CPF nº")),
    _kind("JP_MY_NUMBER", "JP", S("jp.in_", lambda r: _digits(r, 12)), PLAIN, lambda v: _groups(v, 4, 4, 4), words=("マイナンバー", "個人番号", "My Number")),
    _kind("KR_RRN", "KR", S("kr.rrn", lambda r: _ymd(r) + r.choice("12") + _digits(r, 6)), lambda v: v[:6] + "-" + v[6:], words=("주민등록번호", "RRN", "resident registration number")),
    _kind("TR_TCKN", "TR", S("tr.tckimlik", lambda r: r.choice("123456789") + _digits(r, 10)), words=("T.C. kimlik no", "TCKN")),
]


def rng_first(rng, of):
    return rng.choice(of)


def _cpf_tail(rng):
    return _digits(rng, 2)


BY_COUNTRY = {}
for _k in KINDS:
    BY_COUNTRY.setdefault(_k["country"], []).append(_k)


def value(rng, kind):
    """A number in one of its ways of writing."""
    return rng.choice(kind["shapes"])(kind["make"](rng))
