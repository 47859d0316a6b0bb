//! A value that must not be printed by accident.

use std::fmt;

use zeroize::Zeroize;

/// Holds a secret: prints as `<sensitive>`, has no serialisation, and is wiped when dropped.
#[derive(Clone)]
pub struct Sensitive<T: Zeroize>(T);

impl<T: Zeroize> Sensitive<T> {
    /// Takes the value in.
    pub fn new(value: T) -> Self {
        Sensitive(value)
    }

    /// The value, for the one place that needs it. Every use is found by this name.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> Drop for Sensitive<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<sensitive>")
    }
}

impl<T: Zeroize> fmt::Display for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<sensitive>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn does_not_print() {
        let s = Sensitive::new(String::from("hunter2"));
        assert_eq!(format!("{s} {s:?} {}", s.expose().len()), "<sensitive> <sensitive> 7");
    }
}
