//! A draft to bytes. Members are written in the order that RFC 8785 asks for, so nothing is sorted but `_sd` and `x`.

use super::{Draft, Epochs, Ext, FORMAT, LeafError, LeafType, MAX_LEAF, MAX_NUMBER};
use crate::text::{push_b64url, push_u64};

impl Draft {
    /// The leaf's bytes. `n` is its number in the session, `ps` the RFC 6962 leaf hash of the session's leaf `n - 1`.
    ///
    /// # Errors
    /// [`LeafError::TooLong`] over [`MAX_LEAF`], [`LeafError::Number`] over [`MAX_NUMBER`], [`LeafError::Link`]
    /// when `ps` is there for `n` = 0 or not there for another, [`LeafError::Answer`] when an outcome lacks `of`,
    /// [`LeafError::Ext`] for a key in `x` that the type does not have.
    pub fn finish(&self, n: u64, ps: Option<&[u8; 32]>) -> Result<Vec<u8>, LeafError> {
        let mut out = Vec::with_capacity(512 + self.sd.len() * 48 + self.bl.len() * 160);
        self.finish_into(n, ps, &mut out)?;
        Ok(out)
    }

    /// As [`Draft::finish`], appended to a buffer. On error the buffer is as it was.
    ///
    /// # Errors
    /// As [`Draft::finish`].
    pub fn finish_into(&self, n: u64, ps: Option<&[u8; 32]>, out: &mut Vec<u8>) -> Result<(), LeafError> {
        self.check(n, ps)?;
        let start = out.len();
        self.write(n, ps, out);
        if out.len() - start > MAX_LEAF {
            out.truncate(start);
            return Err(LeafError::TooLong);
        }
        Ok(())
    }

    fn check(&self, n: u64, ps: Option<&[u8; 32]>) -> Result<(), LeafError> {
        if (n == 0) != ps.is_none() {
            return Err(LeafError::Link);
        }
        if self.ty.answers() && self.of.is_none() {
            return Err(LeafError::Answer);
        }
        if self.ow && self.ty != LeafType::CallDecision {
            return Err(LeafError::OneWay);
        }
        if n > MAX_NUMBER || self.t > MAX_NUMBER || self.of.is_some_and(|of| of > MAX_NUMBER) {
            return Err(LeafError::Number);
        }
        for (key, value) in &self.ext {
            if !self.ty.ext_keys().contains(key) {
                return Err(LeafError::Ext);
            }
            if matches!(value, Ext::Int(i) if *i > MAX_NUMBER) {
                return Err(LeafError::Number);
            }
        }
        Ok(())
    }

    fn write(&self, n: u64, ps: Option<&[u8; 32]>, out: &mut Vec<u8>) {
        out.push(b'{');
        if !self.sd.is_empty() {
            self.write_digests(out);
        }
        if !self.bl.is_empty() {
            self.write_blobs(out);
        }
        write_epochs(&self.ep, out);
        out.extend_from_slice(b",\"gs\":\"");
        push_b64url(out, &self.gs);
        out.push(b'"');
        if !self.kr.is_empty() {
            out.extend_from_slice(b",\"kr\":[");
            for (i, key) in self.kr.iter().enumerate() {
                out.extend_from_slice(if i == 0 { b"\"" } else { b",\"" });
                carnet_json::escape_into(out, key);
                out.push(b'"');
            }
            out.push(b']');
        }
        out.extend_from_slice(b",\"n\":");
        push_u64(out, n);
        if let Some(of) = self.of {
            out.extend_from_slice(b",\"of\":");
            push_u64(out, of);
        }
        if self.ow {
            out.extend_from_slice(b",\"ow\":true");
        }
        if let Some(ps) = ps {
            out.extend_from_slice(b",\"ps\":\"");
            push_b64url(out, ps);
            out.push(b'"');
        }
        out.extend_from_slice(b",\"t\":");
        push_u64(out, self.t);
        out.extend_from_slice(b",\"ty\":\"");
        out.extend_from_slice(self.ty.as_str().as_bytes());
        out.extend_from_slice(b"\",\"v\":\"");
        out.extend_from_slice(FORMAT.as_bytes());
        out.push(b'"');
        self.write_ext(n, out);
        out.push(b'}');
    }

    fn write_digests(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\"_sd\":[");
        let mut put = |i: usize, digest: &[u8; 32]| {
            out.extend_from_slice(if i == 0 { b"\"" } else { b",\"" });
            push_b64url(out, digest);
            out.push(b'"');
        };
        // `Disclosures` hands them over sorted; anybody else's are sorted here.
        if self.sd.is_sorted() {
            self.sd.iter().enumerate().for_each(|(i, d)| put(i, d));
        } else {
            let mut sorted: Vec<&[u8; 32]> = self.sd.iter().collect();
            sorted.sort_unstable();
            sorted.into_iter().enumerate().for_each(|(i, d)| put(i, d));
        }
        out.extend_from_slice(b"],\"_sd_alg\":\"sha-256\",");
    }

    fn write_blobs(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\"bl\":[");
        for (i, blob) in self.bl.iter().enumerate() {
            out.extend_from_slice(if i == 0 { b"{\"h\":\"" } else { b",{\"h\":\"" });
            push_b64url(out, &blob.h);
            out.extend_from_slice(b"\",\"k\":\"");
            carnet_json::escape_into(out, &blob.k);
            out.extend_from_slice(b"\"}");
        }
        out.extend_from_slice(b"],");
    }

    fn write_ext(&self, n: u64, out: &mut Vec<u8>) {
        let mut ext: Vec<(&str, &Ext)> = self.ext.iter().map(|(k, v)| (*k, v)).collect();
        // The log, not the caller, states how many leaves the session has: this one is the last.
        let leaves = Ext::Int(n + 1);
        if self.ty == LeafType::SessionClose && !ext.iter().any(|(k, _)| *k == "leaves") {
            ext.push(("leaves", &leaves));
        }
        if ext.is_empty() {
            return;
        }
        ext.sort_unstable_by_key(|(k, _)| *k);
        ext.dedup_by_key(|(k, _)| *k);
        out.extend_from_slice(b",\"x\":{");
        for (i, (key, value)) in ext.into_iter().enumerate() {
            out.extend_from_slice(if i == 0 { b"\"" } else { b",\"" });
            out.extend_from_slice(key.as_bytes());
            out.extend_from_slice(b"\":");
            match value {
                Ext::Int(n) => push_u64(out, *n),
                Ext::Text(text) => {
                    out.push(b'"');
                    carnet_json::escape_into(out, text);
                    out.push(b'"');
                }
            }
        }
        out.push(b'}');
    }
}

fn write_epochs(ep: &Epochs, out: &mut Vec<u8>) {
    let parts: [(&[u8], &[u8; 32]); 4] = [
        (b"\"ep\":{\"b\":\"", &ep.build),
        (b"\",\"c\":\"", &ep.configuration),
        (b"\",\"j\":\"", &ep.jurisdiction),
        (b"\",\"p\":\"", &ep.policy),
    ];
    for (name, hash) in parts {
        out.extend_from_slice(name);
        push_b64url(out, hash);
    }
    out.extend_from_slice(b"\"}");
}
