"""Makes the documents and pictures that the tests of carnet-documents read: python-docx, openpyxl, reportlab, Pillow. The
people in them are invented. Run once: python make.py FOLDER"""
import datetime, io, sys, zipfile
from pathlib import Path
import docx, openpyxl
from PIL import Image, PngImagePlugin
from reportlab.pdfgen import canvas
from reportlab.lib.pagesizes import A4

to = Path(sys.argv[1]); to.mkdir(exist_ok=True)

def letter(name, paragraphs, author="", picture=None):
    d = docx.Document()
    for p in paragraphs: d.add_paragraph(p)
    d.core_properties.author = author
    if picture: d.add_picture(io.BytesIO(picture))
    table = d.add_table(rows=2, cols=2)
    for r, row in enumerate([["item", "count"], ["screws", "12"]]):
        for c, text in enumerate(row): table.cell(r, c).text = text
    out = io.BytesIO(); d.save(out)
    # python-docx's template brings a preview picture; real writers rarely do.
    src = zipfile.ZipFile(out); dst = zipfile.ZipFile(to / name, "w", zipfile.ZIP_DEFLATED)
    for i in src.infolist():
        if "thumbnail" in i.filename: continue
        data = src.read(i)
        if i.filename == "_rels/.rels":
            import re; data = re.sub(rb'<Relationship [^>]*thumbnail[^>]*/>', b"", data)
        dst.writestr(i.filename, data)
    dst.close()

def png(text=None):
    im = Image.new("RGB", (8, 8), (200, 30, 30)); out = io.BytesIO()
    info = PngImagePlugin.PngInfo()
    if text: info.add_text("Author", text); info.add_itxt("XML:com.adobe.xmp", f"<x>{text}</x>")
    ex = Image.Exif(); 
    if text: ex[0x013B] = text
    im.save(out, "PNG", pnginfo=info, exif=ex if text else None); return out.getvalue()

letter("clean.docx", ["The quarterly report is ready.", "Nothing in it is personal."])
letter("letter.docx", ["Dear customer,", "please pay to DE89 3704 0044 0532 0130 00 or write to greta.lindqvist@example.org."], author="Greta Lindqvist")
letter("pictured.docx", ["A picture follows."], picture=png())

w = openpyxl.Workbook(); s = w.active
s.append(["name", "birth date", "card", "city"])
s.append(["Greta Lindqvist", datetime.date(1980, 2, 3), "4111 1111 1111 1111", "Lund"])
s["B2"].number_format = "dd.mm.yyyy"; w.save(to / "customers.xlsx")
w = openpyxl.Workbook(); w.active.append(["part", "count"]); w.active.append(["screw", 12]); w.save(to / "clean.xlsx")

def pdf(name, lines, author=None, compress=1):
    c = canvas.Canvas(str(to / name), pagesize=A4, pageCompression=compress)
    if author: c.setAuthor(author); c.setSubject("for " + author)
    for n, l in enumerate(lines): c.drawString(72, 760 - 20 * n, l)
    c.showPage(); c.save()
pdf("clean.pdf", ["The quarterly report is ready.", "Nothing in it is personal."])
pdf("letter.pdf", ["Please pay to DE89 3704 0044 0532 0130 00", "or write to greta.lindqvist@example.org."], author="Greta Lindqvist")

im = Image.new("RGB", (16, 16), (30, 30, 200)); ex = Image.Exif(); ex[0x013B] = "Greta Lindqvist"; ex[0x8298] = "(c) Greta Lindqvist"
im.save(to / "photo.jpg", exif=ex, comment=b"by Greta Lindqvist"); im.save(to / "photo.webp", exif=ex)
(to / "photo.png").write_bytes(png("Greta Lindqvist"))
b = io.BytesIO(); z = zipfile.ZipFile(b, "w", zipfile.ZIP_DEFLATED)
z.writestr("[Content_Types].xml", "<Types/>"); z.writestr("word/document.xml", "<d>" + "A" * (20 << 20) + "</d>"); z.close(); (to / "bomb.docx").write_bytes(b.getvalue())
