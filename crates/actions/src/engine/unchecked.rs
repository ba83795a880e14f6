//! The one place that promises the engine what it cannot check: compiled code, and that nobody
//! writes to bytes while they are copied.
#![expect(
    unsafe_code,
    reason = "the engine's safe interface compiles modules only, which are strict and need its \
              compiler in every realm; Actions are sloppy CommonJS"
)]

use std::ffi::CString;

use rquickjs::{Ctx, Error, Exception, Result, TypedArray, Value, qjs};

/// A copy of the bytes of a script.
///
/// # Errors
/// When their buffer is gone; the exception is pending then.
pub(super) fn copied(ctx: &Ctx<'_>, bytes: &TypedArray<'_, u8>) -> Result<Vec<u8>> {
    // Safety: no script runs between taking the view and the end of the copy, so the buffer is
    // neither written nor detached meanwhile; nothing can be shared with another thread.
    let copied = unsafe { bytes.as_bytes().map(<[u8]>::to_vec) };
    copied.ok_or_else(|| Exception::throw_type(ctx, "the buffer is detached"))
}

/// Bytecode that this process made.
///
/// Security: the engine believes bytecode; a forged one is native code. So there is no way to make
/// this but compiling, and none to read it or to take it out of the process.
pub(super) struct Bytecode(Vec<u8>);

impl Bytecode {
    /// Compiles a script, without running it. What is `ours` needs no line numbers.
    ///
    /// # Errors
    /// When it is none, or memory is short; the exception is pending then.
    pub(super) fn compile(ctx: &Ctx<'_>, name: &str, code: String, ours: bool) -> Result<Self> {
        let length = code.len();
        let (name, code) = (CString::new(name)?, CString::new(code)?);
        let flags = qjs::JS_EVAL_TYPE_GLOBAL | qjs::JS_EVAL_FLAG_COMPILE_ONLY;
        let flags = i32::try_from(flags).map_err(|_| Error::Unknown)?;
        let raw = ctx.as_raw().as_ptr();
        let size = qjs::size_t::try_from(length).map_err(|_| Error::Unknown)?;
        // Safety: `raw` lives as long as `ctx`; `code` and `name` end in NUL, `code` has `length`
        // bytes before it, and both outlive the call. The value is owned by `compiled`, which
        // releases it.
        let compiled = unsafe {
            let value = qjs::JS_Eval(raw, code.as_ptr(), size, name.as_ptr(), flags);
            if qjs::JS_IsException(value) {
                return Err(Error::Exception);
            }
            Value::from_raw(ctx.clone(), value)
        };
        let without = if ours { qjs::JS_WRITE_OBJ_STRIP_DEBUG } else { 0 };
        let flags = qjs::JS_WRITE_OBJ_BYTECODE | qjs::JS_WRITE_OBJ_STRIP_SOURCE | without;
        let flags = i32::try_from(flags).map_err(|_| Error::Unknown)?;
        let mut length: qjs::size_t = 0;
        // Safety: `compiled` is a value of this context. On success the engine gives back `length`
        // bytes that are ours until `js_free`; they are copied before.
        let bytes = unsafe {
            let written = qjs::JS_WriteObject(raw, &raw mut length, compiled.as_raw(), flags);
            if written.is_null() {
                return Err(Error::Exception);
            }
            let length = usize::try_from(length).map_err(|_| Error::Unknown)?;
            let bytes = std::slice::from_raw_parts(written, length).to_vec();
            qjs::js_free(raw, written.cast());
            bytes
        };
        Ok(Self(bytes))
    }

    /// Runs it in a realm and gives what its last expression is.
    ///
    /// # Errors
    /// What it throws; the exception is pending then.
    pub(super) fn run<'js>(&self, ctx: &Ctx<'js>) -> Result<Value<'js>> {
        let raw = ctx.as_raw().as_ptr();
        let flags = i32::try_from(qjs::JS_READ_OBJ_BYTECODE).map_err(|_| Error::Unknown)?;
        let length = qjs::size_t::try_from(self.0.len()).map_err(|_| Error::Unknown)?;
        // Safety: the bytes are what `JS_WriteObject` of the same engine, linked into this same
        // process, made of a compiled script; nobody can change them (the field is private and
        // never written). `JS_EvalFunction` takes `function` over.
        unsafe {
            let function = qjs::JS_ReadObject(raw, self.0.as_ptr(), length, flags);
            if qjs::JS_IsException(function) {
                return Err(Error::Exception);
            }
            let value = qjs::JS_EvalFunction(raw, function);
            if qjs::JS_IsException(value) {
                return Err(Error::Exception);
            }
            Ok(Value::from_raw(ctx.clone(), value))
        }
    }
}
