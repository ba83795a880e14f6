//! What the prelude of a realm can call.

use std::rc::Rc;

use aws_lc_rs::{constant_time, digest, hmac};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose};
use rquickjs::function::Func;
use rquickjs::{Array, Ctx, Exception, Object, Result, TypedArray, Value};

use super::network;
use super::run::Run;
use super::unchecked::{Bytecode, copied};

/// As Node reads it: with or without padding.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);

/// The modules that can be required, by name.
pub(super) type Modules = Vec<(&'static str, Bytecode)>;

/// Makes the object that the prelude gets.
pub(super) fn host<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    modules: &Rc<Modules>,
) -> Result<Object<'js>> {
    let host = Object::new(ctx.clone())?;
    let modules = Rc::clone(modules);
    let module = move |ctx: Ctx<'js>, name: String| -> Result<Value<'js>> {
        let module = modules.iter().find(|(known, _)| *known == name);
        module.ok_or_else(|| Exception::throw_type(&ctx, "there is no such module"))?.1.run(&ctx)
    };
    host.set("module", Func::from(module))?;
    put_outcome(&host, run)?;
    put_api(&host, run)?;
    put_networks(&host)?;
    put_bytes(&host)?;
    Ok(host)
}

fn put_outcome<'js>(host: &Object<'js>, run: &Rc<Run>) -> Result<()> {
    let at = Rc::clone(run);
    host.set("done", Func::from(move || at.done()))?;
    let at = Rc::clone(run);
    let failed = move |name: String, message: String, stack: String| {
        at.threw(&name, &message, &stack);
    };
    host.set("failed", Func::from(failed))?;
    let at = Rc::clone(run);
    host.set("noHandler", Func::from(move || at.no_handler()))?;
    let at = Rc::clone(run);
    host.set("misuse", Func::from(move |message: String| at.misuse(&message)))?;
    let at = Rc::clone(run);
    host.set("tooLarge", Func::from(move || at.too_large()))?;
    let at = Rc::clone(run);
    host.set("listens", Func::from(move || at.listens()))?;
    let at = Rc::clone(run);
    host.set("console", Func::from(move |level: String, text: String| at.console(&level, &text)))
}

fn put_api<'js>(host: &Object<'js>, run: &Rc<Run>) -> Result<()> {
    let at = Rc::clone(run);
    host.set("deny", Func::from(move |code: String, reason: String| at.deny(&code, &reason)))?;
    let at = Rc::clone(run);
    host.set("claim", Func::from(move |key: String, json: String| at.claim(&key, &json)))?;
    let at = Rc::clone(run);
    host.set("scopes", Func::from(move |scopes: Vec<String>| at.scopes(scopes)))?;
    let at = Rc::clone(run);
    let get = move |ctx: Ctx<'js>, key: String| -> Result<Option<Array<'js>>> {
        let Some((value, expires_at)) = at.cache_get(&key) else { return Ok(None) };
        let found = Array::new(ctx)?;
        found.set(0, value)?;
        found.set(1, expires_at)?;
        Ok(Some(found))
    };
    host.set("cacheGet", Func::from(get))?;
    let at = Rc::clone(run);
    let set = move |key: String, value: String, ttl_ms: Option<f64>, until_ms: Option<f64>| {
        at.cache_set(key, value, ttl_ms, until_ms)
    };
    host.set("cacheSet", Func::from(set))?;
    let at = Rc::clone(run);
    host.set("cacheDelete", Func::from(move |key: String| at.cache_delete(&key)))?;
    let at = Rc::clone(run);
    host.set("allowlist", Func::from(move || at.allowlist()))
}

fn put_networks(host: &Object<'_>) -> Result<()> {
    host.set("ipParse", Func::from(|text: String| network::parse(&text)))?;
    host.set("ipBytes", Func::from(|text: String| network::bytes(&text)))?;
    host.set("ipNetwork", Func::from(|text: String| network::network(&text)))?;
    let find = |list: String, address: String| network::find(&list, &address);
    host.set("ipFind", Func::from(find))
}

type Bytes<'js> = TypedArray<'js, u8>;

fn put_bytes<'js>(host: &Object<'js>) -> Result<()> {
    let hash = |ctx: Ctx<'js>, name: String, bytes: Bytes<'js>| -> Result<Bytes<'js>> {
        let known = algorithm(&ctx, &name)?;
        TypedArray::new(ctx.clone(), digest::digest(known.0, &copied(&ctx, &bytes)?).as_ref())
    };
    host.set("hash", Func::from(hash))?;
    let sign = |ctx: Ctx<'js>, name: String, key: Bytes<'js>, bytes: Bytes<'js>| {
        let key = hmac::Key::new(algorithm(&ctx, &name)?.1, &copied(&ctx, &key)?);
        TypedArray::<u8>::new(ctx.clone(), hmac::sign(&key, &copied(&ctx, &bytes)?).as_ref())
    };
    host.set("hmac", Func::from(sign))?;
    let same = |ctx: Ctx<'js>, one: Bytes<'js>, other: Bytes<'js>| -> Result<bool> {
        let (one, other) = (copied(&ctx, &one)?, copied(&ctx, &other)?);
        Ok(constant_time::verify_slices_are_equal(&one, &other).is_ok())
    };
    host.set("sameBytes", Func::from(same))?;
    host.set("random", Func::from(random))?;
    let encode = |ctx: Ctx<'js>, bytes: Bytes<'js>, encoding: String| -> Result<String> {
        Ok(encode(&copied(&ctx, &bytes)?, &encoding))
    };
    host.set("encode", Func::from(encode))?;
    let decode = |ctx: Ctx<'js>, text: String, encoding: String| {
        TypedArray::<u8>::new(ctx, decode(&text, &encoding))
    };
    host.set("decode", Func::from(decode))
}

fn random<'js>(ctx: Ctx<'js>, size: usize) -> Result<Bytes<'js>> {
    let mut bytes = vec![0; size.min(65_536)];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match rustix::rand::getrandom(rest, rustix::rand::GetRandomFlags::empty()) {
            Ok(count) => filled = filled.saturating_add(count),
            Err(error) => return Err(Exception::throw_message(&ctx, &error.to_string())),
        }
    }
    TypedArray::new(ctx, bytes)
}

type Algorithms = (&'static digest::Algorithm, hmac::Algorithm);

fn algorithm(ctx: &Ctx<'_>, name: &str) -> Result<Algorithms> {
    Ok(match name {
        "sha1" => (&digest::SHA1_FOR_LEGACY_USE_ONLY, hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
        "sha224" => (&digest::SHA224, hmac::HMAC_SHA224),
        "sha256" => (&digest::SHA256, hmac::HMAC_SHA256),
        "sha384" => (&digest::SHA384, hmac::HMAC_SHA384),
        "sha512" => (&digest::SHA512, hmac::HMAC_SHA512),
        _ => return Err(Exception::throw_type(ctx, "there is no such algorithm")),
    })
}

fn encode(bytes: &[u8], encoding: &str) -> String {
    match encoding {
        "hex" => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        "base64" => general_purpose::STANDARD.encode(bytes),
        "base64url" => general_purpose::URL_SAFE_NO_PAD.encode(bytes),
        "latin1" => bytes.iter().map(|byte| char::from(*byte)).collect(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn decode(text: &str, encoding: &str) -> Vec<u8> {
    match encoding {
        // As Node: up to the first pair that is none.
        "hex" => text.as_bytes().chunks_exact(2).map_while(pair).collect(),
        "base64" | "base64url" => {
            let kept = |character: char| match character {
                '-' => Some('+'),
                '_' => Some('/'),
                '+' | '/' => Some(character),
                _ => character.is_ascii_alphanumeric().then_some(character),
            };
            let text: String =
                text.split('=').next().unwrap_or_default().chars().filter_map(kept).collect();
            STANDARD.decode(text).unwrap_or_default()
        }
        // As Node: the low byte of each code unit.
        "latin1" => text.encode_utf16().map(|unit| unit.to_le_bytes()[0]).collect(),
        _ => text.as_bytes().to_vec(),
    }
}

fn pair(digits: &[u8]) -> Option<u8> {
    let digit = |at: usize| digits.get(at).and_then(|digit| char::from(*digit).to_digit(16));
    u8::try_from(digit(0)?.checked_mul(16)?.checked_add(digit(1)?)?).ok()
}

/// Uses what the system must be asked for at its first use, as long as it can be asked.
pub(super) fn warm_up() {
    let key = hmac::Key::new(hmac::HMAC_SHA512, b"key");
    let _tag = hmac::sign(&key, b"text");
    let _digest = digest::digest(&digest::SHA256, b"text");
}
