"""Messages and letters in free text, with a context word in front of what needs one, and numbers that are nobody's."""

from .marks import T, V, fill

# {name} {first} {email} {phone} {phone_nat} {iban} {card} {ip} {dob} {passport} {id} {address} are labelled, the rest is noise.
DEV = {
    "en": [
        "Hi, this is {name}. I never got order {order}. You can reach me on {phone} or at {email}. Thanks, {first}",
        "Please update my address to {address}. My date of birth is {dob} for verification.",
        "I paid with card {card} on {day} and was charged {amount} twice. The invoice number is {num8}.",
        "Passport no. {passport} was rejected by the form (error 4012, request id {uuid}).",
        "For the refund use my account {iban}. My {word} is {id}.",
        "Server log: {stamp} login from {ip} user {email} build {version} took 1532 ms",
        "From: {name} <{email}>\nSubject: Parcel {tracking}\n\nThe parcel was due on {day}. Call me: {phone}.",
        "The release {version} fixes tickets 48213 and 48377; see commit {sha}. EAN {ean} is out of stock until {day}.",
        "Phone: {phone_nat}\nE-mail: {email}\nDOB: {dob}\n{word}: {id}",
    ],
    "de": [
        "Guten Tag, mein Name ist {name}, geboren am {dob}. Meine Kundennummer ist {num8}. Bitte rufen Sie mich unter {phone} an.",
        "Bitte überweisen Sie auf das Konto {iban}. {word}: {id}. Mit freundlichen Grüßen, {name}",
        "Meine neue Anschrift lautet {address}. Erreichbar bin ich unter {email} oder Tel. {phone_nat}.",
        "Rechnung {num8} vom {day} über {amount} Euro wurde mit der Karte {card} bezahlt. Sendungsnummer {tracking}.",
        "Der Reisepass mit der Nummer {passport} läuft ab. Vorgang {uuid}.",
    ],
    "fr": [
        "Bonjour, je m'appelle {name}, né le {dob}. Ma commande {order} n'est pas arrivée. Mon téléphone : {phone}.",
        "Merci de rembourser sur le compte {iban}. {word} : {id}. Cordialement, {name}",
        "Mon adresse est {address} et mon e-mail {email}. Facture {num8} du {day}.",
        "Passeport n° {passport}, carte {card}, dossier {uuid}.",
    ],
    "es": [
        "Hola, me llamo {name}, nacida el {dob}. Mi pedido {order} no ha llegado. Teléfono: {phone}.",
        "Por favor, devuelvan el importe a la cuenta {iban}. {word}: {id}. Un saludo, {name}",
        "Mi correo es {email} y mi pasaporte {passport}. Factura {num8} de {day}.",
    ],
    "nl": [
        "Goedendag, mijn naam is {name}, geboren op {dob}. Bel mij op {phone} over bestelling {order}.",
        "Graag terugbetalen op {iban}. {word}: {id}. Mijn e-mail is {email}.",
    ],
    "pl": [
        "Dzień dobry, nazywam się {name}, data urodzenia {dob}. Proszę o telefon: {phone}. Zamówienie {order}.",
        "Proszę o zwrot na konto {iban}. {word}: {id}. Mój e-mail to {email}, paszport {passport}.",
    ],
    "sv": [
        "Hej, jag heter {name} och är född {dob}. Ring mig på {phone} om order {order}.",
        "Betala tillbaka till {iban}. {word}: {id}. Min e-post är {email}.",
    ],
}
TEST = {
    "en": [
        "To whom it may concern: {name} (born {dob}) asks for a copy of contract {num8}. Reply to {email}.",
        "Caller left a voicemail at {stamp}, callback number {phone}, case {order}.",
        "Card on file {card} expires soon; bank details {iban}; ship to {address}.",
        "My {word} changed to {id}. Old ticket {num8}, tracking {tracking}.",
        "Traveller holds passport {passport}; seat 23A; booking made {day} from {ip}.",
        "WARN {stamp} worker-7 retry 3/5 for job {uuid} sha {sha} size 1048576 version {version}",
        "Kind regards\n{name}\nM {phone}\n{email}",
    ],
    "it": [
        "Buongiorno, mi chiamo {name}, sono nato il {dob}. Il mio numero è {phone}, ordine {order}.",
        "Vi prego di rimborsare su {iban}. {word}: {id}. Cordiali saluti, {name}",
        "Il mio passaporto {passport} e la mia email {email}. Fattura {num8} del {day}.",
    ],
    "pt": [
        "Olá, o meu nome é {name}, nasci em {dob}. Telefone: {phone}. Encomenda {order}.",
        "Reembolso para {iban}. {word}: {id}. O meu e-mail é {email}.",
    ],
    "da": [
        "Hej, mit navn er {name}, født {dob}. Ring til mig på {phone} om ordre {order}.",
        "Tilbagebetal til {iban}. {word}: {id}. Min e-mail er {email}.",
    ],
    "cs": [
        "Dobrý den, jmenuji se {name}, narozen {dob}. Volejte mi na {phone} ohledně objednávky {order}.",
        "Vraťte prosím peníze na {iban}. {word}: {id}. Můj e-mail je {email}.",
    ],
    "fi": [
        "Hei, nimeni on {name}, syntymäaika {dob}. Soittakaa numeroon {phone}, tilaus {order}.",
        "Palauttakaa rahat tilille {iban}. {word}: {id}. Sähköposti {email}.",
    ],
    "de": [
        "Sehr geehrte Damen und Herren, ich ({name}, geb. {dob}) kündige den Vertrag {num8}. Rückfragen: {phone}, {email}.",
        "{word} {id}, IBAN {iban}, Pass {passport}. Paket {tracking}.",
    ],
}


def make(rng, template, p, n):
    kind, number = p.id()
    values = {
        "name": p.name, "first": p.given, "email": p.email, "phone": p.phone("int"), "phone_nat": p.phone("nat"), "iban": p.iban(), "card": p.card, "ip": p.ip,
        "dob": p.dob(), "passport": p.passport, "id": number, "word": rng.choice(kind["words"]), "address": p.home(),
        "order": n.order(), "num8": n.first(8), "day": n.day(), "stamp": n.stamp(), "amount": "%.2f" % n.amount(), "uuid": n.uuid(), "version": n.version(), "sha": n.sha(),
        "ean": n.ean(), "tracking": n.tracking(),
    }
    return fill(template, **values)


# Numbers that look like personal ones, with what they are.
HARD = [
    "Order {num9} was shipped.", "invoice no. {num10}", "epoch {epoch}", "ts={millis} level=info", "EAN {ean}", "version {version}.{num4}", "trace {uuid}", "commit {sha}",
    "tracking {tracking}", "part {sku} rev 4", "build {num8} of {day}", "{num9} bytes sent", "offset {num11} of {num12}", "ISBN 978-3-16-148410-0", "serial {num12}", "job {num10} done in 3.5 s",
    "ratio 0.{num12}", "id={num9}&page=2", "lat 52.{num6} lon 13.{num6}", "batch {num11}", "article {num13}", "checksum {sha}", "range {num4}-{num4}", "port 8443 pid {num6}", "meter {num8} kWh",
]


def hard(rng, template, n):
    values = {f"num{i}": n.first(i) for i in range(4, 14)}
    values |= {"epoch": n.epoch(), "millis": n.millis(), "ean": n.ean(), "version": n.version(), "uuid": n.uuid(), "sha": n.sha(), "tracking": n.tracking(), "sku": n.sku(), "day": n.day()}
    return fill(template, **values)


ID_DEV = ["{word}: {id}", "My {word} is {id}.", "{word} {id} (order {num9})", "name;{word};city\nX;{id};Y", '{{"{word}": "{id}"}}']
ID_TEST = ["{word} = {id}", "({word}) {id}", "Please note {word} no. {id}, ticket {num9}.", "{word}\t{id}", "{id} is the {word} on file"]
