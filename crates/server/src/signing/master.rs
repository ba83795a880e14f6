//! The master key: 32 bytes in a file, under which everything secret is sealed at rest.
//!
//! The store may be copied and backed up freely; without this file its private keys and peppers are
//! noise. So the file is never made anew while there is something sealed that it would not open.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::random::random_bytes;

/// The name of the file in the data folder.
pub const MASTER_KEY_FILE: &str = "master.key";

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;
/// The first byte of everything sealed. Another form would get another number.
const SEALED_VERSION: u8 = 1;
/// A key file holds 64 characters; more than this is another file.
const FILE_BYTES_MAX: u64 = 256;

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The store has sealed keys and the file is not there.
    #[error(
        "the master key {} is missing, and the store has keys that only it can open; put the file \
         back from where it was kept (it is not in the database or its backups), or start with an \
         empty data folder",
        path.display()
    )]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// Others may read the file.
    #[error(
        "the master key {} can be read by others (mode {mode:04o}); run `chmod 600 {}`, and \
         replace the key if somebody may have read it",
        path.display(), path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file does not hold 32 bytes as text.
    #[error(
        "the master key {} is damaged: it must be 32 bytes written as 64 hexadecimal digits or as \
         base64; put the file back from where it was kept",
        path.display()
    )]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read or written.
    #[error("cannot {what} the master key {}: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Why something sealed cannot be opened, or cannot be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Too short, or of a form this version does not know.
    #[error("it is not in a form this version of keyward knows")]
    Form,
    /// Another master key, another record, or changed bytes; which of them cannot be told.
    #[error("it was sealed under another master key, belongs to another record, or was changed")]
    Refused,
    /// The cryptographic library failed.
    #[error("the cryptographic library failed")]
    Library,
}

/// The key that seals secrets at rest with AES-256-GCM.
pub struct MasterKey(RandomizedNonceKey);

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(redacted)")
    }
}

impl MasterKey {
    /// Reads the master key from a file, or makes it when there is none.
    ///
    /// `store_has_sealed` says whether the store holds anything sealed already: then a missing file
    /// is an error, because a new key would lock everything out for good.
    ///
    /// # Errors
    /// [`MasterKeyError`], which names the file and says what to do.
    pub fn open_or_create(path: &Path, store_has_sealed: bool) -> Result<Self, MasterKeyError> {
        match Self::read(path) {
            Ok(Some(key)) => Ok(key),
            Ok(None) if store_has_sealed => Err(MasterKeyError::Missing { path: path.to_owned() }),
            Ok(None) => Self::create(path),
            Err(error) => Err(error),
        }
    }

    /// A key of these bytes.
    ///
    /// # Errors
    /// [`SealError::Library`] when the library refuses it.
    pub fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Result<Self, SealError> {
        RandomizedNonceKey::new(&AES_256_GCM, bytes).map(Self).map_err(|_| SealError::Library)
    }

    /// Encrypts and authenticates `plaintext`, bound to the kind and the id of the record it is for:
    /// moved to another record it does not open.
    ///
    /// # Errors
    /// [`SealError::Library`] when the library fails.
    pub fn seal(&self, kind: &str, id: &str, plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut text = Zeroizing::new(plaintext.to_vec());
        let (nonce, tag) = self
            .0
            .seal_in_place_separate_tag(Aad::from(binding(kind, id)), &mut text)
            .map_err(|_| SealError::Library)?;
        Ok([&[SEALED_VERSION], nonce.as_ref().as_slice(), &text, tag.as_ref()].concat())
    }

    /// Opens what [`MasterKey::seal`] made for the same kind and id.
    ///
    /// # Errors
    /// [`SealError::Form`] or [`SealError::Refused`].
    pub fn open(
        &self,
        kind: &str,
        id: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let rest = sealed.strip_prefix(&[SEALED_VERSION]).ok_or(SealError::Form)?;
        let (nonce, text) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(SealError::Form)?;
        let mut text = Zeroizing::new(text.to_vec());
        let length = self
            .0
            .open_in_place(Nonce::from(nonce), Aad::from(binding(kind, id)), &mut text)
            .map_err(|_| SealError::Refused)?
            .len();
        text.truncate(length);
        Ok(text)
    }

    fn read(path: &Path) -> Result<Option<Self>, MasterKeyError> {
        let io = |source| MasterKeyError::Io { what: "read", path: path.to_owned(), source };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(error)),
        };
        // Of the open file, not of the path: nobody can swap it in between.
        let mode = file.metadata().map_err(io)?.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(MasterKeyError::Exposed { path: path.to_owned(), mode });
        }
        let mut text = Zeroizing::new(Vec::with_capacity(256));
        (&file).take(FILE_BYTES_MAX).read_to_end(&mut text).map_err(io)?;
        let malformed = || MasterKeyError::Malformed { path: path.to_owned() };
        let bytes = std::str::from_utf8(&text).ok().and_then(decode).ok_or_else(malformed)?;
        Self::from_bytes(&bytes).map(Some).map_err(|_| malformed())
    }

    /// Makes the file so that it is there whole or not at all, and never over another one.
    fn create(path: &Path) -> Result<Self, MasterKeyError> {
        let io = |source| MasterKeyError::Io { what: "create", path: path.to_owned(), source };
        let random = || io(io::Error::other("the system's random number generator failed"));
        let bytes = Zeroizing::new(random_bytes::<KEY_BYTES>().map_err(|_| random())?);
        let suffix = random_bytes::<8>().map_err(|_| random())?;
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{}", &*hexadecimal(&suffix)));
        let temporary = PathBuf::from(name);
        let made = write_new(&temporary, &bytes).and_then(|()| {
            // A link, because renaming would silently replace the key of another process.
            fs::hard_link(&temporary, path)
        });
        let removed = fs::remove_file(&temporary);
        match made {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                // Another process was faster; its key is the one.
                return Self::read(path)?
                    .ok_or_else(|| MasterKeyError::Missing { path: path.to_owned() });
            }
            Err(error) => return Err(io(error)),
        }
        removed.map_err(io)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new("."))).and_then(|f| f.sync_all()).map_err(io)?;
        Self::from_bytes(&bytes).map_err(|_| random())
    }
}

fn write_new(path: &Path, bytes: &[u8; KEY_BYTES]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(hexadecimal(bytes).as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

/// What a sealed text is bound to. The zero byte keeps kind and id apart.
fn binding(kind: &str, id: &str) -> Vec<u8> {
    [kind.as_bytes(), &[0], id.as_bytes()].concat()
}

fn hexadecimal(bytes: &[u8]) -> Zeroizing<String> {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    let mut text = Zeroizing::new(String::with_capacity(bytes.len().saturating_mul(2)));
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    text
}

/// 32 bytes as 64 hexadecimal digits, or as base64 of either alphabet with or without padding.
fn decode(text: &str) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    let text = text.trim_ascii();
    let mut key = Zeroizing::new([0_u8; KEY_BYTES]);
    if text.len() == KEY_BYTES * 2 {
        let mut digits = text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()));
        for byte in key.iter_mut() {
            *byte = (digits.next()?? << 4) | digits.next()??;
        }
        return Some(key);
    }
    let engines = [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD];
    let bytes = Zeroizing::new(engines.iter().find_map(|engine| engine.decode(text).ok())?);
    let bytes: &[u8; KEY_BYTES] = bytes.as_slice().try_into().ok()?;
    key.copy_from_slice(bytes);
    Some(key)
}

#[cfg(test)]
mod tests;
