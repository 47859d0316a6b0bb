"""Values that are nobody's: they must stay."""

import hashlib
import uuid


class Noise:
    def __init__(self, rng):
        self.rng = rng

    def d(self, n):
        return "".join(self.rng.choice("0123456789") for _ in range(n))

    def first(self, n):
        return self.rng.choice("123456789") + self.d(n - 1)

    def uuid(self):
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def sha(self, n=40):
        return hashlib.sha256(str(self.rng.random()).encode()).hexdigest()[:n]

    def epoch(self):
        return 1_500_000_000 + self.rng.randrange(260_000_000)

    def millis(self):
        return self.epoch() * 1000 + self.rng.randrange(1000)

    def ean(self):
        body = self.rng.choice(("40", "30", "50", "87", "73")) + self.d(10)
        total = sum(int(c) * (1, 3)[i % 2] for i, c in enumerate(body))
        return body + str(-total % 10)

    def order(self):
        return self.rng.choice(("ORD-", "SO", "PO-", "#", "R-", "")) + self.first(self.rng.choice((6, 8, 9, 10, 12)))

    def version(self):
        return f"{self.rng.randrange(9)}.{self.rng.randrange(30)}.{self.rng.randrange(900)}"

    def stamp(self):
        r = self.rng
        return f"20{r.randrange(18, 27)}-{r.randrange(1, 13):02}-{r.randrange(1, 29):02}T{r.randrange(24):02}:{r.randrange(60):02}:{r.randrange(60):02}Z"

    def day(self):
        return self.stamp()[:10]

    def amount(self):
        return round(self.rng.random() * 5000, 2)

    def sku(self):
        return "".join(self.rng.choice("ABCDEFGHKLMNPRSTX") for _ in range(3)) + "-" + self.d(self.rng.choice((4, 5, 6)))

    def tracking(self):
        return self.rng.choice(("1Z" + self.sha(6).upper() + self.d(10), "JD0" + self.d(15), "00340" + self.d(15), "RR" + self.d(9) + "DE", self.first(12)))

    def product(self):
        return self.rng.choice(("Steel water bottle", "Desk lamp Aurora", "Trail shoes GTX", "USB-C hub 7 in 1", "Oak shelf Nora", "Espresso maker Bella", "Wool blanket", "Noise cancelling headset", "Garden hose 20 m", "Paper A4 80 g"))

    def company(self):
        return self.rng.choice(("Nordwind Logistik GmbH", "Baltic Freight OÜ", "Acme Tools Ltd", "Soleil Services SARL", "Verde Energia S.p.A.", "Tulip Trading B.V.", "Kowalski i Synowie Sp. z o.o.", "Fjord Data AS", "Iberia Foods S.L.", "Delta Insurance plc"))

    def status(self):
        return self.rng.choice(("active", "pending", "closed", "on_hold", "churned", "trial"))

    def one(self, *of):
        return self.rng.choice(of)
