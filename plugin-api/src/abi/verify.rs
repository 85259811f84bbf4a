//! Judging a foreign struct before a word of it is believed.
#![allow(unsafe_code, reason = "reads the constant that a library exports")]

use super::guest::Plugin;
use super::host::Host;

/// Why a struct of the other side is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AbiError {
    /// Built for another major version.
    #[error(
        "it is built for plugin ABI {theirs_major}.{theirs_minor}, this side has {}.{}",
        super::MAJOR,
        super::MINOR
    )]
    Major {
        /// Its major version.
        theirs_major: u32,
        /// Its minor version.
        theirs_minor: u32,
    },
    /// Too small to be what it says.
    #[error("its struct has {size} bytes, ABI 1.0 has {expected}: it is truncated or foreign")]
    Truncated {
        /// The size that it says.
        size: u64,
        /// The size of ABI 1.0.
        expected: u64,
    },
    /// A function that must be there is not.
    #[error("its function `{0}` is null")]
    Null(&'static str),
    /// The manifest is missing or no text.
    #[error("its manifest is {0}")]
    Manifest(&'static str),
    /// The pointer itself is null or not aligned.
    #[error("its struct is not at an address where one can be")]
    Address,
}

/// Checks version and size, reading the head alone: what lies past `size` may not be mapped.
///
/// # Safety
/// `head` is null, or leads to at least the sixteen bytes of a head that stay as they are.
unsafe fn head<T>(head: *const T) -> Result<(), AbiError> {
    if head.is_null() || !head.is_aligned() {
        return Err(AbiError::Address);
    }
    // SAFETY: not null, aligned for `T` and so for these, and the caller promises sixteen bytes.
    let (theirs_major, theirs_minor, size) = unsafe {
        let words = head.cast::<u32>();
        (words.read(), words.add(1).read(), words.add(2).cast::<u64>().read())
    };
    if theirs_major != super::MAJOR {
        return Err(AbiError::Major { theirs_major, theirs_minor });
    }
    let expected = size_of::<T>() as u64;
    if size < expected {
        return Err(AbiError::Truncated { size, expected });
    }
    Ok(())
}

/// A library's constant that was judged.
#[derive(Clone, Copy, Debug)]
pub struct Verified {
    /// The constant: each function is there.
    pub table: &'static Plugin,
    /// Its manifest: UTF-8, not empty; the content is the host's to judge.
    pub manifest: &'static str,
}

impl Plugin {
    /// The struct behind the symbol of a library, once version, size, functions and the manifest's encoding are judged.
    ///
    /// # Errors
    /// The first thing that is wrong, for the operator.
    ///
    /// # Safety
    /// `plugin` is null, or the address of a library's symbol `tidegate_plugin`, which is never unloaded.
    pub unsafe fn verify(plugin: *const Self) -> Result<Verified, AbiError> {
        // SAFETY: a symbol of that name has at least a head, or the caller has broken its promise.
        unsafe { head(plugin)? };
        // SAFETY: aligned, large enough, of our major, and constant; every bit pattern is valid for its fields.
        let table = unsafe { &*plugin };
        let missing = [
            ("create", table.create.is_none()),
            ("start", table.start.is_none()),
            ("stop", table.stop.is_none()),
            ("destroy", table.destroy.is_none()),
            ("extension", table.extension.is_none()),
        ];
        if let Some((name, _)) = missing.into_iter().find(|(_, missing)| *missing) {
            return Err(AbiError::Null(name));
        }
        // SAFETY: a text of the library's that holds as long as it does, which is for ever.
        let manifest = unsafe { table.manifest.as_str() }.map_err(|_| AbiError::Manifest("not UTF-8"))?;
        if manifest.is_empty() {
            return Err(AbiError::Manifest("empty"));
        }
        Ok(Verified { table, manifest })
    }
}

impl Host {
    /// Whether a plugin built with this crate can use that host.
    ///
    /// # Errors
    /// The first thing that is wrong.
    ///
    /// # Safety
    /// `host` is null, or leads to a host's struct that holds for `'a`.
    pub unsafe fn verify<'a>(host: *const Self) -> Result<&'a Self, AbiError> {
        // SAFETY: the caller promises a host's struct, which has a head.
        unsafe { head(host)? };
        // SAFETY: aligned, large enough, of our major, and holds for `'a`; every bit pattern is valid for its fields.
        let host = unsafe { &*host };
        if host.extension.is_none() {
            return Err(AbiError::Null("extension"));
        }
        if host.stopped.is_none() {
            return Err(AbiError::Null("stopped"));
        }
        Ok(host)
    }
}
