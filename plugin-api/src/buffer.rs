//! [`Bytes`] across the boundary without a copy: what is given away leaves as an owner and its release, what is given to us is
//! released when its last clone goes.
#![allow(unsafe_code, reason = "buffers change hands here")]

use std::ffi::c_void;

use bytes::Bytes;

use crate::abi::Buf;

/// Gives `bytes` away: the receiver's `release` drops our reference.
pub(crate) fn give(bytes: Bytes) -> Buf {
    if bytes.is_empty() {
        return Buf::EMPTY;
    }
    let (ptr, len) = (bytes.as_ptr(), bytes.len() as u64);
    let owner = Box::into_raw(Box::new(bytes));
    Buf { ptr: ptr.cast(), len, owner: owner.cast(), release: Some(release_bytes) }
}

/// Releases a buffer of [`give`] that the other side refused.
pub(crate) fn take_back(buf: Buf) {
    if let Some(release) = buf.release {
        // SAFETY: `buf` is ours again, since the other side answered anything but OK.
        unsafe { release(buf.owner) };
    }
}

/// `release` of what [`give`] gave.
unsafe extern "C" fn release_bytes(owner: *mut c_void) {
    // SAFETY: `owner` came from `Box::into_raw` in `give`, and the receiver calls this once.
    drop(unsafe { Box::from_raw(owner.cast::<Bytes>()) });
}

/// A buffer that the host gave to us, released when dropped.
struct Given(Buf);

// SAFETY: the contract lets a plugin read and release what it was given on any thread, and nobody writes to it.
unsafe impl Send for Given {}

impl AsRef<[u8]> for Given {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: given to us and not yet released.
        unsafe { self.0.as_bytes() }
    }
}

impl Drop for Given {
    fn drop(&mut self) {
        if let Some(release) = self.0.release {
            // SAFETY: given to us, and this is the one time that it is released.
            unsafe { release(self.0.owner) };
        }
    }
}

/// Takes what the host gave to us, without a copy.
///
/// # Safety
/// `buf` was given: its bytes hold until `release`, and nobody else calls that.
pub(crate) unsafe fn take(buf: Buf) -> Bytes {
    Bytes::from_owner(Given(buf))
}
