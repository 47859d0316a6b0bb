//! As much of CBOR (RFC 8949) as authenticators write: definite lengths, the shortest form of each head, no duplicate keys
//! (CTAP2 canonical form). Everything else is refused, so that no two readers can take one message for two things.

use crate::WebauthnError;

/// Attestation objects nest three deep.
const DEEPEST: usize = 8;
/// No array and no map that is read here has more.
const MOST: u64 = 64;

/// A value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Value<'a> {
    Int(i64),
    Bytes(&'a [u8]),
    Text(&'a str),
    Array(Vec<Value<'a>>),
    Map(Vec<(Value<'a>, Value<'a>)>),
    Bool(bool),
    Null,
}

impl<'a> Value<'a> {
    /// The first value of some bytes, and what follows it.
    pub(crate) fn first(bytes: &'a [u8]) -> Result<(Value<'a>, &'a [u8]), WebauthnError> {
        let mut reader = Reader { rest: bytes };
        let value = reader.value(DEEPEST).ok_or(WebauthnError::AuthenticatorData)?;
        Ok((value, reader.rest))
    }

    /// The one value of all the bytes.
    pub(crate) fn whole(bytes: &'a [u8]) -> Result<Value<'a>, WebauthnError> {
        match Value::first(bytes)? {
            (value, []) => Ok(value),
            _ => Err(WebauthnError::AuthenticatorData),
        }
    }

    /// The member of a map with a text for a key.
    pub(crate) fn named(&self, name: &str) -> Option<&Value<'a>> {
        let Value::Map(members) = self else { return None };
        members.iter().find(|(key, _)| *key == Value::Text(name)).map(|(_, value)| value)
    }

    /// The member of a map with a number for a key.
    pub(crate) fn numbered(&self, number: i64) -> Option<&Value<'a>> {
        let Value::Map(members) = self else { return None };
        members.iter().find(|(key, _)| *key == Value::Int(number)).map(|(_, value)| value)
    }

    pub(crate) fn as_bytes(&self) -> Option<&'a [u8]> {
        match self {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub(crate) fn as_int(&self) -> Option<i64> {
        match self {
            Value::Int(number) => Some(*number),
            _ => None,
        }
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    /// Major type and argument; an argument that would fit a shorter head is refused.
    fn head(&mut self) -> Option<(u8, u64)> {
        let [first] = self.take(1)? else { return None };
        let (major, short) = (first >> 5, first & 31);
        let (long, least) = match short {
            0..24 => return Some((major, u64::from(short))),
            24 => (1, 24),
            25 => (2, 1 << 8),
            26 => (4, 1 << 16),
            27 => (8, 1 << 32),
            _ => return None,
        };
        let argument = self.take(long)?.iter().fold(0u64, |n, b| n << 8 | u64::from(*b));
        (argument >= least).then_some((major, argument))
    }

    fn value(&mut self, deep: usize) -> Option<Value<'a>> {
        let deeper = deep.checked_sub(1)?;
        let (major, argument) = self.head()?;
        Some(match major {
            0 => Value::Int(i64::try_from(argument).ok()?),
            1 => Value::Int(-1 - i64::try_from(argument).ok()?),
            2 => Value::Bytes(self.take(usize::try_from(argument).ok()?)?),
            3 => Value::Text(std::str::from_utf8(self.take(usize::try_from(argument).ok()?)?).ok()?),
            4 if argument <= MOST => {
                Value::Array((0..argument).map(|_| self.value(deeper)).collect::<Option<_>>()?)
            }
            5 if argument <= MOST => Value::Map(self.members(argument, deeper)?),
            7 => match argument {
                20 => Value::Bool(false),
                21 => Value::Bool(true),
                22 => Value::Null,
                _ => return None,
            },
            _ => return None,
        })
    }

    fn members(&mut self, count: u64, deeper: usize) -> Option<Vec<(Value<'a>, Value<'a>)>> {
        let mut members: Vec<(Value<'a>, Value<'a>)> = Vec::new();
        for _ in 0..count {
            let key = self.value(deeper)?;
            if members.iter().any(|(known, _)| *known == key) {
                return None;
            }
            members.push((key, self.value(deeper)?));
        }
        Some(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_authenticators_write_is_read() {
        let cases: [(&[u8], Value<'_>); 9] = [
            (&[0x00], Value::Int(0)),
            (&[0x18, 0x18], Value::Int(24)),
            (&[0x26], Value::Int(-7)),
            (&[0x39, 0x01, 0x00], Value::Int(-257)),
            (&[0x42, 1, 2], Value::Bytes(&[1, 2])),
            (&[0x63, b'f', b'm', b't'], Value::Text("fmt")),
            (&[0x82, 0x01, 0xf5], Value::Array(vec![Value::Int(1), Value::Bool(true)])),
            (&[0xa1, 0x01, 0xf6], Value::Map(vec![(Value::Int(1), Value::Null)])),
            (&[0xa0], Value::Map(vec![])),
        ];
        for (bytes, value) in cases {
            assert_eq!(Value::whole(bytes), Ok(value), "{bytes:02x?}");
        }
    }

    #[test]
    fn every_other_form_is_refused() {
        let cases: [&[u8]; 12] = [
            &[],
            &[0x18, 0x17],                                           // 23 in two bytes
            &[0x19, 0x00, 0xff],                                     // 255 in three
            &[0x5f, 0x41, 0x00, 0xff],                               // a length that is not said
            &[0xff],                                                 // an end of nothing
            &[0x42, 1],                                              // cut off
            &[0xa2, 0x01, 0x01, 0x01, 0x02],                         // a key twice
            &[0xc0, 0x00],                                           // a tag
            &[0xf9, 0x00, 0x00],                                     // a float
            &[0x61, 0xff],                                           // no UTF-8
            &[0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x00], // too deep
            &[0x01, 0x01],                                           // two values
        ];
        for bytes in cases {
            assert_eq!(Value::whole(bytes), Err(WebauthnError::AuthenticatorData), "{bytes:02x?}");
        }
    }
}
