//! What a page shows as text: the strings that its operators draw, with spaces and lines where the places say so.

use std::collections::HashMap;
use std::rc::Rc;

use hayro_syntax::content::TypedIter;
use hayro_syntax::content::ops::TypedInstruction as Op;
use hayro_syntax::object::dict::Dict;
use hayro_syntax::object::stream::Stream;
use hayro_syntax::object::{Array, Name, Number, Object};
use hayro_syntax::page::{Page, Resources};

use super::Reading;
use super::font::Font;
use crate::Unreadable;

/// Operators of one content.
const OPERATORS: usize = 20_000_000;

#[derive(Clone, Copy)]
struct Matrix {
    a: f64,
    b: f64,
    c: f64,
    d: f64,
    e: f64,
    f: f64,
}

impl Matrix {
    const ONE: Matrix = Matrix { a: 1.0, b: 0.0, c: 0.0, d: 1.0, e: 0.0, f: 0.0 };

    fn of(n: [&Number; 6]) -> Matrix {
        let [a, b, c, d, e, f] = n.map(|n| n.as_f64());
        Matrix { a, b, c, d, e, f }
    }

    /// First this one, then the other.
    fn then(self, m: Matrix) -> Matrix {
        Matrix {
            a: self.a * m.a + self.b * m.c,
            b: self.a * m.b + self.b * m.d,
            c: self.c * m.a + self.d * m.c,
            d: self.c * m.b + self.d * m.d,
            e: self.e * m.a + self.f * m.c + m.e,
            f: self.e * m.b + self.f * m.d + m.f,
        }
    }

    fn moved(self, x: f64, y: f64) -> Matrix {
        Matrix { e: x, f: y, ..Matrix::ONE }.then(self)
    }
}

/// The state of the text, which `q` keeps and `Q` brings back.
#[derive(Clone)]
struct State {
    ctm: Matrix,
    font: Option<Rc<Font>>,
    size: f64,
    chars: f64,
    words: f64,
    scale: f64,
    leading: f64,
}

struct Drawing<'r, 'l> {
    reading: &'r mut Reading<'l>,
    state: State,
    kept: Vec<State>,
    line: Matrix,
    text: Matrix,
    /// Where the last glyph ended, and how high it was.
    end: Option<(f64, f64, f64)>,
    fonts: HashMap<Vec<u8>, Option<Rc<Font>>>,
}

/// The text of a page.
pub(super) fn read(page: &Page<'_>, reading: &mut Reading<'_>) -> Result<(), Unreadable> {
    // The library joins the streams of a page; each of them is measured first.
    let mut drawn = 0;
    match page.raw().get::<Object<'_>>("Contents") {
        Some(Object::Stream(stream)) => drawn = reading.decoded(&stream)?.len(),
        Some(Object::Array(all)) => {
            for stream in all.iter::<Stream<'_>>() {
                drawn += reading.decoded(&stream)?.len();
            }
        }
        _ => {}
    }
    let resources = page.resources();
    let before = reading.out.text.len();
    draw(page.typed_operations(), &|name| resources.get_font(name), reading)?;
    // A page that shows something and no text: letters may be drawn as shapes.
    reading.out.pictures |= drawn > 0 && reading.out.text.len() == before;
    Ok(())
}

/// The text of a form, which pages and annotations show.
pub(super) fn form(stream: &Stream<'_>, reading: &mut Reading<'_>) -> Result<(), Unreadable> {
    let data = reading.decoded(stream)?;
    let resources = Resources::new(stream.dict().get::<Dict<'_>>("Resources").unwrap_or_default());
    draw(TypedIter::new(&data), &|name| resources.get_font(name), reading)
}

fn draw<'a>(
    mut ops: TypedIter<'_>,
    font: &dyn Fn(&Name<'_>) -> Option<Dict<'a>>,
    reading: &mut Reading<'_>,
) -> Result<(), Unreadable> {
    let state =
        State { ctm: Matrix::ONE, font: None, size: 0.0, chars: 0.0, words: 0.0, scale: 1.0, leading: 0.0 };
    let mut d = Drawing {
        reading,
        state,
        kept: Vec::new(),
        line: Matrix::ONE,
        text: Matrix::ONE,
        end: None,
        fonts: HashMap::new(),
    };
    let mut n = 0;
    while let Some(op) = ops.next() {
        n += 1;
        if n > OPERATORS {
            return Err(Unreadable::Budget);
        }
        d.apply(&op, font)?;
    }
    Ok(())
}

impl Drawing<'_, '_> {
    fn apply<'a>(
        &mut self,
        op: &Op<'_, '_>,
        font: &dyn Fn(&Name<'_>) -> Option<Dict<'a>>,
    ) -> Result<(), Unreadable> {
        match op {
            Op::SaveState(_) if self.kept.len() < 256 => self.kept.push(self.state.clone()),
            Op::RestoreState(_) => self.state = self.kept.pop().unwrap_or_else(|| self.state.clone()),
            Op::Transform(m) => {
                self.state.ctm = Matrix::of([&m.0, &m.1, &m.2, &m.3, &m.4, &m.5]).then(self.state.ctm);
            }
            Op::InlineImage(_) => self.reading.out.pictures = true,
            Op::BeginText(_) => (self.line, self.text) = (Matrix::ONE, Matrix::ONE),
            Op::CharacterSpacing(n) => self.state.chars = n.0.as_f64(),
            Op::WordSpacing(n) => self.state.words = n.0.as_f64(),
            Op::HorizontalScaling(n) => self.state.scale = n.0.as_f64() / 100.0,
            Op::TextLeading(n) => self.state.leading = n.0.as_f64(),
            Op::TextFont(f) => {
                self.state.size = f.1.as_f64();
                self.state.font = self.font(f.0, font)?;
            }
            Op::SetTextMatrix(m) => {
                self.line = Matrix::of([&m.0, &m.1, &m.2, &m.3, &m.4, &m.5]);
                self.text = self.line;
            }
            Op::NextLine(n) => self.next(n.0.as_f64(), n.1.as_f64()),
            Op::NextLineAndSetLeading(n) => {
                self.state.leading = -n.1.as_f64();
                self.next(n.0.as_f64(), n.1.as_f64());
            }
            Op::NextLineUsingLeading(_) => self.next(0.0, -self.state.leading),
            Op::ShowText(s) => self.show(s.0.as_bytes())?,
            Op::NextLineAndShowText(s) => {
                self.next(0.0, -self.state.leading);
                self.show(s.0.as_bytes())?;
            }
            Op::ShowTextWithParameters(s) => {
                (self.state.words, self.state.chars) = (s.0.as_f64(), s.1.as_f64());
                self.next(0.0, -self.state.leading);
                self.show(s.2.as_bytes())?;
            }
            Op::ShowTexts(all) => self.show_all(all.0)?,
            _ => {}
        }
        Ok(())
    }

    fn font<'a>(
        &mut self,
        name: &Name<'_>,
        font: &dyn Fn(&Name<'_>) -> Option<Dict<'a>>,
    ) -> Result<Option<Rc<Font>>, Unreadable> {
        if let Some(known) = self.fonts.get(name.as_ref()) {
            return Ok(known.clone());
        }
        let read = match font(name) {
            Some(dict) => Some(Rc::new(Font::read(&dict, self.reading)?)),
            None => None,
        };
        self.fonts.insert(name.as_ref().to_vec(), read.clone());
        Ok(read)
    }

    fn next(&mut self, x: f64, y: f64) {
        self.line = self.line.moved(x, y);
        self.text = self.line;
    }

    fn show_all(&mut self, all: &Array<'_>) -> Result<(), Unreadable> {
        for item in all.iter::<Object<'_>>() {
            match item {
                Object::String(s) => self.show(s.as_bytes())?,
                Object::Number(n) => {
                    let back = n.as_f64() / 1000.0 * self.state.size * self.state.scale;
                    self.text = self.text.moved(-back, 0.0);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn show(&mut self, bytes: &[u8]) -> Result<(), Unreadable> {
        let Some(font) = self.state.font.clone() else {
            // Whatever a font that is not there would show.
            self.reading.out.rest |= !bytes.is_empty();
            return Ok(());
        };
        font.glyphs(bytes, |glyph| {
            self.gap()?;
            match &glyph.text {
                Some(text) => self.reading.push(text)?,
                None => {
                    self.reading.out.rest = true;
                    self.reading.push("\u{fffd}")?;
                }
            }
            let state = &self.state;
            let word = if glyph.space { state.words } else { 0.0 };
            let wide = (glyph.width / 1000.0 * state.size + state.chars + word) * state.scale;
            self.text = self.text.moved(wide, 0.0);
            let at = self.text.then(self.state.ctm);
            let high = self.state.size.abs() * (at.c.abs() + at.d.abs()).max(1e-6);
            self.end = Some((at.e, at.f, high));
            Ok(())
        })
    }

    /// A space or a line between the last glyph and the next one, if there is room for it.
    fn gap(&mut self) -> Result<(), Unreadable> {
        let Some((x, y, high)) = self.end else { return Ok(()) };
        let at = self.text.then(self.state.ctm);
        // Along the line and across it: text may be turned.
        let long = (at.a * at.a + at.b * at.b).sqrt().max(1e-9);
        let (dx, dy) = (at.e - x, at.f - y);
        let along = (dx * at.a + dy * at.b) / long;
        let across = (dy * at.a - dx * at.b) / long;
        let ends = |c: char| self.reading.out.text.ends_with(c);
        if across.abs() > 0.5 * high || along < -1.5 * high {
            return if ends('\n') { Ok(()) } else { self.reading.push("\n") };
        }
        if along > 0.18 * high && !ends(' ') && !ends('\n') {
            return self.reading.push(if along > 3.0 * high { "  " } else { " " });
        }
        Ok(())
    }
}
