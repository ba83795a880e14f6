//! The memory of a realm: counted, bounded, and the bound remembered.
//!
//! The engine has a limit of its own, but a script can catch what it throws there, and the engine is
//! not at its best on those paths. So the first time that memory is refused ends the script, and its
//! worker, whatever the script makes of it.
#![expect(unsafe_code, reason = "the engine's memory passes through here; all is handed on")]

use std::cell::Cell;
use std::rc::Rc;

use rquickjs::allocator::{Allocator, RustAllocator};

/// How much memory a realm has, and may have.
#[derive(Default)]
pub(super) struct Meter {
    used: Cell<usize>,
    limit: Cell<usize>,
    exceeded: Cell<bool>,
}

impl Meter {
    /// A realm may have so much from now on, in bytes.
    pub(super) fn allow(&self, bytes: usize) {
        self.limit.set(bytes);
    }

    /// Whether memory was refused.
    pub(super) fn exceeded(&self) -> bool {
        self.exceeded.get()
    }

    fn has_room(&self, more: usize, less: usize) -> bool {
        let after = self.used.get().saturating_sub(less).saturating_add(more);
        let has_room = after <= self.limit.get();
        if !has_room {
            self.exceeded.set(true);
        }
        has_room
    }

    fn taken(&self, more: usize, less: usize) {
        self.used.set(self.used.get().saturating_sub(less).saturating_add(more));
    }
}

/// The program's allocator behind a meter.
pub(super) struct Metered(pub(super) Rc<Meter>);

impl Metered {
    fn noted(&self, pointer: *mut u8, less: usize) -> *mut u8 {
        if !pointer.is_null() {
            // Safety: it is what the allocator has just given out.
            self.0.taken(unsafe { RustAllocator::usable_size(pointer) }, less);
        }
        pointer
    }
}

// Safety: everything is what `RustAllocator` gives and takes; the meter only counts, or gives null,
// which the engine understands as no memory.
unsafe impl Allocator for Metered {
    fn alloc(&mut self, size: usize) -> *mut u8 {
        if !self.0.has_room(size, 0) {
            return std::ptr::null_mut();
        }
        self.noted(RustAllocator.alloc(size), 0)
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        let whole = count.checked_mul(size).filter(|whole| self.0.has_room(*whole, 0));
        if whole.is_none() {
            return std::ptr::null_mut();
        }
        self.noted(RustAllocator.calloc(count, size), 0)
    }

    unsafe fn dealloc(&mut self, pointer: *mut u8) {
        // Safety: the caller's promise, handed on.
        unsafe {
            self.0.taken(0, RustAllocator::usable_size(pointer));
            RustAllocator.dealloc(pointer);
        }
    }

    unsafe fn realloc(&mut self, pointer: *mut u8, new_size: usize) -> *mut u8 {
        // Safety: the caller's promise, handed on.
        unsafe {
            let before = RustAllocator::usable_size(pointer);
            if !self.0.has_room(new_size, before) {
                return std::ptr::null_mut();
            }
            let moved = RustAllocator.realloc(pointer, new_size);
            self.noted(moved, before)
        }
    }

    unsafe fn usable_size(pointer: *mut u8) -> usize {
        // Safety: the caller's promise, handed on.
        unsafe { RustAllocator::usable_size(pointer) }
    }
}
