//! A look at a file before the system's loader gets it: the loader maps what the headers say without asking
//! how long the file is, and a library that was cut short would end the process with a bus error.

/// Why a file is no library that this process could map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotElf {
    /// Another kind of file.
    #[error("it is no ELF shared library")]
    Kind,
    /// For another processor, word size or byte order.
    #[error("it is built for another machine")]
    Machine,
    /// Its headers lead past its end.
    #[error("it is cut short: its headers lead past its end")]
    Short,
}

/// A shared object, as `e_type` says.
const DYN: u64 = 3;
/// Segments that are mapped, and the one with the table of what to do.
const MAPPED: [u64; 2] = [1, 2];

#[cfg(target_arch = "x86_64")]
const MACHINE: u64 = 62;
#[cfg(target_arch = "aarch64")]
const MACHINE: u64 = 183;

/// Whether all that the loader will map is in the file.
///
/// # Errors
/// [`NotElf`].
pub(super) fn judge(file: &[u8]) -> Result<(), NotElf> {
    if file.get(..4) != Some(b"\x7fELF") {
        return Err(NotElf::Kind);
    }
    // 64 bits, little-endian.
    if file.get(4..6) != Some(&[2, 1]) {
        return Err(NotElf::Machine);
    }
    let header = |at, len| number(file, at, len).ok_or(NotElf::Short);
    if header(16, 2)? != DYN {
        return Err(NotElf::Kind);
    }
    if header(18, 2)? != MACHINE {
        return Err(NotElf::Machine);
    }
    let (table, size, count) = (header(32, 8)?, header(54, 2)?, header(56, 2)?);
    for index in 0..count {
        let at = index.checked_mul(size).and_then(|at| at.checked_add(table)).ok_or(NotElf::Short)?;
        let at = usize::try_from(at).map_err(|_| NotElf::Short)?;
        let field = |field: usize, len| {
            at.checked_add(field).and_then(|at| number(file, at, len)).ok_or(NotElf::Short)
        };
        let (kind, offset, length) = (field(0, 4)?, field(8, 8)?, field(32, 8)?);
        let end = offset.checked_add(length).ok_or(NotElf::Short)?;
        if MAPPED.contains(&kind) && end > file.len() as u64 {
            return Err(NotElf::Short);
        }
    }
    Ok(())
}

fn number(file: &[u8], at: usize, len: usize) -> Option<u64> {
    let bytes = file.get(at..at.checked_add(len)?)?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A program of this machine: position-independent, so of the same kind as a library.
    fn program() -> Vec<u8> {
        std::fs::read(std::env::current_exe().unwrap()).unwrap()
    }

    #[test]
    fn what_is_whole_passes_and_what_is_cut_does_not() {
        let mut file = program();
        assert_eq!(judge(&file), Ok(()));
        assert_eq!(judge(&file[..60]), Err(NotElf::Short));
        assert_eq!(judge(&file[..4096]), Err(NotElf::Short));
        assert_eq!(judge(b"#!/bin/sh\n"), Err(NotElf::Kind));
        file[18] ^= 0xff;
        assert_eq!(judge(&file), Err(NotElf::Machine));
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 58..200)) {
            let mut file = b"\x7fELF\x02\x01".to_vec();
            file.extend_from_slice(&bytes);
            (file[16], file[17], file[18], file[19]) = (3, 0, MACHINE as u8, 0);
            let _any_answer = judge(&file);
        }
    }
}
