//! Server-sent events (HTML standard, section 9.2.6): an incremental decoder and an encoder.
//!
//! The result does not depend on how the stream is cut. Differing from a browser, a block without a `data` line is
//! reported too, because its id, retry or comment (a keep-alive) has to pass a gateway. The text of a comment is dropped:
//! nobody inspects it, so it must not pass.

/// The stream broke a limit. What follows cannot be trusted, so the decoder stays in this state.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("an event is larger than the limit")]
pub struct TooLarge;

/// One block of the stream.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// `id`, if the block has one. An empty one resets the last id.
    pub id: Option<String>,
    /// `event`.
    pub event: Option<String>,
    /// The `data` lines, joined by line feeds; `None` without any.
    pub data: Option<Vec<u8>>,
    /// `retry` in milliseconds.
    pub retry: Option<u64>,
    /// How many comment lines it has.
    pub comments: u32,
}

impl std::fmt::Debug for Event {
    /// Sizes, never the content.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Event({:?} bytes, {} comments)", self.data.as_ref().map(Vec::len), self.comments)
    }
}

impl Event {
    /// An event with this data and nothing else.
    #[must_use]
    pub fn of(data: Vec<u8>) -> Event {
        Event { data: Some(data), ..Event::default() }
    }

    /// The same event with other data.
    #[must_use]
    pub fn with_data(&self, data: Vec<u8>) -> Event {
        Event { data: Some(data), ..self.clone() }
    }

    /// Appends the event to a stream. Data is cut into lines at each line feed and carriage return; in an id or event name
    /// they would end the line, so they are left out, and so is NUL in an id.
    pub fn encode(&self, out: &mut Vec<u8>) {
        for _ in 0..self.comments {
            out.extend_from_slice(b":\n");
        }
        for (name, value) in [("id", &self.id), ("event", &self.event)] {
            if let Some(value) = value {
                out.extend_from_slice(name.as_bytes());
                out.extend_from_slice(b": ");
                out.extend(
                    value.bytes().filter(|b| !matches!(b, b'\n' | b'\r') && (name != "id" || *b != 0)),
                );
                out.push(b'\n');
            }
        }
        if let Some(retry) = self.retry {
            out.extend_from_slice(format!("retry: {retry}\n").as_bytes());
        }
        if let Some(data) = &self.data {
            encode_data(data, out);
        }
        out.push(b'\n');
    }

    /// The event as bytes of a stream.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.data.as_ref().map_or(0, Vec::len) + 64);
        self.encode(&mut out);
        out
    }
}

fn encode_data(data: &[u8], out: &mut Vec<u8>) {
    let mut rest = data;
    loop {
        let cut = memchr::memchr2(b'\n', b'\r', rest);
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(rest.get(..cut.unwrap_or(rest.len())).unwrap_or_default());
        out.push(b'\n');
        let Some(cut) = cut else { return };
        let crlf = rest.get(cut..cut + 2) == Some(b"\r\n");
        rest = rest.get(cut + 1 + usize::from(crlf)..).unwrap_or_default();
    }
}

/// Cuts a stream into events.
#[derive(Debug)]
pub struct Decoder {
    limit: usize,
    /// The line that has not ended yet.
    line: Vec<u8>,
    event: Event,
    /// Whether the block has any field or comment.
    begun: bool,
    /// Bytes of the block so far, line ends left out.
    size: usize,
    /// Bytes of a byte order mark seen at the start; 3 when the start is behind us.
    mark: usize,
    after_cr: bool,
    broken: bool,
}

const MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

impl Decoder {
    /// A decoder for a new stream; an event may have `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Decoder {
        Decoder {
            limit,
            line: Vec::new(),
            event: Event::default(),
            begun: false,
            size: 0,
            mark: 0,
            after_cr: false,
            broken: false,
        }
    }

    /// Takes the next bytes of the stream and gives the events that they end. An event that the stream does not end is never
    /// given.
    ///
    /// # Errors
    /// When an event grows beyond the limit, and ever after. Events that ended before it are lost with it.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Event>, TooLarge> {
        let mut out = Vec::new();
        let mut rest = self.skip_mark(bytes)?;
        while let Some(first) = rest.first() {
            if std::mem::take(&mut self.after_cr) && *first == b'\n' {
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            let Some(end) = memchr::memchr2(b'\n', b'\r', rest) else {
                self.extend(rest)?;
                break;
            };
            self.extend(rest.get(..end).unwrap_or_default())?;
            self.after_cr = rest.get(end) == Some(&b'\r');
            rest = rest.get(end + 1..).unwrap_or_default();
            self.end_line(&mut out);
        }
        if self.broken { Err(TooLarge) } else { Ok(out) }
    }

    /// One byte order mark at the very start is no part of the stream.
    fn skip_mark<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], TooLarge> {
        let mut rest = bytes;
        while self.mark < MARK.len() {
            let Some(first) = rest.first() else { return Ok(rest) };
            if MARK.get(self.mark) == Some(first) {
                self.mark += 1;
                rest = rest.get(1..).unwrap_or_default();
            } else {
                let seen = std::mem::replace(&mut self.mark, MARK.len());
                self.extend(MARK.get(..seen).unwrap_or_default())?;
            }
        }
        Ok(rest)
    }

    fn extend(&mut self, bytes: &[u8]) -> Result<(), TooLarge> {
        self.size += bytes.len();
        self.broken |= self.size > self.limit;
        if self.broken {
            self.line = Vec::new();
            self.event = Event::default();
            return Err(TooLarge);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self, out: &mut Vec<Event>) {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            if std::mem::take(&mut self.begun) {
                out.push(std::mem::take(&mut self.event));
            }
            self.size = 0;
            self.line = line;
            return;
        }
        // A line costs at least a byte, so that empty ones without end meet the limit too.
        self.size += 1;
        let colon = memchr::memchr(b':', &line);
        if colon == Some(0) {
            self.begun = true;
            self.event.comments = self.event.comments.saturating_add(1);
        } else {
            let name = line.get(..colon.unwrap_or(line.len())).unwrap_or_default();
            let value = colon.and_then(|c| line.get(c + 1..)).unwrap_or_default();
            self.field(name, value.strip_prefix(b" ").unwrap_or(value));
        }
        self.line = line;
        self.line.clear();
    }

    fn field(&mut self, name: &[u8], value: &[u8]) {
        match name {
            b"data" => match &mut self.event.data {
                Some(data) => {
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
                None => self.event.data = Some(value.to_vec()),
            },
            b"event" => self.event.event = Some(String::from_utf8_lossy(value).into_owned()),
            b"id" if !value.contains(&0) => self.event.id = Some(String::from_utf8_lossy(value).into_owned()),
            b"retry" => {
                // Digits only, as the standard says; none, or more than a number holds, is no field.
                let digits =
                    std::str::from_utf8(value).ok().filter(|v| v.bytes().all(|b| b.is_ascii_digit()));
                match digits.and_then(|v| v.parse().ok()) {
                    Some(retry) => self.event.retry = Some(retry),
                    None => return,
                }
            }
            _ => return,
        }
        self.begun = true;
    }
}
