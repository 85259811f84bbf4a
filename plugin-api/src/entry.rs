//! From the table of pointers to the [`Plugin`] and back.
//!
//! A hook does three things: it copies what was lent, puts the work into the instance's queue, and returns. The instance's own
//! thread (`executor`) takes the work out in order and runs the plugin's code; `answer` carries what it gives back to the host.

mod answer;
mod arrival;
mod contain;
mod executor;
mod hooks;
mod instance;

use std::cell::UnsafeCell;

use crate::Plugin;
use crate::abi::{self, Str};

/// The table of pointers to a plugin, for a host in the same binary: tests, Miri, a debugger. A library has it from
/// [`export!`](crate::export!).
#[must_use]
pub fn table<P: Plugin>() -> abi::Plugin {
    abi::Plugin { manifest: Str::new(P::manifest().leak()), ..hooks::table::<P>() }
}

/// The exported constant, as [`export!`](crate::export!) makes it. Its functions are there from the start; its manifest, which is
/// not known to the compiler, is put in by the library's constructor, before anybody can find the symbol.
#[doc(hidden)]
#[repr(transparent)]
pub struct Exported(UnsafeCell<abi::Plugin>);

#[allow(unsafe_code, reason = "the constant is written once, by its library's constructor")]
mod exported {
    use super::{Exported, Plugin, Str, UnsafeCell, contain, hooks};

    // SAFETY: written by the loader's thread before it gives the symbol to anybody, and only read from then on.
    unsafe impl Sync for Exported {}

    impl Exported {
        /// The table but for the manifest.
        #[must_use]
        pub const fn new<P: Plugin>() -> Self {
            Self(UnsafeCell::new(hooks::table::<P>()))
        }

        /// Puts the manifest in. One that panics stays empty, which the host refuses.
        ///
        /// # Safety
        /// Called once, by the constructor of the library that exports this.
        pub unsafe fn fill<P: Plugin>(&self) {
            if let Ok(manifest) = contain::catch(|| P::manifest().leak()) {
                // SAFETY: nobody reads before the constructors have run, and the caller promises that nobody else writes.
                unsafe { (*self.0.get()).manifest = Str::new(manifest) };
            }
        }
    }
}

/// Exports a [`Plugin`] as the library's symbol `tidegate_plugin`. One in a library.
#[macro_export]
macro_rules! export {
    ($plugin:ty) => {
        #[allow(unsafe_code, non_upper_case_globals, reason = "the one symbol that the ABI asks for")]
        const _: () = {
            #[unsafe(no_mangle)]
            static tidegate_plugin: $crate::Exported = $crate::Exported::new::<$plugin>();

            #[used]
            #[unsafe(link_section = ".init_array")]
            static FILL: extern "C" fn() = {
                extern "C" fn fill() {
                    // SAFETY: the loader calls a library's constructors once.
                    unsafe { tidegate_plugin.fill::<$plugin>() }
                }
                fill
            };
        };
    };
}
