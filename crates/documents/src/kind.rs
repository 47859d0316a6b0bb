//! What bytes are, by their first ones: what a sender declares is compared with it and never believed.

/// Kinds of content that are told apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // each is called what it is
pub enum Kind {
    Png,
    Jpeg,
    Gif,
    Webp,
    Bmp,
    Tiff,
    Wav,
    Mp3,
    Ogg,
    Flac,
    Mp4,
    Pdf,
    Docx,
    Xlsx,
    Pptx,
    Zip,
    Gzip,
    /// Anything else.
    Other,
}

/// Kinds with the type that they are known by, and other names for it.
const TYPES: &[(Kind, &[&str])] = &[
    (Kind::Png, &["image/png"]),
    (Kind::Jpeg, &["image/jpeg", "image/jpg"]),
    (Kind::Gif, &["image/gif"]),
    (Kind::Webp, &["image/webp"]),
    (Kind::Bmp, &["image/bmp", "image/x-ms-bmp"]),
    (Kind::Tiff, &["image/tiff"]),
    (Kind::Wav, &["audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"]),
    (Kind::Mp3, &["audio/mpeg", "audio/mp3"]),
    (Kind::Ogg, &["audio/ogg", "video/ogg", "application/ogg"]),
    (Kind::Flac, &["audio/flac", "audio/x-flac"]),
    (
        Kind::Mp4,
        &[
            "video/mp4",
            "audio/mp4",
            "audio/m4a",
            "audio/x-m4a",
            "video/quicktime",
            "image/heic",
            "image/avif",
        ],
    ),
    (Kind::Pdf, &["application/pdf"]),
    (Kind::Docx, &["application/vnd.openxmlformats-officedocument.wordprocessingml.document"]),
    (Kind::Xlsx, &["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"]),
    (Kind::Pptx, &["application/vnd.openxmlformats-officedocument.presentationml.presentation"]),
    (Kind::Zip, &["application/zip", "application/x-zip-compressed"]),
    (Kind::Gzip, &["application/gzip", "application/x-gzip"]),
];

impl Kind {
    /// What bytes are.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Kind {
        match bytes {
            [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => Kind::Png,
            [0xFF, 0xD8, 0xFF, ..] => Kind::Jpeg,
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Kind::Gif,
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Kind::Webp,
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Kind::Wav,
            [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => Kind::Bmp,
            [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => Kind::Tiff,
            [b'I', b'D', b'3', ..] | [0xFF, 0xFB | 0xF3 | 0xF2 | 0xFA, ..] => Kind::Mp3,
            [b'O', b'g', b'g', b'S', ..] => Kind::Ogg,
            [b'f', b'L', b'a', b'C', ..] => Kind::Flac,
            [_, _, _, _, b'f', b't', b'y', b'p', ..] => Kind::Mp4,
            [b'%', b'P', b'D', b'F', b'-', ..] => Kind::Pdf,
            [b'P', b'K', 3, 4, ..] => container(bytes),
            [0x1F, 0x8B, 8, ..] => Kind::Gzip,
            _ => Kind::Other,
        }
    }

    /// The type that it is known by; `application/octet-stream` for what is not known.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        let known = TYPES.iter().find(|(kind, _)| *kind == self);
        known.and_then(|(_, names)| names.first()).copied().unwrap_or("application/octet-stream")
    }

    /// Whether a declared type is one of its names. Nothing declared, and the type that says nothing, fit everything;
    /// what is not known fits no name of a kind that is.
    #[must_use]
    pub fn fits(self, declared: &str) -> bool {
        let declared = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if declared.is_empty() || declared == "application/octet-stream" {
            return true;
        }
        match TYPES.iter().find(|(kind, _)| *kind == self) {
            Some((_, names)) => names.contains(&declared.as_str()),
            None => !TYPES.iter().any(|(_, names)| names.contains(&declared.as_str())),
        }
    }
}

/// A container of the zip form: which document it is shows in the names of its parts.
fn container(bytes: &[u8]) -> Kind {
    let Ok(archive) = zip::ZipArchive::new(std::io::Cursor::new(bytes)) else { return Kind::Zip };
    let has = |name: &str| archive.index_for_name(name).is_some();
    let kinds = [
        ("word/document.xml", Kind::Docx),
        ("xl/workbook.xml", Kind::Xlsx),
        ("ppt/presentation.xml", Kind::Pptx),
    ];
    let found: Vec<Kind> = kinds.iter().filter(|(name, _)| has(name)).map(|(_, kind)| *kind).collect();
    match found.as_slice() {
        [kind] if has("[Content_Types].xml") => *kind,
        _ => Kind::Zip,
    }
}
