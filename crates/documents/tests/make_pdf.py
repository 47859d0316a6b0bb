"""Makes the PDF files that the tests of carnet-documents read, with fpdf2, reportlab and pikepdf. The people in them are
invented. Run once: python make_pdf.py FOLDER DejaVuSans.ttf"""
import io, sys, zlib
from pathlib import Path
import pikepdf
from fpdf import FPDF
from PIL import Image
from reportlab.pdfgen import canvas

to = Path(sys.argv[1]); font = sys.argv[2]
LINES = ["Passport C01X00T47 of Jürgen Müller", "IBAN DE89 3704 0044 0532 0130 00"]

def made(name, pdf): (to / name).write_bytes(bytes(pdf.output()))

# A font of which only the used glyphs are there, under numbers of their own.
p = FPDF(); p.add_page(); p.add_font("d", "", font); p.set_font("d", size=12)
for l in LINES: p.cell(0, 10, l, new_x="LMARGIN", new_y="NEXT")
p.set_author("Greta Lindqvist"); made("subset.pdf", p)
# The same without the table that says which text the numbers are.
with pikepdf.open(to / "subset.pdf") as d:
    for o in d.objects:
        if isinstance(o, pikepdf.Dictionary) and "/ToUnicode" in o: del o["/ToUnicode"]
    d.save(to / "mute.pdf")
# Latin-1, letters placed one by one, text turned, columns.
c = canvas.Canvas(str(to / "placed.pdf"), pageCompression=1)
x = 72
for ch in "4111 1111 1111 1111":
    if ch != " ": c.drawString(x, 700, ch)
    x += c.stringWidth(ch, "Helvetica", 12)
c.drawString(72, 660, "greta.lindqvist@"); c.drawString(72 + c.stringWidth("greta.lindqvist@", "Helvetica", 12), 660, "example.org")
c.drawString(72, 640, "left"); c.drawString(300, 640, "right")
c.saveState(); c.translate(500, 300); c.rotate(90); c.drawString(0, 0, "+49 30 901820"); c.restoreState()
c.acroForm.textfield(name="iban", value="GB82WEST12345698765432", x=72, y=500, width=200)
c.bookmarkPage("a"); c.addOutlineEntry("Case of Greta Lindqvist", "a"); c.showPage(); c.save()
# Everything that may be is in compressed streams of objects, and the file has XMP.
with pikepdf.open(to / "letter.pdf") as d:
    with d.open_metadata() as m: m["dc:creator"] = ["Greta Lindqvist"]
    d.save(to / "xmp.pdf")
    d.save(to / "compressed.pdf", object_stream_mode=pikepdf.ObjectStreamMode.generate)
    d.save(to / "linear.pdf", linearize=True)
    d.save(to / "encrypted.pdf", encryption=pikepdf.Encryption(owner="o", user=""))
    d.attachments["list.csv"] = b"name\nGreta Lindqvist\n"
    d.save(to / "attached.pdf")
# Only a picture of text.
b = io.BytesIO(); Image.new("RGB", (40, 40), (9, 9, 9)).save(b, "PNG")
p = FPDF(); p.add_page(); p.image(io.BytesIO(b.getvalue())); made("scanned.pdf", p)
# A page that would be 60 MB.
d = pikepdf.new(); d.add_blank_page()
s = pikepdf.Stream(d, b""); s.write(zlib.compress(b" " * (60 << 20), 9), filter=pikepdf.Name.FlateDecode); d.pages[0].Contents = s
d.save(to / "bomb.pdf")
# An earlier revision, which nothing shows any more.
old = (to / "clean.pdf").read_bytes(); at = old.rindex(b"startxref")
(to / "revised.pdf").write_bytes(old + b"\n" + old[at:])
