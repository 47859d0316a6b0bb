//! Pictures without what is not needed to draw them: a list of what stays, so that what is unknown goes.

/// Chunks of a PNG that change what is seen (PNG third edition, sections 11 and 5.4).
const PNG: [&[u8; 4]; 17] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"cICP", b"sBIT", b"bKGD",
    b"pHYs", b"hIST", b"acTL", b"fcTL", b"fdAT", b"sPLT",
];

/// A PNG without texts, EXIF, times, colour profiles and chunks that nobody knows.
pub(crate) fn png(bytes: &[u8]) -> Option<Vec<u8>> {
    let (head, mut rest) = bytes.split_at_checked(8)?;
    let mut out = head.to_vec();
    loop {
        let length = u32::from_be_bytes(rest.get(..4)?.try_into().ok()?) as usize;
        let name: &[u8; 4] = rest.get(4..8)?.try_into().ok()?;
        let (chunk, after) = rest.split_at_checked(length.checked_add(12)?)?;
        let sum = u32::from_be_bytes(chunk.get(length + 8..)?.try_into().ok()?);
        if crc32fast::hash(chunk.get(4..length + 8)?) != sum {
            return None;
        }
        // `sPLT` begins with a name that is free text.
        if PNG.contains(&name) && name != b"sPLT" {
            out.extend_from_slice(chunk);
        }
        if name == b"IEND" {
            return Some(out);
        }
        rest = after;
    }
}

/// A JPEG without application data (EXIF, XMP, IPTC, previews) and comments. JFIF and Adobe's colour transform stay: they
/// change what is seen.
pub(crate) fn jpeg(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = vec![0xFF, 0xD8];
    let mut at = 2;
    loop {
        if *bytes.get(at)? != 0xFF {
            return None;
        }
        let marker = *bytes.get(at + 1)?;
        match marker {
            0xFF => {
                at += 1;
                continue;
            }
            0xD9 => {
                out.extend_from_slice(&[0xFF, 0xD9]);
                return Some(out);
            }
            0x00 | 0xD0..=0xD8 => return None,
            _ => {}
        }
        let length = usize::from(u16::from_be_bytes(bytes.get(at + 2..at + 4)?.try_into().ok()?));
        let segment = bytes.get(at..at + 2 + length.max(2))?;
        let body = segment.get(4..)?;
        match marker {
            // Only their fixed fields: JFIF may carry a preview behind them.
            0xE0 if body.starts_with(b"JFIF\0") => jfif(body, &mut out)?,
            0xEE if body.starts_with(b"Adobe") && body.len() == 12 => out.extend_from_slice(segment),
            0xE0..=0xEF | 0xFE => {}
            _ => out.extend_from_slice(segment),
        }
        at += segment.len();
        if marker == 0xDA {
            let from = at;
            at = scan_end(bytes, at)?;
            out.extend_from_slice(bytes.get(from..at)?);
        }
    }
}

/// JFIF's version and density, without its preview.
fn jfif(body: &[u8], out: &mut Vec<u8>) -> Option<()> {
    out.extend_from_slice(&[0xFF, 0xE0, 0, 16]);
    out.extend_from_slice(body.get(..12)?);
    out.extend_from_slice(&[0, 0]);
    Some(())
}

/// Where the coded data of a scan ends: at the next marker that is no restart.
fn scan_end(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let end = |w: &[u8]| matches!(w, [0xFF, marker] if !matches!(marker, 0x00 | 0xD0..=0xD7 | 0xFF));
    rest.windows(2).position(end).map(|n| from + n)
}

/// A WebP without EXIF, XMP, colour profile and unknown chunks.
pub(crate) fn webp(bytes: &[u8]) -> Option<Vec<u8>> {
    let size = u32::from_le_bytes(bytes.get(4..8)?.try_into().ok()?) as usize;
    let mut rest = bytes.get(12..size.checked_add(8)?)?;
    let mut out = bytes.get(..12)?.to_vec();
    while !rest.is_empty() {
        let length = u32::from_le_bytes(rest.get(4..8)?.try_into().ok()?) as usize;
        let name = rest.get(..4)?;
        let (chunk, after) = rest.split_at_checked(length.checked_add(8)?)?;
        let after = if length % 2 == 1 { after.get(1..)? } else { after };
        if [&b"VP8 "[..], b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"].contains(&name) {
            let from = out.len();
            out.extend_from_slice(chunk);
            if length % 2 == 1 {
                out.push(0);
            }
            // What was taken out is no longer announced: profile, EXIF, XMP.
            if let (b"VP8X", Some(flags)) = (name, out.get_mut(from + 8)) {
                *flags &= !(0x20 | 0x08 | 0x04);
            }
        }
        rest = after;
    }
    let size = u32::try_from(out.len() - 8).ok()?.to_le_bytes();
    out.get_mut(4..8)?.copy_from_slice(&size);
    Some(out)
}
