"""Addresses inside sentences, each labelled as a whole: street, number, flat, postal code, town. Half of the streets are Faker's, half are
put together from words that streets of the country are called by. Beside them sentences with numbers and capitals that are no address.

`dev` and `test` share neither sentences nor countries (but the United States and Britain, whose sentences differ)."""

from faker import Faker

from .marks import T, V, fill, plain

# Names for streets, ways of writing them ({n} name, {h} house, {z} postal code, {c} town), towns.
FORMS = {
    "en_US": ("Oak|Maple|Washington|Lincoln|Sunset|Cedar Hill|Martin Luther King|5th|42nd".split("|"), ["{h} {n} Street, {c}, TX {z}", "{h} {n} Ave, Apt 4B, {c}, NY {z}", "{h} {n} Blvd, {c}, CA {z}", "{h} N {n} Rd, Suite 200, {c}, OH {z}"], "Springfield|Dayton|Austin|Fresno".split("|")),
    "en_GB": ("High|Church|Victoria|Mill|Queen's|Park|Station|King George".split("|"), ["{h} {n} Street, {c} {z}", "Flat 3, {h} {n} Road, {c}, {z}", "{h} {n} Lane, {c} {z}", "{h}a {n} Close\n{c}\n{z}"], "Leeds|Bath|York|Luton|Exeter".split("|")),
    "de_DE": ("Haupt|Garten|Bahnhof|Linden|Schiller|Berg".split("|"), ["{n}straße {h}, {z} {c}", "{n}weg {h}a, {z} {c}", "{n}platz {h}, {z} {c}", "Am {n} {h}, {z} {c}"], "Köln|Ulm|Jena|Kiel|Bonn".split("|")),
    "fr_FR": ("la Paix|Victor Hugo|des Lilas|du Général Leclerc|Jean Jaurès".split("|"), ["{h} rue {n}, {z} {c}", "{h} bis, avenue {n}, {z} {c}", "{h} boulevard {n}\n{z} {c}"], "Lyon|Paris|Nantes|Lille".split("|")),
    "es_ES": ("Mayor|Alcalá|del Prado|Cervantes|San Juan".split("|"), ["Calle {n} {h}, {z} {c}", "Avenida {n}, {h}, 3º B, {z} {c}", "C/ {n} {h}, {z} {c}", "Plaza {n} {h}, {z} {c}"], "Madrid|Sevilla|Bilbao|Toledo".split("|")),
    "nl_NL": ("Keizers|Prinsen|Kerk|Dorps|Molen".split("|"), ["{n}straat {h}, {z} {c}", "{n}gracht {h}, {z} {c}", "{n}laan {h}-2, {z} {c}"], "Utrecht|Delft|Breda|Zwolle".split("|")),
    "pl_PL": ("Długa|Mickiewicza|Polna|Kościuszki|3 Maja".split("|"), ["ul. {n} {h}, {z} {c}", "ul. {n} {h}/7, {z} {c}", "al. {n} {h} m. 5, {z} {c}", "os. {n} {h}, {z} {c}"], "Warszawa|Kraków|Gdynia|Łódź".split("|")),
    "sv_SE": ("Stor|Kungs|Drottning|Skol|Björk".split("|"), ["{n}gatan {h}, {z} {c}", "{n}vägen {h} A, {z} {c}"], "Malmö|Lund|Uppsala|Umeå".split("|")),
    "it_IT": ("Garibaldi|Roma|Giuseppe Verdi|dei Mille|XX Settembre".split("|"), ["via {n} {h}, {z} {c}", "Via {n}, {h} - {z} {c}", "piazza {n} {h}, {z} {c} (MI)", "viale {n} {h}, {z} {c}"], "Roma|Milano|Torino|Bari".split("|")),
    "pt_PT": ("da Liberdade|Augusta|das Flores|de Santa Catarina".split("|"), ["Rua {n} {h}, {z} {c}", "Avenida {n}, n.º {h}, 2.º Esq., {z} {c}", "Travessa {n} {h}, {z} {c}"], "Lisboa|Porto|Braga|Faro".split("|")),
    "da_DK": ("Vester|Nørre|Skov|Strand|Kirke".split("|"), ["{n}gade {h}, {z} {c}", "{n}vej {h}, 2. th., {z} {c}", "{n} Allé {h}, {z} {c}"], "Aarhus|Odense|Vejle|Ribe".split("|")),
    "cs_CZ": ("Dlouhá|Nádražní|Husova|Masarykova|Lipová".split("|"), ["{n} {h}, {z} {c}", "ul. {n} {h}/12, {z} {c}", "{n} {h}/5, {z} {c}"], "Praha|Brno|Plzeň|Olomouc".split("|")),
    "de_AT": ("Mariahilfer|Linzer|Prater|Rosen".split("|"), ["{n} Straße {h}/3/12, {z} {c}", "{n}gasse {h}, {z} {c}", "{n} Straße {h}, {z} {c}"], "Wien|Graz|Linz|Wels".split("|")),
    "fi_FI": ("Mannerheimin|Hämeen|Kauppa|Koulu".split("|"), ["{n}tie {h}, {z} {c}", "{n}katu {h} B 14, {z} {c}"], "Helsinki|Tampere|Turku|Oulu".split("|")),
    "hu_HU": ("Kossuth Lajos|Petőfi|Rákóczi|Dózsa György".split("|"), ["{n} utca {h}, {z} {c}", "{z} {c}, {n} út {h}."], "Budapest|Szeged|Pécs|Győr".split("|")),
    "fr_BE": ("Royale|de la Loi|Haute|des Alliés".split("|"), ["rue {n} {h}, {z} {c}", "avenue {n} {h}, {z} {c}", "chaussée {n} {h} bte 3, {z} {c}"], "Namur|Liège|Bruxelles|Mons".split("|")),
    "en_AU": ("George|Collins|Elizabeth|Ocean".split("|"), ["{h} {n} Street, {c} NSW {z}", "Unit 4, {h} {n} Parade, {c} VIC {z}", "{h}/12 {n} St, {c} QLD {z}"], "Newtown|Geelong|Cairns|Bondi".split("|")),
}
DEV_LOCALES = "en_US en_GB de_DE fr_FR es_ES nl_NL pl_PL sv_SE".split()
TEST_LOCALES = "en_US en_GB en_AU it_IT pt_PT da_DK cs_CZ de_AT fi_FI hu_HU fr_BE".split()
DEV = {
    "en": ["Please change the delivery address to {a} before Friday.", "I moved last week, my new address is {a}.", "The parcel for {a} came back.", "We live at {a} and the fibre box is dead since Monday.", "Hi,\n\nplease send the replacement to:\n{a}\n\nThanks", "The engineer will be at {a} between 8 and 12.", "Invoice to {a}, goods to the warehouse."],
    "de": ["Meine neue Anschrift lautet {a}.", "Bitte liefern Sie an {a}, vielen Dank.", "Ich wohne in der {a} und warte seit 3 Wochen.", "Der Vertrag für {a} wurde gekündigt."],
    "fr": ["Mon adresse est {a}.", "Merci de livrer au {a}.", "J'habite {a} depuis 2019.", "Le colis pour {a} est revenu."],
    "es": ["Mi dirección es {a}.", "Vivo en {a} desde hace dos años.", "Envíen el pedido a {a}, por favor."], "nl": ["Mijn adres is {a}.", "Ik woon op {a} en heb geen stroom.", "Graag bezorgen op {a}."],
    "pl": ["Mój adres to {a}.", "Mieszkam przy {a} od roku.", "Proszę wysłać na {a}."], "sv": ["Min adress är {a}.", "Jag bor på {a} sedan maj.", "Skicka till {a} tack."],
}
TEST = {
    "en": ["Could you reroute my order to {a}?", "Customer says the meter at {a} was read twice.", "Ship to: {a}", "The tenant of {a} reports a leak.", "Our registered office has been {a} since 2015.", "pls deliver it to {a} tomorrow", "She was last seen near {a}, police said.", "Regards,\nThe Smiths\n{a}"],
    "it": ["Il mio indirizzo è {a}.", "Abito in {a} con mia moglie.", "Spedite il pacco a {a}, grazie."], "pt": ["A minha morada é {a}.", "Moro na {a} há três anos.", "Entreguem em {a}, por favor."],
    "da": ["Min adresse er {a}.", "Jeg bor på {a} og mangler internet.", "Send den til {a}."], "cs": ["Moje adresa je {a}.", "Bydlím na adrese {a} od května.", "Zásilku prosím doručte na {a}."], "de": ["Wir sind nach {a} umgezogen.", "Lieferung bitte an {a}.", "Der Zähler in der {a} ist defekt."],
    "fi": ["Osoitteeni on {a}.", "Lähettäkää paketti osoitteeseen {a}."], "hu": ["A címem {a}", "Kérem, küldjék ide: {a}"], "fr": ["Nous avons déménagé au {a}.", "Adresse de livraison : {a}", "Le compteur du {a} est en panne."],
}
NONE = {
    "dev": ["On May 5, 2024 Apple opened 12 stores.", "Step 5 of the Main Plan takes 12 days.", "We sold 20 Blue Chairs in Room 5 today.", "Invoice 4711, 12500 Euro, is due on Monday.", "The address 10 in the lookup table is wrong.", "Please send 12 Red Boxes per pallet.", "Version 3 Build 20240512 of Windows 11 crashed.", "Section 12 Paragraph 4 of the Act applies.", "He ran the 100 Metres in 12 seconds.", "Flight LH 1234 to Berlin leaves from Gate 22.", "The email address 2 in row 15 is empty."],
    "test": ["In March 2023, 4500 People signed it.", "Order 88 arrived with 3 Green Lamps missing.", "Chapter 7, Page 120 explains it.", "Bus 42 stops every 15 minutes near Central Park.", "Ticket 12, 48213 Events processed.", "The address space has 48 Bits on this CPU.", "Top 10 Hits of the 80s play on Channel 5.", "She lives for 2 Things, Coffee and Music.", "Move 12 Knight to F3 wins.", "Deliver 500 Units by June 30.", "Lot 49, 1999 Riesling, sold for 120 Pounds."],
}


def address(rng, fakes, locale):
    names, forms, towns = FORMS[locale]
    fake = fakes.setdefault(locale, Faker(locale))
    fake.seed_instance(rng.random())
    number = str(rng.randrange(1, 190))
    if locale == "en_US":
        number = str(rng.randrange(10, 9900))
    code = fake.postcode()
    if rng.random() < 0.5:
        return rng.choice(forms).replace("{n}", rng.choice(names)).replace("{h}", number).replace("{z}", code).replace("{c}", rng.choice(towns))
    street = fake.street_address().replace("\n", ", ")
    if locale in ("en_US", "en_GB", "en_AU"):
        state = {"en_US": ", TX", "en_AU": " NSW"}.get(locale, "")
        return f"{street}, {rng.choice(towns)}{state} {code}"
    return f"{street}, {code} {rng.choice(towns)}"


def texts(rng, folder, count):
    templates, locales = (DEV, DEV_LOCALES) if folder == "dev" else (TEST, TEST_LOCALES)
    fakes = {}
    for i in range(count):
        locale = locales[i % len(locales)]
        template = rng.choice(templates[locale[:2]])
        yield plain(f"{locale}-{i}", fill(template, a=V("STREET_ADDRESS", address(rng, fakes, locale))))
    for i, text in enumerate(NONE[folder]):
        yield plain(f"none-{i}", T(text))
